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

`block_histograms` interpolates between bins and between cells.  It replaces steps 3 to 6, once for all rows
of blocks that a row of pixels lies in:

3. Compute the position of each angle between the centers of bins.
4. Add the votes of a row, weighted for the rows of cells of all blocks that it lies between, in each column.
5. Weight the columns for each column of cells, and add up those of each cell.

Both are loops without branches or scattered writes.  The bodies are in ``_hog.py``.
"""

import functools
import math
from typing import NamedTuple

import numpy as np

from imfeat_kernels.cpu import _hog
from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import launch
from imfeat_kernels.tables import bin_edges as bin_edges
from imfeat_kernels.tables import block_weights as block_weights

ROWS = 1 << 14  # pixels that are worth a thread
WIDTH = 320  # pixels side by side whose results stay in the nearest cache
WIDTH_OF_BLOCKS = 640  # with interpolation, where only a few of the results are needed at a time


class Layout(NamedTuple):
    """How rows of images are laid side by side, so that loops are long but not too long.

    A slot holds a small image, or a piece of a large one.  Its size is a multiple of that of a cell; small
    images have one cell more for the pixels that make no cell.
    """

    step: int  # columns of results of a piece
    shift: int  # pixels from one piece to the next
    n_pieces: int  # pieces of an image
    slot: int  # pixels of a slot
    n_slots: int  # slots side by side


def cell_histograms(images, mask, corner, cell_size, edges, n_lower, mirrors, out):
    """Histogram the orientations of the gradients in every cell, without interpolation.

    Parameters
    ----------
    images : (n_images, height, width, n_channels) uint8, float32 or float64
        Any number of channels; a pixel takes the one with the largest gradient.
    mask : (n_images, height, width) bool
        Pixels that vote; a mask of size 0 means all of them.
    corner : (int, int)
        Row and column of the pixel where the first cell begins.
    cell_size : (int, int)
        Height and width of a cell, in pixels.
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
    n_images, n_rows = out.shape[1:3]
    inputs = images, mask, corner, cell_size
    if images.dtype.type is np.float64:
        grain = max(1, ROWS // (cell_size[0] * images.shape[2]))
        launch(_cell_histograms_by_angle, n_images * n_rows, *inputs, n_lower, out, grain=grain)
        return
    width = images.shape[2] - corner[1]
    place = cell_size[1], 1, cell_size[1], width, corner[1] > 0
    n_items, grain, layout = _plan(out.shape[1:], *place, cell_size[0], WIDTH)
    inputs = *inputs, edges, n_lower, mirrors
    launch(_hog.cell_histograms, n_items, *inputs, *layout, out, grain=grain)


def block_histograms(images, mask, corner, cell_size, stride, row_weights, col_weights, turns, out):
    """Histogram the orientations in the cells of every block, with trilinear interpolation.

    Parameters
    ----------
    images : (n_images, height, width, n_channels) uint8, float32 or float64
    mask : (n_images, height, width) bool
        Pixels that vote; a mask of size 0 means all of them.
    corner : (int, int)
        Row and column of the pixel where the first block begins.
    cell_size : (int, int)
        Height and width of a cell, in pixels.
    stride : (int, int)
        Rows and columns of pixels from one block to the next.
    row_weights : (block_rows, block_rows * cell_size[0]) float32
        Weight of each row of pixels of a block for each row of cells.
    col_weights : (block_cols, block_cols * cell_size[1]) float32
        Weight of each column of pixels of a block for each column of cells.
    turns : int
        Bins of a full turn: the number of bins for signed gradients, else twice that.
    out : (block_rows, block_cols, n_bins, n_images, n_rows, n_cols) float32
        Overwritten with weighted sums of magnitudes.
    """
    place = cell_size[1], out.shape[1], stride[1], images.shape[2] - corner[1], corner[1] > 0
    n_items, grain, layout = _plan(out.shape[3:], *place, 4 * row_weights.shape[1], WIDTH_OF_BLOCKS)
    inputs = images, mask, corner, cell_size, stride, row_weights, col_weights, turns
    launch(_hog.block_histograms, n_items, *inputs, *layout, out, grain=grain)


@functools.lru_cache(256)
def _plan(shape, cell_width, n_cells, stride, width, is_inside, height, most):
    """Return the number of items, each a row of results of some slots, how many a thread takes, and `Layout`.

    Parameters
    ----------
    shape : (n_images, n_rows, n_cols)
        Of the results.
    cell_width, n_cells, stride : int
        Columns of pixels of a cell, of cells of a result, and of pixels from one result to the next.
    width : int
        Columns of pixels from the first one that is used.
    is_inside : bool
        Whether that one has a neighbour at its left.
    height : int
        Rows of pixels that an item is worth.
    most : int
        Pixels side by side.
    """
    n_images, n_rows, n_cols = shape
    layout = _layout(n_cols, cell_width, n_cells, stride, n_images, width, is_inside, most)
    n_groups = -(-n_images * layout.n_pieces // layout.n_slots)
    return n_groups * n_rows, max(1, ROWS // (height * layout.n_slots * layout.slot)), layout


def _layout(n_cols, cell_width, n_cells, stride, n_images, width, is_inside, most):
    slot = _whole_cells(n_cols, cell_width, n_cells, stride)
    # More columns hold the right neighbour of the last one, and the left one of the first of the next slot.
    slot += cell_width if is_inside or width > slot else 0
    slot += cell_width if is_inside and cell_width == 1 else 0
    if slot <= most:
        return Layout(n_cols, n_cols * stride, 1, slot, max(1, min(n_images, most // slot)))
    steps = [max(1, (n - n_cells * cell_width) // stride + 1) for n in range(most, most // 2, -64)]
    sizes = {step: _whole_cells(step, cell_width, n_cells, stride) for step in steps}
    step = min(steps, key=lambda step: -(-n_cols // step) * _hog.padded.py_func(sizes[step]))
    return Layout(step, step * stride, -(-n_cols // step), sizes[step], 1)


def _whole_cells(n_cols, cell_width, n_cells, stride):
    """Return the columns of pixels of results, rounded up to whole cells."""
    return -(-((n_cols - 1) * stride + n_cells * cell_width) // cell_width) * cell_width


@njit(nogil=True, cache=True)
def _cell_histograms_by_angle(start, stop, images, mask, corner, cell_size, n_lower, out):
    """Vote one by one, with angles computed as scikit-image computes them.

    In float64 images made from bytes, rounding decides on which side of 45 degrees a gradient lies, so
    the same numbers need the same rounding.  An angle just below 0 is rounded to 180 degrees, past all bins.
    """
    n_bins, _, n_rows, n_cols = out.shape
    height, width, n_channels = images.shape[1:]
    cell_height, cell_width = cell_size
    top, left = corner
    turn_size = 180.0 if n_lower == n_bins else 360.0
    bin_size = turn_size / n_bins
    for item in range(start, stop):  # an item is a row of cells
        i, r = item // n_rows, item % n_rows
        image = images[i]
        cells = out[:, i, r]
        cells[:] = 0
        for y in range(top + r * cell_height, top + (r + 1) * cell_height):
            for x in range(left, left + n_cols * cell_width):
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
                # The remainder of an angle from -180 to 180 degrees, rounded as by %, which is slow.
                angle = math.atan2(dy, dx) * (180.0 / math.pi)
                if angle < 0.0:
                    angle += turn_size
                elif angle >= turn_size:
                    angle -= turn_size
                b = min(int(angle / bin_size), n_bins - 1)
                b -= angle < bin_size * b
                b += b + 1 < n_bins and angle >= bin_size * (b + 1)
                votes = mask.size == 0 or mask[i, y, x]
                if votes and (angle < 180.0 or n_lower < n_bins):
                    cells[b, (x - left) // cell_width] += best / (cell_height * cell_width)
