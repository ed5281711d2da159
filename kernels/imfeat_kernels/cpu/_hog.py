"""Compiled bodies of the histograms of oriented gradients; ``hog.py`` describes their steps."""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.instruction import fused

PAD = 16  # values between rows
BAND = 16  # rows of pixels that are loaded at a time
TARGETS = 3  # rows of cells that votes are added to at a time: most rows of pixels have so many
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


@inner
def scratch(n_rows, n):
    """Return rows of zeros that begin at cache lines and do not compete for them."""
    memory = np.zeros(n_rows * (n + PAD) + 16, np.float32)
    first = -memory.ctypes.data % 64 // 4
    return memory[first : first + n_rows * (n + PAD)].reshape(n_rows, n + PAD)


@inner
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


# The strongest of three channels is chosen in registers: a choice between a new value and the one in memory
# becomes a masked store, which is slow on processors of AMD without AVX-512.
@inner
def _gradients(rows, y, inner, by_square, slack, k, gy, gx):
    """Compute gradients along the row after row y into row k, each of its strongest channel."""
    n = len(inner)
    n_channels = rows.shape[0]
    if n_channels == 1:
        for x in range(n):
            gy[k, x], gx[k, x] = gradient(rows, 0, y, x, inner)
        return
    third = min(2, n_channels - 1)
    for x in range(n):
        y0, x0 = gradient(rows, 0, y, x, inner)
        y1, x1 = gradient(rows, 1, y, x, inner)
        y2, x2 = gradient(rows, third, y, x, inner)
        s0, s1, s2 = strength(y0, x0, by_square), strength(y1, x1, by_square), strength(y2, x2, by_square)
        stronger = s1 > s0 * slack
        y0, x0, s0 = y1 if stronger else y0, x1 if stronger else x0, s1 if stronger else s0
        stronger = s2 > s0 * slack
        gy[k, x], gx[k, x] = y2 if stronger else y0, x2 if stronger else x0
    for c in range(3, n_channels):
        for x in range(n):
            dy, dx = gradient(rows, c, y, x, inner)
            y0, x0 = gy[k, x], gx[k, x]
            share = np.float32(strength(dy, dx, by_square) > strength(y0, x0, by_square) * slack)
            gy[k, x] = dy * share + y0 * (np.float32(1) - share)
            gx[k, x] = dx * share + x0 * (np.float32(1) - share)


@njit
def gradient(rows, c, y, x, inner):
    dy = rows[c, y + 2, x + 1] - rows[c, y, x + 1]
    return dy, (rows[c, y + 1, x + 2] - rows[c, y + 1, x]) * inner[x]


@njit
def strength(dy, dx, by_square):
    return dy * dy + dx * dx if by_square else magnitude_of(dy, dx)


@njit
def magnitude_of(dy, dx):
    """Return the correctly rounded magnitude, by which equals are told from almost equals."""
    return np.float32(np.sqrt(np.float64(dy) * np.float64(dy) + np.float64(dx) * np.float64(dx)))


@inner
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


@inner
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
            sizes[k, target + x] *= np.float32(chosen[source + x])  # no choice: see `_gradients`


@inner
def _clear_row(k, n, upper, lower):
    for x in range(n):
        upper[k, x] = 0
        lower[k, x] = 0


@inner
def clear(lines):
    """Fill rows with zeros; assigning to a slice would take long to compile."""
    for k in range(lines.shape[0]):
        for x in range(lines.shape[1]):
            lines[k, x] = 0


@inner
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


@inner
def _add_all(upper, lower, n_lower, n_bins, n, past):
    for x in range(n):  # in the same order as above, so that equal sums cancel exactly
        past[0, x] = past[0, x] + upper[0, x] + upper[1, x]
    if n_lower < n_bins:
        for x in range(n):
            past[n_bins + 1, x] = past[n_bins + 1, x] + lower[0, x] + lower[1, x]


@inner
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


