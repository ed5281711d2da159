"""Histograms of oriented gradients: a thread adds the votes of a column of pixels to its own bins.

Bins lie in shared memory, those of a thread in a column, so that there are no bank conflicts and no atomic
additions, which for floats are loops.
"""

import math

import numpy as np

from imfeat_kernels.cpu import _hog as cpu
from imfeat_kernels.cuda.common import divided, product
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import THREADS, launch
from imfeat_kernels.tables import bin_edges as bin_edges
from imfeat_kernels.tables import block_weights as block_weights

nearness, turn = on_device(cpu.nearness), on_device(cpu.turn)
f32, f64, i32, u32, u64 = np.float32, np.float64, np.int32, np.uint32, np.uint64
BINS = 8192  # bins in shared memory
SLACK = cpu.SLACK
SQUARES, MAGNITUDES, ALMOST = 0, 1, 2  # how gradients of channels are compared
PIXELS = 1024  # pixels of a block of cells in shared memory
SUMS = 2048  # bins of a block of cells in shared memory


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
        values = images.reshape(-1)
        launch(_cell_histograms, n_blocks, values, mask, numbers, edges, out, threads=threads)


def block_histograms(images, mask, corner, cell_size, stride, row_weights, col_weights, turns, out):
    """Histogram the orientations in the cells of every block, with trilinear interpolation."""
    n_bins, n_images, n_rows, n_cols = out.shape[2:]
    n_blocks = n_images * n_rows * n_cols
    at_once = max(1, SUMS // (out.shape[0] * out.shape[1]))
    for first in range(0, n_bins, at_once):
        numbers = *corner, *stride, turns, first, min(first + at_once, n_bins)
        inputs = images, mask, np.array(numbers, np.int32), row_weights, col_weights
        launch(_block_histograms, n_blocks, *inputs, out)


@cuda.jit(device=True)
def gradient(images, i, y, x, c):
    """Return the vertical and horizontal difference at a pixel, 0 at the border of the image."""
    height = u32(images.shape[1])
    width = u32(images.shape[2])
    dy, dx = f32(0), f32(0)
    if y > u32(0) and y + u32(1) < height:
        dy = f32(images[i, y + u32(1), x, c]) - f32(images[i, y - u32(1), x, c])
    if x > u32(0) and x + u32(1) < width:
        dx = f32(images[i, y, x + u32(1), c]) - f32(images[i, y, x - u32(1), c])
    return dy, dx


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
def _strongest_gradient(images, i, y, x, how):
    """Return the gradient of the strongest channel, the first of several."""
    dy, dx = gradient(images, i, y, x, u32(0))
    for c in range(1, images.shape[3]):
        next_dy, next_dx = gradient(images, i, y, x, u32(c))
        if _is_stronger(next_dy, next_dx, dy, dx, how):
            dy, dx = next_dy, next_dx
    return dy, dx


@cuda.jit(device=True)
def _difference(values, p, step):
    """Return the difference of the values a step after and before a place; a step of 0 gives 0."""
    return f32(values[u64(p + step)]) - f32(values[u64(p - step)])


@cuda.jit(device=True)
def _strongest_difference(values, p, down, across, n_channels, how):
    """Return the gradient of the strongest channel of a pixel, the first of several."""
    dy, dx = _difference(values, p, down), _difference(values, p, across)
    c = u32(1)
    while c < n_channels:
        place = u64(p + u64(c))
        next_dy, next_dx = _difference(values, place, down), _difference(values, place, across)
        if _is_stronger(next_dy, next_dx, dy, dx, how):
            dy, dx = next_dy, next_dx
        c = u32(c + u32(1))
    return dy, dx


@cuda.jit(device=True)
def _bin_of(dy, dx, edges, n_lower):
    """Return the bin of a gradient: it has passed the edge at angle a where dy cos(a) >= dx sin(a)."""
    n_bins = i32(edges.shape[0])
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
    low, high = u32(first), u32(last)
    while low < high:
        middle = u32((low + high) >> u32(1))
        passed = dy * edges[middle, 0] >= dx * edges[middle, 1]
        low = u32(middle + u32(1)) if passed else low
        high = high if passed else middle
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
    while own < u32(high - low) * n_threads:
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
                    bins[u32(b - low) * n_threads + t] += math.sqrt(dy * dy + dx * dx)
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
        for x in range(c * own, (c + u32(1)) * own):
            total += bins[b * n_threads + u32(x)]
        out[u32(low) + b, i, r, cell + c] = total * share
        k = u32(k + n_threads)


@cuda.jit
def _block_histograms(images, mask, numbers, row_weights, col_weights, out):
    """Compute the bins of a block of cells: votes of pixels first, then each thread sums some bins."""
    positions = cuda.shared.array(PIXELS, f32)
    sizes = cuda.shared.array(PIXELS, f32)
    sums = cuda.shared.array(SUMS, f32)
    t = u32(cuda.threadIdx.x)
    step = u32(THREADS)
    turns = f32(numbers[4])
    low = u32(numbers[5])
    high = u32(numbers[6])
    block_cols, n_bins = u32(out.shape[1]), u32(out.shape[2])
    n_rows, n_cols = u32(out.shape[4]), u32(out.shape[5])
    height, width = u32(row_weights.shape[1]), u32(col_weights.shape[1])
    row, c = divided(cuda.blockIdx.x, n_cols)
    i, r = divided(row, n_rows)
    top = u32(numbers[0]) + r * u32(numbers[2])
    left = u32(numbers[1]) + c * u32(numbers[3])
    n_cells = u32(out.shape[0]) * block_cols
    n_sums = n_cells * (high - low)
    around = f32(n_bins)
    k = t
    while k < n_sums:
        sums[k] = f32(0)
        k = u32(k + step)
    first = u32(0)
    while first < height * width:
        count = min(u32(PIXELS), height * width - first)
        p = t
        while p < count:
            y, x = divided(first + p, width)
            y, x = u32(top + y), u32(left + x)
            dy, dx = _strongest_gradient(images, i, y, x, ALMOST)
            position = turn(dx, dy) * turns - f32(0.5)
            positions[p] = position - around if position >= around - f32(0.5) else position
            sizes[p] = math.sqrt(dy * dy + dx * dx) if mask.size == 0 or mask[i, y, x] else f32(0)
            p = u32(p + step)
        cuda.syncthreads()
        k = t
        while k < n_sums:
            b, cell = divided(k, n_cells)
            cell_row, cell_col = divided(cell, block_cols)
            center = f32(low + b)
            total = sums[k]
            p = u32(0)
            y, x = divided(first, width)
            while p < count:
                weight = row_weights[cell_row, y] * col_weights[cell_col, x]
                total += weight * sizes[p] * nearness(positions[p] - center, around)
                p, x = p + u32(1), x + u32(1)
                if x == width:
                    y, x = y + u32(1), u32(0)
            sums[k] = total
            k = u32(k + step)
        cuda.syncthreads()
        first = u32(first + u32(PIXELS))
    k = t
    while k < n_sums:
        b, cell = divided(k, n_cells)
        cell_row, cell_col = divided(cell, block_cols)
        out[cell_row, cell_col, low + b, i, r, c] = sums[k]
        k = u32(k + step)
