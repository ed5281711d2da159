"""Histograms of oriented gradients.

A pixel with gradient (gy, gx) votes with its magnitude sqrt(gy^2 + gx^2) for the bin of its angle
atan2(gy, gx), taken modulo a half or a full turn.  No angle is computed: it has passed the edge a
of a bin where gy cos(a) >= gx sin(a).  For each edge the magnitudes past it are summed, and a bin
is the difference of two neighbouring sums: loops without branches or scattered writes.
"""

import math

import numpy as np
from numba import njit

from imfeat_kernels.cpu.launch import launch

ROWS = 1 << 14  # pixels that are worth a thread
WIDTH = 1024  # pixels of images side by side
SLACK = np.float32(1 + 1e-5)  # how much stronger a later channel must be, beyond rounding


def cell_histograms(images, cell_size, edges, n_lower, out):
    """Histogram the orientations of the gradients in every cell, without interpolation.

    Parameters
    ----------
    images : (n_images, height, width, n_channels) uint8, float32 or float64
        1 or 3 channels; of three, a pixel takes the one with the largest gradient.
    cell_size : int
        In pixels.
    edges : (n_bins, 2) float32 or float64
        Multiples of (cos a, sin a) for the lower edges a of the bins, of positive factors, for
        a below a half turn; after these, for full turns, a less a half turn for the others.  The
        type is the one to compute in.
    n_lower : int
        How many of the edges lie below a half turn; as many as there are for unsigned gradients.
    out : (n_bins, n_images, n_rows, n_cols) float32
        Overwritten with the sums of magnitudes, divided by the number of pixels of a cell.
    """
    _, n_images, n_rows, n_cols = out.shape
    grain = max(1, ROWS // (cell_size * images.shape[2]))
    if images.dtype == np.float64:
        launch(_cell_histograms_by_angle, n_images * n_rows, images, cell_size, n_lower, out, grain=grain)
        return
    slot, n_slots = _slots(cell_size, n_cols, images)
    n_items = -(-n_images // n_slots) * n_rows
    grain = -(-grain // n_slots)
    launch(_cell_histograms, n_items, images, cell_size, edges, n_lower, slot, n_slots, out, grain=grain)


def block_histograms(images, cell_size, weights, turns, out):
    """Histogram the orientations in the cells of every block, with trilinear interpolation.

    Parameters
    ----------
    images : (n_images, height, width, n_channels) uint8, float32 or float64
    cell_size : int
        In pixels.
    weights : (block_size, block_size * cell_size) float32
        Weight of each row (and column) of pixels of a block for each row (and column) of cells.
    turns : int
        Bins of a full turn: the number of bins for signed gradients, else twice that.
    out : (block_size, block_size, n_bins, n_images, n_rows, n_cols) float32
        Overwritten with weighted sums of magnitudes.
    """
    block_size, _, _, n_images, n_rows, n_cols = out.shape
    slot, n_slots = _slots(cell_size, n_cols + block_size - 1, images)
    n_items = -(-n_images // n_slots) * n_rows
    grain = max(1, ROWS // (8 * weights.shape[1] * n_slots * slot))
    launch(_block_histograms, n_items, images, cell_size, weights, turns, slot, n_slots, out, grain=grain)


def _slots(cell_size, n_cols, images):
    """Return how wide a slot for an image is, in pixels, and how many lie side by side.

    Rows of small images are laid side by side, so that loops are long.  A slot is a multiple of a
    cell, with one cell more for the pixels left over.
    """
    slot = n_cols * cell_size + (cell_size if images.shape[2] > n_cols * cell_size else 0)
    return slot, max(1, min(len(images), WIDTH // slot))


@njit
def padded(n):
    """Return an odd multiple of 64 that is at least n.

    A loop of that length has no remainder to do one by one, and rows of that length don't
    compete for the same lines of the cache.
    """
    return (n + 63) // 64 // 2 * 128 + 64


# A literal like 0 would be an integer, and the arithmetic around it float64: hence dtype.type(0).
# Helpers get whole arrays and the rows to work on: a slice costs a reference count, which is atomic.


@njit(nogil=True, cache=True)
def _cell_histograms(start, stop, images, cell_size, edges, n_lower, slot, n_slots, out):
    n_bins, n_images, n_rows, n_cols = out.shape
    n_cells = n_slots * slot // cell_size
    width = padded(n_slots * slot)
    rows = np.zeros((images.shape[3], cell_size + 2, width + 64), edges.dtype)
    gy, gx = np.zeros((2, width), edges.dtype), np.zeros((2, width), edges.dtype)
    upper, lower = np.zeros((2, width), edges.dtype), np.zeros((2, width), edges.dtype)
    # After the sums for each edge one for all of the lower half, and one to throw away.
    past = np.empty((n_bins + 2, width), edges.dtype)
    sums, pairs = np.empty(width, edges.dtype), np.empty(width, edges.dtype)
    cells = np.empty((n_bins, n_cells), np.float32)
    inner = _inner_columns(images, slot, rows)
    by_square = images.dtype.type(0.5) == 0  # squares of differences of bytes are exact
    for item in range(start, stop):  # an item is a row of cells of some images
        first, r = item // n_rows * n_slots, item % n_rows
        last = min(first + n_slots, n_images)
        _load_rows(images, first, last, r * cell_size - 1, slot, rows)
        past[:] = 0
        for y in range(0, cell_size, 2):  # two rows of pixels at a time touch the sums half as often
            for k in range(2):
                if y + k < cell_size:
                    _gradients(rows, y + k, inner, by_square, np.float32(1), k, gy, gx)
                    _fold(k, gy, gx, upper, lower, n_lower < n_bins)
                else:
                    upper[k], lower[k] = 0, 0
            _add_all(upper, 0, past)  # every angle of the upper half has passed the first edge
            for b in range(1, n_lower, 2):
                _add_past(gy, gx, upper, edges, b, b + 1 if b + 1 < n_lower else n_bins + 1, past)
            for b in range(n_lower, n_bins, 2):
                _add_past(gy, gx, lower, edges, b, b + 1 if b + 1 < n_bins else n_bins + 1, past)
            if n_lower < n_bins:
                _add_all(lower, n_bins, past)
        _sum_cells(past, n_lower, cell_size, sums, pairs, cells)
        for b in range(n_bins):
            for i in range(first, last):
                for c in range(n_cols):
                    out[b, i, r, c] = cells[b, (i - first) * (slot // cell_size) + c]


@njit
def _load_rows(images, first, last, top, slot, rows):
    """Copy rows of images, channel by channel, from the second place of a row on.

    Above and below an image lies its mirror image, so that a gradient across the border is 0.
    """
    height, width, n_channels = images.shape[1:]
    for k in range(rows.shape[1]):
        y = abs(top + k)
        y = max(2 * height - 2 - y, 0) if y >= height else y
        for i in range(first, last):
            left = (i - first) * slot + 1
            for c in range(n_channels):
                if n_channels == 1:
                    for x in range(min(slot, width)):
                        rows[0, k, left + x] = images[i, y, x, 0]
                else:
                    for x in range(min(slot, width)):
                        rows[c, k, left + x] = images[i, y, x, c]


@njit
def _inner_columns(images, slot, rows):
    """Return 1 for each column of pixels, but 0 for the first and the last of an image."""
    inner = np.ones(rows.shape[2] - 64, rows.dtype)
    for left in range(0, len(inner) - slot + 1, slot):
        inner[left] = 0
        inner[left + images.shape[2] - 1] = 0
    return inner


@njit
def _gradients(rows, y, inner, by_square, slack, k, gy, gx):
    """Compute gradients along the row after row y into row k, each of its strongest channel."""
    n = len(inner)
    for x in range(n):
        gy[k, x] = rows[0, y + 2, x + 1] - rows[0, y, x + 1]
        gx[k, x] = (rows[0, y + 1, x + 2] - rows[0, y + 1, x]) * inner[x]
    for c in range(1, rows.shape[0]):
        if by_square:
            for x in range(n):
                dy = rows[c, y + 2, x + 1] - rows[c, y, x + 1]
                dx = (rows[c, y + 1, x + 2] - rows[c, y + 1, x]) * inner[x]
                y0, x0 = gy[k, x], gx[k, x]
                stronger = dy * dy + dx * dx > (y0 * y0 + x0 * x0) * slack
                gy[k, x] = dy if stronger else y0
                gx[k, x] = dx if stronger else x0
        else:
            for x in range(n):
                dy = rows[c, y + 2, x + 1] - rows[c, y, x + 1]
                dx = (rows[c, y + 1, x + 2] - rows[c, y + 1, x]) * inner[x]
                y0, x0 = gy[k, x], gx[k, x]
                stronger = magnitude_of(dy, dx) > magnitude_of(y0, x0)
                gy[k, x] = dy if stronger else y0
                gx[k, x] = dx if stronger else x0


@njit
def magnitude_of(dy, dx):
    """Return the correctly rounded magnitude, by which equals are told from almost equals."""
    return np.float32(np.sqrt(np.float64(dy) * np.float64(dy) + np.float64(dx) * np.float64(dx)))


@njit
def _fold(k, gy, gx, upper, lower, signed):
    """Turn gradients of the lower half circle by a half turn; tell the magnitudes of both halves."""
    zero = gx.dtype.type(0)
    for x in range(gx.shape[1]):
        dy, dx = gy[k, x], gx[k, x]
        size = np.sqrt(dy * dy + dx * dx)
        turned = (dy < 0) | ((dy == 0) & (dx < 0))
        gy[k, x] = -dy if turned else dy
        gx[k, x] = -dx if turned else dx
        upper[k, x] = size if not (turned and signed) else zero
        lower[k, x] = size if turned and signed else zero


@njit
def _add_past(gy, gx, sizes, edges, b, following, past):
    """Add the magnitudes of two rows that have passed edge b, and those that have passed the next.

    Two edges at a time, because reading and writing takes longer than computing.
    """
    cos, sin = edges[b, 0], edges[b, 1]
    after = min(b + 1, len(edges) - 1)
    next_cos, next_sin = edges[after, 0], edges[after, 1]
    none = past.dtype.type(0)
    for x in range(past.shape[1]):
        # Sizes are read before they are chosen, so that the choices are no branches.
        y0, x0, s0, y1, x1, s1 = gy[0, x], gx[0, x], sizes[0, x], gy[1, x], gx[1, x], sizes[1, x]
        some = s0 if y0 * cos >= x0 * sin else none
        past[b, x] += some + (s1 if y1 * cos >= x1 * sin else none)
        some = s0 if y0 * next_cos >= x0 * next_sin else none
        past[following, x] += some + (s1 if y1 * next_cos >= x1 * next_sin else none)


@njit
def _add_all(sizes, b, past):
    for x in range(past.shape[1]):
        past[b, x] += sizes[0, x] + sizes[1, x]


@njit(error_model="numpy")
def _sum_cells(past, n_lower, cell_size, sums, pairs, cells):
    """Turn sums past the edges into bins, and add up the columns of each cell."""
    n_bins = len(cells)
    width = past.shape[1]
    area = past.dtype.type(cell_size * cell_size)
    for b in range(n_bins):
        if b == n_bins - 1:
            for x in range(width):
                sums[x] = past[b, x] / area
        elif b == n_lower - 1:  # with an odd number of bins, this one reaches into the lower half
            for x in range(width):
                sums[x] = (past[b, x] + (past[n_bins, x] - past[b + 1, x])) / area
        else:
            for x in range(width):
                sums[x] = (past[b, x] - past[b + 1, x]) / area
        _sum_groups(sums, pairs, cell_size, b, cells)


@njit
def _sum_groups(sums, pairs, size, b, cells):
    """Add up each ``size`` neighbours, halving their number while it is even."""
    n = len(sums)
    while size % 2 == 0:
        size, n = size // 2, n // 2
        for x in range(n):
            pairs[x] = sums[2 * x] + sums[2 * x + 1]
        for x in range(n):
            sums[x] = pairs[x]
    for c in range(cells.shape[1]):
        value = sums[c * size]
        for x in range(c * size + 1, (c + 1) * size):
            value += sums[x]
        cells[b, c] = value


@njit(nogil=True, cache=True)
def _cell_histograms_by_angle(start, stop, images, cell_size, n_lower, out):
    """Vote one by one, with angles computed as scikit-image computes them.

    In float64 images made from bytes, rounding decides on which side of 45 degrees a gradient
    lies; who wants the same numbers has to round in the same way.
    """
    n_bins, _, n_rows, n_cols = out.shape
    height, width, n_channels = images.shape[1:]
    turn_size = 180.0 if n_lower == n_bins else 360.0
    for item in range(start, stop):  # an item is a row of cells
        i, r = item // n_rows, item % n_rows
        image, cells = images[i], out[:, i, r]
        cells[:] = 0
        for y in range(r * cell_size, (r + 1) * cell_size):
            for x in range(n_cols * cell_size):
                best, dy, dx = -1.0, 0.0, 0.0
                for c in range(n_channels):
                    v = image[y + 1, x, c] - image[y - 1, x, c] if 0 < y < height - 1 else 0.0
                    h = image[y, x + 1, c] - image[y, x - 1, c] if 0 < x < width - 1 else 0.0
                    size = math.hypot(v, h)
                    if size > best:
                        best, dy, dx = size, v, h
                angle = (math.atan2(dy, dx) * (180.0 / math.pi)) % turn_size
                b = min(int(angle / (turn_size / n_bins)), n_bins - 1)
                b -= angle < turn_size / n_bins * b
                cells[b, x // cell_size] += best / (cell_size * cell_size)


@njit(nogil=True, cache=True)
def _block_histograms(start, stop, images, cell_size, weights, turns, slot, n_slots, out):
    block_size, _, n_bins, n_images, n_rows, n_cols = out.shape
    size, width = block_size * cell_size, padded(n_slots * slot)
    rows = np.zeros((images.shape[3], size + 2, width + 64), np.float32)
    inner = _inner_columns(images, slot, rows)
    gy, gx = np.zeros((1, width), np.float32), np.zeros((1, width), np.float32)
    columns = np.empty((block_size + 1, n_bins, width), np.float32)  # the last is thrown away
    tiles = np.empty((block_size, block_size, width), np.float32)  # the weights of each row, over and over
    for m in range(block_size):
        for x in range(width):
            tiles[m, :, x] = weights[m, x % cell_size :: cell_size]
    sums, pairs = np.empty(width, np.float32), np.empty(width, np.float32)
    cells = np.empty((1, n_slots * slot // cell_size), np.float32)
    for item in range(start, stop):  # an item is a row of blocks of some images
        first, r = item // n_rows * n_slots, item % n_rows
        last = min(first + n_slots, n_images)
        _load_rows(images, first, last, r * cell_size - 1, slot, rows)
        columns[:] = 0
        for y in range(size):
            _gradients(rows, y, inner, True, SLACK, 0, gy, gx)
            _places(turns, n_bins, gy, gx)
            k = 0
            while weights[k, y] == 0:  # a pixel lies between at most two rows of cells
                k += 1
            for b in range(n_bins):
                _add_votes(gx, gy, weights, k, y, b, columns)
        for k, m, b, part in np.ndindex(block_size, block_size, n_bins, block_size):
            for x in range(width):
                sums[x] = columns[k, b, x] * tiles[m, part, x]
            _sum_groups(sums, pairs, cell_size, 0, cells)
            for i in range(first, last):
                for c in range(n_cols):
                    value = cells[0, (i - first) * (slot // cell_size) + c + part]
                    out[k, m, b, i, r, c] = value if part == 0 else out[k, m, b, i, r, c] + value


@njit(error_model="numpy")
def _places(turns, n_bins, gy, gx):
    """Replace gradients by where they lie between the centers of bins, and by magnitudes."""
    around, half = np.float32(n_bins), np.float32(0.5)
    for x in range(gx.shape[1]):
        dy, dx = gy[0, x], gx[0, x]
        at = turn(dx, dy) * np.float32(turns) - half
        gy[0, x] = at - around if at >= around - half else at
        gx[0, x] = np.sqrt(dy * dy + dx * dx)


@njit
def _add_votes(magnitudes, places, weights, k, y, b, columns):
    """Add the votes for bin b, which fall linearly to 0 at the centers of its neighbours."""
    weight, weight_below = weights[k, y], weights[k + 1, y] if k + 1 < len(weights) else np.float32(0)
    center, around = np.float32(b), np.float32(columns.shape[1])
    for x in range(columns.shape[2]):
        apart = abs(places[0, x] - center)
        apart = apart if apart < around - apart else around - apart
        near = np.float32(1) - apart
        vote = magnitudes[0, x] * (near if near > 0 else np.float32(0))
        columns[k, b, x] += weight * vote
        columns[k + 1, b, x] += weight_below * vote


@njit
def turn(x, y):
    """Return the angle of (x, y) as a share of a full turn, in [0, 1]; 0 at the origin.

    The polynomial is the minimax fit of atan(z) / (2 pi) on [0, 1]: it is off by at most 6e-8.
    """
    across, up = abs(x), abs(y)
    longer, shorter = (across, up) if across > up else (up, across)
    z = shorter / (longer if longer > 0 else np.float32(1))
    zz = z * z
    p = np.float32(0.0010841110)
    p = p * zz + np.float32(-0.0053482153)
    p = p * zz + np.float32(0.0126724243)
    p = p * zz + np.float32(-0.0210614726)
    p = p * zz + np.float32(0.0315251052)
    p = p * zz + np.float32(-0.0530262366)
    p = (p * zz + np.float32(0.1591543257)) * z
    p = np.float32(0.25) - p if up > across else p
    p = np.float32(0.5) - p if x < 0 else p
    return np.float32(1) - p if y < 0 else p
