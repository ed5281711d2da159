"""Histograms of oriented gradients: a thread adds the votes of a column of pixels to its own bins.

Bins lie in shared memory, those of a thread in a column, so that there are no bank conflicts and no atomic
additions, which for floats are loops.
"""

import math

import numpy as np

from imfeat_kernels.cpu import _hog as cpu
from imfeat_kernels.cuda.common import divided, product
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import launch
from imfeat_kernels.tables import bin_edges as bin_edges
from imfeat_kernels.tables import block_weights as block_weights

turn = on_device(cpu.turn)
f32, f64, i32, u32, u64 = np.float32, np.float64, np.int32, np.uint32, np.uint64
BINS = 8192  # bins in shared memory
ROWS = 8  # rows of blocks of a block of threads
MOST_ROWS = 16  # rows of cells in shared memory
SLACK = cpu.SLACK
SQUARES, MAGNITUDES, ALMOST = 0, 1, 2  # how gradients of channels are compared


def cell_histograms(images, mask, corner, cell_size, edges, n_lower, mirrors, out):
    """Histogram the orientations of the gradients in every cell, without interpolation."""
    n_bins, n_images, n_rows, n_cols = out.shape
    threads = max(n for n in (32, 64, 128, 256) if n == 32 or n * n_bins <= BINS)
    n_cells = max(1, threads // cell_size[1])  # of a block
    n_blocks = n_images * n_rows * -(-n_cols // n_cells)
    at_once = BINS // threads
    how = SQUARES if images.dtype == np.uint8 else MAGNITUDES
    for first in range(0, n_bins, at_once):
        numbers = *corner, *cell_size, n_cells, n_lower, first, min(first + at_once, n_bins), how
        numbers = np.array((*numbers, *images.shape[1:]), np.int32)
        inputs = images.reshape(-1), mask, numbers, edges.reshape(-1)
        launch(_cell_histograms, n_blocks, *inputs, out, threads=threads)


def block_histograms(images, mask, corner, cell_size, stride, row_weights, col_weights, turns, out):
    """Histogram the orientations in the cells of every block, with trilinear interpolation."""
    block_rows, _, n_bins, n_images, n_rows, n_cols = out.shape
    height, width = row_weights.shape[1], col_weights.shape[1]
    columns = (n_cols - 1) * stride[1] + width
    at_a_time = -(-height // stride[0])  # rows of blocks that a row of pixels votes for
    slots = 1 << (at_a_time - 1).bit_length()
    band, n_groups = stride[0], -(-n_rows // ROWS)
    if slots * block_rows > MOST_ROWS:  # too many for shared memory: a row of blocks alone
        band, at_a_time, slots, n_groups = height, 1, 1, n_rows
    rows = -(-n_rows // n_groups)  # of blocks of a block of threads
    threads = next(
        n
        for n in (256, 128, 64, 32, 16, 8, 4, 2, 1)
        if n < 2 * columns and n * block_rows * slots * (n_bins if n > 32 else 1) <= BINS
    )
    n_across = min(n_cols, max(1, (threads - width) // stride[1] + 1))  # blocks side by side
    n_blocks = n_images * n_groups * -(-n_cols // n_across)
    at_once = BINS // (threads * block_rows * slots)
    inputs = images.reshape(-1), mask, row_weights.reshape(-1), col_weights.reshape(-1)
    for first in range(0, n_bins, at_once):
        numbers = *corner, *stride, turns, first, min(first + at_once, n_bins), n_across, rows
        numbers = np.array((*numbers, band, at_a_time, slots, *images.shape[1:]), np.int32)
        launch(_block_histograms, n_blocks, *inputs, numbers, out, threads=threads)


@cuda.jit(device=True)
def _magnitude(dy, dx):
    """Return the correctly rounded magnitude, which tells equal from almost equal ones."""
    a, b = product(dy, dy), product(dx, dx)
    high = a + b
    low = (b - (high - a) if a > b else a - (high - b)) + cuda.fma(dy, dy, -a) + cuda.fma(dx, dx, -b)
    root = math.sqrt(high)
    return root + (cuda.fma(-root, root, high) + low) / (root + root) if root > f32(0) else root


@cuda.jit(device=True)
def _is_stronger(dy, dx, best_dy, best_dx, how):
    """Return whether a gradient is stronger than the best one, as on the CPU."""
    if how == MAGNITUDES:
        return _magnitude(dy, dx) > _magnitude(best_dy, best_dx)
    slack = SLACK if how == ALMOST else f32(1)
    return dy * dy + dx * dx > (best_dy * best_dy + best_dx * best_dx) * slack


@cuda.jit(device=True)
def _difference(values, before, after):
    return f32(values[u64(after)]) - f32(values[u64(before)])


@cuda.jit(device=True)
def _strongest_difference(values, p, down, across, n_channels, how):
    """Return the gradient of the strongest channel of a pixel, the first of several.

    The pixels around are ``down`` and ``across`` values away; 0 gives a difference of 0.
    """
    above, below = u64(p - down), u64(p + down)
    left, right = u64(p - across), u64(p + across)
    dy, dx = _difference(values, above, below), _difference(values, left, right)
    if n_channels == u32(3):  # unrolled, so that offsets of channels are constants
        for c in range(1, 3):
            next_dy = _difference(values, above + u64(c), below + u64(c))
            next_dx = _difference(values, left + u64(c), right + u64(c))
            if _is_stronger(next_dy, next_dx, dy, dx, how):
                dy, dx = next_dy, next_dx
        return dy, dx
    c = u64(1)
    while c < u64(n_channels):
        next_dy = _difference(values, above + c, below + c)
        next_dx = _difference(values, left + c, right + c)
        if _is_stronger(next_dy, next_dx, dy, dx, how):
            dy, dx = next_dy, next_dx
        c = u64(c + u64(1))
    return dy, dx


@cuda.jit(device=True)
def _bin_of(dy, dx, edges, n_lower):
    """Return the bin of a gradient: it has passed the edge at angle a where dy cos(a) >= dx sin(a)."""
    n_bins = i32(edges.shape[0]) >> i32(1)
    turned = dy < f32(0) or (dy == f32(0) and dx < f32(0))
    b = i32(0)
    first = i32(1)
    last = n_lower
    if turned:
        dy, dx = -dy, -dx
        if n_lower < n_bins:
            b = n_lower - i32(1)
            first = n_lower
            last = n_bins
    low, high = u64(first), u64(last)
    while low < high:
        middle = u64(u64(low + high) >> u64(1))
        place = u64(middle << u64(1))
        if dy * edges[place] >= dx * edges[place + u64(1)]:
            low = u64(middle + u64(1))
        else:
            high = middle
    return i32(b + i32(low) - first)


@cuda.jit
def _cell_histograms(values, mask, numbers, edges, out):
    """Compute cells side by side; a thread takes a column, or several where a cell is wide."""
    bins = cuda.shared.array(BINS, f32)
    t, n_threads = u32(cuda.threadIdx.x), u32(cuda.blockDim.x)
    top, left = u32(numbers[0]), u32(numbers[1])
    height, width = u32(numbers[2]), u32(numbers[3])
    n_cells = u32(numbers[4])
    n_lower = numbers[5]
    low, high, how = numbers[6], numbers[7], numbers[8]
    rows, columns, n_channels = u32(numbers[9]), u32(numbers[10]), u32(numbers[11])
    line = u64(columns) * u64(n_channels)
    n_rows, n_cols = u32(out.shape[2]), u32(out.shape[3])
    per_row, _ = divided(n_cols + n_cells - u32(1), n_cells)
    row, cell = divided(cuda.blockIdx.x, per_row)
    i, r = divided(row, n_rows)
    cell = cell * n_cells
    n_here = min(n_cells, n_cols - cell)
    own = t
    while own < u32(u32(high - low) * n_threads):
        bins[own] = f32(0)
        own = u32(own + n_threads)
    top, left = u32(top + r * height), u32(left + cell * width)
    x = t
    while x < n_here * width:
        column = u32(left + x)
        across = u64(n_channels) if column > u32(0) and column + u32(1) < columns else u64(0)
        p = (u64(i) * u64(rows) + u64(top)) * line + u64(column) * u64(n_channels)
        y = top
        while y < top + height:
            if mask.size == 0 or mask[i, y, column]:
                down = line if y > u32(0) and y + u32(1) < rows else u64(0)
                dy, dx = _strongest_difference(values, p, down, across, n_channels, how)
                b = _bin_of(dy, dx, edges, n_lower)
                if low <= b and b < high:
                    bins[u32(u32(b - low) * n_threads + t)] += math.sqrt(dy * dy + dx * dx)
            p = u64(p + line)
            y = u32(y + u32(1))
        x = u32(x + n_threads)
    cuda.syncthreads()
    n_bins = u32(high - low)
    share = f32(1) / f32(height * width)
    k = t
    own = width if width < n_threads else n_threads  # the threads that a cell has
    while k < n_here * n_bins:
        b, c = divided(k, n_here)
        total = f32(0)
        x = u64(b * n_threads + c * own)
        end = u64(x + own)
        while x < end:
            total += bins[x]
            x = u64(x + u64(1))
        out[u32(low) + b, i, r, cell + c] = total * share
        k = u32(k + n_threads)


@cuda.jit(device=True)
def _add_to_rows(bins, weights, y, height, p, q, line, near, more):
    """Add two votes, weighted, to the bins of each row of cells; a vote of 0 may have no bin."""
    k = u32(y)
    while k < u32(weights.size):
        weight = weights[k]
        if near > f32(0):
            bins[p] += weight * near
        if more > f32(0):
            bins[q] += weight * more
        p, q = u32(p + line), u32(q + line)
        k = u32(k + height)


@cuda.jit(device=True)
def _votes_of(dy, dx, turns, around):
    """Return the two directions of a gradient, and its votes for them."""
    size = math.sqrt(dy * dy + dx * dx)
    position = turn(dx, dy) * turns - f32(0.5)
    position = position - f32(around) if position >= f32(around) - f32(0.5) else position
    first = i32(math.floor(position))
    more = position - f32(first)
    second = i32(first + i32(1))
    first = i32(around - i32(1)) if first < i32(0) else first
    second = i32(0) if second >= around else second
    near = f32(1) - more
    if around == i32(1):
        near, more = max(near, more), f32(0)
    return first, second, size * near, size * more


@cuda.jit(device=True)
def _sum_columns(bins, weights, first, place, count):
    """Return the weighted sum of a bin over the columns of a block that lie in shared memory."""
    total = f32(0)
    first, place = u64(first), u64(place)
    x = u64(0)
    while x < u64(count):
        total += weights[first + x] * bins[place + x]
        x = u64(x + u64(1))
    return total


@cuda.jit(device=True)
def _sum_blocks(bins, first_plane, weights, stride, width, start, low, n_bins, i, r, c, n_here, out):
    """Sum the columns of the blocks of a row, those from ``start`` on, which lie in shared memory."""
    n_threads = u32(cuda.blockDim.x)
    block_cols = u32(out.shape[1])
    k = u32(cuda.threadIdx.x)
    while k < u32(u32(out.shape[0]) * n_bins * block_cols * n_here):
        rest, block = divided(k, n_here)
        plane, cell_col = divided(rest, block_cols)
        cell_row, b = divided(plane, n_bins)
        ahead = u32(block * stride)  # columns of the block that lie before it
        first = start - ahead if start > ahead else u32(0)
        last = min(start + n_threads, ahead + width)
        last = last - ahead if last > ahead else u32(0)
        place = u32((first_plane + plane) * n_threads + ahead + first - start)
        count = last - first if last > first else u32(0)
        total = _sum_columns(bins, weights, cell_col * width + first, place, count)
        if start > u32(0):
            total += out[cell_row, cell_col, low + b, i, r, c + block]
        out[cell_row, cell_col, low + b, i, r, c + block] = total
        k = u32(k + n_threads)


@cuda.jit
def _block_histograms(values, mask, row_weights, col_weights, numbers, out):
    """Compute blocks side by side: a thread adds the votes of a column, and then each sums some columns.

    A band of rows of pixels votes for some rows of blocks, whose bins lie in slots of shared memory.
    """
    bins = cuda.shared.array(BINS, f32)
    t, n_threads = u32(cuda.threadIdx.x), u32(cuda.blockDim.x)
    down_stride, stride, turns = u32(numbers[2]), u32(numbers[3]), f32(numbers[4])
    low, high, n_across, n_rows = numbers[5], numbers[6], u32(numbers[7]), u32(numbers[8])
    band, at_a_time, slots = u32(numbers[9]), u32(numbers[10]), u32(numbers[11])
    rows, columns, n_channels = u32(numbers[12]), u32(numbers[13]), u32(numbers[14])
    image_line = u64(columns) * u64(n_channels)
    around = i32(out.shape[2])
    height, _ = divided(row_weights.size, out.shape[0])
    width, _ = divided(col_weights.size, out.shape[1])
    per_row, _ = divided(u32(out.shape[5]) + n_across - u32(1), n_across)
    n_groups, _ = divided(u32(out.shape[4]) + n_rows - u32(1), n_rows)
    row, c = divided(cuda.blockIdx.x, per_row)
    i, r0 = divided(row, n_groups)
    r0, c = r0 * n_rows, c * n_across
    n_rows = min(n_rows, u32(u32(out.shape[4]) - r0))
    n_here = min(n_across, u32(u32(out.shape[5]) - c))
    top = u32(u32(numbers[0]) + r0 * down_stride)
    left = u32(u32(numbers[1]) + c * stride)
    n_bins = u32(high - low)
    line = u32(n_bins * n_threads)  # of a row of cells
    planes = u32(u32(out.shape[0]) * n_bins)  # of a slot
    span = u32((n_here - u32(1)) * stride + width)
    bottom = u32((n_rows - u32(1)) * down_stride + height)
    start = u32(0)
    while start < span:  # once, unless a block is wider than there are threads
        k = t
        while k < u32(slots * planes * n_threads):
            bins[k] = f32(0)
            k = u32(k + n_threads)
        column = u32(left + start + t)
        across = u64(n_channels) if column > u32(0) and column + u32(1) < columns else u64(0)
        step = u32(0)
        while step < u32(n_rows + at_a_time - u32(1)):
            first_row = u32(step + u32(1) - at_a_time) if step >= at_a_time else u32(0)
            end_row = min(u32(step + u32(1)), n_rows)
            y = u32(step * band)
            end = min(u32(y + min(band, height)), bottom) if start + t < span else y
            p = (u64(i) * u64(rows) + u64(top) + u64(y)) * image_line + u64(column) * u64(n_channels)
            while y < end:
                at = u32(top + y)
                if mask.size == 0 or mask[i, at, column]:
                    down = image_line if at > u32(0) and at + u32(1) < rows else u64(0)
                    dy, dx = _strongest_difference(values, p, down, across, n_channels, ALMOST)
                    first, second, near, more = _votes_of(dy, dx, turns, around)
                    near = near if low <= first and first < high else f32(0)
                    more = more if low <= second and second < high else f32(0)
                    r = first_row
                    while r < end_row:
                        within = u32(y - u32(r * down_stride))
                        place = u32(u32(u32(r & (slots - u32(1))) * planes) * n_threads + t)
                        p_first = u32(place + u32(first - low) * n_threads)
                        p_second = u32(place + u32(second - low) * n_threads)
                        if within < height:
                            _add_to_rows(
                                bins, row_weights, within, height, p_first, p_second, line, near, more
                            )
                        r = u32(r + u32(1))
                p = u64(p + image_line)
                y = u32(y + u32(1))
            cuda.syncthreads()
            if step + u32(1) >= at_a_time:
                r = u32(step + u32(1) - at_a_time)
                plane = u32(u32(r & (slots - u32(1))) * planes)
                _sum_blocks(
                    bins,
                    plane,
                    col_weights,
                    stride,
                    width,
                    start,
                    u32(low),
                    n_bins,
                    i,
                    r0 + r,
                    c,
                    n_here,
                    out,
                )
                cuda.syncthreads()
                k = u32(plane * n_threads + t)
                while k < u32((plane + planes) * n_threads):
                    bins[k] = f32(0)
                    k = u32(k + n_threads)
            step = u32(step + u32(1))
        cuda.syncthreads()
        start = u32(start + n_threads)
