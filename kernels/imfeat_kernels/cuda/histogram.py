"""Counting pixels in bins: a block counts a strip of a region in its own tables.

Tables lie in shared memory, where additions of integers are single instructions.  Groups of warps have their
own tables if these fit, because threads that add to the same counter wait for each other.
"""

import math

import numpy as np

from imfeat_kernels.cpu import _histogram as cpu
from imfeat_kernels.cpu._histogram import CHANNELS, HELLINGER, HSV, L2, NO_NORM
from imfeat_kernels.cpu._histogram import NORMS as NORMS
from imfeat_kernels.cpu.histogram import SPACES as SPACES
from imfeat_kernels.cuda.color import hexcone_hue, larger, smaller
from imfeat_kernels.cuda.common import block_sum, divided
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import THREADS, blocks_of, launch, zeros
from imfeat_kernels.tables import bytes_of_bins as bytes_of_bins

byte_bin, float_bin = on_device(cpu.byte_bin), on_device(cpu.float_bin)
f32, i32, u8, u16, u32, u64 = np.float32, np.int32, np.uint8, np.uint16, np.uint32, np.uint64
COUNTERS = 8192  # counters in shared memory
STRIP = 1 << 15  # pixels of a block


def to_bytes(values, n_bins, edges, bytes_of_bins, out):
    """Replace each value by a byte of its bin."""
    if values.dtype == np.float32:
        edges = _next_floats(edges)
    launch(_to_bytes, blocks_of(len(out) // 3), values, n_bins, edges, bytes_of_bins, out)


def joint_histograms(images, mask, space, n_bins, rows, cols, norm, out):
    """Count the colours of every region of every image."""
    _count_regions(images, mask, rows, cols, space, n_bins, norm, np.array([out.shape[3]]), out)


def channel_histograms(images, mask, n_bins, rows, cols, norm, out):
    """Count the bins of every channel of every region of every image."""
    _count_regions(images, mask, rows, cols, CHANNELS, n_bins, norm, n_bins, out)


def normalize_counts(counts, norm, out):
    """Divide each histogram by its norm; empty ones stay 0."""
    launch(_normalize, len(out), counts, np.array([out.shape[1]]), norm, out)


def _count_regions(images, mask, rows, cols, space, n_bins, norm, sizes, out):
    n_counts = out.shape[3]
    n_regions = out.shape[0] * out.shape[1] * out.shape[2]
    largest = int(np.diff(rows).max()) * int(np.diff(cols).max())
    n_strips = max(1, largest // STRIP)
    n_tables = next((n for n in (8, 4, 2, 1) if n * n_counts <= COUNTERS), 0)
    counts = zeros((n_regions, n_counts), np.uint32, out)
    numbers = np.array([space, n_strips, n_tables, *n_bins], np.int32)
    launch(_count, n_regions * n_strips, images, mask, rows, cols, numbers, counts)
    launch(_normalize, n_regions, counts, sizes, norm, out.reshape(n_regions, n_counts))


def _next_floats(edges):
    """Return the smallest float32 not below each edge: a float32 is below both or neither."""
    near = edges.astype(np.float32)
    return np.where(near < edges, np.nextafter(near, np.float32(np.inf)), near)


@cuda.jit
def _to_bytes(values, n_bins, edges, bytes_of_bins, out):
    first = 3 * cuda.grid(1)
    if first < out.size:
        for c in range(3):
            n = i32(n_bins[c])
            value = values[first + c]
            low = edges[c, 0]
            b = i32((value - low) * (f32(n) / (edges[c, n] - low)))
            b = b if b > i32(0) else i32(0)
            b = b if b < n else n - i32(1)
            if b > i32(0) and value < edges[c, b]:  # the product was rounded up
                b -= i32(1)
            elif b < n - i32(1) and value >= edges[c, b + i32(1)]:
                b += i32(1)
            out[first + c] = bytes_of_bins[c, b]


@cuda.jit
def _count(images, mask, rows, cols, numbers, counts):
    tables = cuda.shared.array(COUNTERS, u32)
    t = u32(cuda.threadIdx.x)
    size = u32(counts.shape[1])
    space = numbers[0]
    n_strips = u32(numbers[1])
    n_tables = u32(numbers[2])
    item, strip = divided(cuda.blockIdx.x, n_strips)
    k = t
    while k < n_tables * size:
        tables[k] = u32(0)
        k = u32(k + u32(THREADS))
    cuda.syncthreads()
    n_rows, n_cols = u32(rows.size - 1), u32(cols.size - 1)
    row, c = divided(item, n_cols)
    i, r = divided(row, n_rows)
    top, left = u32(rows[r]), u32(cols[c])
    height, width = u32(rows[r + u32(1)]) - top, u32(cols[c + u32(1)]) - left
    upper, _ = divided(height * strip, n_strips)
    lower, _ = divided(height * (strip + u32(1)), n_strips)
    own = ((t >> u32(5)) & (n_tables - u32(1))) * size if n_tables > u32(0) else u32(0)
    p = upper * width + t
    while p < lower * width:
        y, x = divided(p, width)
        y = top + y
        x = left + x
        p = p + u32(THREADS)
        if mask.size == 0 or mask[i, y, x]:
            red, green, blue = u8(images[i, y, x, 0]), u8(images[i, y, x, 1]), u8(images[i, y, x, 2])
            if space == CHANNELS:
                first = _bin(red, numbers[3])
                second = u32(numbers[3]) + _bin(green, numbers[4])
                third = u32(numbers[3] + numbers[4]) + _bin(blue, numbers[5])
                _add(tables, own, n_tables, counts, item, first)
                _add(tables, own, n_tables, counts, item, second)
                _add(tables, own, n_tables, counts, item, third)
            elif space == HSV:
                _add(tables, own, n_tables, counts, item, _hsv_index(red, green, blue, numbers))
            else:
                index = _bin(red, numbers[3]) * u32(numbers[4]) + _bin(green, numbers[4])
                _add(tables, own, n_tables, counts, item, index * u32(numbers[5]) + _bin(blue, numbers[5]))
    cuda.syncthreads()
    k = t
    while n_tables > u32(0) and k < size:
        total = u32(0)
        for table in range(n_tables):
            total += tables[u32(table) * size + k]
        if total > u32(0):
            cuda.atomic.add(counts, (item, k), total)
        k = u32(k + u32(THREADS))


@cuda.jit(device=True)
def _add(tables, own, n_tables, counts, item, index):
    if n_tables > u32(0):
        cuda.atomic.add(tables, own + index, u32(1))
    else:  # counters don't fit into shared memory
        cuda.atomic.add(counts, (item, index), u32(1))


@cuda.jit(device=True)
def _bin(value, n_bins):
    return u32(byte_bin(u16(value), u16(n_bins)))


@cuda.jit(device=True)
def _hsv_index(red, green, blue, numbers):
    """Compute the joint bin of hue, saturation and value, bit-identical to those of `color.rgb_to_hsv`."""
    r, g, b = f32(i32(red)), f32(i32(green)), f32(i32(blue))
    n0, n1, n2 = f32(numbers[3]), f32(numbers[4]), f32(numbers[5])
    high, low = larger(larger(r, g), b), smaller(smaller(r, g), b)
    hue = hexcone_hue(r, g, b, high, high - low, f32(1))
    saturation = (high - low) / (high if high > f32(0) else f32(1))
    first = float_bin(hue, n0) * n1 + float_bin(saturation, n1)
    return u32(i32(first * n2 + float_bin(high / f32(255), n2)))


@cuda.jit
def _normalize(counts, sizes, norm, out):
    sums = cuda.shared.array(THREADS, u64)
    t = cuda.threadIdx.x
    item = cuda.blockIdx.x
    first = 0
    for histogram in range(sizes.size):
        n = sizes[histogram]
        total = u64(0)
        k = first + t
        while k < first + n:
            count = u64(counts[item, k])
            total += count * count if norm == L2 else count
            k += THREADS
        sums[t] = total
        size = f32(block_sum(sums))
        size = math.sqrt(size) if norm == L2 else size
        k = first + t
        while k < first + n:
            count = f32(counts[item, k])
            share = count if norm == NO_NORM or size == f32(0) else count / size
            out[item, k] = math.sqrt(share) if norm == HELLINGER else share
            k += THREADS
        first += n
