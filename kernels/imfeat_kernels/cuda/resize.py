"""Resizing of images by weighted sums of pixels: a thread computes a value of a pass along one axis."""

import numpy as np

from imfeat_kernels.cuda.common import divided, place_of
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import blocks_of, empty, launch
from imfeat_kernels.resampling import BITS
from imfeat_kernels.resampling import FILTERS as FILTERS
from imfeat_kernels.resampling import axis_weights as axis_weights

f32, f64, i32, u8, u32 = np.float32, np.float64, np.int32, np.uint8, np.uint32
HALF = 1 << (BITS - 1)
DOUBLES = ("_weigh_floats",)  # sums of many numbers are double by contract


def resize(images, columns, column_weights, rows, row_weights, down_first, out):
    """Resize images, each channel by itself."""
    n, height, width, n_channels = images.shape
    new_height, new_width = out.shape[1:3]
    if down_first:
        lines = empty((n, new_height, width * n_channels), out.dtype, out)
        _weigh(images.reshape(n, height, width * n_channels), rows, row_weights, lines)
        lines, result = lines.reshape(-1, width, n_channels), out.reshape(-1, new_width, n_channels)
        _weigh(lines, columns, column_weights, result)
    else:
        lines = empty((n * height, new_width, n_channels), out.dtype, out)
        _weigh(images.reshape(-1, width, n_channels), columns, column_weights, lines)
        lines, result = lines.reshape(n, height, -1), out.reshape(n, new_height, -1)
        _weigh(lines, rows, row_weights, result)


def _weigh(images, bounds, weights, out):
    """Weight the middle axis of images (n, size, length) into ``out`` (n, new size, length)."""
    body = _weigh_bytes if out.dtype == np.uint8 else _weigh_floats
    launch(body, blocks_of(out.size), images, bounds, weights, out)


@cuda.jit
def _weigh_bytes(images, bounds, weights, out):
    item = cuda.grid(1)
    if item < out.size:
        row, x = place_of(item, out.shape[2])
        i, y = divided(row, out.shape[1])
        first, count = u32(bounds[y, 0]), u32(bounds[y, 1])
        total = i32(HALF)
        k = u32(0)
        while k < count:
            value = i32(images[i, u32(first + k), x])
            total = i32(total + i32(value * weights[y, k]))
            k = u32(k + u32(1))
        total = i32(total >> i32(BITS))
        out[i, y, x] = u8(min(max(total, i32(0)), i32(255)))


@cuda.jit
def _weigh_floats(images, bounds, weights, out):
    item = cuda.grid(1)
    if item < out.size:
        row, x = place_of(item, out.shape[2])
        i, y = divided(row, out.shape[1])
        first, count = u32(bounds[y, 0]), u32(bounds[y, 1])
        total = f64(0)
        k = u32(0)
        while k < count:
            total += f64(images[i, u32(first + k), x]) * weights[y, k]
            k = u32(k + u32(1))
        out[i, y, x] = f32(total)
