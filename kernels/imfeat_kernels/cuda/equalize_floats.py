"""Histogram equalization of floats: a block counts a strip of a plane, or interpolates a piece of it."""

import numpy as np

from imfeat_kernels.cpu.equalize_floats import APART, COINCIDE, EMPTY, LEAST_RANGE
from imfeat_kernels.cuda.common import divided, running_sums
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, empty, launch, zeros

f32, f64, i32, u32 = np.float32, np.float64, np.int32, np.uint32
STRIP = 1 << 15  # pixels of a block
LEVELS = 256  # bins, and threads of a block
HALF = LEVELS // 2
DOUBLES = "_lay_edges", "_cumulate"  # as NumPy's, a few hundred a plane


def extremes(planes, mask, out):
    """Find the smallest and the largest value of each plane."""
    n_planes, n_pixels = planes.shape
    n_strips = max(1, n_pixels // STRIP)
    strips = empty((n_planes, n_strips, 2), planes.dtype, out)
    launch(_extremes, n_planes * n_strips, planes, mask, strips)
    launch(_extremes_of_strips, blocks_of(n_planes), strips, out)


def stretch(values, low, high, out):
    """Map an interval to [0, 1], and what lies beyond it to its ends."""
    launch(_stretch, blocks_of(len(out)), values, low, high, out)


def lay_edges(extremes, edges, centers, states):
    """Lay the edges of 256 bins of `numpy.histogram` between the extremes of each plane."""
    launch(_lay_edges, len(extremes), extremes, edges, centers, states)


def cumulate(counts, out):
    """Sum the counts of bins up to shares of all."""
    launch(_cumulate, len(counts), counts, out)


def edge_counts(planes, edges, mask, out):
    """Count floats between 257 edges, plane by plane."""
    n_planes, n_pixels = planes.shape
    counts = zeros((n_planes, LEVELS), np.uint32, out)
    launch(_edge_counts, n_planes * max(1, n_pixels // STRIP), planes, edges, mask, counts)
    launch(_widen, blocks_of(out.size), counts.reshape(-1), out.reshape(-1))


def interpolate(planes, centers, heights, out):
    """Interpolate linearly between evenly spaced points, plane by plane, constant beyond the ends."""
    n_planes, n_pixels = planes.shape
    launch(_interpolate, n_planes * blocks_of(n_pixels), planes, centers, heights, out)


@cuda.jit(device=True)
def _mask_of(item, n_planes, mask):
    """Return the index of the mask of a plane."""
    per_mask, _ = divided(n_planes, max(i32(1), i32(mask.shape[0])))
    index, _ = divided(item, per_mask)
    return index


@cuda.jit(device=True)
def _smallest(values):
    """Return the smallest of the LEVELS values of an array in shared memory, which is overwritten."""
    t = cuda.threadIdx.x
    n = HALF
    cuda.syncthreads()
    while n > 0:
        if t < n and values[t + n] < values[t]:
            values[t] = values[t + n]
        cuda.syncthreads()
        n >>= 1
    smallest = values[0]
    cuda.syncthreads()
    return smallest


@cuda.jit
def _extremes(planes, mask, strips):
    """Find the extremes of a strip of a plane."""
    values = cuda.shared.array(LEVELS, planes.dtype)
    t = u32(cuda.threadIdx.x)
    item, strip = divided(cuda.blockIdx.x, strips.shape[1])
    of_item = _mask_of(item, planes.shape[0], mask)
    low, high = f32(np.inf), f32(-np.inf)
    p = u32(strip * u32(THREADS) + t)
    step = u32(u32(strips.shape[1]) * u32(THREADS))
    while p < u32(planes.shape[1]):
        if mask.shape[0] == 0 or mask[of_item, p]:
            value = planes[item, p]
            low = value if value < low else low
            high = value if value > high else high
        p = u32(p + step)
    values[t] = low
    low = _smallest(values)
    values[t] = -high
    high = -_smallest(values)
    if t == u32(0):
        strips[item, strip, 0] = low
        strips[item, strip, 1] = high


@cuda.jit
def _extremes_of_strips(strips, out):
    item = cuda.grid(1)
    if item < out.shape[0]:
        i = u32(item)
        low, high = strips[i, 0, 0], strips[i, 0, 1]
        for strip in range(1, strips.shape[1]):
            first, last = strips[i, u32(strip), 0], strips[i, u32(strip), 1]
            low = first if first < low else low
            high = last if last > high else high
        out[i, 0], out[i, 1] = low, high


@cuda.jit
def _stretch(values, low, high, out):
    i = cuda.grid(1)
    if i < out.size:
        share = (f64(values[i]) - f64(low)) / (f64(high) - f64(low))
        share = share if share > f64(0) else f64(0)
        out[i] = share if share < f64(1) else f64(1)


@cuda.jit(device=True)
def _edge(k, low, high, step):
    """Return an edge; the product is rounded before the sum, as NumPy's."""
    return cuda.fma(k, step, low - low) + low if k < LEVELS else high


@cuda.jit
def _lay_edges(extremes, edges, centers, states):
    """Lay the edges of a plane: a block is a plane, a thread a bin."""
    flags = cuda.shared.array(1, i32)
    kind = extremes.dtype.type
    item, t = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x)
    low, high = extremes[item, 0], extremes[item, 1]
    state = i32(EMPTY) if low > high else i32(APART)
    low = kind(0) if low > high else low
    high = kind(0) if state == i32(EMPTY) else high
    if low == high:
        low, high = low - kind(0.5), high + kind(0.5)
    step = (high - low) / kind(LEVELS)
    if t == u32(0):
        flags[0] = i32(0)
        edges[item, LEVELS] = high
    cuda.syncthreads()
    k = kind(t)
    here, following = _edge(k, low, high, step), _edge(k + kind(1), low, high, step)
    edges[item, t] = here
    center = (here + following) / kind(2)
    centers[item, t] = center
    before = (_edge(k - kind(1), low, high, step) + here) / kind(2)
    if not (here < following and (t == u32(0) or before < center) and f64(high - low) >= LEAST_RANGE):
        cuda.atomic.add(flags, 0, i32(1))
    cuda.syncthreads()
    if t == u32(0):
        states[item] = i32(COINCIDE) if flags[0] > i32(0) and state == i32(APART) else state


@cuda.jit
def _cumulate(counts, out):
    """Sum the counts of a plane: a block is a plane, a thread a bin."""
    sums = cuda.shared.array(LEVELS, u32)
    item, t = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x)
    sums[t] = u32(counts[item, t])
    running_sums(sums)
    out[item, t] = f64(sums[t]) / f64(max(sums[LEVELS - 1], u32(1)))


@cuda.jit
def _edge_counts(planes, edges, mask, counts):
    table = cuda.shared.array(LEVELS, u32)
    t = u32(cuda.threadIdx.x)
    n_strips, _ = divided(cuda.gridDim.x, planes.shape[0])
    item, strip = divided(cuda.blockIdx.x, n_strips)
    of_item = _mask_of(item, planes.shape[0], mask)
    table[t] = u32(0)
    cuda.syncthreads()
    lowest = edges[item, 0]
    width = edges[item, LEVELS] - edges[item, 0]
    p = strip * u32(THREADS) + t
    step = n_strips * u32(THREADS)
    while p < u32(planes.shape[1]):
        if mask.shape[0] == 0 or mask[of_item, p]:
            value = planes[item, p]
            b = i32((value - lowest) / width * f32(LEVELS))
            b = max(min(b, i32(LEVELS - 1)), i32(0))
            if b > i32(0) and value < edges[item, b]:
                b -= i32(1)
            elif b < i32(LEVELS - 1) and value >= edges[item, b + i32(1)]:
                b += i32(1)
            cuda.atomic.add(table, b, u32(1))
        p = u32(p + step)
    cuda.syncthreads()
    if table[t] > u32(0):
        cuda.atomic.add(counts, (item, t), table[t])


@cuda.jit
def _widen(counts, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = counts[i]


@cuda.jit
def _interpolate(planes, centers, heights, out):
    n_blocks, _ = divided(cuda.gridDim.x, planes.shape[0])
    item, piece = divided(cuda.blockIdx.x, n_blocks)
    i = piece * u32(THREADS) + u32(cuda.threadIdx.x)
    if i < planes.shape[1]:
        low = centers[item, 0]
        high = centers[item, LEVELS - 1]
        value = planes[item, i]
        value = value if value > low else low
        value = value if value < high else high
        k = i32((value - low) / (high - low) * f32(LEVELS - 1))
        k = max(min(k, i32(LEVELS - 2)), i32(0))  # also of NaN
        if k > i32(0) and value < centers[item, k]:
            k -= i32(1)
        if k < i32(LEVELS - 2) and value >= centers[item, k + i32(1)]:
            k += i32(1)
        left, base = centers[item, k], heights[item, k]
        slope = (heights[item, k + i32(1)] - base) / (centers[item, k + i32(1)] - left)
        out[item, i] = base + (value - left) * slope
