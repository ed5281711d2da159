"""Signed and unsigned oriented gradients and texture of cells, normalized four times (UoCTTI).

A pixel votes with its magnitude for the one of 18 directions u_k = (cos, sin)(k pi / 9) with the
largest product g . u_k, in the four cells around it, with the weights of bilinear interpolation.
In a cell, h_k are these votes (signed), u_k = h_k + h_{k+9} (unsigned), and E = sum u_k^2.  Each of the
four squares of 2 x 2 cells around it gives a factor f = 1 / sqrt(sum E + 1e-4), and the cell becomes

    1/2 sum_f min(f h_k, 0.2),    1/2 sum_f min(f u_k, 0.2),    sum_k min(f u_k, 0.2) / sqrt(18).

Rows of pixels between the centers of two rows of cells take these steps:

1. Load the rows of several images side by side.
2. Compute gradients, those of the strongest channel.
3. Compute directions and votes.  Votes are integers, rounded up or down by turns, so that errors of equal
   votes cancel.
4. Add the votes of each column and direction.  A 64-bit counter holds the sum of votes in its lower half, and
   the sum of votes times their row in its upper half, so that one addition serves both rows of cells.
5. Weight the columns for the cells at their left and right, and add them up.
6. Share the sums between the two rows of cells.
7. When a row of cells is complete, compute its unsigned sums and energies.
8. When the next row is complete, too, compute factors and normalize.
"""

import math

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.launch import frozen, launch

ROWS = 1 << 14  # pixels that are worth a thread
WIDTH = 1024  # pixels of images that lie side by side
TILE = 192  # columns of pixels that vote together: their sums stay in the nearest cache
STRIP = 8  # rows of pixels that vote together: fewer rows allow finer votes, with sums below 2^31
SIGNED, UNSIGNED = 18, 9
COUNTERS = 20  # counters of a column: 18 directions, and padding
SUMS = 2 * COUNTERS  # their lower and upper halves
LANES = 32  # signed and unsigned sums of a cell, and padding
STEP_X, STEP_Y = 0.7548776662, 0.5698402910  # multiples, modulo 1, fill the unit square evenly
CLIP = np.float32(0.2)
FLOOR = np.float32(1e-4)
TEXTURE = np.float32(1 / math.sqrt(18))
C1, S1 = np.float32(math.cos(math.pi / 9)), np.float32(math.sin(math.pi / 9))
C2, S2 = np.float32(math.cos(2 * math.pi / 9)), np.float32(math.sin(2 * math.pi / 9))
C3, S3 = np.float32(math.cos(3 * math.pi / 9)), np.float32(math.sin(3 * math.pi / 9))
C4, S4 = np.float32(math.cos(4 * math.pi / 9)), np.float32(math.sin(4 * math.pi / 9))


