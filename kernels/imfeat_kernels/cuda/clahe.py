"""Contrast-limited adaptive histogram equalization (CLAHE): a block is a tile, or a row of pixels.

Counters lie in shared memory for bytes, and in global memory for integers of 16 bits.
"""

import math

import numpy as np

from imfeat_kernels.cuda.common import block_sum, divided, product, rounded, running_sums
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, launch, zeros

f32, i32, u8, u32, u64 = np.float32, np.int32, np.uint8, np.uint32, np.uint64
LEVELS = 256  # and threads of a block, so that each has a level
TABLES = 8  # of a block: a warp has its own
COUNTERS = TABLES * LEVELS  # counters in shared memory
WORDS = 1 << 16  # values of 16 bits
LAST = THREADS - 1
TILES = 256  # tiles of 16 bits whose counters are held at a time


def clahe_tables(images, clip, out):
    """Make contrast-limited lookup tables for the tiles of images."""
    n_tiles = out.shape[0] * out.shape[1] * out.shape[2]
    if images.dtype == np.uint8:
        launch(_clahe_tables, n_tiles, images, clip, out)
        return
    n_pixels = (images.shape[1] // out.shape[1]) * (images.shape[2] // out.shape[2])
    tables = out.reshape(n_tiles, WORDS)
    for first in range(0, n_tiles, TILES):
        results = tables[first : first + TILES]
        counts = zeros(results.shape, np.uint32, out)
        numbers = np.array([first, out.shape[1], out.shape[2]], np.int32)
        launch(_count_tiles, len(results), images, numbers, counts)
        launch(_tables_of_words, len(results), counts, clip, n_pixels, results)


def clahe_blend(images, tables, tile_height, tile_width, out):
    """Look each pixel up in the tables of the four nearest tiles, and interpolate between the results."""
    shares = np.array([1, 1], np.float32) / np.array([tile_height, tile_width], np.float32)
    sizes = np.array([*images.shape[1:], *tables.shape[1:]], np.int32)
    inputs = images.reshape(-1), tables.reshape(-1), sizes, *shares
    launch(_clahe_blend, out.shape[0] * out.shape[1], *inputs, out.reshape(-1))


@cuda.jit
def _clahe_tables(images, clip, out):
    """Make the table of a tile; a thread is a level."""
    tables = cuda.shared.array(COUNTERS, u32)
    sums = cuda.shared.array(LEVELS, u32)
    t = u32(cuda.threadIdx.x)
    for k in range(TABLES):
        tables[u32(k * LEVELS) + t] = u32(0)
    cuda.syncthreads()
    n_rows, n_cols = u32(out.shape[1]), u32(out.shape[2])
    row, c = divided(cuda.blockIdx.x, n_cols)
    i, r = divided(row, n_rows)
    height, _ = divided(images.shape[1], n_rows)
    width, _ = divided(images.shape[2], n_cols)
    own = (t >> u32(5)) * u32(LEVELS)
    p = t
    while p < height * width:
        y, x = divided(p, width)
        value = images[i, r * height + y, c * width + x]
        cuda.atomic.add(tables, own + u32(value), u32(1))
        p = u32(p + u32(THREADS))
    cuda.syncthreads()
    count = u32(0)
    for k in range(TABLES):
        count += tables[u32(k * LEVELS) + t]
    if clip > 0:
        sums[t] = count - u32(clip) if count > u32(clip) else u32(0)
        excess = block_sum(sums)
        count = (count if count < u32(clip) else u32(clip)) + (excess >> u32(8))
        remainder = excess & u32(255)
        step, _ = divided(256, remainder if remainder > u32(0) else u32(1))
        order, distance = divided(t, step)
        if distance == u32(0) and order < remainder:
            count += u32(1)
    sums[t] = count
    running_sums(sums)
    level = rounded(product(f32(sums[t]), f32(255) / f32(height * width)))
    out[i, r, c, t] = u8(level if level < i32(255) else i32(255))


@cuda.jit
def _count_tiles(images, numbers, counts):
    """Count the values of a tile."""
    n_rows, n_cols = u32(numbers[1]), u32(numbers[2])
    row, c = divided(u32(numbers[0]) + u32(cuda.blockIdx.x), n_cols)
    i, r = divided(row, n_rows)
    height, _ = divided(images.shape[1], n_rows)
    width, _ = divided(images.shape[2], n_cols)
    p = u32(cuda.threadIdx.x)
    while p < height * width:
        y, x = divided(p, width)
        value = images[i, r * height + y, c * width + x]
        cuda.atomic.add(counts, (u32(cuda.blockIdx.x), u32(value)), u32(1))
        p = u32(p + u32(THREADS))


@cuda.jit
def _tables_of_words(counts, clip, n_pixels, tables):
    """Make the table of a tile with the threads of a block."""
    sums = cuda.shared.array(THREADS, u32)
    t = u32(cuda.threadIdx.x)
    item = u32(cuda.blockIdx.x)
    most = u32(clip)
    excess = u32(0)
    v = t
    while v < u32(WORDS):
        count = counts[item, v]
        excess += count - most if count > most else u32(0)
        v = u32(v + u32(THREADS))
    sums[t] = excess
    excess = block_sum(sums)
    each = u32(excess >> u32(16))
    remainder = u32(excess & u32(WORDS - 1))
    step, _ = divided(WORDS, remainder if remainder > u32(0) else u32(1))
    scale = f32(WORDS - 1) / f32(n_pixels)
    before = u32(0)
    v = t
    while v < u32(WORDS):
        count = counts[item, v]
        order, distance = divided(v, step)
        more = u32(1) if distance == u32(0) and order < remainder else u32(0)
        sums[t] = (count if count < most else most) + each + more
        running_sums(sums)
        level = rounded(product(f32(before + sums[t]), scale))
        before = u32(before + sums[LAST])
        cuda.syncthreads()
        tables[item, v] = level if level < i32(WORDS - 1) else i32(WORDS - 1)
        v = u32(v + u32(THREADS))


@cuda.jit
def _clahe_blend(values, tables, sizes, row_share, col_share, out):
    """Blend a row of pixels."""
    width, n_rows, n_cols, n_levels = u32(sizes[1]), sizes[2], sizes[3], u32(sizes[4])
    item, y = divided(cuda.blockIdx.x, sizes[0])
    down = product(f32(y), row_share) - f32(0.5)
    r = i32(math.floor(down))
    down = down - f32(r)
    up = f32(1) - down
    line = u64(n_cols) * u64(n_levels)
    tables_of = u64(item) * u64(n_rows)
    top = (tables_of + u64(max(r, i32(0)))) * line
    bottom = (tables_of + u64(min(i32(r + i32(1)), i32(n_rows - i32(1))))) * line
    start = u64(cuda.blockIdx.x) * u64(width)
    x = u32(cuda.threadIdx.x)
    while x < width:
        across = product(f32(x), col_share) - f32(0.5)
        c = i32(math.floor(across))
        across = across - f32(c)
        near = f32(1) - across
        value = u32(values[start + x])
        left = u32(u32(max(c, i32(0))) * n_levels + value)
        right = u32(u32(min(i32(c + i32(1)), i32(n_cols - i32(1)))) * n_levels + value)
        upper = product(f32(i32(tables[top + left])), near) + product(f32(i32(tables[top + right])), across)
        lower = product(f32(i32(tables[bottom + left])), near)
        lower += product(f32(i32(tables[bottom + right])), across)
        out[start + x] = rounded(product(upper, up) + product(lower, down))
        x = u32(x + u32(THREADS))
