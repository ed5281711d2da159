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
PAD = 16  # floats between rows of a scratch array, so that rows don't compete for cache lines
L1, L1_SQRT, L2, L2_HYS = 1, 2, 3, 4
CLIP = np.float32(0.2)
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
    out : (n_images, n_rows, n_cols, n_bins) float32
        Overwritten with the sums of magnitudes, divided by the number of pixels of a cell.
    """
    grain = max(1, ROWS // (cell_size * images.shape[2]))
    body = _cell_histograms_by_angle if images.dtype == np.float64 else _cell_histograms
    launch(body, out.shape[0] * out.shape[1], images, cell_size, edges, n_lower, out, grain=grain)


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
    out : (n_images, n_rows, n_cols, block_size, block_size, n_bins) float32
        Overwritten with weighted sums of magnitudes.
    """
    grain = max(1, ROWS // (8 * weights.shape[1] * images.shape[2]))
    launch(
        _block_histograms, out.shape[0] * out.shape[1], images, cell_size, weights, turns, out, grain=grain
    )


def gather_blocks(cells, out):
    """Copy the cells of every block, which overlap.

    Parameters
    ----------
    cells : (n_images, n_cell_rows, n_cell_cols, n_bins) float32
    out : (n_images, n_rows, n_cols, block_size, block_size, n_bins) float32
    """
    launch(_gather_blocks, out.shape[0] * out.shape[1], cells, out, grain=max(1, 256 // out.shape[2]))


def normalize_blocks(blocks, norm, inside, outside, after):
    """Divide each block by its norm, in place.

    Parameters
    ----------
    blocks : (n_blocks, n_values) float32
        Overwritten.
    norm : int
        L1, L1_SQRT, L2 or L2_HYS.
    inside, outside : float32
        What is added to a sum (of squares, for L2) and to the norm, to divide by.
    after : float32
        What is added to the second norm of L2_HYS.
    """
    launch(_normalize_blocks, len(blocks), blocks, norm, inside, outside, after, grain=256)


@njit(nogil=True, cache=True)
def _cell_histograms(start, stop, images, cell_size, edges, n_lower, out):
    n_rows, n_cols, n_bins = out.shape[1:]
    width = n_cols * cell_size
    rows = np.empty((images.shape[3], cell_size + 2, images.shape[2] + 2 + PAD), edges.dtype)
    gy, gx = np.empty(width, edges.dtype), np.empty(width, edges.dtype)
    whole, lower = np.empty(width, edges.dtype), np.empty(width, edges.dtype)
    none = np.zeros(width, edges.dtype)
    past = np.empty((n_bins, width + PAD), edges.dtype)
    by_square = images.dtype.type(0.5) == 0  # squares of differences of bytes are exact
    for item in range(start, stop):  # an item is a row of cells
        i, r = item // n_rows, item % n_rows
        _load_rows(images[i], r * cell_size - 1, rows)
        past[:] = 0
        for y in range(cell_size):
            _gradients(rows[:, y : y + 3], by_square, np.float32(1), gy, gx)
            _fold(gy, gx, whole, lower)
            for b in range(n_bins):
                inside = whole if b < n_lower else lower
                outside = none if n_lower == n_bins or b >= n_lower else lower
                _add_past(gy, gx, edges[b, 0], edges[b, 1], inside, outside, past[b])
        _sum_cells(past, cell_size, out[i, r])


@njit
def _load_rows(image, first, rows):
    """Copy rows of an image, channel by channel, continued at its borders by their mirror images.

    So a gradient across a border is 0.
    """
    height, width, n_channels = image.shape
    for k in range(rows.shape[1]):
        y = abs(first + k)
        y = max(2 * height - 2 - y, 0) if y >= height else y
        source = image[y].reshape(-1)
        for c in range(n_channels):
            row = rows[c, k, 1 : width + 1]
            if n_channels == 1:
                for x in range(width):
                    row[x] = source[x]
            else:
                part = source[c:]
                for x in range(width):
                    row[x] = part[3 * x]
            rows[c, k, 0] = row[min(1, width - 1)]
            rows[c, k, width + 1] = row[max(width - 2, 0)]


@njit
def _gradients(rows, by_square, slack, gy, gx):
    """Compute the gradients along the second of three rows, each of its strongest channel."""
    above, row, below = rows[0, 0], rows[0, 1], rows[0, 2]
    for x in range(len(gx)):
        gy[x] = below[x + 1] - above[x + 1]
        gx[x] = row[x + 2] - row[x]
    for c in range(1, rows.shape[0]):
        above, row, below = rows[c, 0], rows[c, 1], rows[c, 2]
        if by_square:
            for x in range(len(gx)):
                dy, dx = below[x + 1] - above[x + 1], row[x + 2] - row[x]
                stronger = dy * dy + dx * dx > (gy[x] * gy[x] + gx[x] * gx[x]) * slack
                gy[x] = dy if stronger else gy[x]
                gx[x] = dx if stronger else gx[x]
        else:
            for x in range(len(gx)):
                dy, dx = below[x + 1] - above[x + 1], row[x + 2] - row[x]
                stronger = magnitude_of(dy, dx) > magnitude_of(gy[x], gx[x])
                gy[x] = dy if stronger else gy[x]
                gx[x] = dx if stronger else gx[x]


@njit
def magnitude_of(dy, dx):
    """Return the correctly rounded magnitude, by which equals are told from almost equals."""
    return np.float32(np.sqrt(np.float64(dy) * np.float64(dy) + np.float64(dx) * np.float64(dx)))


@njit
def _fold(gy, gx, whole, lower):
    """Turn gradients of the lower half circle by a half turn; tell all magnitudes, and theirs."""
    for x in range(len(gy)):
        dy, dx = gy[x], gx[x]
        size = np.sqrt(dy * dy + dx * dx)
        turned = (dy < 0) | ((dy == 0) & (dx < 0))
        gy[x] = -dy if turned else dy
        gx[x] = -dx if turned else dx
        whole[x] = size
        lower[x] = size if turned else 0 * size


@njit
def _add_past(gy, gx, cosine, sine, inside, outside, total):
    for x in range(len(gy)):
        a, b = inside[x], outside[x]  # both are read, so that the choice is no branch
        total[x] += a if gy[x] * cosine >= gx[x] * sine else b


@njit
def _sum_cells(past, cell_size, cells):
    n_cols, n_bins = cells.shape
    area = past.dtype.type(cell_size * cell_size)
    for c in range(n_cols):
        beyond = 0 * area
        for b in range(n_bins - 1, -1, -1):
            total = _sum(past[b, c * cell_size : (c + 1) * cell_size])
            cells[c, b] = (total - beyond) / area
            beyond = total


@njit(nogil=True, cache=True)
def _cell_histograms_by_angle(start, stop, images, cell_size, edges, n_lower, out):
    """Vote one by one, with angles computed as scikit-image computes them.

    In float64 images made from bytes, rounding decides on which side of 45 degrees a gradient
    lies; who wants the same numbers has to round in the same way.
    """
    n_rows, n_cols, n_bins = out.shape[1:]
    height, width, n_channels = images.shape[1:]
    turn_size = 180.0 if n_lower == n_bins else 360.0
    for item in range(start, stop):  # an item is a row of cells
        i, r = item // n_rows, item % n_rows
        image, cells = images[i], out[i, r]
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
                cells[x // cell_size, b] += best / (cell_size * cell_size)


@njit(nogil=True, cache=True)
def _block_histograms(start, stop, images, cell_size, weights, turns, out):
    n_rows, n_cols, block_size, _, n_bins = out.shape[1:]
    size = block_size * cell_size
    width = (n_cols - 1) * cell_size + size
    rows = np.empty((images.shape[3], size + 2, images.shape[2] + 2 + PAD), np.float32)
    gy, gx = np.empty(width, np.float32), np.empty(width, np.float32)
    magnitude, place = np.empty(width, np.float32), np.empty(width, np.float32)
    columns = np.empty((block_size, n_bins, width + PAD), np.float32)
    for item in range(start, stop):  # an item is a row of blocks
        i, r = item // n_rows, item % n_rows
        _load_rows(images[i], r * cell_size - 1, rows)
        columns[:] = 0
        for y in range(size):
            _gradients(rows[:, y : y + 3], True, SLACK, gy, gx)
            _places(gy, gx, turns, n_bins, magnitude, place)
            for k in range(block_size):
                if weights[k, y] > 0:
                    for b in range(n_bins):
                        _add_votes(magnitude, place, weights[k, y], b, n_bins, columns[k, b])
        for c in range(n_cols):
            first = c * cell_size
            for k in range(block_size):
                for m in range(block_size):
                    for b in range(n_bins):
                        out[i, r, c, k, m, b] = _dot(weights[m], columns[k, b, first : first + size])


@njit(error_model="numpy")
def _places(gy, gx, turns, n_bins, magnitude, place):
    """Compute the magnitudes of gradients, and where they lie between the centers of bins."""
    for x in range(len(gy)):
        magnitude[x] = np.sqrt(gy[x] * gy[x] + gx[x] * gx[x])
        at = turn(gx[x], gy[x]) * np.float32(turns) - np.float32(0.5)
        place[x] = at - n_bins if at >= n_bins - np.float32(0.5) else at


@njit
def _add_votes(magnitude, place, weight, b, n_bins, total):
    """Add the votes for bin b, which fall linearly to 0 at the centers of its neighbours."""
    center, around = np.float32(b), np.float32(n_bins)
    for x in range(len(place)):
        apart = abs(place[x] - center)
        apart = apart if apart < around - apart else around - apart
        near = np.float32(1) - apart
        total[x] += weight * magnitude[x] * (near if near > 0 else np.float32(0))


# In these two the order of the sum is left to the compiler, which then adds 16 at a time.


@njit(fastmath={"reassoc", "contract"})
def _sum(a):
    total = a.dtype.type(0)
    for x in range(len(a)):
        total += a[x]
    return total


@njit(fastmath={"reassoc", "contract"})
def _dot(a, b):
    total = a.dtype.type(0)
    for x in range(len(a)):
        total += a[x] * b[x]
    return total


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


@njit(nogil=True, cache=True)
def _gather_blocks(start, stop, cells, out):
    n_rows, n_cols, block_size, _, n_bins = out.shape[1:]
    for item in range(start, stop):  # an item is a row of blocks
        i, r = item // n_rows, item % n_rows
        for c in range(n_cols):
            for k in range(block_size):
                for m in range(block_size):
                    for b in range(n_bins):
                        out[i, r, c, k, m, b] = cells[i, r + k, c + m, b]


@njit(nogil=True, cache=True, error_model="numpy")
def _normalize_blocks(start, stop, blocks, norm, inside, outside, after):
    for item in range(start, stop):
        block = blocks[item]
        if norm == L1 or norm == L1_SQRT:
            factor = np.float32(1) / (_sum(block) + inside)
        else:
            factor = np.float32(1) / (np.sqrt(_dot(block, block) + inside) + outside)
        for j in range(len(block)):
            block[j] *= factor
        if norm == L1_SQRT:
            for j in range(len(block)):
                block[j] = np.sqrt(block[j])
        elif norm == L2_HYS:
            for j in range(len(block)):
                block[j] = block[j] if block[j] < CLIP else CLIP
            factor = np.float32(1) / (np.sqrt(_dot(block, block) + inside) + after)
            for j in range(len(block)):
                block[j] *= factor
