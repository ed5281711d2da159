"""Oriented gradients of cells for any number of directions, normalized four times.

1. `_vote` sums the votes for some rows of cells, some directions at a time: a thread sums columns of pixels
   in its own bins, those of the two rows of cells that a pixel votes for.
2. `_normalize` computes the energies around a cell, and normalizes it: a thread is a cell.
"""

import math

import numpy as np

from imfeat_kernels.cpu import _directions as cpu
from imfeat_kernels.cpu._directions import FLOOR, TEXTURE, UOCTTI
from imfeat_kernels.cpu.directions import VARIANTS as VARIANTS
from imfeat_kernels.cuda.common import divided, product
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import blocks_of, launch
from imfeat_kernels.cuda.uoctti import (
    VOTERS,
    blocks_of_cells,
    first_row,
    set_weights,
    strongest_gradient,
    sum_columns,
    weight_of,
)
from imfeat_kernels.tables import directions as directions

clipped, turn = on_device(cpu.clipped), on_device(cpu.turn)
f32, i32, u32, u64 = np.float32, np.int32, np.uint32, np.uint64
AT_ONCE = 32  # directions
ROW = AT_ONCE * VOTERS  # sums of a row of cells in shared memory
SUMS = 2 * ROW


def direction_votes(images, cell_size, table, shared, out):
    """Sum the votes of pixels for the directions of every cell."""
    n_directions = out.shape[3]
    n_cells, rows, n_blocks = blocks_of_cells(out.shape, cell_size, VOTERS)
    white = 255 if images.dtype == np.uint8 else 1
    for first in range(0, n_directions, AT_ONCE):
        last = min(first + AT_ONCE, n_directions)
        numbers = *images.shape[1:], cell_size, n_cells, rows, white, shared, first, last
        inputs = images.reshape(-1), np.array(numbers, np.int32), table
        launch(_vote, n_blocks, *inputs, out, threads=VOTERS)


def normalize_directions(votes, variant, out):
    """Normalize the cells by the four squares of 2 x 2 cells around them."""
    n_images, n_rows, n_cols, _ = votes.shape
    body = _normalize if variant == UOCTTI else _normalize_by_square
    launch(body, blocks_of(n_images * n_rows * n_cols), votes, out)


@cuda.jit(device=True)
def _nearest(dy, dx, table):
    """Return the direction with the largest product, the first of several, rounded as on the CPU."""
    n = u32(table.shape[0])
    best = f32(0)
    index = u32(0)
    k = u32(0)
    while k < n:
        along = product(dx, table[k, 0]) + product(dy, table[k, 1])
        if abs(along) > abs(best):
            best = along
            index = k
        k = u32(k + u32(1))
    return i32(index + n) if best < f32(0) else i32(index)


@cuda.jit(device=True)
def _add(sums, now, before, k, low, high, near, far):
    """Add votes to the sums of this thread, if the direction is among those of this launch."""
    if low <= k and k < high:
        place = u32(i32(k - low) * i32(VOTERS) + i32(cuda.threadIdx.x))
        sums[place + now] += near
        sums[place + before] += far


@cuda.jit(device=True)
def _add_vote(sums, now, before, dy, dx, across, down, table, shared, low, high):
    """Add the vote of a pixel to its direction, or to both that it shares its vote between, in two rows."""
    size = across * math.sqrt(dy * dy + dx * dx)
    if shared == 0:
        near = size * down
        _add(sums, now, before, _nearest(dy, dx, table), low, high, near, size - near)
        return
    n_directions = i32(2) * i32(table.shape[0])
    place = turn(dx, dy) * f32(n_directions)
    k = i32(place)
    part = size * (place - f32(k))
    near = (size - part) * down
    _add(sums, now, before, k if k < n_directions else i32(0), low, high, near, size - part - near)
    k = i32(k + i32(1))
    near = part * down
    _add(sums, now, before, k if k < n_directions else i32(0), low, high, near, part - near)


