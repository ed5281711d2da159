"""Compiled bodies of the histograms of oriented gradients; ``hog.py`` describes their steps."""

import numpy as np
from numba import njit

PAD = 16  # values between rows
SLACK = np.float32(1 + 1e-5)  # how much stronger a later channel must be, beyond rounding

# A literal like 0 would be an integer, and the arithmetic around it float64: hence dtype.type(0).
# Helpers get entire arrays and the rows to work on: a slice costs a reference count, which is atomic.


@njit(nogil=True, cache=True)
def cell_histograms(
    start,
    stop,
    images,
    mask,
    corner,
    cell_size,
    edges,
    n_lower,
    mirrors,
    step,
    shift,
    n_pieces,
    slot,
    n_slots,
    out,
):
    n_bins, n_images, n_rows, n_cols = out.shape
    height, width = cell_size
    n = padded(n_slots * slot)
    rows = scratch(images.shape[3] * (height + 2), n + PAD)
    rows = rows.reshape(images.shape[3], height + 2, -1)
    inner = scratch(1, n)[0]
    gy, gx = scratch(2, n), scratch(2, n)
    upper, lower = scratch(2, n), scratch(2, n)
    # After the sums for each edge one that stays 0, one for the lower half, and one that is not used.
    past = scratch(n_bins + 3, n)
    sums = scratch(1, n_bins * (n + PAD))[0]
    halves = np.empty(n_bins * (n + PAD) // 2, np.float32)
    area = np.float32(height * width)
    values = images.reshape(-1)
    by_square = images.dtype.type(0.5) == 0  # squares of differences of bytes are exact
    for item in range(start, stop):  # an item is a row of cells of some slots
        first = item // n_rows * n_slots
        last = min(first + n_slots, n_images * n_pieces)
        r = item % n_rows
        top = corner[0] + r * height
        _load_rows(images, values, first, last, top - 1, corner[1], shift, n_pieces, slot, rows, inner)
        clear(past)
        for y in range(0, height, 2):  # two rows of pixels at a time touch the sums half as often
            for k in range(2):
                if y + k < height:
                    _gradients(rows, y + k, inner, by_square, np.float32(1), k, gy, gx)
                    _fold(k, n, gy, gx, upper, lower, n_lower < n_bins)
                    if mask.size > 0:
                        _apply_mask(
                            mask, first, last, top + y + k, corner[1], shift, n_pieces, slot, k, upper
                        )
                        _apply_mask(
                            mask, first, last, top + y + k, corner[1], shift, n_pieces, slot, k, lower
                        )
                else:
                    _clear_row(k, n, upper, lower)
            # Every angle of the upper half has passed the first edge.
            _add_all(upper, lower, n_lower, n_bins, n, past)
            for j in range(0, len(mirrors), 2):
                _add_past(gy, gx, upper if mirrors[j, 0] < n_lower else lower, edges, mirrors, j, n, past)
        _take_differences(past, n_bins, n_lower, sums)
        size = _halve(sums, halves, n_bins * past.shape[1], width)
        for s in range(first, last):
            i = s // n_pieces
            left = s % n_pieces * step
            cell = (s - first) * slot // width
            for b in range(n_bins):
                for c in range(np.uint64(min(step, n_cols - left))):
                    value = group(sums, size, b * (n + PAD) * size // width, np.uint64(cell) + c)
                    out[b, i, r, np.uint64(left) + c] = value / area


# Copies: sift.padded and uoctti.padded.
@njit
def padded(n):
    """Return the next multiple of 64: a loop of that length has no remainder to do one by one."""
    return (n + 63) // 64 * 64


@njit
def scratch(n_rows, n):
    """Return rows of zeros that begin at cache lines and do not compete for them."""
    memory = np.zeros(n_rows * (n + PAD) + 16, np.float32)
    first = -memory.ctypes.data % 64 // 4
    return memory[first : first + n_rows * (n + PAD)].reshape(n_rows, n + PAD)


@njit
def _load_rows(images, values, first, last, top, corner, shift, n_pieces, slot, rows, inner):
    """Copy rows of images, channel by channel, from the second column of ``rows`` on.

    Above and below an image lies its mirror image, so that a gradient across the border is 0.
    ``inner`` becomes 0 in the first and the last column of an image, else 1.
    """
    height, width, n_channels = images.shape[1:]
    for x in range(len(inner)):
        inner[x] = 1
    for s in range(first, last):
        i = s // n_pieces
        left = corner + s % n_pieces * shift
        column = (s - first) * slot - left  # of the left border of the image
        begin, end = max(left - 1, 0), min(left + slot + 1, width)
        if left == 0:
            inner[column] = 0
        if width - 1 - left < slot:
            inner[column + width - 1] = 0
        for k in range(rows.shape[1]):
            y = abs(top + k)
            y = max(2 * height - 2 - y, 0) if y >= height else y
            # Unsigned, because an index that could be negative keeps a loop from being vectorized.
            source = np.uint64(((i * height + y) * width + begin) * n_channels)
            target = np.uint64(column + begin + 1)
            n = np.uint64(end - begin)
            if n_channels == 1:
                for x in range(n):
                    rows[0, k, target + x] = values[source + x]
            elif n_channels == 3:  # by a step that the compiler can see
                for c in range(n_channels):
                    for x in range(n):
                        rows[c, k, target + x] = values[source + np.uint64(3) * x + np.uint64(c)]
            else:
                for c in range(n_channels):
                    for x in range(n):
                        rows[c, k, target + x] = values[source + np.uint64(n_channels) * x + np.uint64(c)]


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
    """Turn gradients of the lower half circle by a half turn, and compute the magnitudes of both halves."""
    zero, one = gx.dtype.type(0), gx.dtype.type(1)
    for x in range(n):
        dy, dx = gy[k, x], gx[k, x]
        turned = (dy < 0) | ((dy == 0) & (dx < 0))
        sign = -one if turned else one  # a choice between dy and -dy would be stored under a mask: see `tile`
        gy[k, x] = dy * sign
        gx[k, x] = dx * sign
        size = np.sqrt(dy * dy + dx * dx)
        lower[k, x] = size if turned & signed else zero
        upper[k, x] = zero if turned & signed else size


@njit
def _apply_mask(mask, first, last, y, corner, shift, n_pieces, slot, k, sizes):
    """Set the sizes of masked pixels in row y of images to 0, in row k."""
    height, width = mask.shape[1:]
    chosen = mask.reshape(-1)
    for s in range(first, last):
        i = s // n_pieces
        left = corner + s % n_pieces * shift
        source = np.uint64((i * height + y) * width + left)
        target = np.uint64((s - first) * slot)
        for x in range(np.uint64(min(slot, width - left))):
            sizes[k, target + x] = sizes[k, target + x] if chosen[source + x] else sizes.dtype.type(0)


@njit
def _clear_row(k, n, upper, lower):
    for x in range(n):
        upper[k, x] = 0
        lower[k, x] = 0


@njit
def clear(lines):
    """Fill rows with zeros; assigning to a slice would take long to compile."""
    for k in range(lines.shape[0]):
        for x in range(lines.shape[1]):
            lines[k, x] = 0


@njit
def _add_past(gy, gx, sizes, edges, mirrors, j, n, past):
    """Add the magnitudes of two rows of gradients that have passed two edges and their mirrors.

    Four edges at a time, because memory takes longer than arithmetic.
    """
    b, m, next_b, next_m = mirrors[j, 0], mirrors[j, 1], mirrors[j + 1, 0], mirrors[j + 1, 1]
    after = min(next_b, len(edges) - 1)
    cos, sin, next_cos, next_sin = edges[b, 0], edges[b, 1], edges[after, 0], edges[after, 1]
    zero = np.float32(0)
    for x in range(n):
        # All values are loaded before any selection, so that selections are no branches.
        y0, x0, s0 = gy[0, x], gx[0, x], sizes[0, x]
        y1, x1, s1 = gy[1, x], gx[1, x], sizes[1, x]
        sum_b, sum_m, sum_c, sum_d = past[b, x], past[m, x], past[next_b, x], past[next_m, x]
        up, along, up1, along1 = y0 * cos, x0 * sin, y1 * cos, x1 * sin
        sum_b += s0 if up >= along else zero
        sum_b += s1 if up1 >= along1 else zero
        sum_m += s0 if -up >= along else zero
        sum_m += s1 if -up1 >= along1 else zero
        up, along, up1, along1 = y0 * next_cos, x0 * next_sin, y1 * next_cos, x1 * next_sin
        sum_c += s0 if up >= along else zero
        sum_c += s1 if up1 >= along1 else zero
        sum_d += s0 if -up >= along else zero
        sum_d += s1 if -up1 >= along1 else zero
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
def _halve(sums, halves, n, size):
    """Add up groups of ``size`` neighbours of n sums, halving their size while it is even.

    Returns the size of the remaining groups.  Values go to ``halves`` and back, because a loop that
    reads and writes one array, or arrays that change names, would not be vectorized.
    """
    while size % 4 == 0 and n % 4 == 0:
        size, n = size // 4, n // 4
        for x in range(2 * n):
            halves[x] = sums[2 * x] + sums[2 * x + 1]
        for x in range(n):
            sums[x] = halves[2 * x] + halves[2 * x + 1]
    if size % 2 == 0 and n % 2 == 0:
        size, n = size // 2, n // 2
        for x in range(n):
            halves[x] = sums[2 * x] + sums[2 * x + 1]
        for x in range(n):
            sums[x] = halves[x]
    return size


@njit
def group(sums, size, first, c):
    """Return the sum of group c of those that begin at ``first``."""
    start = np.uint64(first) + c * np.uint64(size)
    value = sums[start]
    for x in range(np.uint64(1), np.uint64(size)):
        value += sums[start + x]
    return value


@njit(nogil=True, cache=True)
def block_histograms(
    start,
    stop,
    images,
    mask,
    corner,
    cell_size,
    stride,
    row_weights,
    col_weights,
    turns,
    step,
    shift,
    n_pieces,
    slot,
    n_slots,
    out,
):
    block_rows, block_cols, n_bins, n_images, n_rows, n_cols = out.shape
    height, width = cell_size
    size = block_rows * height
    # Blocks that begin at the same column of their cells are some cells apart; there are so many kinds.
    n_phases = width // gcd(stride[1], width)
    cells_apart = np.uint64(n_phases * stride[1] // width)
    n = padded(n_slots * slot)
    rows = scratch(images.shape[3] * (size + 2), n + PAD)
    rows = rows.reshape(images.shape[3], size + 2, -1)
    inner = scratch(1, n)[0]
    values = images.reshape(-1)
    gy, gx = scratch(2, n), scratch(2, n)
    sums = scratch(1, n_bins * (n + PAD))[0]
    halves = np.empty(n_bins * (n + PAD) // 2, np.float32)
    columns = scratch((block_rows + 1) * n_bins, n)  # the last row of cells is not used
    cells = np.zeros((n_bins, n_slots * slot // width), np.float32)
    # The weights of the columns of a cell for each column of cells, over and over.
    tiles = np.empty((block_cols, block_cols, n + PAD), np.float32)
    for m, offset, x in np.ndindex(block_cols, block_cols, n + PAD):
        tiles[m, offset, x] = col_weights[m, offset * width + x % width]
    for item in range(start, stop):  # an item is a row of blocks of some slots
        first = item // n_rows * n_slots
        last = min(first + n_slots, n_images * n_pieces)
        r = item % n_rows
        top = corner[0] + r * stride[0]
        _load_rows(images, values, first, last, top - 1, corner[1], shift, n_pieces, slot, rows, inner)
        clear(columns)
        for y in range(0, size, 2):  # two rows of pixels at a time touch the sums half as often
            for j in range(2):
                if y + j < size:
                    _gradients(rows, y + j, inner, True, SLACK, j, gy, gx)
                    _bin_positions(turns, n_bins, n, j, gy, gx)
                    if mask.size > 0:
                        _apply_mask(mask, first, last, top + y + j, corner[1], shift, n_pieces, slot, j, gx)
                else:
                    for x in range(n):
                        gx[j, x] = 0
            k = upper_cell(y, height, block_rows)
            next_k = upper_cell(min(y + 1, size - 1), height, block_rows)
            if k == next_k:
                _add_votes(gx, gy, row_weights, k, y, y + 1, n, columns)
            else:
                _add_votes(gx, gy, row_weights, k, y, size, n, columns)
                for x in range(n):
                    gy[0, x], gx[0, x] = gy[1, x], gx[1, x]
                _add_votes(gx, gy, row_weights, next_k, y + 1, size, n, columns)
        for k, m, phase in np.ndindex(block_rows, block_cols, n_phases):
            for offset in range(block_cols):
                _weigh_columns(columns, phase * stride[1], tiles, k, m, offset, n, width, sums, halves, cells)
            for s in range(first, last):
                i = s // n_pieces
                left = s % n_pieces * step + phase
                cell = np.uint64((s - first) * slot // width)
                n_here = (min(step - phase, n_cols - left) + n_phases - 1) // n_phases
                for b in range(n_bins):
                    for c in range(np.uint64(max(n_here, 0))):
                        at = np.uint64(left) + c * np.uint64(n_phases)
                        out[k, m, b, i, r, at] = cells[b, cell + c * cells_apart]


@njit
def _weigh_columns(columns, start, tiles, k, m, offset, n, cell_size, sums, halves, cells):
    """Add the weighted columns of pixels of the cell at ``offset`` to column m of cells of each block.

    The first block begins at column ``start``.
    """
    n_bins = len(cells)
    stride = columns.shape[1]
    for b in range(n_bins):
        first = np.uint64(b * stride)
        for x in range(np.uint64(n - start)):
            sums[first + x] = columns[k * n_bins + b, np.uint64(start) + x] * tiles[m, offset, x]
    size = _halve(sums, halves, n_bins * stride, cell_size)
    for b in range(n_bins):
        first = b * stride * size // cell_size + offset * size
        for c in range(np.uint64(cells.shape[1] - offset)):
            value = group(sums, size, first, c)
            cells[b, c] = value if offset == 0 else cells[b, c] + value


@njit(error_model="numpy")
def _bin_positions(turns, n_bins, n, j, gy, gx):
    """Replace gradients in row j by their positions between the centers of bins and their magnitudes."""
    around = np.float32(n_bins)
    half = np.float32(0.5)
    for x in range(n):
        dy, dx = gy[j, x], gx[j, x]
        position = turn(dx, dy) * np.float32(turns) - half
        gy[j, x] = position - around if position >= around - half else position
        gx[j, x] = np.sqrt(dy * dy + dx * dx)


@njit
def gcd(a, b):
    """Return the greatest common divisor."""
    while b:
        a, b = b, a % b
    return a


@njit
def upper_cell(y, height, n_cells):
    """Return the upper one of the two rows of cells that a row of pixels lies between."""
    return max(0, min((2 * y + 1 - height) // (2 * height), n_cells - 2))


@njit
def _add_votes(magnitudes, positions, weights, k, y, next_y, n, columns):
    """Add the votes of a row of pixels, and of the next row if the block has one.

    A vote falls linearly to 0 at the centers of the next bins.
    """
    zero = np.float32(0)
    n_bins = len(columns) // (len(weights) + 1)
    w0, below0 = weights[k, y], weights[k + 1, y] if k + 1 < len(weights) else zero
    w1, below1 = zero, zero
    if next_y < weights.shape[1]:
        w1, below1 = weights[k, next_y], weights[k + 1, next_y] if k + 1 < len(weights) else zero
    around = np.float32(n_bins)
    for b in range(n_bins):
        center = np.float32(b)
        if 0 < b < n_bins - 1:  # a bin that no position is near to across the end of the circle
            for x in range(n):
                vote0 = magnitudes[0, x] * max(np.float32(1) - abs(positions[0, x] - center), zero)
                vote1 = magnitudes[1, x] * max(np.float32(1) - abs(positions[1, x] - center), zero)
                columns[k * n_bins + b, x] += w0 * vote0 + w1 * vote1
                columns[(k + 1) * n_bins + b, x] += below0 * vote0 + below1 * vote1
        else:
            for x in range(n):
                vote0 = magnitudes[0, x] * nearness(positions[0, x] - center, around)
                vote1 = magnitudes[1, x] * nearness(positions[1, x] - center, around)
                columns[k * n_bins + b, x] += w0 * vote0 + w1 * vote1
                columns[(k + 1) * n_bins + b, x] += below0 * vote0 + below1 * vote1


@njit
def nearness(apart, around):
    """Return the weight of a vote: 1 at the center of a bin, 0 one bin apart, on a circle of bins."""
    apart = abs(apart)
    apart = apart if apart < around - apart else around - apart
    near = np.float32(1) - apart
    return near if near > 0 else np.float32(0)


# Copy: _directions.turn.
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


# Copies: color.arctan_in_turns and _directions.arctan_in_turns.
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
