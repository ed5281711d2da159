"""Counting pixels in bins.

A byte v falls into bin floor(v * n_bins / 255) of n_bins, and 255 into the last one: n_bins equal
parts of [0, 255], half-open but for the last.  Other values become bytes of the same bin first.

Counting waits for memory where one address is counted twice in a row.  So neighbouring pixels go to
different tables, which are added up at the end, and indices are computed apart from the counting.
Tables are of 16 bits, which keeps them in the nearest cache, and emptied before they overflow.
"""

import numpy as np
from numba import njit

from imfeat_kernels.cpu import launch as threads
from imfeat_kernels.cpu.instruction import fused
from imfeat_kernels.cpu.launch import launch
from imfeat_kernels.tables import bytes_of_bins as bytes_of_bins

TILE = 4096  # pixels whose indices are computed before they are counted
STRIP = 1 << 16  # pixels that are worth a thread
FULL = 65535 - TILE  # what a table may hold before a tile is counted
RGB, HSV, CHANNELS = 0, 1, 2
LEVELS = 3 * 256
NO_NORM, L1, L2, HELLINGER = range(4)
SPACES = {"rgb": RGB, "hsv": HSV}
NORMS = {None: NO_NORM, "l1": L1, "l2": L2, "hellinger": HELLINGER}


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


def joint_histograms(images, mask, space, n_bins, rows, cols, norm, out):
    """Count the colours of every region of every image.

    Parameters
    ----------
    images : (n_images, height, width, 3) uint8
    mask : (n_images, height, width) bool
        Pixels to count; all, if the mask is of no images.
    space : int
        RGB to count the bytes as they are, HSV to count what `color.rgb_to_hsv` makes of them.
    n_bins : (3,) int64
        Bins a channel; their product is at most 65,536.
    rows, cols : (n_rows + 1,), (n_cols + 1,) int64
        Where the regions begin and end.
    norm : int
        One of NORMS: NO_NORM keeps the counts, HELLINGER is the square root of L1.  Empty
        histograms stay 0.
    out : (n_images, n_rows, n_cols, n_bins[0] * n_bins[1] * n_bins[2]) float32
        Overwritten; the bin of the third channel varies fastest.
    """
    _by_strips(images, mask, rows, cols, space, n_bins, norm, out)


def channel_histograms(images, mask, n_bins, rows, cols, norm, out):
    """Count the bins of every channel of every region of every image.

    Parameters
    ----------
    images, mask, n_bins, rows, cols, norm
        As for `joint_histograms`.
    out : (n_images, n_rows, n_cols, n_bins[0] + n_bins[1] + n_bins[2]) float32
        Overwritten; one histogram a channel, each divided by its own norm.
    """
    _by_strips(images, mask, rows, cols, CHANNELS, n_bins, norm, out)


