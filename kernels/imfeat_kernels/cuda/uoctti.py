"""Signed and unsigned oriented gradients and texture of cells, normalized four times (UoCTTI).

1. `_vote` sums the votes for some rows of cells: a thread sums columns of pixels in its own bins, those of
   the two rows of cells that a pixel votes for.
2. `_normalize` computes the energies around a cell, and normalizes it: a thread is a cell.
"""

import math

import numpy as np

from imfeat_kernels.cpu import uoctti as cpu
from imfeat_kernels.cpu.uoctti import C1, C2, C3, C4, FLOOR, S1, S2, S3, S4, SIGNED, TEXTURE, UNSIGNED
from imfeat_kernels.cuda.common import divided, place_of, product
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import blocks_of, empty, launch

clipped = on_device(cpu.clipped)
f32, i32, u32, u64 = np.float32, np.int32, np.uint32, np.uint64
VOTERS = 128  # threads of a block
SUMS = 2 * SIGNED * VOTERS  # sums in shared memory, of two rows of cells
ROWS = 8  # rows of cells of a block


def cell_features(images, cell_size, out):
    """Describe every cell by 18 signed and 9 unsigned directions and 4 values for texture."""
    n_images, n_rows, n_cols, _ = out.shape
    votes = empty((n_images, n_rows, n_cols, SIGNED), np.float32, out)
    n_cells, rows, n_blocks = blocks_of_cells(out.shape, cell_size, VOTERS)
    white = 255 if images.dtype == np.uint8 else 1
    numbers = np.array([*images.shape[1:], cell_size, n_cells, rows, white], np.int32)
    launch(_vote, n_blocks, images.reshape(-1), numbers, votes, threads=VOTERS)
    launch(_normalize, blocks_of(n_images * n_rows * n_cols), votes, out)


