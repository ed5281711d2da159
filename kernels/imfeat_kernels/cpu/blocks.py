"""Normalizing overlapping blocks of cells.

A block v of values becomes v / (sum v), the square root of that, v / sqrt(sum v^2), or the latter
clipped at 0.2 and divided once more by its norm, each with a constant against division by 0.
"""

import numpy as np
from numba import njit

from imfeat_kernels.cpu.launch import launch

L1, L1_SQRT, L2, L2_HYS = 1, 2, 3, 4
CLIP = np.float32(0.2)
STRIP = 1 << 10  # blocks that are normalized side by side


def normalize_blocks(values, n_cells, offsets, norm, constants, out):
    """Gather the values of every block, and divide them by their norm.

    Parameters
    ----------
    values : (n,) float32
        Values at the positions of all images, row by row, for each value of a block; with room
        at the end for a block at the last position.
    n_cells : (2,) int64
        Rows and columns of positions of an image.
    offsets : (n_values,) int64
        Where in ``values`` each value of the block at the first position lies.
    norm : int
        L1, L1_SQRT, L2 or L2_HYS; any other copies.
    constants : (3,) float32
        What is added to a sum (of squares, for L2), to the norm that is divided by, and to the
        second norm of L2_HYS.
    out : (n_images, n_rows, n_cols, n_values) float32
    """
    n_rows = out.shape[0] * n_cells[0]
    rows_a_strip = max(1, STRIP // n_cells[1])
    n_strips = -(-n_rows // rows_a_strip)
    launch(_normalize_blocks, n_strips, values, n_cells, offsets, norm, constants, rows_a_strip, out, grain=4)


@njit(nogil=True, cache=True, error_model="numpy")
def _normalize_blocks(start, stop, values, n_cells, offsets, norm, constants, rows_a_strip, out):
    n_images, n_rows = out.shape[:2]
    height, width = n_cells
    total, factor = np.empty(rows_a_strip * width, np.float32), np.empty(rows_a_strip * width, np.float32)
    for item in range(start, stop):  # an item is a strip of rows of positions
        first = item * rows_a_strip
        last = min(first + rows_a_strip, n_images * height)
        # Where no block begins, values are computed too, which keeps the loops long.
        _block_factors(
            values, offsets + first * width, (last - first) * width, norm, constants, total, factor
        )
        for row in range(first, last):
            i, r = row // height, row % height
            if r < n_rows:
                _scale_row(
                    values, offsets, row * width, norm, factor, total, (row - first) * width, out[i, r]
                )


@njit(error_model="numpy")
def _block_factors(values, offsets, n, norm, constants, total, factor):
    """Compute what to multiply each block with, and (in total) again after clipping."""
    if norm not in (L1, L1_SQRT, L2, L2_HYS):
        factor[:] = 1
        return
    squared = norm == L2 or norm == L2_HYS
    total[:n] = constants[0]
    for offset in offsets:
        some = values[offset : offset + n]
        if squared:
            for f in range(n):
                total[f] += some[f] * some[f]
        else:
            for f in range(n):
                total[f] += some[f]
    for f in range(n):
        factor[f] = np.float32(1) / ((np.sqrt(total[f]) if squared else total[f]) + constants[1])
    if norm == L2_HYS:
        total[:n] = constants[0]
        for offset in offsets:
            some = values[offset : offset + n]
            for f in range(n):
                value = some[f] * factor[f]
                value = value if value < CLIP else CLIP
                total[f] += value * value
        for f in range(n):
            total[f] = np.float32(1) / (np.sqrt(total[f]) + constants[2])


@njit
def _scale_row(values, offsets, position, norm, factor, after, f, blocks):
    n_cols, n_values = blocks.shape
    for j in range(n_values):
        first = offsets[j] + position
        if norm == L2_HYS:
            for c in range(n_cols):
                value = values[first + c] * factor[f + c]
                blocks[c, j] = (value if value < CLIP else CLIP) * after[f + c]
        elif norm == L1_SQRT:
            for c in range(n_cols):
                blocks[c, j] = np.sqrt(values[first + c] * factor[f + c])
        else:
            for c in range(n_cols):
                blocks[c, j] = values[first + c] * factor[f + c]
