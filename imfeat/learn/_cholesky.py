"""Sums of products and Cholesky factors of large symmetric matrices, computed in blocks.

One array holds both: the matrix A in the upper triangle, with its diagonal in a separate vector, and
its factor L in the lower triangle.  A thus survives the factorization.  LAPACK would do the same, but
its threaded routines in OpenBLAS 0.3 overrun their buffers at some tens of thousands of rows.
"""

from collections.abc import Callable

import numpy as np

from imfeat._backend import Array

BLOCK = 1024  # columns of a matrix product


def blocks(start: int, stop: int) -> list[slice]:
    """Divide a range into blocks."""
    return [slice(first, min(first + BLOCK, stop)) for first in range(start, stop, BLOCK)]


def add_products(matrix: Array, rows: Array) -> None:
    """Add the products of rows (n, d) to the upper triangle of a matrix (n, n)."""
    buffer = np.empty(min(BLOCK, len(matrix)) * len(matrix), matrix.dtype)
    for block in blocks(0, len(matrix)):
        block_row = matrix[block, block.start :]
        products = buffer[: block_row.size].reshape(block_row.shape)
        block_row += np.matmul(rows[block], rows[block.start :].T, out=products)


def unchanged(rows: slice, cols: slice, block: Array) -> Array:
    """Return a block of a matrix that is factorized as it is."""
    return block


def factorize(
    matrix: Array,
    diagonal: Array,
    first: int,
    last: int,
    entries: Callable[[slice, slice, Array], Array] = unchanged,
) -> None:
    """Write rows ``first`` to ``last - 1`` of L, given the rows before them.

    Parameters
    ----------
    matrix : array of shape (n, n), float32 or float64
        Above the diagonal, what ``entries`` makes A of; L below it.
    diagonal : array of shape (n,), dtype of ``matrix``
        Diagonal of A.
    entries : function of (rows, cols, block)
        Returns A for these rows and columns, given the block of the matrix, which it may overwrite.  Where
        ``rows`` and ``cols`` are equal, the diagonal of the block is 0, and that of the result is added to
        ``diagonal``.

    Raises
    ------
    numpy.linalg.LinAlgError
        If A is not positive definite.
    """
    for block in blocks(0, first) + blocks(first, last):
        below = slice(max(block.stop, first), last)
        if block.start >= first:
            square = np.triu(matrix[block, block], 1)
            square = entries(block, block, square + square.T)
            square[np.diag_indices(len(square))] += diagonal[block]
            square -= matrix[block, : block.start] @ matrix[block, : block.start].T
            corner = np.linalg.cholesky(square)
            np.copyto(matrix[block, block], corner, where=np.tri(len(corner), dtype=bool))
        corner = np.tril(matrix[block, block])
        panel = entries(below, block, matrix[block, below].T.copy())
        panel -= matrix[below, : block.start] @ matrix[block, : block.start].T
        matrix[below, block] = panel @ np.linalg.inv(corner).T


def substitute(matrix: Array, right: Array) -> Array:
    """Return the solution X (m, k) of L L^T X = right for the first m = ``len(right)`` rows of L."""
    solution = right.copy()
    n = len(right)
    for block in blocks(0, n):
        solution[block] -= matrix[block, : block.start] @ solution[: block.start]
        solution[block] = np.linalg.solve(np.tril(matrix[block, block]), solution[block])
    for block in reversed(blocks(0, n)):
        solution[block] -= matrix[block.stop : n, block].T @ solution[block.stop :]
        solution[block] = np.linalg.solve(np.tril(matrix[block, block]).T, solution[block])
    return solution
