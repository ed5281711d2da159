"""Compiled bodies of histograms; ``histogram.py`` describes their steps.

Counting waits for memory where one address is counted twice in a row.  So neighbouring pixels go to
different tables, which are added up at the end, and indices are computed apart from the counting.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.instruction import as_read_only, fused

TILE = 4096  # pixels whose indices are computed before they are counted
MOST_COUNTERS = 8192  # of all tables together
RGB, HSV, CHANNELS = range(3)
LEVELS = 3 * 256
NO_NORM, L1, L2, HELLINGER = range(4)
NORMS = {None: NO_NORM, "l1": L1, "l2": L2, "hellinger": HELLINGER}


@njit(nogil=True, cache=True)
def histograms(start, stop, images, mask, rows, cols, space, n_bins, norm, out):
    n_rows, n_cols, n_counts = out.shape[1:]
    sizes = n_bins if space == CHANNELS else np.full(1, n_counts)  # of the histograms
    n_levels = LEVELS if space == CHANNELS else n_counts
    n_tables = 4 if space == CHANNELS else _number_of_tables(n_levels, images)
    tables = np.zeros(n_tables * n_levels, np.uint32)
    total, counts = np.empty(n_levels, np.uint32), np.empty(n_counts, np.uint32)
    tile = np.empty(3 * TILE, np.uint8)
    gathered = as_read_only(tile)
    values = as_read_only(images).reshape(-1)
    indices = np.empty(TILE, np.uint16)
    counted = mask.reshape(-1)
    row_size = 3 * images.shape[2]
    zero = np.int64(0)  # helpers would be compiled for the literal, too
    for item in range(start, stop):  # an item is a row of regions
        i, r = item // n_rows, item % n_rows
        for c in range(n_cols):
            for k in range(n_levels):
                total[k] = 0
            if n_cols == 1 and len(mask) == 0:
                top = i * images.shape[1] * row_size
                end = top + rows[r + 1] * row_size
                for first in range(top + rows[r] * row_size, end, 3 * TILE):
                    run = values[first : min(first + 3 * TILE, end)]
                    _count_tile(run, space, n_bins, indices, n_levels, tables)
            else:
                n = zero
                for y in range(rows[r], rows[r + 1]):
                    for x in range(cols[c], cols[c + 1], TILE):
                        end = min(x + TILE, cols[c + 1])
                        if n + end - x > TILE:
                            _count_tile(gathered[: 3 * n], space, n_bins, indices, n_levels, tables)
                            n = zero
                        pixel = (i * images.shape[1] + y) * images.shape[2] + x
                        n = _append(values, counted, pixel, end - x, n, tile)
                _count_tile(gathered[: 3 * n], space, n_bins, indices, n_levels, tables)
            _empty_counters(tables, total)
            if space == CHANNELS:
                _merge_levels(total, n_bins, counts)
                _normalize(counts, sizes, norm, out[i, r, c])
            else:
                _normalize(total, sizes, norm, out[i, r, c])


@inner
def _number_of_tables(n_levels, images):
    """Return a number of tables that together fit in the nearest cache, and are not larger than an image."""
    n = 8
    while n > 1 and n * n_levels > min(MOST_COUNTERS, 2 * images.shape[1] * images.shape[2]):
        n //= 2
    return n


@inner
def _append(values, counted, first, count, n, tile):
    """Append the counted pixels of a run to the first n of a tile, and return their new number."""
    if len(counted) == 0:
        for k in range(3 * count):
            tile[3 * n + k] = values[3 * first + k]
        return n + count
    for pixel in range(first, first + count):
        if counted[pixel]:
            for c in range(3):
                tile[3 * n + c] = values[3 * pixel + c]
            n += 1
    return n


@inner
def _count_tile(pixels, space, n_bins, indices, n_levels, tables):
    """Add pixels to the tables."""
    if space == CHANNELS:
        _count_bytes(pixels, tables)
        return
    if space == HSV:
        _hsv_indices(pixels, n_bins, indices)
    else:
        _rgb_indices(pixels, n_bins, indices)
    _scatter(indices, len(pixels) // 3, n_levels, tables)


# Results of the next functions fit into 16 bits, which are the fastest: a register holds 32 of them.


@inner
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


@inner(error_model="numpy")
def _hsv_indices(pixels, n_bins, indices):
    """Compute joint bins of hue, saturation and value, bit-identical to those of `color.rgb_to_hsv`."""
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
        turn = np.float32(6) * (delta if delta > 0 else np.float32(1))
        hue = (sixth if sixth >= 0 else sixth + turn) / turn
        saturation = delta / (high if high > 0 else np.float32(1))
        first = float_bin(hue, n0) * n1 + float_bin(saturation, n1)
        indices[i] = np.uint16(np.int32(first * n2 + float_bin(high / np.float32(255), n2)))


@njit
def float_bin(value, n_bins):
    """Return floor(value * n_bins), at most n_bins - 1, for values >= 0."""
    b = np.float32(np.int32(value * n_bins))
    b = b - np.float32(1) if fused(value, n_bins, -b) < 0 else b  # the product was rounded up
    last = n_bins - np.float32(1)
    return b if b < last else last


@inner
def _scatter(indices, n, n_levels, tables):
    """Count the first n indices, eight in turn in different tables."""
    low = np.uint64(0xFFFF)
    one = np.uint32(1)
    last = np.uint64(len(tables) // n_levels - 1)
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


@inner
def _count_bytes(values, counters):
    """Count each byte in the table of its position, modulo the number of tables."""
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
        counters[i % n_tables * 256 + np.int64(values[i])] += np.uint32(1)


@inner
def _count_word(word, first, counters):
    for j in range(8):
        byte = (word >> np.uint64(8 * j)) & np.uint64(255)
        counters[(first + np.uint64(j)) % np.uint64(12) * np.uint64(256) + byte] += np.uint32(1)


@inner
def _empty_counters(counters, counts):
    """Add the tables to the counts, halving their number, and leave zeros."""
    n = len(counters)
    zero = np.uint32(0)
    while n > len(counts):
        n //= 2
        for k in range(n):
            counters[k] += counters[n + k]
            counters[n + k] = zero
    for k in range(n):
        counts[k] += counters[k]
        counters[k] = zero


@inner
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
def normalize_counts(start, stop, counts, sizes, norm, out):
    for item in range(start, stop):
        _normalize(counts[item], sizes, norm, out[item])


@inner(error_model="numpy")
def _normalize(counts, sizes, norm, out):
    """Divide each histogram by its norm, computed with integers: exact, and fast in any order."""
    first = 0
    for n in sizes:
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
        factor = 1 / size if norm != NO_NORM and total > 0 else 1.0
        if norm == HELLINGER:
            for k in range(n):
                share[k] = np.sqrt(np.float64(count[k]) * factor)
        elif factor == 1:
            for k in range(n):
                share[k] = count[k]
        else:
            for k in range(n):
                share[k] = np.float64(count[k]) * factor
