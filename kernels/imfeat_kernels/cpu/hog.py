"""Histograms of oriented gradients.

A pixel with gradient (gy, gx) votes with its magnitude sqrt(gy^2 + gx^2) for the bin of its angle
atan2(gy, gx), taken modulo a half or a full turn.

`cell_histograms` takes these steps for the rows of pixels of a row of cells:

1. Load the rows of several images, or of pieces of one, side by side.
2. Compute gradients, those of the strongest channel.
3. Turn gradients of the lower half circle by a half turn.
4. For each edge between bins, sum the magnitudes of the gradients whose angles have passed it, in each
   column of pixels.  No angle is computed: a gradient has passed the edge at angle a if
   gy cos(a) >= gx sin(a).
5. Subtract sums of neighbouring edges, which gives the bins.
6. Add up the columns of each cell.

`block_histograms` interpolates between bins and between cells.  It replaces steps 3 to 6:

3. Compute the position of each angle between the centers of bins.
4. Add the votes of a row, weighted for the two rows of cells that it lies between, in each column.
5. Weight the columns for each column of cells, and add up those of each cell.

Both are loops without branches or scattered writes.  The bodies are in ``_hog.py``.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from numba import njit

from imfeat_kernels.cpu import _hog
from imfeat_kernels.cpu.launch import launch
from imfeat_kernels.tables import bin_edges as bin_edges
from imfeat_kernels.tables import block_weights as block_weights

ROWS = 1 << 14  # pixels that are worth a thread
WIDTH = 320  # pixels side by side whose results stay in the nearest cache


class Layout(NamedTuple):
    """How rows of images are laid side by side, so that loops are long but not too long.

    A slot holds a small image, or a piece of a large one.  Its size is a multiple of the cell size; small
    images have one cell more for the pixels that make no cell.
    """

    step: int  # columns of results of a piece
    n_pieces: int  # pieces of an image
    slot: int  # pixels of a slot
    n_slots: int  # slots side by side


def cell_histograms(images, cell_size, edges, n_lower, mirrors, out):
    """Histogram the orientations of the gradients in every cell, without interpolation.

    Parameters
    ----------
    images : (n_images, height, width, n_channels) uint8, float32 or float64
        1 or 3 channels; of three, a pixel takes the one with the largest gradient.
    cell_size : int
        Side of a square cell, in pixels.
    edges : (n_bins, 2) float32 or float64
        Multiples of (cos a, sin a) for the lower edges a of the bins, of positive factors, for
        a below a half turn; after these, for full turns, a less a half turn for the others.  The
        dtype is the type to compute in.
    n_lower : int
        Number of edges below a half turn: all of them for unsigned gradients.
    mirrors : (n, 2) int64
        All edges but 0, those below a half turn first, each with the edge at a half turn less its
        angle, which has the negative cosine and the same sine.  Edges without such a mirror, and
        one entry if their number is odd, have n_bins + 2 instead.
    out : (n_bins, n_images, n_rows, n_cols) float32
        Overwritten with the sums of magnitudes, divided by the number of pixels of a cell.
    """
    _, n_images, n_rows, n_cols = out.shape
    if images.dtype == np.float64:
        grain = max(1, ROWS // (cell_size * images.shape[2]))
        launch(_cell_histograms_by_angle, n_images * n_rows, images, cell_size, n_lower, out, grain=grain)
        return
    layout = _layout(cell_size, n_cols, 0, n_images, images.shape[2])
    n_items, grain = _items(layout, n_rows, cell_size, n_images)
    inputs = images, cell_size, edges, n_lower, mirrors
    launch(_hog.cell_histograms, n_items, *inputs, *layout, out, grain=grain)


def block_histograms(images, cell_size, weights, turns, out):
    """Histogram the orientations in the cells of every block, with trilinear interpolation.

    Parameters
    ----------
    images : (n_images, height, width, n_channels) uint8, float32 or float64
    cell_size : int
        Side of a square cell, in pixels.
    weights : (block_size, block_size * cell_size) float32
        Weight of each row (and column) of pixels of a block for each row (and column) of cells.
    turns : int
        Bins of a full turn: the number of bins for signed gradients, else twice that.
    out : (block_size, block_size, n_bins, n_images, n_rows, n_cols) float32
        Overwritten with weighted sums of magnitudes.
    """
    block_size, _, _, n_images, n_rows, n_cols = out.shape
    layout = _layout(cell_size, n_cols, block_size - 1, n_images, images.shape[2])
    n_items, grain = _items(layout, n_rows, 4 * weights.shape[1], n_images)
    launch(_hog.block_histograms, n_items, images, cell_size, weights, turns, *layout, out, grain=grain)


@functools.lru_cache(256)
def _layout(cell_size, n_cols, n_more, n_images, width):
    """Return the `Layout` for ``n_cols`` columns of results, which need ``n_more`` cells more."""
    slot = (n_cols + n_more) * cell_size
    slot += cell_size if width > slot else 0
    if slot <= WIDTH:
        return Layout(n_cols, 1, slot, max(1, min(n_images, WIDTH // slot)))
    steps = [max(1, n // cell_size - n_more) for n in range(WIDTH, WIDTH // 2, -64)]
    step = min(steps, key=lambda step: -(-n_cols // step) * _hog.padded.py_func((step + n_more) * cell_size))
    return Layout(step, -(-n_cols // step), (step + n_more) * cell_size, 1)


def _items(layout, n_rows, height, n_images):
    """Return the number of items, each a row of results of some slots, and how many are worth a thread."""
    n_groups = -(-n_images * layout.n_pieces // layout.n_slots)
    return n_groups * n_rows, max(1, ROWS // (height * layout.n_slots * layout.slot))


@njit(nogil=True, cache=True)
def _cell_histograms_by_angle(start, stop, images, cell_size, n_lower, out):
    """Vote one by one, with angles computed as scikit-image computes them.

    In float64 images made from bytes, rounding decides on which side of 45 degrees a gradient lies, so
    the same numbers need the same rounding.  An angle just below 0 is rounded to 180 degrees, past all bins.
    """
    n_bins, _, n_rows, n_cols = out.shape
    height, width, n_channels = images.shape[1:]
    turn_size = 180.0 if n_lower == n_bins else 360.0
    bin_size = turn_size / n_bins
    for item in range(start, stop):  # an item is a row of cells
        i, r = item // n_rows, item % n_rows
        image = images[i]
        cells = out[:, i, r]
        cells[:] = 0
        for y in range(r * cell_size, (r + 1) * cell_size):
            for x in range(n_cols * cell_size):
                best = -1.0
                dy = 0.0
                dx = 0.0
                for c in range(n_channels):
                    v = image[y + 1, x, c] - image[y - 1, x, c] if 0 < y < height - 1 else 0.0
                    h = image[y, x + 1, c] - image[y, x - 1, c] if 0 < x < width - 1 else 0.0
                    size = math.hypot(v, h)
                    if size > best:
                        best = size
                        dy = v
                        dx = h
                angle = (math.atan2(dy, dx) * (180.0 / math.pi)) % turn_size
                b = min(int(angle / bin_size), n_bins - 1)
                b -= angle < bin_size * b
                b += b + 1 < n_bins and angle >= bin_size * (b + 1)
                if angle < 180.0 or n_lower < n_bins:
                    cells[b, x // cell_size] += best / (cell_size * cell_size)
