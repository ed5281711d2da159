"""Counting pixels in bins.

A byte v falls into bin floor(v * n_bins / 255) of n_bins, and 255 into the last one: n_bins equal
parts of [0, 255], half-open but for the last.  Other values become bytes of the same bin first.
"""

import numpy as np
from numba import njit

from imfeat_kernels.cpu import launch as threads
from imfeat_kernels.cpu.launch import launch

TILE = 1024  # pixels whose indices are computed before they are counted
STRIP = 1 << 16  # pixels that are worth a thread


def to_bytes(values, n_bins, edges, out):
    """Replace each value by the smallest byte of its bin.

    Parameters
    ----------
    values : (3 n,) float32 or float64
        Three channels, interleaved.
    n_bins : (3,) int64
    edges : (3, at least max(n_bins) + 1) float64
        Edges of the bins of each channel; values beyond the ends go to the first or last bin.
    out : (3 n,) uint8
    """
    launch(_to_bytes, len(out) // 3, values, n_bins, edges, out, grain=STRIP // 8)


def joint_counts(images, n_bins, rows, cols, out):
    """Count the colours of every region of every image.

    Parameters
    ----------
    images : (n_images, height, width, 3) uint8
    n_bins : (3,) int64
        Bins a channel; their product is at most 65,536.
    rows, cols : (n_rows + 1,), (n_cols + 1,) int64
        Where the regions begin and end.
    out : (n_images, n_rows, n_cols, n_bins[0] * n_bins[1] * n_bins[2]) uint32
        Overwritten with counts; the bin of the third channel varies fastest.
    """
    _by_strips(_joint_counts, images, rows, out, n_bins, cols)


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
    _by_strips(_channel_counts if images.shape[3] == 3 else _gray_counts, images, rows, out, cols)


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
def _to_bytes(start, stop, values, n_bins, edges, out):
    for i in range(start, stop):
        for c in range(3):
            value, last, edge = values[3 * i + c], n_bins[c] - 1, edges[c]
            b = min(max(int(value * n_bins[c]), 0), last)
            if b > 0 and value < edge[b]:  # the product was rounded up
                b -= 1
            elif b < last and value >= edge[b + 1]:
                b += 1
            out[3 * i + c] = (255 * b + last) // n_bins[c]


@njit(nogil=True, cache=True)
def _joint_counts(start, stop, images, rows, n_bins, cols, out):
    n_rows, n_cols, n_colors = out.shape[1], out.shape[2], out.shape[3]
    # Four tables, because counting the same colour twice in a row would wait for the first count.
    tables = np.empty((4, n_colors), np.uint32)
    indices = np.empty(TILE, np.uint16)
    for item in range(start, stop):  # an item is a row of regions
        image, r = images[item // n_rows], item % n_rows
        for c in range(n_cols):
            tables[:] = 0
            if n_cols == 1:
                _count_run(image[rows[r] : rows[r + 1]].reshape(-1), n_bins, indices, tables)
            else:
                for y in range(rows[r], rows[r + 1]):
                    _count_run(image[y, cols[c] : cols[c + 1]].reshape(-1), n_bins, indices, tables)
            total = out[item // n_rows, r, c]
            for k in range(n_colors):
                total[k] = tables[0, k] + tables[1, k] + tables[2, k] + tables[3, k]


@njit
def _count_run(pixels, n_bins, indices, tables):
    """Add a run of pixels to the tables, a tile at a time."""
    for first in range(0, len(pixels) // 3, TILE):
        n = min(TILE, len(pixels) // 3 - first)
        _joint_indices(pixels[3 * first : 3 * (first + n)], n_bins, indices)
        _scatter(indices, n, tables)


@njit
def _joint_indices(pixels, n_bins, indices):
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
    n_rows, n_cols = out.shape[1], out.shape[2]
    tables = np.empty((2, 3, 256), np.uint32)
    for item in range(start, stop):
        image, r = images[item // n_rows], item % n_rows
        for c in range(n_cols):
            tables[:] = 0
            if n_cols == 1:
                _count_channels(image[rows[r] : rows[r + 1]].reshape(-1), tables)
            else:
                for y in range(rows[r], rows[r + 1]):
                    _count_channels(image[y, cols[c] : cols[c + 1]].reshape(-1), tables)
            out[item // n_rows, r, c] = tables[0] + tables[1]


@njit
def _count_channels(pixels, tables):
    """Count bytes of three channels; neighbouring pixels go to different tables."""
    r0, g0, b0 = tables[0, 0], tables[0, 1], tables[0, 2]
    r1, g1, b1 = tables[1, 0], tables[1, 1], tables[1, 2]
    n_pairs = len(pixels) // 6
    for k in range(n_pairs):
        r0[pixels[6 * k]] += np.uint32(1)
        g0[pixels[6 * k + 1]] += np.uint32(1)
        b0[pixels[6 * k + 2]] += np.uint32(1)
        r1[pixels[6 * k + 3]] += np.uint32(1)
        g1[pixels[6 * k + 4]] += np.uint32(1)
        b1[pixels[6 * k + 5]] += np.uint32(1)
    for i in range(6 * n_pairs, len(pixels)):
        tables[0, i - 6 * n_pairs, pixels[i]] += np.uint32(1)


@njit(nogil=True, cache=True)
def _gray_counts(start, stop, images, rows, cols, out):
    n_rows, n_cols = out.shape[1], out.shape[2]
    tables = np.empty((8, 256), np.uint32)
    for item in range(start, stop):
        image, r = images[item // n_rows], item % n_rows
        for c in range(n_cols):
            tables[:] = 0
            if n_cols == 1:
                _count_grays(image[rows[r] : rows[r + 1]].reshape(-1), tables)
            else:
                for y in range(rows[r], rows[r + 1]):
                    _count_grays(image[y, cols[c] : cols[c + 1]].reshape(-1), tables)
            out[item // n_rows, r, c, 0] = tables.sum(0)


@njit
def _count_grays(pixels, tables):
    """Count bytes; each of eight neighbours goes to a table of its own."""
    n_eights = len(pixels) // 8
    for k in range(n_eights):
        for j in range(8):
            tables[j, pixels[8 * k + j]] += np.uint32(1)
    for i in range(8 * n_eights, len(pixels)):
        tables[0, pixels[i]] += np.uint32(1)
