"""Histograms of oriented gradients: a thread adds the votes of a column of pixels to its own bins.

Bins lie in shared memory, those of a thread in a column, so that there are no bank conflicts and no atomic
additions, which for floats are loops.
"""

import math

import numpy as np

from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.gradients import MAGNITUDES, SQUARES, strongest_difference
from imfeat_kernels.cuda.interpolated import BINS, MOST_ROWS, ROWS, add_blocks
from imfeat_kernels.cuda.launch import launch
from imfeat_kernels.tables import bin_edges as bin_edges
from imfeat_kernels.tables import block_weights as block_weights

f32, i32, u32, u64 = np.float32, np.int32, np.uint32, np.uint64


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
        launch(add_blocks, n_blocks, *inputs, numbers, out, threads=threads)


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
                dy, dx = strongest_difference(values, p, down, across, n_channels, how)
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
