"""SIFT descriptors on a grid: a block describes neighbours in a row, which share most of their pixels.

1. The votes of the pixels of a strip of rows are computed once, into shared memory.
2. Each row is summed across, for each descriptor, column of bins and direction.
3. These sums are added down: a thread owns one of the 128 numbers of each descriptor.
4. The descriptors are normalized together.
"""

import math

import numpy as np

from imfeat_kernels.cpu.sift import BINS, CLIP, LENGTH, NOTHING, A, B
from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import launch
from imfeat_kernels.tables import bin_weights as bin_weights

f32, i32, u32 = np.float32, np.int32, np.uint32
PIXELS = 1536  # pixels whose votes lie in shared memory
TOGETHER = 8  # descriptors of a block
SUMS = 768  # sums across of a strip, for each of 8 directions
DIRECTED_SUMS = 8 * SUMS
SHARES = LENGTH // TOGETHER  # threads that sum the squares of a descriptor


def dense_sift(images, bin_size, step, spacing, offset, kernels, weights, grid, first, out):
    """Describe a grid of positions of every image."""
    span = (BINS + 1) * bin_size - 1
    if span > PIXELS:
        raise ValueError(f"on a GPU bins can have up to {(PIXELS + 1) // (BINS + 1)} pixels, got {bin_size}")
    together = next(n for n in (TOGETHER, 4, 2, 1) if n == 1 or span * (span + (n - 1) * step) <= PIXELS)
    numbers = np.array([bin_size, step, offset, *grid, first, together], np.int32)
    n_blocks = len(images) * grid[0] * -(-grid[1] // together)
    launch(_dense_sift, n_blocks, images, numbers, kernels, weights, out, threads=LENGTH)


@cuda.jit(device=True)
def _difference(images, i, y, x, down):
    """Return the central difference down or across, one-sided at the border."""
    end = i32(images.shape[1] if down else images.shape[2]) - i32(1)
    position = y if down else x
    before, after = max(position - i32(1), i32(0)), min(position + i32(1), end)
    low = images[i, u32(before), u32(x)] if down else images[i, u32(y), u32(before)]
    high = images[i, u32(after), u32(x)] if down else images[i, u32(y), u32(after)]
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
def _vote(images, i, top, left, y, x, near, far, directions, p):
    """Store the two votes of a pixel, and the direction of the first."""
    y = min(max(top + i32(y), i32(0)), i32(images.shape[1]) - i32(1))
    x = min(max(left + i32(x), i32(0)), i32(images.shape[2]) - i32(1))
    gx, gy = _difference(images, i, y, x, False), _difference(images, i, y, x, True)
    turn = _turn(gx, gy)
    length = math.sqrt(gx * gx + gy * gy)
    k = i32(turn)
    more = (turn - f32(k)) * length
    near[p] = length - more
    far[p] = more
    directions[p] = u32(k & i32(7))


@cuda.jit(device=True)
def _sum_across(kernels, across, first, near, far, directions, sums, item, reach):
    """Sum the votes of a row around a column of bins into 8 directions."""
    for q in range(8):
        sums[u32(u32(q) * u32(SUMS) + item)] = f32(0)
    x = u32(0)
    while x < reach:
        weight = kernels[across, x]
        p = u32(first + x)
        k = directions[p]
        own = u32(k * u32(SUMS) + item)
        sums[own] += weight * near[p]
        own = u32(u32(u32(k + u32(1)) & u32(7)) * u32(SUMS) + item)
        sums[own] += weight * far[p]
        x = u32(x + u32(1))


@cuda.jit(device=True)
def _norm_factors(squares, shares, factors):
    """Compute 1 / norm of each descriptor, 0 for a norm of 0, from the squares of its numbers."""
    t = u32(cuda.threadIdx.x)
    total = f32(0)
    for k in range(TOGETHER):
        total += squares[u32(u32(TOGETHER) * t + u32(k))]
    shares[t] = total
    cuda.syncthreads()
    if t < u32(TOGETHER):
        total = f32(0)
        for k in range(SHARES):
            total += shares[u32(u32(SHARES) * t + u32(k))]
        factors[t] = f32(1) / math.sqrt(total) if total > NOTHING else f32(0)
    cuda.syncthreads()


@cuda.jit
def _dense_sift(images, numbers, kernels, weights, out):
    near = cuda.shared.array(PIXELS, f32)
    far = cuda.shared.array(PIXELS, f32)
    directions = cuda.shared.array(PIXELS, u32)
    sums = cuda.shared.array(DIRECTED_SUMS, f32)
    shares = cuda.shared.array(LENGTH, f32)
    factors = cuda.shared.array(TOGETHER, f32)
    values = cuda.local.array(TOGETHER, f32)
    t = i32(cuda.threadIdx.x)
    size, step, offset = numbers[0], numbers[1], numbers[2]
    n_rows, n_cols, first, together = numbers[3], numbers[4], numbers[5], numbers[6]
    per_row, _ = divided(n_cols + together - i32(1), together)
    row, c = divided(cuda.blockIdx.x, per_row)
    i, r = divided(row, n_rows)
    r, c = i32(r), i32(c) * together
    top, left = offset + r * step - size + i32(1), offset + c * step - size + i32(1)
    j, m, q = t >> i32(5), (t >> i32(3)) & i32(3), t & i32(7)
    own = kernels.shape[0] > 1
    down = u32(j) if own else u32(0)
    reach = i32(2) * size - i32(1)
    span = i32(BINS + 1) * size - i32(1)
    width = span + (together - i32(1)) * step
    at_once, _ = divided(PIXELS, width)
    most, _ = divided(SUMS, together * i32(4))
    at_once = min(i32(at_once), i32(most))
    for d in range(TOGETHER):
        values[d] = f32(0)
    start = i32(0)
    while start < span:
        count = min(at_once, span - start)
        p = u32(t)
        while p < u32(count * width):
            y, x = divided(p, width)
            _vote(images, i, top + start, left, y, x, near, far, directions, p)
            p = u32(p + u32(LENGTH))
        cuda.syncthreads()
        item = u32(t)
        while item < u32(count * together * i32(4)):
            column = u32(item & u32(3))
            y, d = divided(item >> u32(2), together)
            pixel = u32(u32(y * u32(width)) + u32(d * u32(step)) + u32(column * u32(size)))
            across = column if own else u32(0)
            _sum_across(kernels, across, pixel, near, far, directions, sums, item, u32(reach))
            item = u32(item + u32(LENGTH))
        cuda.syncthreads()
        y = max(start, j * size)
        end = min(start + count, j * size + reach)
        while y < end:
            weight = kernels[down, u32(y - j * size)]
            place = u32(q * i32(SUMS) + (y - start) * together * i32(4) + m)
            for d in range(TOGETHER):
                if i32(d) < together:
                    values[d] += weight * sums[u32(place + u32(4 * d))]
            y = i32(y + i32(1))
        cuda.syncthreads()
        start = i32(start + at_once)
    for d in range(TOGETHER):
        values[d] *= weights[u32(t)]
        near[u32(u32(LENGTH * d) + u32(t))] = values[d] * values[d]
    cuda.syncthreads()
    _norm_factors(near, shares, factors)
    for d in range(TOGETHER):
        values[d] = min(values[d] * factors[d], CLIP)
        near[u32(u32(LENGTH * d) + u32(t))] = values[d] * values[d]
    cuda.syncthreads()
    _norm_factors(near, shares, factors)
    image, channel = divided(i, out.shape[2])
    for d in range(TOGETHER):
        if i32(d) < together and c + i32(d) < n_cols:
            out[image, u32(first + r * n_cols + c + i32(d)), channel, u32(t)] = values[d] * factors[d]
