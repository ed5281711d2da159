"""Histogram equalization of bytes: lookup tables from histograms, and lookups of pixels."""

import numpy as np

from imfeat_kernels.cpu.equalize import CONVENTIONS as CONVENTIONS
from imfeat_kernels.cpu.equalize import OPENCV
from imfeat_kernels.cuda.common import divided, product, rounded, running_sums
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, as_words, empty, launch, zeros

f32, i32, u8, u32, u64 = np.float32, np.int32, np.uint8, np.uint32, np.uint64
STRIP = 1 << 15  # pixels of a block
LEVELS = 256  # and threads of a block, so that each has a level
TABLES = 8  # of a block: a warp has its own
COUNTERS = TABLES * 3 * LEVELS  # counters in shared memory
COLOR = 3 * LEVELS  # values of the lookup tables of three channels


def equalize_bytes(images, mask, convention, out):
    """Equalize each channel of each image."""
    n_images, _, n_channels = images.shape
    counts = zeros((n_images, n_channels * LEVELS), np.uint32, out)
    tables = empty((n_images, n_channels * LEVELS), np.uint8, out)
    count_values(images, mask, counts)
    launch(_make_tables, n_images * n_channels, counts, n_channels, convention, tables)
    apply_tables(images, tables, out)


def count_values(images, mask, counts):
    """Add the bytes of each channel of each image to counts (n_images, n_channels * 256) of zeros."""
    n_images, n_pixels, n_channels = images.shape
    x = as_words(images.reshape(n_images, -1))
    n_blocks = n_images * max(1, n_pixels // STRIP)
    if x is None or len(mask):
        launch(_count_bytes, n_blocks, images.reshape(n_images, -1), mask, n_channels, counts)
    else:
        launch(_count_words, n_blocks, x, n_channels, counts)


def apply_tables(images, tables, out):
    """Look up the bytes of each channel of each image in tables (n_images, n_channels * 256)."""
    n_images, n_pixels, n_channels = images.shape
    x, y = as_words(images.reshape(n_images, -1)), as_words(out.reshape(n_images, -1))
    n_blocks = n_images * max(1, n_pixels // STRIP)
    if x is None or y is None:
        x, y = images.reshape(n_images, -1), out.reshape(n_images, -1)
        launch(_apply_bytes, n_blocks, x, tables, n_channels, y)
    else:
        launch(_apply_words, n_blocks, x, tables, n_channels, y)


@cuda.jit(device=True)
def _flush(tables, n_counts, item, counts):
    """Add the tables of a block to the counts of all blocks."""
    k = u32(cuda.threadIdx.x)
    while k < u32(n_counts):
        total = u32(0)
        for table in range(TABLES):
            total += tables[u32(table) * u32(n_counts) + k]
        if total > u32(0):
            cuda.atomic.add(counts, (item, k), total)
        k = u32(k + u32(THREADS))


@cuda.jit
def _count_words(words, n_channels, counts):
    """Count eight bytes a load."""
    tables = cuda.shared.array(COUNTERS, u32)
    t = u32(cuda.threadIdx.x)
    n_counts = u32(n_channels * LEVELS)
    k = t
    while k < u32(TABLES) * n_counts:
        tables[k] = u32(0)
        k = u32(k + u32(THREADS))
    cuda.syncthreads()
    n_strips, _ = divided(cuda.gridDim.x, words.shape[0])
    item, strip = divided(cuda.blockIdx.x, n_strips)
    own = (t >> u32(5)) * n_counts
    three = u32(3) if n_channels == 3 else u32(1)
    p = strip * u32(THREADS) + t
    step = n_strips * u32(THREADS)
    while p < u32(words.shape[1]):
        word = words[item, p]
        _, channel = divided(p * u32(2), three)  # of its first byte: 8 p modulo 3
        for _ in range(8):
            cuda.atomic.add(tables, own + channel * u32(LEVELS) + u32(word & u64(255)), u32(1))
            word >>= u64(8)
            channel = channel + u32(1) if channel + u32(1) < three else u32(0)
        p = u32(p + step)
    cuda.syncthreads()
    _flush(tables, n_counts, item, counts)


@cuda.jit
def _count_bytes(values, mask, n_channels, counts):
    tables = cuda.shared.array(COUNTERS, u32)
    t = u32(cuda.threadIdx.x)
    n_counts = u32(n_channels * LEVELS)
    k = t
    while k < u32(TABLES) * n_counts:
        tables[k] = u32(0)
        k = u32(k + u32(THREADS))
    cuda.syncthreads()
    n_strips, _ = divided(cuda.gridDim.x, values.shape[0])
    item, strip = divided(cuda.blockIdx.x, n_strips)
    own = (t >> u32(5)) * n_counts
    n_pixels, _ = divided(values.shape[1], n_channels)
    for c in range(n_channels):
        p = strip * u32(THREADS) + t
        step = n_strips * u32(THREADS)
        while p < n_pixels:
            if mask.shape[0] == 0 or mask[item, p]:
                value = u32(values[item, p * u32(n_channels) + u32(c)])
                cuda.atomic.add(tables, own + u32(c * LEVELS) + value, u32(1))
            p = u32(p + step)
    cuda.syncthreads()
    _flush(tables, n_counts, item, counts)


@cuda.jit
def _make_tables(counts, n_channels, convention, tables):
    """Make the table of a channel; a thread is a level."""
    sums = cuda.shared.array(LEVELS, u32)
    ends = cuda.shared.array(2, i32)
    t = cuda.threadIdx.x
    item, channel = divided(cuda.blockIdx.x, n_channels)
    start = channel * u32(LEVELS)
    count = counts[item, start + t]
    sums[t] = count
    if t == 0:
        ends[0], ends[1] = i32(LEVELS - 1), i32(0)
    running_sums(sums)
    if count > u32(0):
        cuda.atomic.min(ends, 0, i32(t))
        cuda.atomic.max(ends, 1, i32(t))
    cuda.syncthreads()
    total = sums[LEVELS - 1]
    upto = sums[t]
    value = u32(t)
    if convention == OPENCV:
        lowest = sums[ends[0]]
        if total > lowest:
            above = upto - lowest if upto > lowest else u32(0)
            value = u32(rounded(product(f32(above), f32(255) / f32(total - lowest))))
    else:
        last = ends[1]
        below = sums[last - i32(1)] if last > i32(0) else u32(0)
        step, _ = divided(below, 255)  # of the pixels below the highest value
        if step > u32(0):
            value, _ = divided((step >> u32(1)) + (upto - count), step)
            value = value if value < u32(255) else u32(255)
    tables[item, start + t] = u8(value)


@cuda.jit
def _apply_words(words, tables, n_channels, out):
    """Look up eight bytes a load."""
    table = cuda.shared.array(COLOR, u8)
    t = u32(cuda.threadIdx.x)
    n_strips, _ = divided(cuda.gridDim.x, words.shape[0])
    item, strip = divided(cuda.blockIdx.x, n_strips)
    for c in range(n_channels):
        table[u32(c * LEVELS) + t] = tables[item, u32(c * LEVELS) + t]
    cuda.syncthreads()
    three = u32(3) if n_channels == 3 else u32(1)
    p = strip * u32(THREADS) + t
    step = n_strips * u32(THREADS)
    while p < u32(words.shape[1]):
        word = words[item, p]
        result = u64(0)
        _, channel = divided(p * u32(2), three)
        for k in range(8):
            value = u64(u32(table[channel * u32(LEVELS) + u32(word & u64(255))]))
            result |= value << u64(8 * k)
            word >>= u64(8)
            channel = channel + u32(1) if channel + u32(1) < three else u32(0)
        out[item, p] = result
        p = u32(p + step)


@cuda.jit
def _apply_bytes(values, tables, n_channels, out):
    table = cuda.shared.array(COLOR, u8)
    t = u32(cuda.threadIdx.x)
    n_strips, _ = divided(cuda.gridDim.x, values.shape[0])
    item, strip = divided(cuda.blockIdx.x, n_strips)
    for c in range(n_channels):
        table[u32(c * LEVELS) + t] = tables[item, u32(c * LEVELS) + t]
    cuda.syncthreads()
    n_pixels, _ = divided(values.shape[1], n_channels)
    for c in range(n_channels):
        p = strip * u32(THREADS) + t
        step = n_strips * u32(THREADS)
        while p < n_pixels:
            index = p * u32(n_channels) + u32(c)
            out[item, index] = table[u32(c * LEVELS) + u32(values[item, index])]
            p = u32(p + step)