@inner
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
    block_rows, block_cols, n_bins, n_images, n_rows = out.shape[:5]
    height, width = cell_size
    size = block_rows * height
    # Blocks that begin at the same column of their cells are some cells apart; there are so many kinds.
    n_phases = width // gcd(stride[1], width)
    n = padded(n_slots * slot)
    rows = scratch(images.shape[3] * (BAND + 2), n + PAD)
    rows = rows.reshape(images.shape[3], BAND + 2, -1)
    inner = scratch(1, n)[0]
    values = images.reshape(-1)
    gy, gx = scratch(2, n), scratch(2, n)
    sums = scratch(1, n_bins * (n + PAD))[0]
    halves = np.empty(n_bins * (n + PAD) // 2, np.float32)
    # Rows of cells of the rows of blocks that a row of pixels lies in, and two more for votes of weight 0.
    n_open = -(-(size + stride[0] % 2) // stride[0])  # odd rows of blocks may begin where others end
    columns = scratch((n_open * block_rows + TARGETS - 1) * n_bins, n)
    targets = np.empty(TARGETS, np.int64)
    weights = np.empty((TARGETS, 2), np.float32)
    cells = np.zeros((n_bins, n_slots * slot // width), np.float32)
    # The weights of the columns of a cell for each column of cells, over and over.
    tiles = np.empty((block_cols, block_cols, n + PAD), np.float32)
    for m, offset, x in np.ndindex(block_cols, block_cols, n + PAD):
        tiles[m, offset, x] = col_weights[m, offset * width + x % width]
    item = start
    while (
        item < stop
    ):  # items are rows of blocks of some slots; those of the same slots are computed together
        first = item // n_rows * n_slots
        last = min(first + n_slots, n_images * n_pieces)
        r0 = item % n_rows
        r1 = min(n_rows, r0 + stop - item)
        item += r1 - r0
        top = corner[0] + r0 * stride[0]
        clear(columns)
        n_pixel_rows = (r1 - r0 - 1) * stride[0] + size
        # Two rows of pixels at a time touch the sums half as often.  They begin at even rows, from the corner
        # on, so that sums do not depend on where the items of a call begin.
        odd = r0 * stride[0] % 2
        for y in range(-odd, n_pixel_rows, 2):
            in_band = (y + odd) % BAND
            if in_band == 0:
                band = top + y - 1
                _load_rows(images, values, first, last, band, corner[1], shift, n_pieces, slot, rows, inner)
            for j in range(2):
                if 0 <= y + j < n_pixel_rows:
                    _gradients(rows, in_band + j, inner, True, SLACK, j, gy, gx)
                    _bin_positions(turns, n_bins, n, j, gy, gx)
                    if mask.size > 0:
                        for sizes in (gx, gy):
                            _apply_mask(
                                mask, first, last, top + y + j, corner[1], shift, n_pieces, slot, j, sizes
                            )
                else:
                    for x in range(n):
                        gy[j, x], gx[j, x] = 0, 0
            lowest = max(0, (y - size) // stride[0] + 1)  # the first row of blocks that the two lie in
            highest = min(r1 - r0 - 1, (y + 1) // stride[0])
            found = 0
            for r in range(lowest, highest + 1):
                row = y - r * stride[0]  # of the block; the next row may be its first one
                for k in range(block_rows):
                    w0 = row_weights[k, row] if row >= 0 else np.float32(0)
                    w1 = row_weights[k, row + 1] if row + 1 < size else np.float32(0)
                    if w0 > 0 or w1 > 0:
                        targets[found] = r % n_open * block_rows + k
                        weights[found, 0], weights[found, 1] = w0, w1
                        found += 1
                    if found == TARGETS:
                        _add_votes(gx, gy, targets, weights, n_bins, n, columns)
                        found = 0
            if found:
                for t in range(found, TARGETS):
                    targets[t] = n_open * block_rows + t - 1
                    weights[t, 0], weights[t, 1] = 0, 0
                _add_votes(gx, gy, targets, weights, n_bins, n, columns)
            for r in range(lowest, highest + 1):
                if y + 2 - r * stride[0] >= size:  # these were the last rows of pixels of a row of blocks
                    held = r % n_open * block_rows
                    for k, m, phase in np.ndindex(block_rows, block_cols, n_phases):
                        cell_row = (held + k) * n_bins
                        begin = phase * stride[1]
                        _weigh_columns(columns, cell_row, begin, tiles, m, n, width, sums, halves, cells)
                        for s in range(first, last):
                            _write_cells(
                                cells,
                                s,
                                k,
                                m,
                                r0 + r,
                                phase,
                                stride[1],
                                width,
                                step,
                                n_pieces,
                                slot,
                                first,
                                out,
                            )
                    for line in range(held * n_bins, (held + block_rows) * n_bins):
                        for x in range(n):
                            columns[line, x] = 0


@inner
def _write_cells(cells, s, k, m, r, phase, stride, width, step, n_pieces, slot, first, out):
    """Write a cell of each block of a slot that begins at a phase."""
    n_phases = width // gcd(stride, width)
    apart = np.uint64(n_phases * stride // width)
    i = s // n_pieces
    left = s % n_pieces * step + phase
    cell = np.uint64((s - first) * slot // width)
    n_here = np.uint64(max(0, (min(step - phase, out.shape[5] - left) + n_phases - 1) // n_phases))
    for b in range(len(cells)):
        if n_phases == 1 and apart == 1:
            for c in range(n_here):
                out[k, m, b, i, r, np.uint64(left) + c] = cells[b, cell + c]
        else:
            for c in range(n_here):
                out[k, m, b, i, r, np.uint64(left) + c * np.uint64(n_phases)] = cells[b, cell + c * apart]


@inner
def _weigh_columns(columns, row, start, tiles, m, n, cell_size, sums, halves, cells):
    """Add the weighted columns of pixels of a row of cells to column m of cells of each block.

    The first block begins at column ``start``.
    """
    n_bins = len(cells)
    stride = columns.shape[1]
    n_offsets = tiles.shape[1]
    count = np.uint64(n - start - (n_offsets - 1) * cell_size)
    one, two = np.uint64(start), np.uint64(start + cell_size)
    for b in range(n_bins):
        first = np.uint64(b * stride)
        line = row + b
        if n_offsets == 1:
            for x in range(count):
                sums[first + x] = columns[line, one + x] * tiles[m, 0, x]
        else:
            for x in range(count):
                value = columns[line, two + x] * tiles[m, 1, x]
                sums[first + x] = fused(columns[line, one + x], tiles[m, 0, x], value)
        for offset in range(2, n_offsets):
            at = np.uint64(start + offset * cell_size)
            for x in range(count):
                sums[first + x] += columns[line, at + x] * tiles[m, offset, x]
    size = _halve(sums, halves, n_bins * stride, cell_size)
    for b in range(n_bins):
        first = b * stride * size // cell_size
        for c in range(min(np.uint64(cells.shape[1]), count // np.uint64(cell_size))):
            cells[b, c] = group(sums, size, first, c)


@inner(error_model="numpy")
def _bin_positions(turns, n_bins, n, j, gy, gx):
    """Replace gradients in row j by magnitudes, in gx, and by positions between bins times magnitudes."""
    around = np.float32(n_bins)
    half = np.float32(0.5)
    for x in range(n):
        dy, dx = gy[j, x], gx[j, x]
        position = turn(dx, dy) * np.float32(turns) - half
        position = position - around if position >= around - half else position
        size = np.sqrt(dy * dy + dx * dx)
        gy[j, x] = position * size
        gx[j, x] = size


@njit
def gcd(a, b):
    """Return the greatest common divisor."""
    while b:
        a, b = b, a % b
    return a


@inner
def _add_votes(magnitudes, positions, targets, weights, n_bins, n, columns):
    """Add the votes of two rows of pixels to some rows of cells.

    A vote falls linearly to 0 at the centers of the next bins.  Positions are multiplied by the magnitudes.
    """
    (w00, w01), (w10, w11), (w20, w21) = weights
    around = np.float32(n_bins)
    for b in range(n_bins):
        center = np.float32(b)
        t0, t1, t2 = targets[0] * n_bins + b, targets[1] * n_bins + b, targets[2] * n_bins + b
        wraps = b == 0 or b == n_bins - 1  # near to the other end of the circle
        for x in range(n):
            m0, m1 = magnitudes[0, x], magnitudes[1, x]
            apart0, apart1 = abs(positions[0, x] - center * m0), abs(positions[1, x] - center * m1)
            if wraps:
                apart0, apart1 = smaller(apart0, around * m0 - apart0), smaller(apart1, around * m1 - apart1)
            vote0, vote1 = not_negative(m0 - apart0), not_negative(m1 - apart1)
            columns[t0, x] = fused(w00, vote0, fused(w01, vote1, columns[t0, x]))
            columns[t1, x] = fused(w10, vote0, fused(w11, vote1, columns[t1, x]))
            columns[t2, x] = fused(w20, vote0, fused(w21, vote1, columns[t2, x]))


# Copies: _hsv.smaller and color.smaller.
@njit
def smaller(a, b):
    return a if a < b else b


@njit
def not_negative(value):
    return value if value > 0 else np.float32(0)


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
