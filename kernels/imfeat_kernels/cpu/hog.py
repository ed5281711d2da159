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
STRIP = 1 << 10  # blocks that are normalized side by side
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
    out : (n_images, n_bins, n_rows, n_cols) float32
        Overwritten with the sums of magnitudes, divided by the number of pixels of a cell.
    """
    grain = max(1, ROWS // (cell_size * images.shape[2]))
    body = _cell_histograms_by_angle if images.dtype == np.float64 else _cell_histograms
    launch(body, out.shape[0] * out.shape[2], images, cell_size, edges, n_lower, out, grain=grain)


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
    out : (n_images, block_size, block_size, n_bins, n_rows, n_cols) float32
        Overwritten with weighted sums of magnitudes.
    """
    grain = max(1, ROWS // (8 * weights.shape[1] * images.shape[2]))
    launch(
        _block_histograms, out.shape[0] * out.shape[4], images, cell_size, weights, turns, out, grain=grain
    )


def normalize_blocks(planes, width, sources, norm, constants, out):
    """Gather the values of every block, and divide them by their norm.

    Parameters
    ----------
    planes : (n_images, n_planes, n_positions) float32
        Planes of values, row by row.
    width : int
        Positions from one row of a plane to the next.
    sources : (n_values, 2) int64
        From which plane a value of a block comes, and how many positions after the block's.
    norm : int
        L1, L1_SQRT, L2 or L2_HYS; any other copies.
    constants : (3,) float32
        What is added to a sum (of squares, for L2), to the norm that is divided by, and to the
        second norm of L2_HYS.
    out : (n_images, n_rows, n_cols, n_values) float32
    """
    n_images, n_rows = out.shape[:2]
    rows_a_strip = max(1, STRIP // width)
    n_strips = -(-n_rows // rows_a_strip)
    grain = -(-4 * STRIP // (rows_a_strip * width))
    launch(
        _normalize_blocks,
        n_images * n_strips,
        planes,
        width,
        sources,
        norm,
        constants,
        rows_a_strip,
        out,
        grain=grain,
    )


@njit(nogil=True, cache=True)
def _cell_histograms(start, stop, images, cell_size, edges, n_lower, out):
    n_bins, n_rows, n_cols = out.shape[1:]
    width = n_cols * cell_size
    rows = np.empty((images.shape[3], cell_size + 2, images.shape[2] + 2 + PAD), edges.dtype)
    gy, gx = np.empty((2, width + PAD), edges.dtype), np.empty((2, width + PAD), edges.dtype)
    upper, lower = np.empty((2, width + PAD), edges.dtype), np.zeros((2, width + PAD), edges.dtype)
    past = np.empty((n_bins + 1, width + PAD), edges.dtype)  # the last row: all of the lower half
    sums = np.empty((2, width + PAD), edges.dtype)
    by_square = images.dtype.type(0.5) == 0  # squares of differences of bytes are exact
    for item in range(start, stop):  # an item is a row of cells
        i, r = item // n_rows, item % n_rows
        _load_rows(images[i], r * cell_size - 1, rows)
        past[:] = 0
        for y in range(0, cell_size, 2):  # two rows of pixels at a time touch the sums half as often
            for k in range(2):
                if y + k < cell_size:
                    _gradients(rows, y + k, by_square, np.float32(1), gy[k, :width], gx[k, :width])
                    _fold(gy[k], gx[k], upper[k], lower[k], n_lower < n_bins)
                else:
                    upper[k], lower[k] = 0, 0
            for b in range(n_bins):
                half = upper if b < n_lower else lower
                _add_past(gy, gx, half, edges[b, 0], edges[b, 1], past[b])
            if n_lower < n_bins:
                _add_all(lower, past[n_bins])
        _sum_cells(past, n_lower, cell_size, sums, out[i, :, r])


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
def _gradients(rows, y, by_square, slack, gy, gx):
    """Compute the gradients along the row after row y, each of its strongest channel."""
    above, row, below = rows[0, y], rows[0, y + 1], rows[0, y + 2]
    for x in range(len(gx)):
        gy[x] = below[x + 1] - above[x + 1]
        gx[x] = row[x + 2] - row[x]
    for c in range(1, rows.shape[0]):
        above, row, below = rows[c, y], rows[c, y + 1], rows[c, y + 2]
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
def _fold(gy, gx, upper, lower, signed):
    """Turn gradients of the lower half circle by a half turn; tell the magnitudes of both halves."""
    for x in range(len(gy)):
        dy, dx = gy[x], gx[x]
        size = np.sqrt(dy * dy + dx * dx)
        turned = (dy < 0) | ((dy == 0) & (dx < 0))
        gy[x] = -dy if turned else dy
        gx[x] = -dx if turned else dx
        upper[x] = size if not (turned and signed) else 0 * size
        lower[x] = size if turned and signed else 0 * size


@njit
def _add_past(gy, gx, sizes, cosine, sine, total):
    gy0, gx0, size0 = gy[0], gx[0], sizes[0]
    gy1, gx1, size1 = gy[1], gx[1], sizes[1]
    for x in range(len(total)):
        # Read before it is chosen, so that the choice is no branch.
        first, second = size0[x], size1[x]
        first = first if gy0[x] * cosine >= gx0[x] * sine else 0 * cosine
        total[x] += first + (second if gy1[x] * cosine >= gx1[x] * sine else 0 * cosine)


@njit
def _add_all(sizes, total):
    for x in range(len(total)):
        total[x] += sizes[0, x] + sizes[1, x]


@njit(error_model="numpy")
def _sum_cells(past, n_lower, cell_size, sums, cells):
    """Turn sums past the edges into bins, and add up the columns of each cell."""
    n_bins, n_cols = cells.shape
    area = past.dtype.type(cell_size * cell_size)
    for b in range(n_bins):
        total, beyond, lower = sums[0], past[b + 1], past[n_bins]
        if b == n_bins - 1:
            for x in range(len(total)):
                total[x] = past[b, x]
        elif b == n_lower - 1:  # with an odd number of bins, this one reaches into the lower half
            for x in range(len(total)):
                total[x] = past[b, x] + (lower[x] - beyond[x])
        else:
            for x in range(len(total)):
                total[x] = past[b, x] - beyond[x]
        size, where = cell_size, 0
        while size % 2 == 0:
            _add_pairs(sums[where], n_cols * size // 2, sums[1 - where])
            size, where = size // 2, 1 - where
        for c in range(n_cols):
            value = 0 * area
            for x in range(c * size, (c + 1) * size):
                value += sums[where, x]
            cells[b, c] = value / area


@njit
def _add_pairs(source, n, target):
    for i in range(n):
        target[i] = source[2 * i] + source[2 * i + 1]


@njit(nogil=True, cache=True)
def _cell_histograms_by_angle(start, stop, images, cell_size, edges, n_lower, out):
    """Vote one by one, with angles computed as scikit-image computes them.

    In float64 images made from bytes, rounding decides on which side of 45 degrees a gradient
    lies; who wants the same numbers has to round in the same way.
    """
    n_bins, n_rows, n_cols = out.shape[1:]
    height, width, n_channels = images.shape[1:]
    turn_size = 180.0 if n_lower == n_bins else 360.0
    for item in range(start, stop):  # an item is a row of cells
        i, r = item // n_rows, item % n_rows
        image, cells = images[i], out[i, :, r]
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
def _block_histograms(start, stop, images, cell_size, weights, turns, out):
    block_size, _, n_bins, n_rows, n_cols = out.shape[1:]
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
            _gradients(rows, y, True, SLACK, gy, gx)
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
                        out[i, k, m, b, r, c] = _dot(weights[m], columns[k, b, first : first + size])


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


# The order of the sum is left to the compiler, which then adds 16 products at a time.
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


@njit(nogil=True, cache=True, error_model="numpy")
def _normalize_blocks(start, stop, planes, width, sources, norm, constants, rows_a_strip, out):
    n_rows, n_cols, n_values = out.shape[1:]
    n_strips = -(-n_rows // rows_a_strip)
    total, factor = np.empty(rows_a_strip * width, np.float32), np.empty(rows_a_strip * width, np.float32)
    for item in range(start, stop):  # an item is a strip of rows of blocks
        i, first = item // n_strips, item % n_strips * rows_a_strip
        last = min(first + rows_a_strip, n_rows)
        # Positions past the last block of a row are computed too, which keeps the loops long.
        n = (last - first - 1) * width + n_cols
        _block_factors(planes[i], first * width, n, sources, norm, constants, total, factor)
        for j in range(n_values):
            values = planes[i, sources[j, 0], first * width + sources[j, 1] :]
            for r in range(first, last):
                for c in range(n_cols):
                    f = (r - first) * width + c
                    value = values[f] * factor[f]
                    if norm == L2_HYS:
                        value = (value if value < CLIP else CLIP) * total[f]
                    out[i, r, c, j] = np.sqrt(value) if norm == L1_SQRT else value


@njit(error_model="numpy")
def _block_factors(planes, first, n, sources, norm, constants, total, factor):
    """Compute what to multiply each block with, and (in total) again after clipping."""
    if norm not in (L1, L1_SQRT, L2, L2_HYS):
        factor[:] = 1
        return
    squared = norm == L2 or norm == L2_HYS
    total[:n] = constants[0]
    for j in range(len(sources)):
        values = planes[sources[j, 0], first + sources[j, 1] :]
        if squared:
            for f in range(n):
                total[f] += values[f] * values[f]
        else:
            for f in range(n):
                total[f] += values[f]
    for f in range(n):
        factor[f] = np.float32(1) / ((np.sqrt(total[f]) if squared else total[f]) + constants[1])
    if norm == L2_HYS:
        total[:n] = constants[0]
        for j in range(len(sources)):
            values = planes[sources[j, 0], first + sources[j, 1] :]
            for f in range(n):
                value = values[f] * factor[f]
                value = value if value < CLIP else CLIP
                total[f] += value * value
        for f in range(n):
            total[f] = np.float32(1) / (np.sqrt(total[f]) + constants[2])
