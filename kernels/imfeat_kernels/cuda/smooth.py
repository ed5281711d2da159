"""Smoothing by a symmetric kernel: a block smooths a piece of a row, down and then across."""

import numpy as np

from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, launch

f32, i32 = np.float32, np.int32
PIXELS = 4096  # pixels of a row in shared memory: a piece, and the pixels beside it
LARGEST_RADIUS = (PIXELS - THREADS) // 2


def smooth(images, weights, out):
    """Smooth images; beyond the border, the pixel at the border is repeated."""
    if len(weights) > LARGEST_RADIUS:
        raise ValueError(f"on a GPU pixels up to {LARGEST_RADIUS} away can be weighted, got {len(weights)}")
    n_images, height, width = images.shape
    launch(_smooth, n_images * height * blocks_of(width), images, weights, out)


@cuda.jit
def _smooth(images, weights, out):
    row = cuda.shared.array(PIXELS, f32)
    height = i32(images.shape[1])
    width = i32(images.shape[2])
    radius = i32(weights.size)
    t, (n_pieces, _) = i32(cuda.threadIdx.x), divided(width + i32(THREADS - 1), THREADS)
    row_of, piece = divided(cuda.blockIdx.x, n_pieces)
    i, y = divided(row_of, height)
    y = i32(y)
    left = i32(piece) * i32(THREADS)
    k = t
    while k < i32(THREADS) + i32(2) * radius:
        x = min(max(left + k - radius, i32(0)), width - i32(1))
        middle = f32(images[i, y, x])
        total = middle
        for far in range(1, radius + 1):
            up, down = (
                images[i, max(y - i32(far), i32(0)), x],
                images[i, min(y + i32(far), height - i32(1)), x],
            )
            total += weights[far - 1] * ((f32(up) - middle) + (f32(down) - middle))
        row[k] = total
        k += i32(THREADS)
    cuda.syncthreads()
    if left + t < width:
        value = row[radius + t]
        total = value
        for far in range(1, radius + 1):
            right = row[radius + t + i32(far)]
            left_value = row[radius + t - i32(far)]
            total += weights[far - 1] * ((right - value) + (left_value - value))
        out[i, y, left + t] = total