@cuda.jit
def _vote(values, numbers, table, votes):
    sums = cuda.shared.array(SUMS, f32)
    weights = cuda.shared.array(VOTERS, f32)
    t, n_threads = i32(cuda.threadIdx.x), i32(VOTERS)
    height, width, n_channels = numbers[0], numbers[1], u64(numbers[2])
    size, n_cells, rows, white = numbers[3], numbers[4], numbers[5], f32(numbers[6])
    shared, low, high = numbers[7], numbers[8], numbers[9]
    n_rows, n_cols = i32(votes.shape[1]), i32(votes.shape[2])
    line = u64(width) * n_channels
    per_row, _ = divided(n_cols + n_cells - i32(1), n_cells)
    n_groups, _ = divided(n_rows + rows - i32(1), rows)
    group, cell = divided(cuda.blockIdx.x, per_row)
    i, r = divided(group, n_groups)
    cell, r = i32(cell) * n_cells, i32(r) * rows
    first, last = r, min(i32(r + rows), n_rows)
    n_here = u32(min(n_cells, i32(n_cols - cell)))
    n_sums = u32(high - low)
    k = u32(t)
    while k < u32(SUMS):
        sums[k] = f32(0)
        k = u32(k + u32(VOTERS))
    left = i32(cell * size) - (i32(size + i32(1)) >> i32(1))
    span = i32((i32(n_here) + i32(1)) * size + i32(1))
    share = f32(1) / f32(size)
    center = (f32(cell) + f32(0.5)) * f32(size)
    is_wide = span > n_threads  # then the block is a single cell, and columns are weighted at once
    set_weights(weights, size, is_wide)
    n_weights = u32(min(i32(2) * size + i32(1), n_threads))
    while r <= last:  # rows of pixels between the centers of two rows of cells, which they vote for
        now = u32(ROW) if (r - first) & i32(1) else u32(0)
        before = u32(ROW) - now
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
                    down = weight_of(y, middle, share)
                    _add_vote(sums, now, before, dy, dx, across, down, table, shared, low, high)
                    p = u64(p + line)
                    y = i32(y + i32(1))
            column = i32(column + n_threads)
        cuda.syncthreads()
        k = u32(t)
        while r > first and k < n_here * n_sums:
            c, b = divided(k, n_sums)
            at = u32(before + b * u32(VOTERS) + (u32(0) if is_wide else c * u32(size)))
            total = sum_columns(weights, sums, at, n_weights) / white
            votes[i, u32(r - i32(1)), u32(cell) + c, u32(low) + b] = total
            k = u32(k + u32(VOTERS))
        cuda.syncthreads()
        k = u32(t)
        while k < n_sums * u32(VOTERS):
            sums[before + k] = f32(0)
            k = u32(k + u32(VOTERS))
        r = i32(r + i32(1))


@cuda.jit(device=True)
def _energy(votes, i, r, c):
    """Return the energy of a cell; beyond the border, the cell at the border is repeated."""
    r = min(max(r, i32(0)), i32(votes.shape[1] - 1))
    c = min(max(c, i32(0)), i32(votes.shape[2] - 1))
    n = i32(votes.shape[3]) >> i32(1)
    energy = f32(0)
    for k in range(n):
        both = votes[i, r, c, k] + votes[i, r, c, i32(k) + n]
        energy += both * both
    return energy


@cuda.jit(device=True)
def _factor(votes, i, r, c):
    """Return the factor of the corner of the cells r - 1, r and c - 1, c."""
    upper = _energy(votes, i, r - i32(1), c - i32(1)) + _energy(votes, i, r - i32(1), c)
    lower = _energy(votes, i, r, c - i32(1)) + _energy(votes, i, r, c)
    return f32(1) / math.sqrt(upper + lower + FLOOR)


@cuda.jit(device=True)
def _place(item, votes):
    """Return image, row and column of a cell."""
    row, c = divided(item, votes.shape[2])
    i, r = divided(row, votes.shape[1])
    return i, i32(r), i32(c)


@cuda.jit
def _normalize(votes, out):
    item = cuda.grid(1)
    if item < out.shape[0] * out.shape[1] * out.shape[2]:
        i, r, c = _place(item, votes)
        n = i32(votes.shape[3]) >> i32(1)
        f0, f1 = _factor(votes, i, r, c), _factor(votes, i, r, c + i32(1))
        f2, f3 = _factor(votes, i, r + i32(1), c), _factor(votes, i, r + i32(1), c + i32(1))
        t0, t1, t2, t3 = f32(0), f32(0), f32(0), f32(0)
        for index in range(i32(3) * n):
            k = i32(index)
            is_sum = k >= i32(2) * n
            first = k - i32(2) * n if is_sum else k
            value = votes[i, r, c, first]
            value = value + votes[i, r, c, first + n] if is_sum else value
            c0 = clipped(value * f0)
            c1 = clipped(value * f1)
            c2 = clipped(value * f2)
            c3 = clipped(value * f3)
            out[i, r, c, k] = (c0 + c1 + (c2 + c3)) * f32(0.5)
            if is_sum:
                t0, t1, t2, t3 = t0 + c0, t1 + c1, t2 + c2, t3 + c3
        end = i32(3) * n
        out[i, r, c, end], out[i, r, c, end + i32(1)] = t0 * TEXTURE, t1 * TEXTURE
        out[i, r, c, end + i32(2)], out[i, r, c, end + i32(3)] = t2 * TEXTURE, t3 * TEXTURE


@cuda.jit
def _normalize_by_square(votes, out):
    item = cuda.grid(1)
    if item < out.shape[0] * out.shape[1] * out.shape[2]:
        i, r, c = _place(item, votes)
        n = i32(votes.shape[3]) >> i32(1)
        for square in range(4):
            factor = _factor(votes, i, r + (i32(square) >> i32(1)), c + (i32(square) & i32(1)))
            for k in range(n):
                value = votes[i, r, c, k] + votes[i, r, c, i32(k) + n]
                out[i, r, c, i32(square) * n + i32(k)] = clipped(value * factor)
