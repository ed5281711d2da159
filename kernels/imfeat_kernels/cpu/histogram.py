"""Counting pixels in bins.

A byte v falls into bin floor(v * n_bins / 255) of n_bins, and 255 into the last one: n_bins equal
parts of [0, 255], half-open but for the last.  Other values become bytes of the same bin first.

Counting waits for memory where one address is counted twice in a row.  So neighbouring pixels go to
different tables, which are added up at the end, and indices are computed apart from the counting.
"""

import numpy as np
from numba import njit

from imfeat_kernels.cpu import launch as threads
from imfeat_kernels.cpu.launch import launch

TILE = 1024  # pixels whose indices are computed before they are counted
STRIP = 1 << 16  # pixels that are worth a thread
RGB, HSV = 0, 1
L1, L2, HELLINGER = 1, 2, 3


def to_bytes(values, n_bins, edges, bytes_of_bins, out):
    """Replace each value by a byte of its bin.

    Parameters
    ----------
    values : (3 n,) float32 or float64
        Three channels, interleaved.
    n_bins : (3,) int64
    edges : (3, m) float64
        Edges of the bins of each channel; values beyond the ends go to the first or last bin.
    bytes_of_bins : (3, m) uint8
        A byte of each bin.
    out : (3 n,) uint8
    """
    launch(_to_bytes, len(out) // 3, values, n_bins, edges, bytes_of_bins, out, grain=STRIP // 4)


def joint_counts(images, space, n_bins, rows, cols, out):
    """Count the colours of every region of every image.

    Parameters
    ----------
    images : (n_images, height, width, 3) uint8
    space : int
        RGB to count the bytes as they are, HSV to count what `color.rgb_to_hsv` makes of them.
    n_bins : (3,) int64
        Bins a channel; their product is at most 65,536.
    rows, cols : (n_rows + 1,), (n_cols + 1,) int64
        Where the regions begin and end.
    out : (n_images, n_rows, n_cols, n_bins[0] * n_bins[1] * n_bins[2]) uint32
        Overwritten with counts; the bin of the third channel varies fastest.
    """
    _by_strips(_joint_counts, images, rows, out, space, n_bins, cols)


def channel_counts(images, rows, cols, out):
    """Count the 256 values of every channel of every region of every image.

    Parameters
    ----------
    images : (n_images, height, width, n_channels) uint8
        1 or 3 channels.
    rows, cols : (n_rows + 1,), (n_cols + 1,) int64
        Where the regions begin and end.
    out : (n_images, n_rows, n_cols, n_channels, 256) uint32
    """
    _by_strips(_channel_counts, images, rows, out, cols)


def normalize_counts(counts, norm, out):
    """Divide each histogram by its norm; empty ones stay 0.

    Parameters
    ----------
    counts : (n, n_bins) uint32 or int64
    norm : int
        L1, L2 or HELLINGER (the square root of L1); any other keeps the counts.
    out : (n, n_bins) float32
    """
    launch(_normalize_counts, len(out), counts, norm, out, grain=1 + STRIP // (counts.shape[1] + 1))


def _by_strips(body, images, rows, out, *arguments):
    """Run a body over rows of regions, cut into strips if there are few regions for the threads."""
    n_images, height, width = images.shape[:3]
    n_pixels, n_items = n_images * height * width, n_images * (len(rows) - 1)
    n_strips = min(n_pixels // STRIP, 4 * threads.n_threads) // max(n_items, 1)
    if n_strips <= 1:
        launch(body, n_items, images, rows, *arguments, out, grain=1 + STRIP * n_items // (n_pixels + 1))
        return
    steps = np.arange(n_strips) / n_strips
    fine = (rows[:-1, None] + steps * np.diff(rows)[:, None]).astype(np.int64).ravel()
    fine = np.append(fine, rows[-1])
    counts = np.empty((n_images, len(fine) - 1, *out.shape[2:]), np.uint32)
    launch(body, n_items * n_strips, images, fine, *arguments, counts)
    counts.reshape(n_images, len(rows) - 1, n_strips, *out.shape[2:]).sum(2, out=out)


@njit(nogil=True, cache=True)
def _to_bytes(start, stop, values, n_bins, edges, bytes_of_bins, out):
    for c in range(3):
        n, edge, byte = n_bins[c], edges[c], bytes_of_bins[c]
        for i in range(start, stop):
            value = values[3 * i + c]
            b = min(max(int(value * n), 0), n - 1)
            b -= b > 0 and value < edge[b]  # the product was rounded up
            b += b < n - 1 and value >= edge[b + 1]
            out[3 * i + c] = byte[b]


@njit(nogil=True, cache=True)
def _joint_counts(start, stop, images, rows, space, n_bins, cols, out):
    n_rows, n_cols, n_colors = out.shape[1], out.shape[2], out.shape[3]
    tables = np.empty((4, n_colors), np.uint32)
    indices = np.empty(TILE, np.uint16)
    for item in range(start, stop):  # an item is a row of regions
        image, r = images[item // n_rows], item % n_rows
        for c in range(n_cols):
            tables[:] = 0
            if n_cols == 1:
                _count_run(image[rows[r] : rows[r + 1]].reshape(-1), space, n_bins, indices, tables)
            else:
                for y in range(rows[r], rows[r + 1]):
                    run = image[y, cols[c] : cols[c + 1]].reshape(-1)
                    _count_run(run, space, n_bins, indices, tables)
            total = out[item // n_rows, r, c]
            for k in range(n_colors):
                total[k] = tables[0, k] + tables[1, k] + tables[2, k] + tables[3, k]


@njit
def _count_run(pixels, space, n_bins, indices, tables):
    """Add a run of pixels to the tables, a tile at a time."""
    for first in range(0, len(pixels) // 3, TILE):
        n = min(TILE, len(pixels) // 3 - first)
        tile = pixels[3 * first : 3 * (first + n)]
        if space == HSV:
            _hsv_indices(tile, n_bins, indices)
        else:
            _rgb_indices(tile, n_bins, indices)
        _scatter(indices, n, tables)


@njit
def _rgb_indices(pixels, n_bins, indices):
    n0, n1, n2 = np.uint32(n_bins[0]), np.uint32(n_bins[1]), np.uint32(n_bins[2])
    for i in range(len(pixels) // 3):
        first = byte_bin(pixels[3 * i], n0) * n1
        indices[i] = (first + byte_bin(pixels[3 * i + 1], n1)) * n2 + byte_bin(pixels[3 * i + 2], n2)


@njit
def byte_bin(value, n_bins):
    """Return floor(value * n_bins / 255), at most n_bins - 1."""
    x = np.uint32(value) * n_bins
    b = (x + np.uint32(1) + (x >> np.uint32(8))) >> np.uint32(8)  # x // 255 for x below 65,536
    return b if b < n_bins else n_bins - np.uint32(1)


@njit(error_model="numpy")
def _hsv_indices(pixels, n_bins, indices):
    """Compute joint bins of hue, saturation and value, with the same bits as `color.rgb_to_hsv`."""
    n0, n1, n2 = np.int32(n_bins[0]), np.int32(n_bins[1]), np.int32(n_bins[2])
    for i in range(len(pixels) // 3):
        r, g, b = np.float32(pixels[3 * i]), np.float32(pixels[3 * i + 1]), np.float32(pixels[3 * i + 2])
        high = r if r > g else g
        high = high if high > b else b
        low = r if r < g else g
        low = low if low < b else b
        delta = high - low
        sixth = (b - r) + np.float32(2) * delta if g == high else (r - g) + np.float32(4) * delta
        sixth = g - b if r == high else sixth
        whole = np.float32(6) * (delta if delta > 0 else np.float32(1))
        hue = (sixth if sixth >= 0 else sixth + whole) / whole
        saturation = delta / (high if high > 0 else np.float32(1))
        first = float_bin(hue, n0) * n1 + float_bin(saturation, n1)
        indices[i] = first * n2 + float_bin(high / np.float32(255), n2)


@njit
def float_bin(value, n_bins):
    """Return floor(value * n_bins), at most n_bins - 1; the product is exact."""
    b = np.int32(np.float64(value) * np.float64(n_bins))
    return b if b < n_bins else n_bins - np.int32(1)


@njit
def _scatter(indices, n, tables):
    """Count each of the first n indices, four from each 64-bit load."""
    first, second, third, fourth = tables[0], tables[1], tables[2], tables[3]
    quads = indices.view(np.uint64)
    low = np.uint64(0xFFFF)
    for k in range(n // 4):
        quad = quads[k]
        first[quad & low] += np.uint32(1)
        second[(quad >> np.uint64(16)) & low] += np.uint32(1)
        third[(quad >> np.uint64(32)) & low] += np.uint32(1)
        fourth[quad >> np.uint64(48)] += np.uint32(1)
    for i in range(n // 4 * 4, n):
        first[indices[i]] += np.uint32(1)


@njit(nogil=True, cache=True)
def _channel_counts(start, stop, images, rows, cols, out):
    n_rows, n_cols, n_channels = out.shape[1], out.shape[2], out.shape[3]
    tables = np.empty(12 * 256, np.uint32)  # 12 in turn: 12 gray pixels, or 4 of three channels
    for item in range(start, stop):  # an item is a row of regions
        image, r = images[item // n_rows], item % n_rows
        for c in range(n_cols):
            tables[:] = 0
            if n_cols == 1:
                _count_bytes(image[rows[r] : rows[r + 1]].reshape(-1), tables)
            else:
                for y in range(rows[r], rows[r + 1]):
                    _count_bytes(image[y, cols[c] : cols[c + 1]].reshape(-1), tables)
            for channel in range(n_channels):
                total = out[item // n_rows, r, c, channel]
                total[:] = 0
                for k in range(channel, 12, n_channels):
                    for v in range(256):
                        total[v] += tables[k * 256 + v]


@njit
def _count_bytes(values, tables):
    """Count each byte in the table of its place, modulo 12."""
    n_words = len(values) // 24 * 3
    words = values[: 8 * n_words].view(np.uint64)
    for k in range(0, n_words, 3):
        _count_word(words[k], 0, tables)
        _count_word(words[k + 1], 8, tables)
        _count_word(words[k + 2], 4, tables)
    for i in range(8 * n_words, len(values)):
        tables[i % 12 * 256 + values[i]] += np.uint32(1)


@njit
def _count_word(word, place, tables):
    for j in range(8):
        byte = (word >> np.uint64(8 * j)) & np.uint64(255)
        tables[np.uint64((place + j) % 12 * 256) + byte] += np.uint32(1)


@njit(nogil=True, cache=True, error_model="numpy")
def _normalize_counts(start, stop, counts, norm, out):
    for item in range(start, stop):
        count, share = counts[item], out[item]
        total = 0.0
        for k in range(len(count)):
            value = np.float64(count[k])
            total += value * value if norm == L2 else value
        size = np.sqrt(total) if norm == L2 else total
        factor = 1.0 / size if norm in (L1, L2, HELLINGER) and size > 0 else 1.0
        for k in range(len(count)):
            value = np.float64(count[k]) * factor
            share[k] = np.sqrt(value) if norm == HELLINGER else value
