"""Sums over dimensions for all pairs of vectors and words: a block has 128 of each, a thread 8 by 8.

1. Copy some dimensions of vectors and words to shared memory, dimension by dimension.
2. Multiply and add: a thread reads 16 values for 64 multiplications.  Its sums stay in registers, because
   loops over them have constant bounds and are unrolled.

These steps are repeated for all dimensions.  Sums over vectors of pairs of dimensions take the same steps.
"""

import numpy as np

from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda

f32, u32 = np.float32, np.uint32
SIDE, ACROSS = 16, 8  # threads of a block along either side, sums of a thread along either side
SPAN, DEPTH = 128, 8  # vectors and words of a block, dimensions at a time
ROW = SPAN + 4  # so that threads that write a column have no bank conflicts
THREADS = SIDE * SIDE


@cuda.jit(device=True)
def first_sum(t):
    """Return row and column of the first sum of a thread."""
    ty, tx = divided(t, SIDE)
    return ty * u32(ACROSS), tx * u32(ACROSS)


@cuda.jit(device=True)
def add_products(vectors, first, center, words, first_word, x, w, sums):
    """Set sums[a, b] to the product of vector ``first + 8 ty + a`` and word ``first_word + 8 tx + b``.

    ``center`` (d,) is subtracted from vectors first.

    ``x`` and ``w`` are (DEPTH, ROW) float32 in shared memory.
    """
    t = u32(cuda.threadIdx.x)
    d = u32(vectors.shape[1])
    ty, tx = first_sum(t)
    for a in range(ACROSS):
        for b in range(ACROSS):
            sums[a, b] = f32(0)
    start = u32(0)
    while start < d:
        _load_centered(vectors, first, center, start, x)
        _load(words, first_word, start, w)
        cuda.syncthreads()
        _multiply(x, ty, w, tx, sums)
        cuda.syncthreads()
        start = u32(start + u32(DEPTH))


@cuda.jit(device=True)
def add_outer_products(vectors, start, stop, center, first_row, first_column, x, w, sums):
    """Set sums[a, b] to the sum over vectors ``start`` to ``stop - 1``, less a center, of products.

    The factors are dimension ``first_row + 8 ty + a`` and dimension ``first_column + 8 tx + b`` of a vector.
    ``x`` and ``w`` are as for `add_products`; they hold DEPTH vectors at a time.
    """
    ty, tx = first_sum(u32(cuda.threadIdx.x))
    for a in range(ACROSS):
        for b in range(ACROSS):
            sums[a, b] = f32(0)
    while start < stop:
        _load_columns(vectors, start, stop, center, first_row, x)
        _load_columns(vectors, start, stop, center, first_column, w)
        cuda.syncthreads()
        _multiply(x, ty, w, tx, sums)
        cuda.syncthreads()
        start = u32(start + u32(DEPTH))


@cuda.jit(device=True)
def add_squares(vectors, first, center, scales, shifts, first_word, x, w, v, sums):
    """Set sums[a, b] to the sum of (x * scale + shift)^2; otherwise as `add_products`."""
    t = u32(cuda.threadIdx.x)
    d = u32(vectors.shape[1])
    ty, tx = first_sum(t)
    for a in range(ACROSS):
        for b in range(ACROSS):
            sums[a, b] = f32(0)
    start = u32(0)
    while start < d:
        _load_centered(vectors, first, center, start, x)
        _load(scales, first_word, start, w)
        _load(shifts, first_word, start, v)
        cuda.syncthreads()
        for j in range(DEPTH):
            for a in range(ACROSS):
                value = x[j, ty + u32(a)]
                for b in range(ACROSS):
                    distance = cuda.fma(value, w[j, tx + u32(b)], v[j, tx + u32(b)])
                    sums[a, b] += distance * distance
        cuda.syncthreads()
        start = u32(start + u32(DEPTH))


@cuda.jit(device=True)
def _multiply(x, ty, w, tx, sums):
    """Add the products of all pairs of values of a thread in each line."""
    for j in range(DEPTH):
        for a in range(ACROSS):
            value = x[j, ty + u32(a)]
            for b in range(ACROSS):
                sums[a, b] += value * w[j, tx + u32(b)]


@cuda.jit(device=True)
def _load(rows, first, start, lines):
    """Copy DEPTH dimensions of SPAN rows, zeros beyond the ends."""
    t = u32(cuda.threadIdx.x)
    for k in range(SPAN * DEPTH // THREADS):
        row, j = divided(t + u32(k * THREADS), DEPTH)
        inside = first + row < u32(rows.shape[0]) and start + j < u32(rows.shape[1])
        lines[j, row] = rows[first + row, start + j] if inside else f32(0)


@cuda.jit(device=True)
def _load_centered(rows, first, center, start, lines):
    """Copy as `_load` does, less the center."""
    t = u32(cuda.threadIdx.x)
    for k in range(SPAN * DEPTH // THREADS):
        row, j = divided(t + u32(k * THREADS), DEPTH)
        inside = first + row < u32(rows.shape[0]) and start + j < u32(rows.shape[1])
        lines[j, row] = rows[first + row, start + j] - center[start + j] if inside else f32(0)


@cuda.jit(device=True)
def _load_columns(vectors, start, stop, center, first, lines):
    """Copy SPAN dimensions of DEPTH vectors, less the center, zeros beyond the ends."""
    t = u32(cuda.threadIdx.x)
    for k in range(SPAN * DEPTH // THREADS):
        j, column = divided(t + u32(k * THREADS), SPAN)
        inside = start + j < stop and first + column < u32(vectors.shape[1])
        lines[j, column] = vectors[start + j, first + column] - center[first + column] if inside else f32(0)
