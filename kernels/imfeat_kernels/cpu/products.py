"""Products of vectors and filters, on the threads of the pool, and of the dimensions of vectors, by BLAS.

A product with filters by BLAS is as fast, but its threads spin for a tenth of a second afterwards and slow
down the kernels that follow.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import launch
from imfeat_kernels.cpu.tile import BLOCK_COLS, BLOCK_ROWS, multiply, panels

TILE = 48  # vectors that stay in the nearest cache
PRODUCTS = 1 << 20  # multiplications that are worth a thread


def multiply_by_filters(vectors, center, filters, out):
    """Multiply each vector, less a center, by each filter.

    Parameters
    ----------
    vectors : (n, d) float32
    center : (d,) float32
        Subtracted from vectors first.
    filters : (n_filters, d) float32
    out : (n, n_filters) float32
        Overwritten.
    """
    grain = max(1, PRODUCTS // max(1, TILE * filters.size))
    n_tiles = -(-len(vectors) // TILE)
    launch(_multiply_by_filters, n_tiles, vectors, center, panels(filters), out, grain=grain)


def scatter(vectors, center, out):
    """Sum the products of all pairs of dimensions over vectors, less a center.

    Parameters
    ----------
    vectors : (n, d) float32
    center : (d,) float64
        Subtracted from vectors first; on a GPU rounded to float32.
    out : (d, d) float64
        Overwritten.
    """
    centered = vectors - center
    np.matmul(centered.T, centered, out=out)


@njit(nogil=True, cache=True)
def _multiply_by_filters(start, stop, vectors, center, table, out):
    d = np.uint64(vectors.shape[1])
    tile = np.zeros((TILE, vectors.shape[1]), np.float32)
    products = np.zeros((TILE, BLOCK_COLS), np.float32)
    for item in range(start, stop):  # an item is a tile of vectors
        first = item * TILE
        count = min(TILE, len(vectors) - first)
        for i in range(count):
            for j in range(d):
                tile[i, j] = vectors[first + i, j] - center[j]
        for panel in range(len(table)):
            for i in range(0, count, BLOCK_ROWS):
                multiply(tile, i, table, panel, products, i, 0)
            column = np.uint64(panel * BLOCK_COLS)
            for i in range(count):
                for c in range(np.uint64(min(BLOCK_COLS, out.shape[1] - panel * BLOCK_COLS))):
                    out[first + i, column + c] = products[i, c]
