"""Histogram equalization of integers of 16 bits: counters lie in global memory."""

import numpy as np

from imfeat_kernels.cpu.equalize_words import N_LEVELS
from imfeat_kernels.cuda.common import block_sum, divided, place_of, running_sums
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, empty, launch, zeros

f64, i32, u32 = np.float64, np.int32, np.uint32
DOUBLES = ("_make_tables",)  # shares are rounded to integers
STRIP = 1 << 15  # pixels of a block
PLANES = 256  # whose counters and tables are held at a time
MAGIC = np.float64(1.5 * 2**52)  # larger doubles are integers
LAST = THREADS - 1


def equalize_words(planes, mask, largest, out):
    """Replace each value by the share of pixels that are not larger, times the largest integer."""
    n_planes, n_pixels = planes.shape
    per_mask = n_planes // max(1, len(mask))
    lowest = int(np.iinfo(planes.dtype).min)
    for first in range(0, n_planes, PLANES):
        pixels, results = planes[first : first + PLANES], out[first : first + PLANES]
        counts = zeros((len(pixels), N_LEVELS), np.uint32, out)
        tables = empty((len(pixels), N_LEVELS), planes.dtype, out)
        n_blocks = len(pixels) * max(1, n_pixels // STRIP)
        launch(_count_words, n_blocks, pixels, mask, np.array([first, per_mask, lowest]), counts)
        launch(_make_tables, len(pixels), counts, lowest, largest, tables)
        launch(_apply_tables, blocks_of(results.size), pixels, tables, lowest, results)


@cuda.jit
def _count_words(planes, mask, numbers, counts):
    n_strips, _ = divided(cuda.gridDim.x, planes.shape[0])
    item, strip = divided(cuda.blockIdx.x, n_strips)
    of_item, _ = divided(u32(numbers[0]) + item, numbers[1])
    lowest = i32(numbers[2])
    p = u32(strip * u32(THREADS) + u32(cuda.threadIdx.x))
    step = u32(n_strips * u32(THREADS))
    while p < u32(planes.shape[1]):
        if mask.shape[0] == 0 or mask[of_item, p]:
            cuda.atomic.add(counts, (item, u32(i32(planes[item, p]) - lowest)), u32(1))
        p = u32(p + step)


@cuda.jit
def _make_tables(counts, lowest, largest, tables):
    """Make the table of a plane with the threads of a block; without pixels it is the identity."""
    sums = cuda.shared.array(THREADS, u32)
    ends = cuda.shared.array(1, u32)
    t = u32(cuda.threadIdx.x)
    item = u32(cuda.blockIdx.x)
    if t == u32(0):
        ends[0] = u32(N_LEVELS)
    count, first = u32(0), u32(N_LEVELS)
    v = t
    while v < u32(N_LEVELS):
        count += counts[item, v]
        first = v if counts[item, v] > u32(0) and v < first else first
        v = u32(v + u32(THREADS))
    sums[t] = count
    total = block_sum(sums)
    cuda.atomic.min(ends, 0, first)
    cuda.syncthreads()
    least = counts[item, ends[0]] if total > u32(0) else u32(0)
    upto = u32(0)
    v = t
    while v < u32(N_LEVELS):
        sums[t] = counts[item, v]
        running_sums(sums)
        rank = u32(upto + sums[t])
        upto = u32(upto + sums[LAST])
        cuda.syncthreads()
        share = f64(rank if rank > u32(0) else least) / f64(total if total > u32(0) else u32(1))
        value = i32(cuda.fma(share, f64(largest), f64(0)) + MAGIC - MAGIC)
        tables[item, v] = value if total > u32(0) else i32(i32(v) + i32(lowest))
        v = u32(v + u32(THREADS))


@cuda.jit
def _apply_tables(planes, tables, lowest, out):
    index = cuda.grid(1)
    if index < out.size:
        item, p = place_of(index, out.shape[1])
        out[item, p] = tables[item, u32(i32(planes[item, p]) - i32(lowest))]
