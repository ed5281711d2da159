"""Mean and deviation of colours in the bins of local descriptors: a thread is a channel of a bin."""

import math

import numpy as np

from imfeat_kernels.cpu.local_color import LENGTH, NUMBERS
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import blocks_of, launch

f32, i32, i64 = np.float32, np.int32, np.int64


def bin_colors(images, rows, cols, levels, scale, out):
    """Describe all bins of each image."""
    n_items = len(images) * len(rows) * len(cols) * 3
    launch(_bin_colors, blocks_of(n_items), images, rows, cols, levels, np.float32(scale), out)


def gather_bins(bins, row_of, col_of, first, out):
    """Put bins together to descriptors."""
    n_items = len(bins) * len(row_of) * len(col_of) * LENGTH
    launch(_gather_bins, blocks_of(n_items), bins, row_of, col_of, first, out)


@cuda.jit
def _bin_colors(images, rows, cols, levels, scale, out):
    item = cuda.grid(1)
    n_rows, n_cols = rows.shape[0], cols.shape[0]
    if item < 3 * images.shape[0] * n_rows * n_cols:
        channel, place = item % 3, item // 3
        i, r, c = place // (n_rows * n_cols), place // n_cols % n_rows, place % n_cols
        half, total, square = levels / (levels + levels), i64(0), i64(0)
        for y in range(rows[r, 0], rows[r, 1]):
            for x in range(cols[c, 0], cols[c, 1]):
                value = i64(i32(images[i, y, 3 * x + channel] * levels + half))
                total += value
                square += value * value
        n = (rows[r, 1] - rows[r, 0]) * (cols[c, 1] - cols[c, 0])
        # q - 2 a s + n a^2, of numbers that don't grow beyond those that are there
        near = i64(f32(total) / f32(n) + f32(0.5))
        rest = total - n * near
        away = f32(rest) / f32(n)
        variance = f32(square - near * (total + rest)) / f32(n) - away * away
        out[i, r, c, channel] = (f32(near) + away) * scale
        out[i, r, c, 3 + channel] = math.sqrt(max(variance, f32(0))) * scale


@cuda.jit
def _gather_bins(bins, row_of, col_of, first, out):
    item = cuda.grid(1)
    n_rows, n_cols = row_of.shape[0], col_of.shape[0]
    if item < bins.shape[0] * n_rows * n_cols * LENGTH:
        number, place = item % LENGTH, item // LENGTH
        i, r, c = place // (n_rows * n_cols), place // n_cols % n_rows, place % n_cols
        b, k = number // NUMBERS, number % NUMBERS
        out[i, first + r * n_cols + c, number] = bins[i, row_of[r, b // 4], col_of[c, b % 4], k]
