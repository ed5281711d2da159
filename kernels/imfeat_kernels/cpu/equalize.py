"""Histogram equalization of bytes.

1. Count the bytes of each channel.
2. Turn the counts into a lookup table.
3. Look up all pixels.

With counts h of n pixels, and c the cumulative counts, the tables map a value i to

    torchvision, Pillow:  min((s // 2 + c[i - 1]) // s, 255),  s = (n - h[last]) // 255
    OpenCV:               rint((c[i] - h[first]) * 255 / (n - h[first]))

where first and last are the lowest and highest value that occurs.
"""

import numpy as np

from imfeat_kernels.cpu import launch as threads
from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.instruction import PERMUTES_BYTES, TAKES_DIFFERENCES, permute_bytes
from imfeat_kernels.cpu.launch import launch

STRIP = 1 << 15  # pixels that are worth a thread
TORCHVISION, OPENCV = range(2)
CONVENTIONS = {"torchvision": TORCHVISION, "opencv": OPENCV}


def equalize_bytes(images, mask, convention, out):
    """Equalize each channel of each image.

    Parameters
    ----------
    images : (n_images, n_pixels, n_channels) uint8
        1 or 3 channels.
    mask : (n_images, n_pixels) bool
        Pixels to count; a mask of size 0 counts all.
    convention : int
        One of CONVENTIONS.
    out : (n_images, n_pixels, n_channels) uint8
    """
    n_images, n_pixels, n_channels = images.shape
    n_strips = min(n_pixels // STRIP, 4 * threads.n_threads // max(n_images, 1))
    if n_strips <= 1:
        launch(_equalize, n_images, images, mask, convention, out, grain=-(-STRIP // n_pixels))
        return
    counts = np.empty((n_images, n_strips, n_channels, 256), np.uint32)
    launch(count_strips, n_images * n_strips, images, mask, counts)
    tables = np.empty((n_images, n_channels, 256), np.uint8)
    _make_tables(counts.sum(1, dtype=np.uint32), convention, tables)
    launch(apply_strips, n_images * n_strips, images, tables, n_strips, out)


@njit(nogil=True, cache=True)
def _equalize(start, stop, images, mask, convention, out):
    n_pixels, n_channels = images.shape[1:]
    counts = np.empty((n_channels, 256), np.uint32)
    tables = np.empty((n_channels, 256), np.uint8)
    sums = np.empty(256, np.int64)
    counters = _counters(n_channels)
    x, y = images.reshape(-1), out.reshape(-1)
    size = n_pixels * n_channels
    for i in range(start, stop):
        _count(x, mask, i, i * size, (i + 1) * size, counters, counts)
        _make_table(counts, convention, sums, tables)
        _apply(x, i * size, (i + 1) * size, tables, y)


@njit(nogil=True, cache=True)
def count_strips(start, stop, images, mask, counts):
    n_strips = counts.shape[1]
    n_pixels, n_channels = images.shape[1:]
    counters = _counters(n_channels)
    x = images.reshape(-1)
    for item in range(start, stop):  # an item is a strip of an image
        i = item // n_strips
        strip = item % n_strips
        first, last = strip * n_pixels // n_strips, (strip + 1) * n_pixels // n_strips
        first, last = (i * n_pixels + first) * n_channels, (i * n_pixels + last) * n_channels
        _count(x, mask, i, first, last, counters, counts[i, strip])


@njit(nogil=True, cache=True)
def apply_strips(start, stop, images, tables, n_strips, out):
    n_pixels, n_channels = images.shape[1:]
    x, y = images.reshape(-1), out.reshape(-1)
    for item in range(start, stop):
        i = item // n_strips
        strip = item % n_strips
        first = (i * n_pixels + strip * n_pixels // n_strips) * n_channels
        last = (i * n_pixels + (strip + 1) * n_pixels // n_strips) * n_channels
        _apply(x, first, last, tables[i], y)


@njit(nogil=True, cache=True)
def _make_tables(counts, convention, tables):
    sums = np.empty(256, np.int64)
    for i in range(len(counts)):
        _make_table(counts[i], convention, sums, tables[i])


@njit
def _counters(n_channels):
    """Return tables for neighbours in turn: for eight gray pixels, or four pixels of three channels."""
    return np.zeros((8 if n_channels == 1 else 12) * 256, np.uint32)


@inner
def _count(x, mask, i, first, last, counters, counts):
    """Count the values x[first:last] of image i, channel by channel."""
    counts[:] = 0
    n_channels = len(counts)
    if len(mask) == 0:
        _count_bytes(x[first:last], counters)
        _empty_counters(counters, counts.reshape(-1))
        return
    offset = i * mask.shape[1] * n_channels
    for k in range((first - offset) // n_channels, (last - offset) // n_channels):
        if mask[i, k]:
            for c in range(n_channels):
                counts[c, x[offset + k * n_channels + c]] += np.uint32(1)


# Counting waits for memory where one address is counted twice in a row, so neighbours are counted
# in different tables.
# Copies of the next three functions: _histogram.py.


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
def _make_table(counts, convention, sums, tables):
    """Make a table for each channel, the identity if at most one value occurs."""
    for c in range(len(counts)):
        count, table = counts[c], tables[c]
        total = np.int64(0)
        for i in range(256):
            total += count[i]
            sums[i] = total
        if convention == OPENCV:
            _opencv_table(count, sums, table)
        else:
            _torchvision_table(count, sums, table)


@inner(error_model="numpy")
def _torchvision_table(count, sums, table):
    last = 255
    while last > 0 and count[last] == 0:
        last -= 1
    step = (sums[255] - count[last]) // 255
    if step == 0:
        _identity(table)
        return
    # (k + 1/2) / step is never close to a whole number, so rounding cannot take it across one.
    scale = 1.0 / step
    half = 0.5 + step // 2
    for i in range(256):
        value = np.int32((half + np.float64(sums[i] - count[i])) * scale)
        table[i] = np.uint8(value if value < 255 else 255)


@inner(error_model="numpy")
def _opencv_table(count, sums, table):
    first = 0
    while first < 255 and count[first] == 0:
        first += 1
    lowest = np.int64(count[first])
    if sums[255] == lowest:
        _identity(table)
        return
    scale = np.float32(255) / np.float32(sums[255] - lowest)
    for i in range(256):
        above = sums[i] - lowest
        table[i] = np.uint8(np.rint(np.float32(above if above > 0 else 0) * scale))


@inner
def _identity(table):
    for i in range(256):
        table[i] = i


@inner
def _apply(x, first, last, tables, y):
    """Send the bytes x[first:last] through the tables of their channels."""
    n_channels = len(tables)
    if PERMUTES_BYTES and last - first >= 64 * n_channels:
        parts = _differences(tables) if TAKES_DIFFERENCES else tables
        while last - first >= 64 * n_channels:
            permute_bytes(parts, x, first, y)
            first += 64 * n_channels
    for c in range(n_channels):
        table = tables[c]
        for k in range(first + c, last, n_channels):
            y[k] = table[x[k]]


@inner
def _differences(tables):
    """Return tables in the form that `permute_bytes` wants with AVX2."""
    parts = tables.copy()
    for c in range(len(tables)):
        for half in (0, 128):
            for i in range(half + 16, half + 128):
                parts[c, i] = tables[c, i] ^ tables[c, i - 16]
    return parts
