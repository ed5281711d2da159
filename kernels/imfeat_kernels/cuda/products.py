"""Products of vectors and filters, and of the dimensions of vectors.

Products of dimensions are summed over some hundreds of vectors in float32, and over these in float64.
"""

import numpy as np

from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import blocks_of, clear, empty, launch
from imfeat_kernels.cuda.segments import PIECE
from imfeat_kernels.cuda.tile import ACROSS, DEPTH, ROW, SPAN, add_outer_products, add_products, first_sum

f32, f64, u32 = np.float32, np.float64, np.uint32
VALUES = 1 << 24  # sums of pieces at a time
FEW, FEW_ACROSS = 32, 4  # dimensions of a small block, sums of a thread along either side
FEW_SIDE = FEW // FEW_ACROSS
FEW_THREADS = FEW_SIDE * FEW_SIDE
FEW_ROWS = FEW_THREADS // FEW  # vectors that its threads copy at once
DOUBLES = ("_add_pieces",)  # sums of hundreds of numbers are double by contract


def multiply_by_filters(vectors, center, filters, out):
    """Multiply each vector, less a center, by each filter."""
    n_blocks = -(-len(vectors) // SPAN) * -(-len(filters) // SPAN)
    launch(_multiply_by_filters, n_blocks, vectors, center, filters, out)


def scatter(vectors, center, out):
    """Sum the products of all pairs of dimensions over vectors, less a center."""
    n_pieces = blocks_of(len(vectors), PIECE)
    n_tiles = blocks_of(len(out), SPAN) ** 2
    at_once = max(1, min(n_pieces, VALUES // out.size))
    sums = empty((at_once, *out.shape), np.float32, out)
    center = center.astype(np.float32)
    clear(out)
    for first in range(0, n_pieces, at_once):
        piece_sums = sums[: n_pieces - first]
        if len(out) <= FEW:
            launch(_scatter_few, len(piece_sums), vectors, center, first, piece_sums, threads=FEW_THREADS)
        else:
            launch(_scatter, len(piece_sums) * n_tiles, vectors, center, first, piece_sums)
        launch(_add_pieces, blocks_of(out.size), piece_sums.reshape(len(piece_sums), -1), out.reshape(-1))


@cuda.jit
def _multiply_by_filters(vectors, center, filters, out):
    x = cuda.shared.array((DEPTH, ROW), f32)
    w = cuda.shared.array((DEPTH, ROW), f32)
    sums = cuda.local.array((ACROSS, ACROSS), f32)
    n, n_filters = u32(out.shape[0]), u32(out.shape[1])
    across, _ = divided(n_filters + u32(SPAN - 1), SPAN)
    first, first_filter = divided(cuda.blockIdx.x, across)
    first, first_filter = first * u32(SPAN), first_filter * u32(SPAN)
    add_products(vectors, first, center, filters, first_filter, x, w, sums)
    row, column = first_sum(cuda.threadIdx.x)
    row, column = first + row, first_filter + column
    for a in range(ACROSS):
        for b in range(ACROSS):
            if row + u32(a) < n and column + u32(b) < n_filters:
                out[row + u32(a), column + u32(b)] = sums[a, b]


@cuda.jit
def _scatter(vectors, center, first_piece, piece_sums):
    x = cuda.shared.array((DEPTH, ROW), f32)
    w = cuda.shared.array((DEPTH, ROW), f32)
    sums = cuda.local.array((ACROSS, ACROSS), f32)
    n, d = u32(vectors.shape[0]), u32(vectors.shape[1])
    across, _ = divided(d + u32(SPAN - 1), SPAN)
    tile_row, tile_column = divided(cuda.blockIdx.x, across)
    piece, tile_row = divided(tile_row, across)
    start = u32(u32(u32(first_piece) + piece) * u32(PIECE))
    stop = min(n, u32(start + u32(PIECE)))
    first_row, first_column = tile_row * u32(SPAN), tile_column * u32(SPAN)
    add_outer_products(vectors, start, stop, center, first_row, first_column, x, w, sums)
    row, column = first_sum(cuda.threadIdx.x)
    row, column = first_row + row, first_column + column
    for a in range(ACROSS):
        for b in range(ACROSS):
            if row + u32(a) < d and column + u32(b) < d:
                piece_sums[piece, row + u32(a), column + u32(b)] = sums[a, b]


@cuda.jit
def _scatter_few(vectors, center, first_piece, piece_sums):
    """Sum the products of at most FEW dimensions over a piece; threads without dimensions only copy."""
    x = cuda.shared.array((FEW, FEW), f32)
    sums = cuda.local.array((FEW_ACROSS, FEW_ACROSS), f32)
    t, d = u32(cuda.threadIdx.x), u32(vectors.shape[1])
    row, column = divided(t, FEW_SIDE)
    row, column = row * u32(FEW_ACROSS), column * u32(FEW_ACROSS)
    first, own = divided(t, FEW)
    has_own = own < d
    middle = center[own] if has_own else f32(0)
    start = u32(u32(u32(first_piece) + u32(cuda.blockIdx.x)) * u32(PIECE))
    stop = min(u32(vectors.shape[0]), u32(start + u32(PIECE)))
    for a in range(FEW_ACROSS):
        for b in range(FEW_ACROSS):
            sums[a, b] = f32(0)
    while start < stop:
        for k in range(0, FEW, FEW_ROWS):
            j = first + u32(k)
            inside = has_own and start + j < stop
            x[j, own] = vectors[start + j, own] - middle if inside else f32(0)
        cuda.syncthreads()
        if row < d and column < d:
            for j in range(FEW):
                for a in range(FEW_ACROSS):
                    value = x[j, row + u32(a)]
                    for b in range(FEW_ACROSS):
                        sums[a, b] += value * x[j, column + u32(b)]
        cuda.syncthreads()
        start = u32(start + u32(FEW))
    for a in range(FEW_ACROSS):
        for b in range(FEW_ACROSS):
            if row + u32(a) < d and column + u32(b) < d:
                piece_sums[u32(cuda.blockIdx.x), row + u32(a), column + u32(b)] = sums[a, b]


@cuda.jit
def _add_pieces(piece_sums, out):
    i = cuda.grid(1)
    if i < out.size:
        total = f64(0)
        for piece in range(piece_sums.shape[0]):
            total += piece_sums[piece, i]
        out[i] += total
