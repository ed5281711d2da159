"""Oriented gradients of cells for any number of directions, normalized four times.

1. `_vote` sums the votes for a row of cells, some directions at a time: a thread sums columns of pixels in
   its own bins.  Each pixel is read twice, for the two rows of cells that it votes for.
2. `_normalize` computes the energies around a cell, and normalizes it: a thread is a cell.
"""

import math

import numpy as np

from imfeat_kernels.cpu import _directions as cpu
from imfeat_kernels.cpu._directions import FLOOR, TEXTURE, UOCTTI
from imfeat_kernels.cpu.directions import VARIANTS as VARIANTS
from imfeat_kernels.cuda.common import divided, product
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import THREADS, blocks_of, launch
from imfeat_kernels.cuda.uoctti import strongest_gradient, weight_of
from imfeat_kernels.tables import directions as directions

clipped, turn = on_device(cpu.clipped), on_device(cpu.turn)
f32, i32, u32 = np.float32, np.int32, np.uint32
AT_ONCE = 32  # directions
SUMS = AT_ONCE * THREADS  # sums in shared memory


def direction_votes(images, cell_size, table, shared, out):
    """Sum the votes of pixels for the directions of every cell."""
    n_images, n_rows, n_cols, n_directions = out.shape
    # Cells of a block; pixels up to half a cell away vote for a cell.
    n_cells = max(1, (THREADS - 1) // cell_size - 1)
    n_blocks = n_images * n_rows * -(-n_cols // n_cells)
    white = 255 if images.dtype == np.uint8 else 1
    for first in range(0, n_directions, AT_ONCE):
        last = min(first + AT_ONCE, n_directions)
        numbers = np.array([cell_size, n_cells, white, shared, first, last], np.int32)
        launch(_vote, n_blocks, images, numbers, table, out)


def normalize_directions(votes, variant, out):
    """Normalize the cells by the four squares of 2 x 2 cells around them."""
    n_images, n_rows, n_cols, _ = votes.shape
    body = _normalize if variant == UOCTTI else _normalize_by_square
    launch(body, blocks_of(n_images * n_rows * n_cols), votes, out)


@cuda.jit(device=True)
def _nearest(dy, dx, table):
    """Return the direction with the largest product, the first of several, rounded as on the CPU."""
    n = i32(table.shape[0])
    largest = f32(0)
    index = i32(0)
    k = i32(0)
    while k < n:
        along = product(dx, table[k, 0]) + product(dy, table[k, 1])
        if abs(along) > largest:
            largest = abs(along)
            index = i32(k + n) if along < f32(0) else k
        k = i32(k + i32(1))
    return index


@cuda.jit(device=True)
def _add(sums, k, low, high, vote):
    """Add a vote to the sums of this thread, if the direction is among those of this launch."""
    if low <= k and k < high:
        sums[i32(k - low) * i32(THREADS) + i32(cuda.threadIdx.x)] += vote


@cuda.jit(device=True)
def _add_vote(sums, dy, dx, weight, table, shared, low, high):
    """Add the vote of a pixel to its direction, or to both that it shares its vote between."""
    size = weight * math.sqrt(dy * dy + dx * dx)
    if shared == 0:
        _add(sums, _nearest(dy, dx, table), low, high, size)
        return
    n_directions = i32(2) * i32(table.shape[0])
    place = turn(dx, dy) * f32(n_directions)
    k = i32(place)
    part = size * (place - f32(k))
    _add(sums, k if k < n_directions else i32(0), low, high, size - part)
    k = i32(k + i32(1))
    _add(sums, k if k < n_directions else i32(0), low, high, part)


@cuda.jit
def _vote(images, numbers, table, votes):
    sums = cuda.shared.array(SUMS, f32)
    t = i32(cuda.threadIdx.x)
    size, n_cells, white = numbers[0], numbers[1], f32(numbers[2])
    shared, low, high = numbers[3], numbers[4], numbers[5]
    n_rows, n_cols = i32(votes.shape[1]), i32(votes.shape[2])
    height, width = i32(images.shape[1]), i32(images.shape[2])
    per_row, _ = divided(n_cols + n_cells - i32(1), n_cells)
    row, cell = divided(cuda.blockIdx.x, per_row)
    i, r = divided(row, n_rows)
    r = i32(r)
    cell = i32(cell) * n_cells
    n_here = min(n_cells, n_cols - cell)
    n_threads = i32(THREADS)
    n_sums = i32(high - low)
    for k in range(n_sums):
        sums[i32(k) * n_threads + t] = f32(0)
    top, left = r * size - ((size + i32(1)) >> i32(1)), cell * size - ((size + i32(1)) >> i32(1))
    span = (n_here + i32(1)) * size + i32(1)
    middle, center = (f32(r) + f32(0.5)) * f32(size), (f32(cell) + f32(0.5)) * f32(size)
    is_wide = span > n_threads  # then the block is a single cell, and columns are weighted at once
    column = t
    while column < span:
        x = left + column
        if x > i32(0) and x < width - i32(1):
            across = weight_of(x, center, f32(size)) if is_wide else f32(1)
            for y in range(max(top, i32(1)), min(top + i32(2) * size + i32(1), height - i32(1))):
                weight = weight_of(i32(y), middle, f32(size)) * across
                dy, dx = strongest_gradient(images, i, u32(y), u32(x))
                _add_vote(sums, dy, dx, weight, table, shared, low, high)
        column += n_threads
    cuda.syncthreads()
    k = t
    while k < n_here * n_sums:
        c, b = divided(k, n_sums)
        c = i32(c)
        b = i32(b)
        total = f32(0)
        first = i32(0) if is_wide else c * size
        center = (f32(cell + c) + f32(0.5)) * f32(size)
        for column in range(first, min(first + i32(2) * size + i32(1), n_threads)):
            across = f32(1) if is_wide else weight_of(left + i32(column), center, f32(size))
            total += across * sums[b * n_threads + i32(column)]
        votes[i, r, cell + c, low + b] = total / white
        k += n_threads


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
