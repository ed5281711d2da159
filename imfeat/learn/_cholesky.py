"""Sums of products and Cholesky factors, large symmetric matrices, block by block in one array.

The matrix lies in the upper triangle, its diagonal beside it, and the factor L is written into the
lower one: so there is one array, and the matrix outlives the factor.  It is what LAPACK does, whose
threaded routines overrun their buffers at some tens of thousands of rows in OpenBLAS 0.3.
"""

from collections.abc import Callable

import numpy as np

from imfeat._backend import Array

BLOCK = 1024  # columns of a matrix product


def blocks(first: int, last: int) -> list[slice]:
    """Cut a range into blocks."""
    return [slice(start, min(start + BLOCK, last)) for start in range(first, last, BLOCK)]


def add_products(matrix: Array, rows: Array) -> None:
    """Add the products of rows (n, d) to the upper triangle of a matrix (n, n)."""
    parts = blocks(0, len(matrix))
    room = np.empty(sum(part.stop - part.start for part in parts[:1]) * len(matrix), np.float32)
    for block in parts:
        part = matrix[block, block.start :]
        part += np.matmul(rows[block], rows[block.start :].T, out=room[: part.size].reshape(part.shape))


def nothing(rows: slice, cols: slice) -> float:
    """Return what is taken from a matrix that is meant as it stands."""
    return 0.0


def factorize(
    matrix: Array,
    diagonal: Array,
    first: int,
    last: int,
    correction: Callable[[slice, slice], Array | float] = nothing,
) -> None:
    """Write rows ``first`` to ``last - 1`` of L, where those before are there already.

    Parameters
    ----------
    matrix : array of shape (n, n), float32
        Above its diagonal a matrix A, below it L.
    diagonal : array of shape (n,), float32
        Of A.
    correction : function of (rows, cols)
        What is to be subtracted from these rows and columns of A.

    Raises
    ------
    numpy.linalg.LinAlgError
        If A is not positive definite.
    """
    for block in blocks(0, first) + blocks(first, last):
        rest = slice(max(block.stop, first), last)
        if block.start >= first:
            square = np.triu(matrix[block, block], 1)
            square = square + square.T - correction(block, block)
            square[np.diag_indices(len(square))] += diagonal[block]
            square -= matrix[block, : block.start] @ matrix[block, : block.start].T
            corner = np.linalg.cholesky(square)
            np.copyto(matrix[block, block], corner, where=np.tri(len(corner), dtype=bool))
        corner = np.tril(matrix[block, block])
        column = matrix[block, rest].T - correction(rest, block)
        column -= matrix[rest, : block.start] @ matrix[block, : block.start].T
        matrix[rest, block] = column @ np.linalg.inv(corner).T


def substitute(matrix: Array, right: Array) -> Array:
    """Return the solution X (m, k) of L L^T X = right, of the first m rows of L, as many as ``right`` has."""
    out, n = right.copy(), len(right)
    for block in blocks(0, n):
        out[block] -= matrix[block, : block.start] @ out[: block.start]
        out[block] = np.linalg.solve(np.tril(matrix[block, block]), out[block])
    for block in reversed(blocks(0, n)):
        out[block] -= matrix[block.stop : n, block].T @ out[block.stop :]
        out[block] = np.linalg.solve(np.tril(matrix[block, block]).T, out[block])
    return out
