"""Responses of words to patches, made sparse and averaged over cells of an image.

A thread sums the positions of a cell of an image for a word; adjacent threads have adjacent words.
"""

import math

import numpy as np

from imfeat_kernels.cuda.common import SHARES, divided, place_of, shared_sum
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, empty, launch
from imfeat_kernels.cuda.products import multiply_by_filters

f32, i32, u32 = np.float32, np.int32, np.uint32
POSITIONS = THREADS // SHARES  # of a block


def pool_thresholds(even, odd, even_filters, odd_filters, threshold, first_row, rows, cols, sums):
    """Add the excess of responses over a threshold, of either sign, to the averages of cells."""
    mirrored = odd.size > 0
    n_words = len(even_filters)
    e = empty((*even.shape[:3], n_words), np.float32, sums)
    multiply_by_filters(even.reshape(-1, even.shape[3]), _zeros(even), even_filters, e.reshape(-1, n_words))
    o = empty((*odd.shape[:3], n_words) if mirrored else (0, 0, 0, 0), np.float32, sums)
    if mirrored:
        multiply_by_filters(odd.reshape(-1, odd.shape[3]), _zeros(odd), odd_filters, o.reshape(-1, n_words))
    n_items = sums.size // 2
    launch(_pool_thresholds, blocks_of(n_items), e, o, threshold, first_row, rows, cols, sums)


def _zeros(parts):
    return np.zeros(parts.shape[3], np.float32)


def pool_triangles(even, odd, squares, first_row, rows, cols, sums):
    """Add the triangle encodings of distances to words to the averages of cells."""
    n_positions = even.shape[0] * even.shape[1] * even.shape[2]
    flat = even.reshape(n_positions, even.shape[3])
    others = odd.reshape(odd.shape[0] * odd.shape[1] * odd.shape[2], odd.shape[3])
    lengths = empty((2, n_positions), np.float32, sums)
    launch(_mean_distances, blocks_of(n_positions, POSITIONS), flat, others, squares, lengths)
    inputs = flat, others, squares, lengths, even.shape[1], even.shape[2], first_row, rows, cols
    launch(_pool_triangles, blocks_of(sums.size), *inputs, sums)


@cuda.jit
def _pool_thresholds(even, odd, threshold, first_row, rows, cols, sums):
    item = cuda.grid(1)
    n_rows, n_cells, n_words = rows.shape[0], cols.shape[0], sums.shape[4]
    if item < sums.shape[0] * n_rows * n_cells * n_words:
        cell, k = place_of(item, n_words)
        row, c = divided(cell, n_cells)
        i, r = divided(row, n_rows)
        mirrored = odd.size > 0
        above, below = f32(0), f32(0)
        for side in range(2 if mirrored else 1):
            cell = n_cells - 1 - c if side == 1 else c  # the mirrored cell
            more, less = f32(0), f32(0)
            for y in range(max(rows[r, 0] - first_row, 0), min(rows[r, 1] - first_row, even.shape[1])):
                for x in range(cols[cell, 0], cols[cell, 1]):
                    z = even[i, y, x, k]
                    if mirrored:
                        z = z - odd[i, y, x, k] if side == 1 else z + odd[i, y, x, k]
                    more += max(z - threshold, f32(0))
                    less += max(-z - threshold, f32(0))
            size = (rows[r, 1] - rows[r, 0]) * (cols[cell, 1] - cols[cell, 0])
            share = f32(1) / f32(2 * size if mirrored else size)
            above += more * share
            below += less * share
        sums[i, r, c, 0, k] += above
        sums[i, r, c, 1, k] += below


@cuda.jit(device=True)
def _distance(length, square, product):
    return math.sqrt(max(length + square - f32(2) * product, f32(0)))


@cuda.jit(device=True)
def _sum_squares(rows, p, j):
    """Return the sum of every SHARES-th square of a row from ``j`` on."""
    total = f32(0)
    while j < u32(rows.shape[1]):
        total += rows[p, j] * rows[p, j]
        j = u32(j + u32(SHARES))
    return total


@cuda.jit
def _mean_distances(even, odd, squares, lengths):
    """Compute the squared length of a patch, and its mean distance from words and their mirror images."""
    sums = cuda.shared.array(THREADS, f32)
    within, own = divided(cuda.threadIdx.x, SHARES)
    p = u32(u32(cuda.blockIdx.x) * u32(POSITIONS) + within)
    n_words = u32(squares.size)
    mirrored = odd.size > 0
    inside = p < u32(even.shape[0])
    total = f32(0)
    if inside:
        total = _sum_squares(even, p, n_words + own)
        if mirrored:
            total += _sum_squares(odd, p, n_words + own)
    length = shared_sum(sums, total)
    total = f32(0)
    k = own
    while inside and k < n_words:
        if mirrored:
            apart = _distance(length, squares[k], even[p, k] + odd[p, k])
            total += (apart + _distance(length, squares[k], even[p, k] - odd[p, k])) * f32(0.5)
        else:
            total += _distance(length, squares[k], even[p, k])
        k = u32(k + u32(SHARES))
    total = shared_sum(sums, total)
    if inside and own == u32(0):
        lengths[0, p], lengths[1, p] = length, total / f32(n_words)


@cuda.jit(device=True)
def _nearness(even, odd, lengths, p, k, square, sign):
    """Return how much nearer than the mean a patch is to a word, 0 if it is not."""
    product = even[p, k]
    if sign != f32(0):
        product += sign * odd[p, k]
    return max(lengths[1, p] - _distance(lengths[0, p], square, product), f32(0))


@cuda.jit
def _pool_triangles(even, odd, squares, lengths, height, width, first_row, rows, cols, sums):
    item = cuda.grid(1)
    if item < sums.size:
        n_rows, n_cells, n_words = rows.shape[0], cols.shape[0], sums.shape[4]
        cell, k = place_of(item, n_words)
        row, c = divided(cell, n_cells)
        i, r = divided(row, n_rows)
        n_sides = 2 if odd.size > 0 else 1
        top = u32(max(rows[r, 0] - first_row, 0))
        bottom = u32(max(min(rows[r, 1] - first_row, height), 0))
        square = squares[k]
        total = f32(0)
        for side in range(n_sides):
            cell = u32(n_cells - 1 - c) if side == 1 else c
            sign = f32(0) if n_sides == 1 else f32(1) - f32(2) * f32(side)
            first, stop = u32(cols[cell, 0]), u32(cols[cell, 1])
            near = f32(0)
            y = top
            while y < bottom:
                p = u32(u32(i * u32(height) + y) * u32(width) + first)
                end = u32(p + stop - first)
                while p < end:
                    near += _nearness(even, odd, lengths, p, k, square, sign)
                    p = u32(p + u32(1))
                y = u32(y + u32(1))
            total += near / f32(n_sides * (rows[r, 1] - rows[r, 0]) * (cols[cell, 1] - cols[cell, 0]))
        sums[i, r, c, 0, k] += total
