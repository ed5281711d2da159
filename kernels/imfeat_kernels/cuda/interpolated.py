"""Histograms of oriented gradients with trilinear interpolation: the kernel of `hog.block_histograms`.

A thread adds the votes of a column of pixels to its own bins, those of all rows of blocks that a pixel votes
for.  Then the threads sum the columns of the blocks side by side.
"""

import math

import numpy as np

from imfeat_kernels.cpu import _hog as cpu
from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.gradients import ALMOST, strongest_difference

turn = on_device(cpu.turn)
f32, i32, u32, u64 = np.float32, np.int32, np.uint32, np.uint64
BINS = 8192  # bins in shared memory
ROWS = 8  # rows of blocks of a block of threads
MOST_ROWS = 16  # rows of cells in shared memory


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
def add_blocks(values, mask, row_weights, col_weights, numbers, out):
    """Compute some rows of blocks side by side.

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
                    dy, dx = strongest_difference(values, p, down, across, n_channels, ALMOST)
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
