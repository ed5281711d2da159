"""Contrast-limited adaptive histogram equalization (CLAHE): a block is a tile, or a row of pixels."""

import math

import numpy as np

from imfeat_kernels.cuda.common import block_sum, divided, product, rounded, running_sums
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, launch

f32, i32, u8, u32 = np.float32, np.int32, np.uint8, np.uint32
LEVELS = 256  # and threads of a block, so that each has a level
TABLES = 8  # of a block: a warp has its own
COUNTERS = TABLES * LEVELS  # counters in shared memory


def clahe_tables(images, clip, out):
    """Make contrast-limited lookup tables for the tiles of images."""
    n_tiles = out.shape[0] * out.shape[1] * out.shape[2]
    launch(_clahe_tables, n_tiles, images, clip, out)


def clahe_blend(images, tables, tile_height, tile_width, out):
    """Look each pixel up in the tables of the four nearest tiles, and interpolate between the results."""
    shares = np.array([1, 1], np.float32) / np.array([tile_height, tile_width], np.float32)
    launch(_clahe_blend, out.shape[0] * out.shape[1], images, tables, *shares, out)


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
def _clahe_blend(images, tables, row_share, col_share, out):
    """Blend a row of pixels."""
    item, y = divided(cuda.blockIdx.x, images.shape[1])
    down = product(f32(y), row_share) - f32(0.5)
    r = i32(math.floor(down))
    x = u32(cuda.threadIdx.x)
    down = down - f32(r)
    top, bottom = max(r, i32(0)), min(r + i32(1), i32(tables.shape[1] - 1))
    while x < u32(images.shape[2]):
        across = product(f32(x), col_share) - f32(0.5)
        c = i32(math.floor(across))
        across = across - f32(c)
        left, right = max(c, i32(0)), min(c + i32(1), i32(tables.shape[2] - 1))
        value = u32(images[item, y, x])
        upper = product(f32(i32(tables[item, top, left, value])), f32(1) - across)
        upper += product(f32(i32(tables[item, top, right, value])), across)
        lower = product(f32(i32(tables[item, bottom, left, value])), f32(1) - across)
        lower += product(f32(i32(tables[item, bottom, right, value])), across)
        out[item, y, x] = u8(rounded(product(upper, f32(1) - down) + product(lower, down)))
        x = u32(x + u32(THREADS))
