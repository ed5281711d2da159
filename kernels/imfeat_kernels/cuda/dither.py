"""Dithering by error diffusion: a block is an image, and a thread takes every SMALL-th row.

A thread follows the one of the row above at a distance of two pixels, when all errors it needs are known.
"""

import numpy as np

from imfeat_kernels.cuda.common import SMALL
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import launch, zeros

f32, i32, u32 = np.float32, np.int32, np.uint32


def dither_colors(images, palette, out):
    """Replace each pixel by a colour of a palette, and diffuse the errors."""
    passed = zeros((len(images), 3, images.shape[2]), np.float32, out)
    launch(_dither, len(images), images, palette, passed, out, threads=SMALL)


@cuda.jit(device=True)
def _with_error(value, error):
    """Return a value plus a 16th of an error, cut to an integer, within 0 and 255."""
    total = f32(i32(value)) + f32(i32(error * f32(1 / 16)))
    return min(max(total, f32(0)), f32(255))


@cuda.jit(device=True)
def _nearest(r, g, b, palette):
    best = f32(1 << 24)
    nearest = u32(0)
    for j in range(palette.shape[0]):
        dr = r - f32(i32(palette[u32(j), 0]))
        dg = g - f32(i32(palette[u32(j), 1]))
        db = b - f32(i32(palette[u32(j), 2]))
        distance = cuda.fma(dr, dr, cuda.fma(dg, dg, db * db))
        nearest = u32(j) if distance < best else nearest
        best = distance if distance < best else best
    return nearest


@cuda.jit
def _dither(images, palette, passed, out):
    """Errors to the right stay in registers; those below lie in ``passed``, one row for all threads."""
    i, t = u32(cuda.blockIdx.x), i32(cuda.threadIdx.x)
    height, width = i32(images.shape[1]), i32(images.shape[2])
    top = i32(0)
    while top < height:
        y = top + t
        # Errors of the pixel to the left, and what it and the one before it pass to the pixel below.
        r, g, b = f32(0), f32(0), f32(0)
        below_r, below_g, below_b = f32(0), f32(0), f32(0)
        step = i32(0)
        while step < width + i32(2 * SMALL):
            x = i32(step - i32(2) * t)
            if y < height and x >= i32(0) and x < width:
                x_r = _with_error(images[i, y, x, 0], f32(7) * r + passed[i, 0, x])
                x_g = _with_error(images[i, y, x, 1], f32(7) * g + passed[i, 1, x])
                x_b = _with_error(images[i, y, x, 2], f32(7) * b + passed[i, 2, x])
                j = _nearest(x_r, x_g, x_b, palette)
                out[i, y, x] = j
                next_r = x_r - f32(i32(palette[j, 0]))
                next_g = x_g - f32(i32(palette[j, 1]))
                next_b = x_b - f32(i32(palette[j, 2]))
                if x > i32(0):
                    passed[i, 0, x - i32(1)] = f32(3) * next_r + below_r
                    passed[i, 1, x - i32(1)] = f32(3) * next_g + below_g
                    passed[i, 2, x - i32(1)] = f32(3) * next_b + below_b
                below_r, r = f32(5) * next_r + r, next_r
                below_g, g = f32(5) * next_g + g, next_g
                below_b, b = f32(5) * next_b + b, next_b
                if x == i32(width - i32(1)):
                    passed[i, 0, x], passed[i, 1, x], passed[i, 2, x] = below_r, below_g, below_b
            cuda.syncthreads()
            step = i32(step + i32(1))
        top = i32(top + i32(SMALL))
