"""Mean and deviation of colours in the bins of local descriptors: a thread is a channel of a bin."""

import math

import numpy as np

from imfeat_kernels.cpu.local_color import LENGTH, NUMBERS
from imfeat_kernels.cuda.common import divided, place_of
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import blocks_of, launch

f32, i32, i64, u32 = np.float32, np.int32, np.int64, np.uint32


def bin_colors(images, rows, cols, levels, scale, out):
    """Describe all bins of each image."""
    n_items = len(images) * len(rows) * len(cols) * 3
    launch(_bin_colors, blocks_of(n_items), images, rows, cols, levels, np.float32(scale), out)


def gather_bins(bins, row_of, col_of, first, out):
    """Concatenate bins to descriptors."""
    n_descriptors = len(bins) * len(row_of) * len(col_of)
    launch(_gather_bins, n_descriptors, bins, row_of, col_of, first, out, threads=LENGTH)


@cuda.jit
def _bin_colors(images, rows, cols, levels, scale, out):
    item = cuda.grid(1)
    n_rows, n_cols = rows.shape[0], cols.shape[0]
    if item < 3 * images.shape[0] * n_rows * n_cols:
        color, channel = place_of(item, 3)
        row, c = divided(color, n_cols)
        i, r = divided(row, n_rows)
        half = levels / (levels + levels)
        total = i64(0)
        square = i64(0)
        for y in range(rows[r, 0], rows[r, 1]):
            for x in range(cols[c, 0], cols[c, 1]):
                value = i64(i32(images[i, y, u32(3 * x) + channel] * levels + half))
                total += value
                square += value * value
        n = (rows[r, 1] - rows[r, 0]) * (cols[c, 1] - cols[c, 0])
        # q - 2 a s + n a^2, without numbers larger than q
        near = i64(f32(total) / f32(n) + f32(0.5))
        excess = total - n * near
        away = f32(excess) / f32(n)
        variance = f32(square - near * (total + excess)) / f32(n) - away * away
        out[i, r, c, channel] = (f32(near) + away) * scale
        out[i, r, c, 3 + channel] = math.sqrt(max(variance, f32(0))) * scale


@cuda.jit
def _gather_bins(bins, row_of, col_of, first, out):
    number = u32(cuda.threadIdx.x)
    row, c = divided(cuda.blockIdx.x, col_of.shape[0])
    i, r = divided(row, row_of.shape[0])
    b, k = divided(number, NUMBERS)
    descriptor = u32(first) + r * u32(col_of.shape[0]) + c
    out[i, descriptor, number] = bins[i, u32(row_of[r, b >> u32(2)]), u32(col_of[c, b & u32(3)]), k]
