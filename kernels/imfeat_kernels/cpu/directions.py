"""Oriented gradients of cells for any number of directions, normalized four times.

`uoctti` computes the same for 9 orientations and votes for the nearest direction, faster.  Here the
directions are u_k = (cos, sin)(k pi / n) and their opposites u_{k+n} = -u_k.  A pixel votes with its
magnitude for the one with the largest product g . u_k, or shares its vote between the two that its angle
lies between; and in the four cells around it, with the weights of bilinear interpolation.

Rows of pixels between the centers of two rows of cells take these steps:

1. Load the rows.
2. Compute gradients, those of the strongest channel, and their magnitudes.
3. Find the nearest direction, or with shared votes both directions and their shares.
4. Add the votes of each column of pixels and direction, weighted for the two rows of cells.
5. Weight the columns for the cells at their left and right, and add them up.

Votes h_k, and their sums u_k = h_k + h_{k+n} for orientations, are normalized as ``uoctti`` describes.
The bodies are in ``_directions.py``.
"""

import numpy as np

from imfeat_kernels.cpu import _directions
from imfeat_kernels.cpu._directions import DALAL_TRIGGS, UOCTTI
from imfeat_kernels.cpu.launch import frozen, launch
from imfeat_kernels.tables import directions as directions

VARIANTS = {"uoctti": UOCTTI, "dalal-triggs": DALAL_TRIGGS}
ROWS = 1 << 14  # pixels that are worth a thread
CELLS = 1 << 10  # cells that are worth a thread


def direction_votes(images, cell_size, table, shared, out):
    """Sum the votes of pixels for the directions of every cell.

    Parameters
    ----------
    images : (n_images, height, width, n_channels) uint8, float32 or float64
        Any number of channels, in 0..255 or [0, 1]; a pixel takes the first with the largest gradient.
    cell_size : int
        Side of a square cell, in pixels.
    table : (n, 2) float32
        (cos, sin) of the directions up to a half turn.
    shared : bool
        Whether a pixel votes for two directions; n must be 2 or more then.
    out : (n_images, n_rows, n_cols, 2 n) float32
        Overwritten; the numbers of rows and columns are those of pixels, divided by ``cell_size`` and
        rounded.
    """
    n_images, n_rows = out.shape[:2]
    grain = max(1, ROWS // (cell_size * images.shape[2]))
    unit = np.float32(1 / 255 if images.dtype == np.uint8 else 1)
    launch(
        _directions.direction_votes,
        n_images * n_rows,
        frozen(images),
        cell_size,
        table,
        shared,
        unit,
        out,
        grain=grain,
    )


def normalize_directions(votes, variant, out):
    """Normalize the cells by the four squares of 2 x 2 cells around them.

    Parameters
    ----------
    votes : (n_images, n_rows, n_cols, 2 n) float32
    variant : int
        UOCTTI or DALAL_TRIGGS.
    out : (n_images, n_rows, n_cols, 3 n + 4 or 4 n) float32
        For UOCTTI the sums of the normalized directions and orientations over the squares, halved, and the
        texture of each square; for DALAL_TRIGGS the orientations by each square.
    """
    n_images, n_rows, n_cols, _ = votes.shape
    grain = max(1, CELLS // n_cols)
    launch(_directions.normalize_directions, n_images * n_rows, votes, variant, out, grain=grain)
