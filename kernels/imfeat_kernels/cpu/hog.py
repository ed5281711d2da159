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
from imfeat_kernels.tables import bin_edges as bin_edges
from imfeat_kernels.tables import block_weights as block_weights

ROWS = 1 << 14  # pixels that are worth a thread
PAD = 16  # values between rows
WIDTH = 320  # pixels side by side: what is computed of them stays in the nearest cache
SLACK = np.float32(1 + 1e-5)  # how much stronger a later channel must be, beyond rounding


def cell_histograms(images, cell_size, edges, n_lower, mirrors, out):
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
    mirrors : (n, 2) int64
        All edges but 0, those below a half turn first: each with the one at a half turn
        less its angle, of which cos is the negative and sin the same; or, where there is none
        (or for one too many), with n_bins + 2.
    out : (n_bins, n_images, n_rows, n_cols) float32
        Overwritten with the sums of magnitudes, divided by the number of pixels of a cell.
    """
    _, n_images, n_rows, n_cols = out.shape
    if images.dtype == np.float64:
        grain = max(1, ROWS // (cell_size * images.shape[2]))
        launch(_cell_histograms_by_angle, n_images * n_rows, images, cell_size, n_lower, out, grain=grain)
        return
    layout = _layout(cell_size, n_cols, 0, images)
    n_items, grain = _items(layout, n_rows, cell_size, images)
    launch(_cell_histograms, n_items, images, cell_size, edges, n_lower, mirrors, layout, out, grain=grain)


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
    block_size, _, _, _, n_rows, n_cols = out.shape
    layout = _layout(cell_size, n_cols, block_size - 1, images)
    n_items, grain = _items(layout, n_rows, 4 * weights.shape[1], images)
    launch(_block_histograms, n_items, images, cell_size, weights, turns, layout, out, grain=grain)


def _layout(cell_size, n_cols, n_more, images):
    """Return how rows of images are laid side by side, so that loops are long but not too long.

    A slot holds a small image, or a piece of a large one: ``step`` columns of results, which take
    n_more cells more.  Its size is a multiple of a cell; small images have one cell more for the
    pixels left over.

    Returns
    -------
    step, n_pieces, slot, n_slots : int
        Columns of a piece, pieces of an image, pixels of a slot, and slots side by side.
    """
    slot = (n_cols + n_more) * cell_size
    slot += cell_size if images.shape[2] > slot else 0
    if slot <= WIDTH:
        return n_cols, 1, slot, max(1, min(len(images), WIDTH // slot))
    steps = [max(1, width // cell_size - n_more) for width in range(WIDTH, WIDTH // 2, -64)]
    step = min(steps, key=lambda step: -(-n_cols // step) * padded.py_func((step + n_more) * cell_size))
    return step, -(-n_cols // step), (step + n_more) * cell_size, 1


def _items(layout, n_rows, height, images):
    """Return the number of items, each a row of results of some slots, and how many are worth a thread."""
    _, n_pieces, slot, n_slots = layout
    n_groups = -(-len(images) * n_pieces // n_slots)
    return n_groups * n_rows, max(1, ROWS // (height * n_slots * slot))


# A literal like 0 would be an integer, and the arithmetic around it float64: hence dtype.type(0).
# Helpers get whole arrays and the rows to work on: a slice costs a reference count, which is atomic.


@njit(nogil=True, cache=True)
def _cell_histograms(start, stop, images, cell_size, edges, n_lower, mirrors, layout, out):
    n_bins, n_images, n_rows, n_cols = out.shape
    step, n_pieces, slot, n_slots = layout
    n = padded(n_slots * slot)
    rows, inner = scratch(images.shape[3] * (cell_size + 2), n + PAD), scratch(1, n)[0]
    rows = rows.reshape(images.shape[3], cell_size + 2, -1)
    gy, gx, upper, lower = scratch(2, n), scratch(2, n), scratch(2, n), scratch(2, n)
    # After the sums for each edge one that stays 0, one for the lower half, and one to throw away.
    past, spare = scratch(n_bins + 3, n), np.empty(n_bins * (n + PAD) // 2, np.float32)
    sums = scratch(1, n_bins * (n + PAD))[0]
    area = np.float32(cell_size * cell_size)
    values = images.reshape(-1)
    by_square = images.dtype.type(0.5) == 0  # squares of differences of bytes are exact
    for item in range(start, stop):  # an item is a row of cells of some slots
        first, r = item // n_rows * n_slots, item % n_rows
        last = min(first + n_slots, n_images * n_pieces)
        _load_rows(images, values, first, last, step * cell_size, r * cell_size - 1, layout, rows, inner)
        clear(past)
        for y in range(0, cell_size, 2):  # two rows of pixels at a time touch the sums half as often
            for k in range(2):
                if y + k < cell_size:
                    _gradients(rows, y + k, inner, by_square, np.float32(1), k, gy, gx)
                    _fold(k, n, gy, gx, upper, lower, n_lower < n_bins)
                else:
                    _fold_nothing(k, n, upper, lower)
            # Every angle of the upper half has passed the first edge.
            _add_all(upper, lower, n_lower, n_bins, n, past)
            for j in range(0, len(mirrors), 2):
                _add_past(gy, gx, upper if mirrors[j, 0] < n_lower else lower, edges, mirrors, j, n, past)
        _take_differences(past, n_bins, n_lower, sums)
        size = _halve(sums, spare, n_bins * past.shape[1], cell_size)
        for s in range(first, last):
            i, left = s // n_pieces, s % n_pieces * step
            place = (s - first) * slot // cell_size
            for b in range(n_bins):
                for c in range(np.uint64(min(step, n_cols - left))):
                    value = group(sums, size, b * (n + PAD) * size // cell_size, np.uint64(place) + c)
                    out[b, i, r, np.uint64(left) + c] = value / area


@njit
def padded(n):
    """Return a multiple of 64: a loop of that length has no remainder to do one by one."""
    return (n + 63) // 64 * 64


@njit
def scratch(n_rows, n):
    """Return rows of zeros that begin at lines of the cache, and do not compete for them."""
    memory = np.zeros(n_rows * (n + PAD) + 16, np.float32)
    first = -memory.ctypes.data % 64 // 4
    return memory[first : first + n_rows * (n + PAD)].reshape(n_rows, n + PAD)


@njit
def _load_rows(images, values, first, last, stride, top, layout, rows, inner):
    """Copy rows of images, channel by channel, from the second place of a row on.

    Above and below an image lies its mirror image, so that a gradient across the border is 0.
    For left and right ``inner`` becomes 0 in the first and the last column of an image, else 1.
    """
    height, width, n_channels = images.shape[1:]
    _, n_pieces, slot, _ = layout
    for x in range(len(inner)):
        inner[x] = 1
    for s in range(first, last):
        i, left = s // n_pieces, s % n_pieces * stride
        place = (s - first) * slot - left
        begin, end = max(left - 1, 0), min(left + slot + 1, width)
        if left == 0:
            inner[place] = 0
        if place + width - 1 < len(inner):
            inner[place + width - 1] = 0
        for k in range(rows.shape[1]):
            y = abs(top + k)
            y = max(2 * height - 2 - y, 0) if y >= height else y
            # Unsigned, because an index that could be negative keeps a loop from being vectorized.
            source = np.uint64(((i * height + y) * width + begin) * n_channels)
            target, n = np.uint64(place + begin + 1), np.uint64(end - begin)
            if n_channels == 1:
                for x in range(n):
                    rows[0, k, target + x] = values[source + x]
            else:
                for c in range(n_channels):
                    for x in range(n):
                        rows[c, k, target + x] = values[source + np.uint64(3) * x + np.uint64(c)]


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
def _fold(k, n, gy, gx, upper, lower, signed):
    """Turn gradients of the lower half circle by a half turn; tell the magnitudes of both halves."""
    zero = gx.dtype.type(0)
    for x in range(n):
        dy, dx = gy[k, x], gx[k, x]
        size = np.sqrt(dy * dy + dx * dx)
        turned = (dy < 0) | ((dy == 0) & (dx < 0))
        gy[k, x] = -dy if turned else dy
        gx[k, x] = -dx if turned else dx
        upper[k, x] = size if not (turned and signed) else zero
        lower[k, x] = size if turned and signed else zero


@njit
def _fold_nothing(k, n, upper, lower):
    for x in range(n):
        upper[k, x], lower[k, x] = 0, 0


@njit
def clear(lines):
    """Fill rows with zeros; assigning to a slice would take long to compile."""
    for k in range(lines.shape[0]):
        for x in range(lines.shape[1]):
            lines[k, x] = 0


@njit
def _add_past(gy, gx, sizes, edges, mirrors, j, n, past):
    """Add the magnitudes of two rows that have passed edges: two edges, and their mirrors.

    Four edges at a time, because reading and writing takes longer than computing.
    """
    b, m, next_b, next_m = mirrors[j, 0], mirrors[j, 1], mirrors[j + 1, 0], mirrors[j + 1, 1]
    after = min(next_b, len(edges) - 1)
    cos, sin, next_cos, next_sin = edges[b, 0], edges[b, 1], edges[after, 0], edges[after, 1]
    for x in range(n):
        # Everything is read before anything is chosen, so that the choices are no branches.
        y0, x0, s0, y1, x1, s1 = gy[0, x], gx[0, x], sizes[0, x], gy[1, x], gx[1, x], sizes[1, x]
        sum_b, sum_m, sum_c, sum_d = past[b, x], past[m, x], past[next_b, x], past[next_m, x]
        up, along, up1, along1 = y0 * cos, x0 * sin, y1 * cos, x1 * sin
        sum_b = sum_b + s0 if up >= along else sum_b
        sum_b = sum_b + s1 if up1 >= along1 else sum_b
        sum_m = sum_m + s0 if -up >= along else sum_m
        sum_m = sum_m + s1 if -up1 >= along1 else sum_m
        up, along, up1, along1 = y0 * next_cos, x0 * next_sin, y1 * next_cos, x1 * next_sin
        sum_c = sum_c + s0 if up >= along else sum_c
        sum_c = sum_c + s1 if up1 >= along1 else sum_c
        sum_d = sum_d + s0 if -up >= along else sum_d
        sum_d = sum_d + s1 if -up1 >= along1 else sum_d
        past[b, x], past[m, x], past[next_b, x], past[next_m, x] = sum_b, sum_m, sum_c, sum_d


@njit
def _add_all(upper, lower, n_lower, n_bins, n, past):
    for x in range(n):  # in the same order as above, so that equal sums cancel exactly
        past[0, x] = past[0, x] + upper[0, x] + upper[1, x]
    if n_lower < n_bins:
        for x in range(n):
            past[n_bins + 1, x] = past[n_bins + 1, x] + lower[0, x] + lower[1, x]


@njit
def _take_differences(past, n_bins, n_lower, sums):
    """Turn sums past the edges into sums of bins, one after the other."""
    n = past.shape[1]
    line = past.reshape(-1)
    for x in range(np.uint64(n_bins * n)):
        sums[x] = line[x] - line[x + np.uint64(n)]
    if n_lower < n_bins:  # this bin ends where the lower half begins, or reaches into it
        first = np.uint64((n_lower - 1) * n)
        for x in range(np.uint64(n)):
            sums[first + x] += past[n_bins + 1, x]


@njit
def _halve(sums, spare, n, size):
    """Add up groups of ``size`` neighbours of n sums, halving their size while it is even.

    Returns the size of the groups that are left.  From one array to the other and back: a loop
    over two places of one array, or arrays that change names, would not be vectorized.
    """
    while size % 4 == 0 and n % 4 == 0:
        size, n = size // 4, n // 4
        for x in range(2 * n):
            spare[x] = sums[2 * x] + sums[2 * x + 1]
        for x in range(n):
            sums[x] = spare[2 * x] + spare[2 * x + 1]
    if size % 2 == 0 and n % 2 == 0:
        size, n = size // 2, n // 2
        for x in range(n):
            spare[x] = sums[2 * x] + sums[2 * x + 1]
        for x in range(n):
            sums[x] = spare[x]
    return size


@njit
def group(sums, size, first, c):
    """Return the sum of group c of those that begin at ``first``."""
    place = np.uint64(first) + c * np.uint64(size)
    value = sums[place]
    for x in range(np.uint64(1), np.uint64(size)):
        value += sums[place + x]
    return value


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
def _block_histograms(start, stop, images, cell_size, weights, turns, layout, out):
    block_size, _, n_bins, n_images, n_rows, n_cols = out.shape
    step, n_pieces, slot, n_slots = layout
    size, n = block_size * cell_size, padded(n_slots * slot)
    rows, inner = scratch(images.shape[3] * (size + 2), n + PAD), scratch(1, n)[0]
    rows, values = rows.reshape(images.shape[3], size + 2, -1), images.reshape(-1)
    gy, gx, sums = scratch(2, n), scratch(2, n), scratch(1, n_bins * (n + PAD))[0]
    spare = np.empty(n_bins * (n + PAD) // 2, np.float32)
    columns = scratch((block_size + 1) * n_bins, n)  # the last row of cells is thrown away
    cells = np.zeros((n_bins, n_slots * slot // cell_size), np.float32)
    # The weights of the columns of a cell for each column of cells, over and over.
    tiles = np.empty((block_size, block_size, n + PAD), np.float32)
    for m, part, x in np.ndindex(block_size, block_size, n + PAD):
        tiles[m, part, x] = weights[m, part * cell_size + x % cell_size]
    for item in range(start, stop):  # an item is a row of blocks of some slots
        first, r = item // n_rows * n_slots, item % n_rows
        last = min(first + n_slots, n_images * n_pieces)
        _load_rows(images, values, first, last, step * cell_size, r * cell_size - 1, layout, rows, inner)
        clear(columns)
        for y in range(0, size, 2):  # two rows of pixels at a time touch the sums half as often
            for j in range(2):
                if y + j < size:
                    _gradients(rows, y + j, inner, True, SLACK, j, gy, gx)
                    _places(turns, n_bins, n, j, gy, gx)
                else:
                    for x in range(n):
                        gx[j, x] = 0
            k, next_k = upper_cell(weights, y), upper_cell(weights, min(y + 1, size - 1))
            if k == next_k:
                _add_votes(gx, gy, weights, k, y, y + 1, n, columns)
            else:
                _add_votes(gx, gy, weights, k, y, size, n, columns)
                for x in range(n):
                    gx[0, x], gy[0, x] = gx[1, x], gy[1, x]
                _add_votes(gx, gy, weights, next_k, y + 1, size, n, columns)
        for k, m in np.ndindex(block_size, block_size):
            for part in range(block_size):
                _weigh_columns(columns, tiles, k, m, part, n, cell_size, sums, spare, cells)
            for s in range(first, last):
                i, left = s // n_pieces, s % n_pieces * step
                place = np.uint64((s - first) * slot // cell_size)
                for b in range(n_bins):
                    for c in range(np.uint64(min(step, n_cols - left))):
                        out[k, m, b, i, r, np.uint64(left) + c] = cells[b, place + c]


@njit
def _weigh_columns(columns, tiles, k, m, part, n, cell_size, sums, spare, cells):
    """Add to each block's cell in column m what the block's columns of pixels in ``part`` give it."""
    n_bins, stride = len(cells), columns.shape[1]
    for b in range(n_bins):
        first = np.uint64(b * stride)
        for x in range(np.uint64(n)):
            sums[first + x] = columns[k * n_bins + b, x] * tiles[m, part, x]
    size = _halve(sums, spare, n_bins * stride, cell_size)
    for b in range(n_bins):
        first = b * stride * size // cell_size + part * size
        for c in range(np.uint64(cells.shape[1] - part)):
            value = group(sums, size, first, c)
            cells[b, c] = value if part == 0 else cells[b, c] + value


@njit(error_model="numpy")
def _places(turns, n_bins, n, j, gy, gx):
    """Replace gradients in row j by where they lie between the centers of bins, and by magnitudes."""
    around, half = np.float32(n_bins), np.float32(0.5)
    for x in range(n):
        dy, dx = gy[j, x], gx[j, x]
        at = turn(dx, dy) * np.float32(turns) - half
        gy[j, x] = at - around if at >= around - half else at
        gx[j, x] = np.sqrt(dy * dy + dx * dx)


@njit
def upper_cell(weights, y):
    """Return the upper one of the two rows of cells that a row of pixels lies between."""
    k = 0
    while weights[k, y] == 0:
        k += 1
    return max(0, min(k, len(weights) - 2))


@njit
def _add_votes(magnitudes, places, weights, k, y, next_y, n, columns):
    """Add the votes of a row, and of the next if there is one.

    A vote falls linearly to 0 at the centers of the next bins.
    """
    none, n_bins = np.float32(0), len(columns) // (len(weights) + 1)
    w0, below0 = weights[k, y], weights[k + 1, y] if k + 1 < len(weights) else none
    w1, below1 = none, none
    if next_y < weights.shape[1]:
        w1, below1 = weights[k, next_y], weights[k + 1, next_y] if k + 1 < len(weights) else none
    around = np.float32(n_bins)
    for b in range(n_bins):
        center = np.float32(b)
        for x in range(n):
            vote0 = magnitudes[0, x] * nearness(places[0, x] - center, around)
            vote1 = magnitudes[1, x] * nearness(places[1, x] - center, around)
            columns[k * n_bins + b, x] += w0 * vote0 + w1 * vote1
            columns[(k + 1) * n_bins + b, x] += below0 * vote0 + below1 * vote1


@njit
def nearness(apart, around):
    """Return 1 for no bins apart on a circle of bins, down to 0 for a whole one."""
    apart = abs(apart)
    apart = apart if apart < around - apart else around - apart
    near = np.float32(1) - apart
    return near if near > 0 else np.float32(0)


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
