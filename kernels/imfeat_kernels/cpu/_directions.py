"""Compiled bodies of the votes for any number of directions; ``directions.py`` describes their steps."""

import math

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit

UOCTTI, DALAL_TRIGGS = range(2)
TILE = 128  # columns of pixels that vote together: their sums stay in the nearest cache
CLIP = np.float32(0.2)
FLOOR = np.float32(1e-4)
TEXTURE = np.float32(1 / math.sqrt(18))

# A literal like 0 would be an integer, and the arithmetic around it float64: hence np.float32(0).
# Helpers get entire arrays and the rows to work on: a slice costs a reference count, which is atomic.


@njit(nogil=True, cache=True)
def direction_votes(start, stop, images, cell_size, table, shared, unit, out):
    height, width, n_channels = images.shape[1:]
    n_rows, n_cols, n_directions = out.shape[1:]
    stride = (n_directions + 7) // 8 * 8
    # A segment lies between the centers of two cells; half segments, with padding, lie at the ends.
    total = (n_cols + 1) * cell_size
    tile = min(total, max(1, TILE // cell_size) * cell_size)
    n = (tile + 15) // 16 * 16
    rows = np.zeros((n_channels, cell_size + 2, total + n + 2), np.float32)
    gy, gx = np.zeros(n, np.float32), np.zeros(n, np.float32)
    sizes, index = np.zeros(n, np.float32), np.zeros(n, np.int32)
    others, next_index = np.zeros(n, np.float32), np.zeros(n, np.int32)
    columns = np.zeros((n + 4) * 2 * stride, np.float32)  # sums for the row of cells above, and below
    cells = np.zeros((n_cols + 2, 2 * stride), np.float32)  # with a cell more at both ends
    scales = _scales(width, cell_size, unit, total + n)
    near, far = _column_weights(cell_size)
    half = 0.5 if cell_size % 2 == 0 else 0.0
    item = start
    while item < stop:  # items are rows of cells; those of an image are computed together
        i, first = item // n_rows, item % n_rows
        last = min(n_rows, first + stop - item)
        out[i, first:last] = 0
        for r in range(first - 1, last):  # pixels between the centers of cells in rows r and r + 1
            top = r * cell_size + cell_size // 2
            low, high = max(top, 1), min(top + cell_size, height - 1)
            if low < high:
                _load_rows(images, i, low - 1, high + 1, cell_size, rows)
            for left in range(0, total, tile):
                for y in range(low, high):
                    _gradients(rows, y - low, left, n, gy, gx)
                    below = np.float32((y - top + half) / cell_size)
                    if shared:
                        _share(gy, gx, scales, left, n_directions, n, sizes, index, others, next_index)
                        _add_votes(others, next_index, tile, below, stride, columns)
                    else:
                        _magnitudes(gy, gx, scales, left, n, sizes)
                        _nearest(gy, gx, table, n, others, index)
                    _add_votes(sizes, index, tile, below, stride, columns)
                n_segments = min(tile, total - left) // cell_size
                _add_columns(columns, left // cell_size, n_segments, cell_size, near, far, cells)
            _add_cells(cells, i, r, first, last, stride, out)
        item += last - first


@njit
def _scales(width, cell_size, unit, n):
    """Return the factor of the magnitudes of each column: 0 outside an image and at its border."""
    scales = np.zeros(n, np.float32)
    start = cell_size - cell_size // 2
    for x in range(1, width - 1):
        scales[start + x] = unit
    return scales


# Copy: uoctti._column_weights.
@njit
def _column_weights(cell_size):
    """Return the weights of the columns of a segment for the cells at its left and right."""
    n = (cell_size + 3) // 4 * 4  # columns are added four at a time; padding has weight 0
    left, right = np.zeros(n, np.float32), np.zeros(n, np.float32)
    for x in range(cell_size):
        right[x] = (x + (0.5 if cell_size % 2 == 0 else 0.0)) / cell_size
        left[x] = np.float32(1) - right[x]
    return left, right


@inner
def _load_rows(images, i, top, bottom, cell_size, rows):
    """Copy rows of an image, channel by channel, so that segments begin at multiples of the cell size."""
    n_channels = images.shape[3]
    start = max(cell_size - cell_size // 2 + 1, 0)
    for k in range(bottom - top):
        row = images[i, top + k].reshape(-1)
        for c in range(n_channels):
            for x in range(images.shape[2]):
                rows[c, k, start + x] = row[x * n_channels + c]


# Copy: uoctti._gradients.
@inner
def _gradients(rows, y, start, n, gy, gx):
    """Compute gradients along a tile of the row after row y, each of its strongest channel.

    A choice between a new value and the one in memory would be a masked store: see `_hog._gradients`.
    """
    start = max(start, 0)
    n_channels = rows.shape[0]
    if n_channels == 1:
        for x in range(n):
            gy[x], gx[x] = gradient(rows, 0, y, start + x)
        return
    third = min(2, n_channels - 1)
    for x in range(n):
        y0, x0 = gradient(rows, 0, y, start + x)
        y1, x1 = gradient(rows, 1, y, start + x)
        y2, x2 = gradient(rows, third, y, start + x)
        stronger = x1 * x1 + y1 * y1 > x0 * x0 + y0 * y0
        y0, x0 = y1 if stronger else y0, x1 if stronger else x0
        stronger = x2 * x2 + y2 * y2 > x0 * x0 + y0 * y0
        gy[x], gx[x] = y2 if stronger else y0, x2 if stronger else x0
    for c in range(3, n_channels):
        for x in range(n):
            dy, dx = gradient(rows, c, y, start + x)
            y0, x0 = gy[x], gx[x]
            share = np.float32(dx * dx + dy * dy > x0 * x0 + y0 * y0)
            gy[x] = dy * share + y0 * (np.float32(1) - share)
            gx[x] = dx * share + x0 * (np.float32(1) - share)


# Copy: uoctti.gradient.
@njit
def gradient(rows, c, y, x):
    return rows[c, y + 2, x + 1] - rows[c, y, x + 1], rows[c, y + 1, x + 2] - rows[c, y + 1, x]


@inner
def _magnitudes(gy, gx, scales, start, n, sizes):
    start = max(start, 0)
    for x in range(n):
        dy, dx = gy[x], gx[x]
        sizes[x] = np.sqrt(dy * dy + dx * dx) * scales[start + x]


@inner
def _nearest(gy, gx, table, n, products, index):
    """Find the direction with the largest product.

    Of directions with equal products the first is taken, as in VLFeat: upright gradients count as
    80 degrees of 9 orientations, not 100.
    """
    for x in range(n):
        products[x] = np.float32(0)
        index[x] = np.int32(0)
    # Twice k, plus 1 for the opposite direction, grows with k.  So the last one is the largest; a choice
    # between it and the one in memory would be a masked store.
    for k in range(len(table)):
        across, up = table[k, 0], table[k, 1]
        here, opposite = np.int32(2 * k), np.int32(2 * k + 1)
        for x in range(n):
            product = gx[x] * across + gy[x] * up
            largest = products[x]
            size = abs(product)
            key = (opposite if product < 0 else here) if size > largest else np.int32(0)
            index[x] = max(index[x], key)
            products[x] = size if size > largest else largest
    for x in range(n):
        index[x] = (index[x] >> np.int32(1)) + (index[x] & np.int32(1)) * np.int32(len(table))


@inner(error_model="numpy")
def _share(gy, gx, scales, start, n_directions, n, sizes, index, others, next_index):
    """Share the magnitudes between the directions on both sides of the gradients."""
    start = max(start, 0)
    for x in range(n):
        others[x] = turn(gx[x], gy[x]) * np.float32(n_directions)  # the position among directions
    for x in range(n):
        before = np.int32(others[x])
        index[x] = before if before < n_directions else np.int32(0)
        next_index[x] = np.int32(before + 1) if before + 1 < n_directions else np.int32(0)
    for x in range(n):
        dy, dx = gy[x], gx[x]
        size = np.sqrt(dy * dy + dx * dx) * scales[start + x]
        part = size * (others[x] - np.float32(np.int32(others[x])))
        others[x] = part
        sizes[x] = size - part


# Copy: _hog.turn.
@njit
def turn(x, y):
    """Return the angle of (x, y) as a share of a full turn, in [0, 1]; 0 at the origin."""
    across, up = abs(x), abs(y)
    longer, shorter = (across, up) if across > up else (up, across)
    z = shorter / (longer if longer > 0 else np.float32(1))
    p = arctan_in_turns(z)
    p = np.float32(0.25) - p if up > across else p
    p = np.float32(0.5) - p if x < 0 else p
    return np.float32(1) - p if y < 0 else p


# Copies: _hog.arctan_in_turns and color.arctan_in_turns.
@njit
def arctan_in_turns(z):
    """Return atan(z) / (2 pi) for z in [0, 1] by the minimax polynomial, with an error of up to 6e-8."""
    zz = z * z
    p = np.float32(0.0010841110)
    p = p * zz + np.float32(-0.0053482153)
    p = p * zz + np.float32(0.0126724243)
    p = p * zz + np.float32(-0.0210614726)
    p = p * zz + np.float32(0.0315251052)
    p = p * zz + np.float32(-0.0530262366)
    return (p * zz + np.float32(0.1591543257)) * z


@inner
def _add_votes(sizes, index, n, below, stride, columns):
    above = np.float32(1) - below
    for x in range(n):
        first = np.uint64(2 * x * stride + index[x])
        second = first + np.uint64(stride)
        columns[first] += sizes[x] * above
        columns[second] += sizes[x] * below


@inner
def _add_columns(columns, start, n_segments, cell_size, near, far, cells):
    """Add up the columns of each segment, weighted for the cells at its left and right, and clear them."""
    n = cells.shape[1]
    values = columns.reshape(-1, n)
    for s in range(n_segments):
        cell = start + s
        for x in range(0, cell_size, 4):
            n0, n1, n2, n3 = near[x], near[x + 1], near[x + 2], near[x + 3]
            f0, f1, f2, f3 = far[x], far[x + 1], far[x + 2], far[x + 3]
            column = s * cell_size + x
            for k in range(n):
                v0, v1 = values[column, k], values[column + 1, k]
                v2, v3 = values[column + 2, k], values[column + 3, k]
                cells[cell, k] += (v0 * n0 + v1 * n1) + (v2 * n2 + v3 * n3)
                cells[cell + 1, k] += (v0 * f0 + v1 * f1) + (v2 * f2 + v3 * f3)
    columns[:] = 0


@inner
def _add_cells(cells, i, r, first, last, stride, out):
    """Add sums to the cells of rows r and r + 1, where these are among those of this call, and clear them."""
    for row in range(2):
        if first <= r + row < last:
            for c in range(out.shape[2]):
                for k in range(out.shape[3]):
                    out[i, r + row, c, k] += cells[c + 1, row * stride + k]
    cells[:] = 0


@njit(nogil=True, cache=True, error_model="numpy")
def normalize_directions(start, stop, votes, variant, out):
    n_rows, n_cols, n_directions = votes.shape[1:]
    n = n_directions // 2
    energies = np.zeros((3, n_cols + 2), np.float32)  # of the rows around, the cells at the border repeated
    factors = np.zeros((2, n_cols + 1), np.float32)  # of the corners above and below
    sums = np.zeros(n, np.float32)
    for item in range(start, stop):  # an item is a row of cells
        i, r = item // n_rows, item % n_rows
        for k in range(3):
            _energies(votes, i, min(max(r + k - 1, 0), n_rows - 1), n, k, energies)
        for row in range(2):
            for c in range(n_cols + 1):
                upper = energies[row, c] + energies[row, c + 1]
                lower = energies[row + 1, c] + energies[row + 1, c + 1]
                factors[row, c] = np.float32(1) / np.sqrt(upper + lower + FLOOR)
        for c in range(n_cols):
            for k in range(n):
                sums[k] = votes[i, r, c, k] + votes[i, r, c, k + n]
            if variant == UOCTTI:
                _add_squares(votes, i, r, c, factors, sums, out)
            else:
                for square in range(4):
                    factor = factors[square // 2, c + square % 2]
                    for k in range(n):
                        out[i, r, c, square * n + k] = clipped(sums[k] * factor)


@inner
def _energies(votes, i, r, n, row, energies):
    n_cols = votes.shape[2]
    for c in range(n_cols):
        energy = np.float32(0)
        for k in range(n):
            both = votes[i, r, c, k] + votes[i, r, c, k + n]
            energy += both * both
        energies[row, c + 1] = energy
    energies[row, 0] = energies[row, 1]
    energies[row, n_cols + 1] = energies[row, n_cols]


@inner
def _add_squares(votes, i, r, c, factors, sums, out):
    """Write the sums over the squares around a cell: of directions, of orientations, and textures."""
    half = np.float32(0.5)
    n = len(sums)
    f0, f1, f2, f3 = factors[0, c], factors[0, c + 1], factors[1, c], factors[1, c + 1]
    for k in range(2 * n):
        value = votes[i, r, c, k]
        total = clipped(value * f0) + clipped(value * f1)
        out[i, r, c, k] = (total + (clipped(value * f2) + clipped(value * f3))) * half
    t0, t1, t2, t3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    for k in range(n):
        value = sums[k]
        c0, c1, c2, c3 = clipped(value * f0), clipped(value * f1), clipped(value * f2), clipped(value * f3)
        out[i, r, c, 2 * n + k] = ((c0 + c1) + (c2 + c3)) * half
        t0, t1, t2, t3 = t0 + c0, t1 + c1, t2 + c2, t3 + c3
    out[i, r, c, 3 * n] = t0 * TEXTURE
    out[i, r, c, 3 * n + 1] = t1 * TEXTURE
    out[i, r, c, 3 * n + 2] = t2 * TEXTURE
    out[i, r, c, 3 * n + 3] = t3 * TEXTURE


# Copy: uoctti.clipped.
@njit
def clipped(value):
    return value if value < CLIP else CLIP
