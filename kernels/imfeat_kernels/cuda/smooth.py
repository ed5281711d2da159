"""Smoothing by a symmetric kernel: a block smooths a piece of a row, down and then across."""

import numpy as np

from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, launch

f32, i32, u32, u64 = np.float32, np.int32, np.uint32, np.uint64
PIXELS = 4096  # pixels of a row in shared memory: a piece, and the pixels beside it
LARGEST_RADIUS = (PIXELS - THREADS) // 2


def smooth(images, weights, out):
    """Smooth images; beyond the border, the pixel at the border is repeated."""
    if len(weights) > LARGEST_RADIUS:
        raise ValueError(f"on a GPU pixels up to {LARGEST_RADIUS} away can be weighted, got {len(weights)}")
    n_images, height, width = images.shape
    sizes = np.array([height, width], np.int32)
    inputs = images.reshape(-1), sizes, weights
    launch(_smooth, n_images * height * blocks_of(width), *inputs, out.reshape(-1))


@cuda.jit(device=True)
def _sum_down(values, p, y, height, line, weights):
    """Return the weighted sum of the pixels above and below a pixel."""
    middle = f32(values[p])
    total = middle
    above, below = p, p
    far = u32(0)
    while far < u32(weights.size):
        above = u64(above - line) if far < y else above
        far_below = u32(y + far)
        below = u64(below + line) if far_below + u32(1) < height else below
        total += weights[far] * ((f32(values[above]) - middle) + (f32(values[below]) - middle))
        far = u32(far + u32(1))
    return total


@cuda.jit(device=True)
def _sum_across(row, p, weights):
    """Return the weighted sum of the values beside a place of shared memory."""
    middle = row[p]
    total = middle
    place = u64(p)
    far = u64(1)
    while far <= u64(weights.size):
        total += weights[far - u64(1)] * ((row[place + far] - middle) + (row[place - far] - middle))
        far = u64(far + u64(1))
    return total


@cuda.jit
def _smooth(values, sizes, weights, out):
    row = cuda.shared.array(PIXELS, f32)
    height, width, radius = sizes[0], sizes[1], i32(weights.size)
    t, (n_pieces, _) = i32(cuda.threadIdx.x), divided(width + i32(THREADS - 1), THREADS)
    row_of, piece = divided(cuda.blockIdx.x, n_pieces)
    _, y = divided(row_of, height)
    start = u64(row_of) * u64(width)
    left = i32(piece) * i32(THREADS)
    k = t
    while k < i32(THREADS) + i32(2) * radius:
        x = min(max(i32(left + k - radius), i32(0)), i32(width - i32(1)))
        row[u32(k)] = _sum_down(values, start + u32(x), y, u32(height), u64(width), weights)
        k = i32(k + i32(THREADS))
    cuda.syncthreads()
    if left + t < width:
        out[start + u32(left + t)] = _sum_across(row, u32(radius + t), weights)