def blocks_of_cells(shape, cell_size, threads):
    """Return the columns and rows of cells of a block, and the number of blocks."""
    n_images, n_rows, n_cols = shape[:3]
    n_cells = max(1, (threads - 1) // cell_size - 1)  # pixels up to half a cell away vote for a cell
    n_groups = -(-n_rows // ROWS)
    return n_cells, -(-n_rows // n_groups), n_images * n_groups * -(-n_cols // n_cells)


@cuda.jit(device=True)
def _direction(dy, dx):
    """Return the direction of 18 with the largest product, as on the CPU."""
    up, across = abs(dy), abs(dx)
    g1, g2 = across * C1 + up * S1, across * C2 + up * S2
    g3, g4 = across * C3 + up * S3, across * C4 + up * S4
    k = i32(g1 > across) + i32(g2 > g1) + i32(g3 > g2) + i32(g4 > g3)
    if (dx < f32(0)) != (dy < f32(0)) and g4 > up * S4 - across * C4:
        k = i32(UNSIGNED) - k
    k = k + i32(UNSIGNED) if dy < f32(0) else k
    return i32(0) if k == i32(SIGNED) else k


@cuda.jit(device=True)
def weight_of(pixel, center, share):
    """Return the weight of a pixel for a cell: 1 at its center, 0 at the centers of its neighbours.

    ``share`` is that of a pixel in the side of a cell.
    """
    return max(f32(1) - abs(f32(pixel) + f32(0.5) - center) * share, f32(0))


@cuda.jit(device=True)
def strongest_gradient(values, p, line, n_channels):
    """Return the gradient of the strongest channel of a pixel inside of an image, of the first of several."""
    above, below = u64(p - line), u64(p + line)
    left, right = u64(p - n_channels), u64(p + n_channels)
    dy = f32(values[below]) - f32(values[above])
    dx = f32(values[right]) - f32(values[left])
    if n_channels == u64(3):  # unrolled, so that offsets of channels are constants
        for c in range(1, 3):
            dy, dx = _stronger(values, above, below, left, right, u64(c), dy, dx)
        return dy, dx
    c = u64(1)
    while c < n_channels:
        dy, dx = _stronger(values, above, below, left, right, c, dy, dx)
        c = u64(c + u64(1))
    return dy, dx


@cuda.jit(device=True)
def _stronger(values, above, below, left, right, c, dy, dx):
    """Return a gradient or that of another channel, if that one is stronger."""
    next_dy = f32(values[below + c]) - f32(values[above + c])
    next_dx = f32(values[right + c]) - f32(values[left + c])
    square = product(next_dx, next_dx) + product(next_dy, next_dy)  # exact for bytes
    if square > product(dx, dx) + product(dy, dy):
        return next_dy, next_dx
    return dy, dx


@cuda.jit(device=True)
def first_row(r, size):
    """Return the first row of pixels at or below the center of the row of cells before ``r``."""
    return i32((i32(2) * i32(r) - i32(1)) * size) >> i32(1)


@cuda.jit(device=True)
def set_weights(weights, size, is_wide):
    """Compute the weights of the columns of pixels of a cell, up to half a cell beside it."""
    t = i32(cuda.threadIdx.x)
    center = f32(i32(size + i32(1)) >> i32(1)) + f32(0.5) * f32(size)
    weights[t] = f32(1) if is_wide else weight_of(t, center, f32(1) / f32(size))


@cuda.jit(device=True)
def sum_columns(weights, sums, first, count):
    """Return the weighted sum of columns."""
    total = f32(0)
    place = u64(first)
    x = u64(0)
    while x < u64(count):
        total += weights[x] * sums[place + x]
        x = u64(x + u64(1))
    return total


@cuda.jit
def _vote(values, numbers, votes):
    sums = cuda.shared.array(SUMS, f32)
    weights = cuda.shared.array(VOTERS, f32)
    t, n_threads = i32(cuda.threadIdx.x), i32(VOTERS)
    height, width, n_channels = numbers[0], numbers[1], u64(numbers[2])
    size, n_cells, rows, white = numbers[3], numbers[4], numbers[5], f32(numbers[6])
    n_rows, n_cols = i32(votes.shape[1]), i32(votes.shape[2])
    line = u64(width) * n_channels
    per_row, _ = divided(n_cols + n_cells - i32(1), n_cells)
    n_groups, _ = divided(n_rows + rows - i32(1), rows)
    group, cell = divided(cuda.blockIdx.x, per_row)
    i, r = divided(group, n_groups)
    cell, r = i32(cell) * n_cells, i32(r) * rows
    first, last = r, min(i32(r + rows), n_rows)
    n_here = min(n_cells, i32(n_cols - cell))
    for k in range(2 * SIGNED):
        sums[u32(t) + u32(k * VOTERS)] = f32(0)
    left = i32(cell * size) - (i32(size + i32(1)) >> i32(1))
    span = i32((n_here + i32(1)) * size + i32(1))
    share = f32(1) / f32(size)
    center = (f32(cell) + f32(0.5)) * f32(size)
    is_wide = span > n_threads  # then the block is a single cell, and columns are weighted at once
    set_weights(weights, size, is_wide)
    n_weights = u32(min(i32(2) * size + i32(1), n_threads))
    while r <= last:  # rows of pixels between the centers of two rows of cells, which they vote for
        now = i32(SIGNED * VOTERS) if (r - first) & i32(1) else i32(0)
        before = i32(SIGNED * VOTERS) - now
        start, stop = max(first_row(r, size), i32(1)), min(first_row(r + i32(1), size), height - i32(1))
        middle = (f32(r) + f32(0.5)) * f32(size)
        column = t
        while column < span:
            x = i32(left + column)
            if x > i32(0) and x < width - i32(1):
                across = weight_of(x, center, share) if is_wide else f32(1)
                p = (u64(i) * u64(height) + u64(start)) * line + u64(x) * n_channels
                y = start
                while y < stop:
                    dy, dx = strongest_gradient(values, p, line, n_channels)
                    place = u32(_direction(dy, dx) * n_threads + t)
                    vote = across * math.sqrt(dy * dy + dx * dx)
                    near = vote * weight_of(y, middle, share)
                    sums[place + u32(now)] += near
                    sums[place + u32(before)] += vote - near
                    p = u64(p + line)
                    y = i32(y + i32(1))
            column = i32(column + n_threads)
        cuda.syncthreads()
        k = u32(t)
        while r > first and k < u32(n_here) * u32(SIGNED):
            c, b = divided(k, SIGNED)
            at = u32(u32(before) + b * u32(VOTERS) + (u32(0) if is_wide else c * u32(size)))
            votes[i, u32(r - i32(1)), u32(cell) + c, b] = sum_columns(weights, sums, at, n_weights) / white
            k = u32(k + u32(VOTERS))
        cuda.syncthreads()
        for k in range(SIGNED):
            sums[u32(before + t) + u32(k * VOTERS)] = f32(0)
        r = i32(r + i32(1))


@cuda.jit(device=True)
def _energy(votes, i, r, c):
    """Return the energy of a cell; beyond the border, the cell at the border is repeated."""
    r = min(max(r, i32(0)), i32(votes.shape[1] - 1))
    c = min(max(c, i32(0)), i32(votes.shape[2] - 1))
    energy = f32(0)
    for k in range(UNSIGNED):
        both = votes[i, r, c, k] + votes[i, r, c, k + UNSIGNED]
        energy += both * both
    return energy


@cuda.jit(device=True)
def _factor(votes, i, r, c):
    """Return the factor of the corner of the cells r - 1, r and c - 1, c."""
    upper = _energy(votes, i, r - i32(1), c - i32(1)) + _energy(votes, i, r - i32(1), c)
    lower = _energy(votes, i, r, c - i32(1)) + _energy(votes, i, r, c)
    return f32(1) / math.sqrt(upper + lower + FLOOR)


@cuda.jit
def _normalize(votes, out):
    item = cuda.grid(1)
    n_rows, n_cols = out.shape[1], out.shape[2]
    if item < out.shape[0] * n_rows * n_cols:
        row, c = place_of(item, n_cols)
        i, r = divided(row, n_rows)
        r, c = i32(r), i32(c)
        f0, f1 = _factor(votes, i, r, c), _factor(votes, i, r, c + i32(1))
        f2, f3 = _factor(votes, i, r + i32(1), c), _factor(votes, i, r + i32(1), c + i32(1))
        t0, t1, t2, t3 = f32(0), f32(0), f32(0), f32(0)
        for k in range(SIGNED + UNSIGNED):
            value = votes[i, r, c, k if k < SIGNED else k - SIGNED]
            value = value + votes[i, r, c, k - UNSIGNED] if k >= SIGNED else value
            c0 = clipped(value * f0)
            c1 = clipped(value * f1)
            c2 = clipped(value * f2)
            c3 = clipped(value * f3)
            out[i, r, c, k] = (c0 + c1 + (c2 + c3)) * f32(0.5)
            if k >= SIGNED:
                t0, t1, t2, t3 = t0 + c0, t1 + c1, t2 + c2, t3 + c3
        out[i, r, c, 27], out[i, r, c, 28] = t0 * TEXTURE, t1 * TEXTURE
        out[i, r, c, 29], out[i, r, c, 30] = t2 * TEXTURE, t3 * TEXTURE
