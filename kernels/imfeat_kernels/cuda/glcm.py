"""Gray-level co-occurrence: a block counts the pairs of a strip of a cell, or sums up a matrix."""

import numpy as np

from imfeat_kernels.cpu import glcm
from imfeat_kernels.cpu.glcm import PROPERTIES as PROPERTIES
from imfeat_kernels.cuda.common import block_sum, divided, place_of
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import THREADS, blocks_of, clear, launch

f32, f64, i32, u8, u32, u64 = np.float32, np.float64, np.int32, np.uint8, np.uint32, np.uint64
DOUBLES = ("_properties",)  # whose sums cancel
STRIP = 1 << 13  # pixels of a block
COUNTS = 1 << 13  # counts of a strip in shared memory, where all matrices of a cell fit
SUMS = glcm.N_SUMS * 256  # of a matrix of the most levels
N_PROPERTIES = len(PROPERTIES)
product = on_device(glcm.product)
properties_of = on_device(glcm.properties_of)


def to_levels(values, n_levels, out):
    """Cut [0, 1] into levels of equal width."""
    launch(_to_levels, blocks_of(out.size), values, values.dtype.type(n_levels), out)


def to_levels_bytes(values, n_levels, out):
    """Cut 0..255 into levels of equal width."""
    launch(_to_levels_bytes, blocks_of(out.size), values, n_levels, out)


