"""SIFT descriptors on a grid: a block is a descriptor, a thread one of its 128 sums.

The votes of its pixels are computed once, a strip at a time, into shared memory.
"""

import math

import numpy as np

from imfeat_kernels.cpu.sift import BINS, CLIP, LENGTH, NOTHING, A, B
from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import launch
from imfeat_kernels.tables import bin_weights as bin_weights

f32, i32, u32 = np.float32, np.int32, np.uint32
PIXELS = 2048  # pixels whose votes lie in shared memory
HALF = LENGTH // 2


def dense_sift(images, bin_size, step, spacing, offset, kernels, weights, grid, first, out):
    """Describe a grid of positions of every image."""
    span = (BINS + 1) * bin_size - 1
    if span > PIXELS:
        raise ValueError(f"on a GPU bins can have up to {(PIXELS + 1) // (BINS + 1)} pixels, got {bin_size}")
    numbers = np.array([bin_size, step, offset, *grid, first], np.int32)
    launch(
        _dense_sift, len(images) * grid[0] * grid[1], images, numbers, kernels, weights, out, threads=LENGTH
    )


@cuda.jit(device=True)
def _difference(images, i, y, x, down):
    """Return the central difference down or across, one-sided at the border."""
    end = i32(images.shape[1] if down else images.shape[2]) - i32(1)
    position = y if down else x
    before, after = max(position - i32(1), i32(0)), min(position + i32(1), end)
    low = images[i, before, x] if down else images[i, y, before]
    high = images[i, after, x] if down else images[i, y, after]
    share = f32(0.5) if position > i32(0) and position < end else f32(1)
    return (f32(high) - f32(low)) * share


@cuda.jit(device=True)
def _turn(gx, gy):
    """Return the direction of a gradient in eighths of a turn, as VLFeat approximates it."""
    ax, ay = abs(gx), abs(gy)
    r = (ax - ay) / (ax + ay + NOTHING)
    turn = (A * r * r - B) * r + f32(1)
    turn = min(max(turn, f32(0)), f32(2))
    turn = f32(4) - turn if gx < f32(0) else turn
    return f32(8) - turn if gy < f32(0) else turn


@cuda.jit(device=True)
def _norm_factor(value, sums):
    """Return 1 / norm of the values of all threads, 0 for a norm of 0."""
    t = cuda.threadIdx.x
    n = HALF
    sums[t] = value * value
    cuda.syncthreads()
    while n > 0:
        if t < n:
            sums[t] += sums[t + n]
        cuda.syncthreads()
        n >>= 1
    total = sums[0]
    cuda.syncthreads()
    return f32(1) / math.sqrt(total) if total > NOTHING else f32(0)


@cuda.jit
def _dense_sift(images, numbers, kernels, weights, out):
    near = cuda.shared.array(PIXELS, f32)
    far = cuda.shared.array(PIXELS, f32)
    directions = cuda.shared.array(PIXELS, i32)
    sums = cuda.shared.array(LENGTH, f32)
    t = i32(cuda.threadIdx.x)
    size = numbers[0]
    step = numbers[1]
    offset = numbers[2]
    n_rows, n_cols, first = numbers[3], numbers[4], numbers[5]
    height, width = i32(images.shape[1]), i32(images.shape[2])
    row, c = divided(cuda.blockIdx.x, n_cols)
    i, r = divided(row, n_rows)
    r, c = i32(r), i32(c)
    top, left = offset + r * step - size + i32(1), offset + c * step - size + i32(1)
    j = t >> i32(5)
    m = (t >> i32(3)) & i32(3)
    q = t & i32(7)
    own = kernels.shape[0] > 1
    down, across = j if own else i32(0), m if own else i32(0)
    reach = i32(2) * size - i32(1)
    span = i32(BINS + 1) * size - i32(1)
    at_once, _ = divided(PIXELS, span)
    at_once = i32(at_once)
    total = f32(0)
    start = i32(0)
    while start < span:
        count = min(at_once, span - start)
        p = t
        while p < count * span:
            y, x = divided(p, span)
            y = min(max(top + start + i32(y), i32(0)), height - i32(1))
            x = min(max(left + i32(x), i32(0)), width - i32(1))
            gx, gy = _difference(images, i, y, x, False), _difference(images, i, y, x, True)
            turn = _turn(gx, gy)
            length = math.sqrt(gx * gx + gy * gy)
            k = i32(turn)
            more = (turn - f32(k)) * length
            near[p] = length - more
            far[p] = more
            directions[p] = k & i32(7)
            p += i32(LENGTH)
        cuda.syncthreads()
        for y in range(max(start, j * size), min(start + count, j * size + reach)):
            line = f32(0)
            for x in range(reach):
                pixel = (i32(y) - start) * span + m * size + i32(x)
                k = directions[pixel]
                vote = near[pixel] if k == q else f32(0)
                vote = far[pixel] if (k + i32(1)) & i32(7) == q else vote
                line += kernels[across, x] * vote
            total += kernels[down, i32(y) - j * size] * line
        cuda.syncthreads()
        start += at_once
    value = total * weights[t]
    value = min(value * _norm_factor(value, sums), CLIP)
    image, channel = divided(i, out.shape[2])
    out[image, first + r * n_cols + c, channel, t] = value * _norm_factor(value, sums)