def normalize_counts(counts, norm, out):
    """Divide each histogram by its norm; empty ones stay 0.

    Parameters
    ----------
    counts : (n, n_bins) uint32 or int64
    norm : int
        One of NORMS; NO_NORM keeps the counts, HELLINGER is the square root of L1.
    out : (n, n_bins) float32
    """
    parts = np.array([counts.shape[1]])
    launch(_normalize_counts, len(out), counts, parts, norm, out, grain=1 + STRIP // (counts.shape[1] + 1))


def _by_strips(images, mask, rows, cols, space, n_bins, norm, out):
    """Count by rows of regions, cut into strips if there are few regions for the threads."""
    n_images, height, width = images.shape[:3]
    n_pixels, n_items = n_images * height * width, n_images * (len(rows) - 1)
    n_strips = min(n_pixels // STRIP, 4 * threads.n_threads) // max(n_items, 1)
    if n_strips <= 1:
        grain = 1 + STRIP * n_items // (n_pixels + 1)
        launch(_histograms, n_items, images, mask, rows, cols, space, n_bins, norm, out, grain=grain)
        return
    steps = np.arange(n_strips) / n_strips
    fine = (rows[:-1, None] + steps * np.diff(rows)[:, None]).astype(np.int64).ravel()
    fine = np.append(fine, rows[-1])
    counts = np.empty((n_images, len(fine) - 1, *out.shape[2:]), np.uint32)
    launch(_histograms, n_items * n_strips, images, mask, fine, cols, space, n_bins, NO_NORM, counts)
    n_counts = out.shape[3]
    counts = counts.reshape(n_items, n_strips, -1).sum(1, dtype=np.uint32).reshape(-1, n_counts)
    parts = n_bins if space == CHANNELS else np.array([n_counts])
    _normalize_counts(0, len(counts), counts, parts, norm, out.reshape(-1, n_counts))


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
def _histograms(start, stop, images, mask, rows, cols, space, n_bins, norm, out):
    n_rows, n_cols, n_counts = out.shape[1:]
    parts = n_bins if space == CHANNELS else np.full(1, n_counts)
    n_levels = LEVELS if space == CHANNELS else n_counts
    n_tables = 4 if space == CHANNELS else _suitable(n_levels, images)
    tables = np.zeros(n_tables * n_levels, np.uint16)
    total, counts = np.empty(n_levels, np.uint32), np.empty(n_counts, np.uint32)
    tile, indices = np.empty(3 * TILE, np.uint8), np.empty(TILE, np.uint16)
    values, chosen, row_size = images.reshape(-1), mask.reshape(-1), 3 * images.shape[2]
    none = np.int64(0)  # a literal would have functions compiled for it
    for item in range(start, stop):  # an item is a row of regions
        i, r = item // n_rows, item % n_rows
        for c in range(n_cols):
            for k in range(n_levels):
                total[k] = 0
            held = none
            if n_cols == 1 and len(mask) == 0:
                top = i * images.shape[1] * row_size
                end = top + rows[r + 1] * row_size
                for first in range(top + rows[r] * row_size, end, 3 * TILE):
                    run = values[first : min(first + 3 * TILE, end)]
                    held = _count_tile(run, space, n_bins, indices, held, tables, total)
            else:
                n = none
                for y in range(rows[r], rows[r + 1]):
                    for x in range(cols[c], cols[c + 1], TILE):
                        end = min(x + TILE, cols[c + 1])
                        if n + end - x > TILE:
                            held = _count_tile(tile[: 3 * n], space, n_bins, indices, held, tables, total)
                            n = none
                        pixel = (i * images.shape[1] + y) * images.shape[2] + x
                        n = _append(values, chosen, pixel, end - x, n, tile)
                _count_tile(tile[: 3 * n], space, n_bins, indices, held, tables, total)
            _empty_counters(tables, total)
            if space == CHANNELS:
                _merge_levels(total, n_bins, counts)
                _normalize(counts, parts, norm, out[i, r, c])
            else:
                _normalize(total, parts, norm, out[i, r, c])


@njit
def _suitable(n_levels, images):
    """Return a number of tables that are not larger than the images."""
    n = 8
    while n > 1 and n * n_levels > 2 * images.shape[1] * images.shape[2]:
        n //= 2
    return n


@njit
def _append(values, chosen, first, count, n, tile):
    """Put the chosen ones of some pixels behind the first n of a tile, and return how many lie there."""
    if len(chosen) == 0:
        for k in range(3 * count):
            tile[3 * n + k] = values[3 * first + k]
        return n + count
    for pixel in range(first, first + count):
        if chosen[pixel]:
            for c in range(3):
                tile[3 * n + c] = values[3 * pixel + c]
            n += 1
    return n


@njit
def _count_tile(pixels, space, n_bins, indices, held, tables, total):
    """Add pixels to the tables, and return how many these hold at most."""
    n = len(pixels) // 3
    if held > FULL:
        _empty_counters(tables, total)
        held = 0
    if space == CHANNELS:
        _count_bytes(pixels, tables)
        return held + n
    if space == HSV:
        _hsv_indices(pixels, n_bins, indices)
    else:
        _rgb_indices(pixels, n_bins, indices)
    _scatter(indices, n, len(total), tables)
    return held + n


# Sixteen bits hold what these compute, and are the fastest: 32 of them fit into a register.


@njit
def _rgb_indices(pixels, n_bins, indices):
    n0, n1, n2 = np.uint16(n_bins[0]), np.uint16(n_bins[1]), np.uint16(n_bins[2])
    for i in range(len(pixels) // 3):
        first = np.uint16(byte_bin(pixels[3 * i], n0) * n1) + byte_bin(pixels[3 * i + 1], n1)
        indices[i] = np.uint16(np.uint16(first) * n2) + byte_bin(pixels[3 * i + 2], n2)


@njit
def byte_bin(value, n_bins):
    """Return floor(value * n_bins / 255), but n_bins - 1 for 255."""
    x = np.uint16(np.uint16(value) * n_bins) - np.uint16(value == 255)
    x = np.uint16(x)
    return np.uint16(np.uint16(x + np.uint16(1) + (x >> np.uint16(8))) >> np.uint16(8))  # x // 255


@njit(error_model="numpy")
def _hsv_indices(pixels, n_bins, indices):
    """Compute joint bins of hue, saturation and value, with the same bits as `color.rgb_to_hsv`."""
    n0, n1, n2 = np.float32(n_bins[0]), np.float32(n_bins[1]), np.float32(n_bins[2])
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
        indices[i] = np.uint16(np.int32(first * n2 + float_bin(high / np.float32(255), n2)))


@njit
def float_bin(value, n_bins):
    """Return floor(value * n_bins), at most n_bins - 1, for values that are not negative."""
    b = np.float32(np.int32(value * n_bins))
    b = b - np.float32(1) if fused(value, n_bins, -b) < 0 else b  # the product was rounded up
    last = n_bins - np.float32(1)
    return b if b < last else last


@njit
def _scatter(indices, n, n_levels, tables):
    """Count each of the first n indices, eight in turn in different tables."""
    low, one, last = np.uint64(0xFFFF), np.uint16(1), np.uint64(len(tables) // n_levels - 1)
    size = np.uint64(n_levels)
    o1, o2, o3 = (np.uint64(1) & last) * size, (np.uint64(2) & last) * size, (np.uint64(3) & last) * size
    o4, o5, o6 = (np.uint64(4) & last) * size, (np.uint64(5) & last) * size, (np.uint64(6) & last) * size
    o7 = (np.uint64(7) & last) * size
    quads = indices.view(np.uint64)
    for k in range(n // 8):
        quad, next_quad = quads[2 * k], quads[2 * k + 1]
        tables[quad & low] += one
        tables[((quad >> np.uint64(16)) & low) + o1] += one
        tables[((quad >> np.uint64(32)) & low) + o2] += one
        tables[(quad >> np.uint64(48)) + o3] += one
        tables[(next_quad & low) + o4] += one
        tables[((next_quad >> np.uint64(16)) & low) + o5] += one
        tables[((next_quad >> np.uint64(32)) & low) + o6] += one
        tables[(next_quad >> np.uint64(48)) + o7] += one
    for i in range(n // 8 * 8, n):
        tables[indices[i]] += one


# Copies of the next three functions: equalize.py.


@njit
def _count_bytes(values, counters):
    """Count each byte in the table of its place, modulo the number of tables."""
    n_tables = len(counters) // 256
    n_words = len(values) // 8 if n_tables == 8 else len(values) // 24 * 3
    words = values[: 8 * n_words].view(np.uint64)
    if n_tables == 8:
        for k in range(n_words):
            _count_word(words[k], np.uint64(0), counters)
    else:
        for k in range(0, n_words, 3):
            _count_word(words[k], np.uint64(0), counters)
            _count_word(words[k + 1], np.uint64(8), counters)
            _count_word(words[k + 2], np.uint64(4), counters)
    for i in range(8 * n_words, len(values)):
        counters[i % n_tables * 256 + np.int64(values[i])] += np.uint16(1)


@njit
def _count_word(word, first, counters):
    for j in range(8):
        byte = (word >> np.uint64(8 * j)) & np.uint64(255)
        counters[(first + np.uint64(j)) % np.uint64(12) * np.uint64(256) + byte] += np.uint16(1)


@njit
def _empty_counters(counters, counts):
    """Add the tables to the counts, halving their number, and leave zeros."""
    n = len(counters)
    zero = np.uint16(0)
    while n > len(counts):
        n //= 2
        for k in range(n):
            counters[k] += counters[n + k]
            counters[n + k] = zero
    for k in range(n):
        counts[k] += np.uint32(counters[k])
        counters[k] = zero


@njit
def _merge_levels(levels, n_bins, counts):
    """Add up the levels of each bin of each channel."""
    for k in range(len(counts)):
        counts[k] = 0
    first = 0
    for c in range(3):
        n = np.uint16(n_bins[c])
        for v in range(256):
            counts[first + byte_bin(v, n)] += levels[256 * c + v]
        first += n_bins[c]


@njit(nogil=True, cache=True)
def _normalize_counts(start, stop, counts, parts, norm, out):
    for item in range(start, stop):
        _normalize(counts[item], parts, norm, out[item])


@njit(error_model="numpy")
def _normalize(counts, parts, norm, out):
    """Divide each part by its norm, computed with integers: that is exact, and fast in any order."""
    first = 0
    for n in parts:
        count, share = counts[first : first + n], out[first : first + n]
        first += n
        total = np.int64(0)
        if norm == L2:
            for k in range(n):
                total += np.int64(count[k]) * np.int64(count[k])
        else:
            for k in range(n):
                total += np.int64(count[k])
        size = np.sqrt(np.float64(total)) if norm == L2 else np.float64(total)
        factor = 1 / size if norm in (L1, L2, HELLINGER) and total > 0 else 1.0
        if norm == HELLINGER:
            for k in range(n):
                share[k] = np.sqrt(np.float64(count[k]) * factor)
        elif factor == 1:
            for k in range(n):
                share[k] = count[k]
        else:
            for k in range(n):
                share[k] = np.float64(count[k]) * factor