def count_pairs(levels, rows, cols, offsets, out):
    """Count the pairs of levels of each cell."""
    largest = int(np.diff(rows).max()) * int(np.diff(cols).max())
    n_strips = -(-largest // STRIP)
    n_cells = out.shape[0] * out.shape[1] * out.shape[2]
    clear(out)
    numbers = np.array([*levels.shape[1:], n_strips, len(rows) - 1, len(cols) - 1, *out.shape[4:]], np.int32)
    inputs = levels.reshape(-1), numbers, rows, cols, offsets.astype(np.int32)
    launch(_count_pairs, n_cells * n_strips, *inputs, out.reshape(-1))


def add_transposed(counts):
    """Add its transpose to each matrix of counts."""
    launch(_add_transposed, blocks_of(counts.size), counts)


def to_shares(counts, n_pairs, out):
    """Divide counts by the number of pairs of their offset."""
    launch(_to_shares, blocks_of(out.size), counts, n_pairs, out)


def properties(counts, products, chosen, out):
    """Compute properties of matrices of counts, averaged over groups of offsets."""
    launch(_properties, out.shape[0] * out.shape[1], counts, products, chosen, out)


@cuda.jit
def _to_levels(values, n_levels, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = u8(min(i32(values[i] * n_levels), i32(n_levels) - i32(1)))


@cuda.jit
def _to_levels_bytes(values, n_levels, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = u8(u32(u32(values[i]) * u32(n_levels)) >> u32(8))


@cuda.jit
def _count_pairs(levels, numbers, rows, cols, offsets, out):
    counts = cuda.shared.array(COUNTS, u32)
    columns = u32(numbers[1])
    n_levels, n_offsets = u32(numbers[5]), u32(offsets.shape[0])
    item, strip = divided(cuda.blockIdx.x, numbers[2])
    row, c = divided(item, numbers[4])
    i, r = divided(row, numbers[3])
    top, left = u32(rows[r]), u32(cols[c])
    height, width = u32(u32(rows[r + u32(1)]) - top), u32(u32(cols[c + u32(1)]) - left)
    n_counts = u32(u32(n_levels * n_levels) * n_offsets)
    is_small = n_counts <= u32(COUNTS)
    base = u64(item) * u64(n_counts)
    start = (u64(i) * u64(numbers[0]) + u64(top)) * u64(columns) + u64(left)
    k = u32(cuda.threadIdx.x)
    while is_small and k < n_counts:
        counts[k] = u32(0)
        k = u32(k + u32(THREADS))
    cuda.syncthreads()
    first = u32(strip * u32(STRIP))
    last = min(u32(first + u32(STRIP)), u32(height * width))
    p = u32(first + u32(cuda.threadIdx.x))
    y, x = divided(p, width)
    next_y, next_x = divided(THREADS, width)
    while p < last:
        place = u32(u32(levels[start + u32(y * columns + x)]) * n_levels)
        k = u32(0)
        while k < n_offsets:
            v, u = u32(y + u32(offsets[k, 0])), u32(x + u32(offsets[k, 1]))  # above 2^31 where negative
            if v < height and u < width:
                level = u32(levels[start + u32(v * columns + u)])
                count = u32(u32(place + level) * n_offsets + k)
                if is_small:
                    cuda.atomic.add(counts, count, u32(1))
                else:
                    cuda.atomic.add(out, base + count, u32(1))
            k = u32(k + u32(1))
        p = u32(p + u32(THREADS))
        y, x = u32(y + next_y), u32(x + next_x)
        if x >= width:
            y, x = u32(y + u32(1)), u32(x - width)
    cuda.syncthreads()
    k = u32(cuda.threadIdx.x)
    while is_small and k < n_counts:
        if counts[k] > u32(0):
            cuda.atomic.add(out, base + k, counts[k])
        k = u32(k + u32(THREADS))


@cuda.jit
def _to_shares(counts, n_pairs, out):
    item = cuda.grid(1)
    if item < out.size:
        i, k = place_of(item, out.shape[1])
        out[i, k] = f64(counts[i, k]) / f64(n_pairs[k])


@cuda.jit
def _add_transposed(counts):
    """Add two opposite counts: a thread has an offset, and those of a row left of the diagonal."""
    index = cuda.grid(1)
    if index < counts.size:
        row, k = place_of(index, counts.shape[3])
        row, j = divided(row, counts.shape[2])
        item, i = divided(row, counts.shape[1])
        if j <= i:
            total = counts[item, i, j, k] + counts[item, j, i, k]
            counts[item, i, j, k] = total
            counts[item, j, i, k] = total


@cuda.jit
def _properties(counts, products, chosen, out):
    """Sum up the matrices of a group of offsets one by one; the first thread computes the properties."""
    sums = cuda.shared.array(SUMS, u32)
    totals = cuda.shared.array(THREADS, f64)
    values = cuda.shared.array(N_PROPERTIES, f64)
    means = cuda.shared.array(N_PROPERTIES, f64)
    t = u32(cuda.threadIdx.x)
    n_levels = u32(counts.shape[1])
    item, group = divided(cuda.blockIdx.x, out.shape[1])
    group_size, _ = divided(counts.shape[3], out.shape[1])
    if t < u32(N_PROPERTIES):
        means[t] = f64(0)
    for within in range(group_size):
        k = u32(group * group_size) + u32(within)
        m = t
        while m < u32(SUMS):
            sums[m] = u32(0)
            m = u32(m + u32(THREADS))
        cuda.syncthreads()
        squares = f64(0)
        entropy = f64(0)
        m = t
        while m < u32(n_levels * n_levels):
            i, j = divided(m, n_levels)
            count = counts[item, i, j, k]
            if count > u32(0):
                cuda.atomic.add(sums, i, count)
                cuda.atomic.add(sums, u32(n_levels + j), count)
                distance = u32(i - j) if i > j else u32(j - i)
                cuda.atomic.add(sums, u32(u32(2) * n_levels + distance), count)
                cuda.atomic.add(sums, u32(u32(3) * n_levels + i + j), count)
                squares += f64(count) * f64(count)
                entropy += product(count, products)
            m = u32(m + u32(THREADS))
        totals[t] = squares
        squares = block_sum(totals)
        totals[t] = entropy
        entropy = block_sum(totals)
        if t == u32(0):
            properties_of(sums, n_levels, squares, entropy, products, values)
        cuda.syncthreads()
        if t < u32(N_PROPERTIES):
            means[t] += values[t]
        cuda.syncthreads()
    p = t
    while p < u32(out.shape[2]):
        out[item, group, p] = f32(means[chosen[p]] / f64(group_size))
        p = u32(p + u32(THREADS))