def cell_features(images, cell_size, out):
    """Describe every cell by 18 signed and 9 unsigned directions and 4 values for texture.

    Parameters
    ----------
    images : (n_images, height, width, n_channels) uint8, float32 or float64
        Any number of channels, in 0..255 or [0, 1]; a pixel takes the first with the largest gradient.
    cell_size : int
        Side of a square cell, in pixels.
    out : (n_images, n_rows, n_cols, 31) float32
        Overwritten; the numbers of rows and columns are those of pixels, divided by ``cell_size`` and
        rounded.
    """
    n_images, n_rows, n_cols, _ = out.shape
    # A segment lies between the centers of two cells; half segments, with padding, lie at the ends.
    slot = (n_cols + 1) * cell_size
    n_slots = max(1, min(n_images, WIDTH // slot))
    n_items = -(-n_images // n_slots) * n_rows
    grain = max(1, ROWS // (cell_size * n_slots * slot))
    # Bytes are used directly, so that equal gradients of channels are equal; the sums are divided by 255.
    largest = 1.42 * 255 if images.dtype == np.uint8 else 1.42  # of a gradient
    strip = min(cell_size, STRIP)
    scale = np.float32((1 << 31) / (largest * max(strip, strip * (strip - 1) / 2) * 1.01))
    unit = np.float32(1.42 / largest / scale)
    launch(_cell_features, n_items, frozen(images), cell_size, slot, n_slots, scale, unit, out, grain=grain)


# A literal like 0 would be an integer, and the arithmetic around it float64: hence np.float32(0).
# Helpers get entire arrays and the rows to work on: a slice costs a reference count, which is atomic.


@njit(nogil=True, cache=True)
def _cell_features(start, stop, images, cell_size, slot, n_slots, scale, unit, out):
    n_images, n_rows, n_cols, _ = out.shape
    width = n_slots * slot
    strip = min(cell_size, STRIP)
    tile = max(1, TILE // cell_size) * cell_size
    rows = np.zeros((images.shape[3], strip + 2, padded(width + tile) + 16), np.float32)
    gy, gx = np.zeros(padded(tile), np.float32), np.zeros(padded(tile), np.float32)
    sizes = np.zeros(padded(tile), np.int32)
    counters = np.zeros(padded(tile), np.uint32)
    scales, rounding = _columns(images, cell_size, slot, scale, n_slots, padded(width + tile))
    sums = np.zeros((tile + 4) * COUNTERS, np.uint64)
    near, far = _column_weights(cell_size)
    left = np.zeros((width // cell_size, SUMS), np.float32)
    right = np.zeros((width // cell_size, SUMS), np.float32)
    # Row r of cells is at r % 4: its neighbours are needed, and one more row has been started.
    cells = np.zeros((4, n_slots * n_cols, LANES), np.float32)
    energies = np.zeros((4, n_slots * n_cols), np.float32)
    above, below = np.zeros(n_cols + 1, np.float32), np.zeros(n_cols + 1, np.float32)
    totals = np.zeros(LANES, np.float32)
    following = 0
    for item in range(start, stop):  # an item is a row of cells of some images
        first = item // n_rows * n_slots
        last = min(first + n_slots, n_images)
        r = item % n_rows
        if item == start or r == 0:
            following = max(r - 1, 0) - 1  # its pixels also vote for the upper half of the first row needed
        while following <= min(r + 1, n_rows - 1):
            # The pixels between the centers of a row of cells and the next vote for both.
            cells[(following + 1) % 4] = 0
            top = following * cell_size + cell_size // 2
            low, high = max(top, 1), min(top + cell_size, images.shape[1] - 1)
            for y in range(low, high, strip):
                n_lines = min(strip, high - y)
                _load_rows(images, first, last, y - 1, n_lines + 2, cell_size, slot, rows)
                for x in range(0, width, tile):
                    n_columns = min(tile, width - x)
                    for line in range(n_lines):
                        _gradients(rows, line, x, padded(n_columns), gy, gx)
                        _votes(gy, gx, scales, rounding, line, x, padded(n_columns), sizes, counters)
                        _add_votes(sizes, counters, line, n_columns, sums)
                    _sum_columns(
                        sums, x // cell_size, n_columns // cell_size, cell_size, near, far, left, right
                    )
                share = np.float32((y - top + (0.5 if cell_size % 2 == 0 else 0.0)) / cell_size)
                _share_rows(left, right, share, cell_size, n_cols, unit, following, cells)
            if following >= 0:
                _finish_cells(cells, energies, following % 4)
            following += 1
        for i in range(first, last):
            _factors(energies, r, n_rows, (i - first) * n_cols, above, below)
            _normalize(cells, r % 4, (i - first) * n_cols, above, below, totals, i, r, out)


# Copies: _hog.padded and sift.padded.
@njit
def padded(n):
    """Return the next multiple of 64: a loop of that length has no remainder to do one by one."""
    return (n + 63) // 64 * 64


@inner
def _load_rows(images, first, last, top, n_rows, cell_size, slot, rows):
    """Copy rows of images, so that segments begin at multiples of the cell size."""
    n_columns, n_channels = images.shape[2:]
    for k in range(n_rows):
        for i in range(first, last):
            start = max((i - first) * slot + cell_size - cell_size // 2 + 1, 0)
            if n_channels == 1:
                for x in range(n_columns):
                    rows[0, k, start + x] = images[i, top + k, x, 0]
            elif n_channels != 3:
                for x in range(n_columns):
                    for c in range(n_channels):
                        rows[c, k, start + x] = images[i, top + k, x, c]
            else:
                row = images[i, top + k].reshape(-1)  # by a step of 3 that the compiler can see
                for x in range(n_columns):
                    rows[0, k, start + x] = row[3 * x]
                    rows[1, k, start + x] = row[3 * x + 1]
                    rows[2, k, start + x] = row[3 * x + 2]


@inner
def _columns(images, cell_size, slot, scale, n_slots, n):
    """Return for each column the factor of magnitudes, and the value to add before rounding down.

    Both are 0 outside an image and at its border.  Elsewhere they are ``scale`` and values that fill
    [0, 1) evenly.
    """
    scales, rounding = np.zeros(n, np.float32), np.zeros(n, np.float32)
    for i in range(n_slots):
        start = i * slot + cell_size - cell_size // 2
        for x in range(1, images.shape[2] - 1):
            scales[start + x] = scale
            rounding[start + x] = x * STEP_X % 1
    return scales, rounding


# Copy: _directions._column_weights.
@njit
def _column_weights(cell_size):
    """Return the weights of the columns of a segment for the cells at its left and right."""
    n = (cell_size + 3) // 4 * 4  # columns are added four at a time; padding has weight 0
    left, right = np.zeros(n, np.float32), np.zeros(n, np.float32)
    for x in range(cell_size):
        right[x] = (x + (0.5 if cell_size % 2 == 0 else 0.0)) / cell_size
        left[x] = np.float32(1) - right[x]
    return left, right


# Copy: _directions._gradients.
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


# Copy: _directions.gradient.
@njit
def gradient(rows, c, y, x):
    return rows[c, y + 2, x + 1] - rows[c, y, x + 1], rows[c, y + 1, x + 2] - rows[c, y + 1, x]


@inner
def _votes(gy, gx, scales, rounding, line, start, n, sizes, counters):
    """Compute the vote of each pixel of a tile and the index of its counter.

    Of directions with equal products the first is taken, as in VLFeat: upright gradients count as
    80 degrees, not 100.
    """
    one = np.float32(1)
    shift = np.float32(line * STEP_Y % 1)
    start = max(start, 0)
    for x in range(n):
        dy, dx = gy[x], gx[x]
        size = np.sqrt(dx * dx + dy * dy)
        offset = rounding[start + x] + shift
        sizes[x] = np.int32(size * scales[start + x] + (offset - one if offset >= one else offset))
        up, across = abs(dy), abs(dx)
        g1, g2 = across * C1 + up * S1, across * C2 + up * S2
        g3, g4 = across * C3 + up * S3, across * C4 + up * S4
        k = np.int32(g1 > across) + np.int32(g2 > g1) + np.int32(g3 > g2) + np.int32(g4 > g3)
        mirrored = ((dx < 0) != (dy < 0)) & (g4 > up * S4 - across * C4)
        k = UNSIGNED - k if mirrored else k
        k = k + UNSIGNED if dy < 0 else k
        counters[x] = x * COUNTERS + (0 if k == SIGNED else k)


@inner
def _add_votes(sizes, counters, line, n, sums):
    weight = np.uint64(1 + (line << 32))
    for x in range(n):
        sums[counters[x]] += np.uint64(sizes[x]) * weight


@inner
def _sum_columns(sums, start, n_segments, cell_size, near, far, left, right):
    """Add up the columns of each segment, weighted for the cells at its left and right, and clear them."""
    # Little-endian: the lower half, the sum of votes, comes first.
    halves = sums.view(np.int32).reshape(-1, SUMS)
    for s in range(n_segments):
        left[start + s] = 0
        right[start + s] = 0
        for x in range(0, cell_size, 4):
            n0, n1, n2, n3 = near[x], near[x + 1], near[x + 2], near[x + 3]
            f0, f1, f2, f3 = far[x], far[x + 1], far[x + 2], far[x + 3]
            column = s * cell_size + x
            for k in range(SUMS):
                v0, v1 = np.float32(halves[column, k]), np.float32(halves[column + 1, k])
                v2, v3 = np.float32(halves[column + 2, k]), np.float32(halves[column + 3, k])
                left[start + s, k] += (v0 * n0 + v1 * n1) + (v2 * n2 + v3 * n3)
                right[start + s, k] += (v0 * f0 + v1 * f1) + (v2 * f2 + v3 * f3)
    sums[: n_segments * cell_size * COUNTERS] = 0


@inner
def _share_rows(left, right, share, cell_size, n_cols, unit, r, cells):
    """Add sums of segments to the cells of row r and of the next row, which gets ``share`` of line 0."""
    step = np.float32(1) / np.float32(cell_size)
    row, next_row = r % 4, (r + 1) % 4
    for cell in range(cells.shape[1]):
        s = cell // n_cols * (n_cols + 1) + cell % n_cols
        for k in range(SIGNED):
            plain = right[s, 2 * k] + left[s + 1, 2 * k]
            lower = plain * share + (right[s, 2 * k + 1] + left[s + 1, 2 * k + 1]) * step
            cells[row, cell, k] += (plain - lower) * unit
            cells[next_row, cell, k] += lower * unit


@inner
def _finish_cells(cells, energies, row):
    """Compute the unsigned sums and energies of a row of cells."""
    for cell in range(cells.shape[1]):
        energy = np.float32(0)
        for k in range(UNSIGNED):
            both = cells[row, cell, k] + cells[row, cell, k + UNSIGNED]
            cells[row, cell, SIGNED + k] = both
            energy += both * both
        energies[row, cell] = energy


@njit(error_model="numpy")
def _factors(energies, r, n_rows, start, above, below):
    """Compute the factors at the corners of a row of cells of an image.

    Beyond the border, the cell at the border is repeated.
    """
    before, here, after = max(r - 1, 0) % 4, r % 4, min(r + 1, n_rows - 1) % 4
    n_cols = len(above) - 1
    for c in range(n_cols + 1):
        a, b = start + max(c - 1, 0), start + min(c, n_cols - 1)
        middle = energies[here, a] + energies[here, b] + FLOOR
        above[c] = np.float32(1) / np.sqrt(energies[before, a] + energies[before, b] + middle)
        below[c] = np.float32(1) / np.sqrt(energies[after, a] + energies[after, b] + middle)


@inner
def _normalize(cells, row, start, above, below, totals, i, r, out):
    half = np.float32(0.5)
    for c in range(out.shape[2]):
        f0, f1, f2, f3 = above[c], above[c + 1], below[c], below[c + 1]
        cell = start + c
        for k in range(LANES):
            value = cells[row, cell, k]
            t0 = clipped(value * f0) + clipped(value * f1)
            totals[k] = (t0 + (clipped(value * f2) + clipped(value * f3))) * half
        for k in range(SIGNED + UNSIGNED):
            out[i, r, c, k] = totals[k]
        t0, t1, t2, t3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for k in range(SIGNED, SIGNED + UNSIGNED):
            value = cells[row, cell, k]
            t0 += clipped(value * f0)
            t1 += clipped(value * f1)
            t2 += clipped(value * f2)
            t3 += clipped(value * f3)
        out[i, r, c, 27] = t0 * TEXTURE
        out[i, r, c, 28] = t1 * TEXTURE
        out[i, r, c, 29] = t2 * TEXTURE
        out[i, r, c, 30] = t3 * TEXTURE


# Copy: _directions.clipped.
@njit
def clipped(value):
    return value if value < CLIP else CLIP
