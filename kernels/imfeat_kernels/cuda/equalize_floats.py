"""Histogram equalization of floats: a block counts a strip of a plane, or interpolates a piece of it."""

import numpy as np

from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, launch, zeros

f32, i32, u32 = np.float32, np.int32, np.uint32
STRIP = 1 << 15  # pixels of a block
LEVELS = 256  # bins, and threads of a block


def edge_counts(planes, edges, mask, out):
    """Count floats between 257 edges, plane by plane."""
    n_planes, n_pixels = planes.shape
    counts = zeros((n_planes, LEVELS), np.uint32, out)
    launch(_edge_counts, n_planes * max(1, n_pixels // STRIP), planes, edges, mask, counts)
    launch(_widen, blocks_of(out.size), counts.reshape(-1), out.reshape(-1))


def interpolate(planes, centers, heights, out):
    """Interpolate linearly between evenly spaced points, plane by plane, constant beyond the ends."""
    n_planes, n_pixels = planes.shape
    if planes.dtype == np.float32:
        centers = centers.astype(np.float32)
        heights = heights.astype(np.float32)
    launch(_interpolate, n_planes * blocks_of(n_pixels), planes, centers, heights, out)


@cuda.jit
def _edge_counts(planes, edges, mask, counts):
    table = cuda.shared.array(LEVELS, u32)
    t = u32(cuda.threadIdx.x)
    n_strips, _ = divided(cuda.gridDim.x, planes.shape[0])
    item, strip = divided(cuda.blockIdx.x, n_strips)
    table[t] = u32(0)
    cuda.syncthreads()
    lowest = edges[item, 0]
    width = edges[item, LEVELS] - edges[item, 0]
    p = strip * u32(THREADS) + t
    step = n_strips * u32(THREADS)
    while p < u32(planes.shape[1]):
        if mask[item, p]:
            value = planes[item, p]
            b = i32((value - lowest) / width * f32(LEVELS))
            b = b if b < i32(LEVELS - 1) else i32(LEVELS - 1)
            if value < edges[item, b]:
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
        k = k if k < i32(LEVELS - 2) else i32(LEVELS - 2)
        if k > i32(0) and value < centers[item, k]:
            k -= i32(1)
        if k < i32(LEVELS - 2) and value >= centers[item, k + i32(1)]:
            k += i32(1)
        left, base = centers[item, k], heights[item, k]
        slope = (heights[item, k + i32(1)] - base) / (centers[item, k + i32(1)] - left)
        out[item, i] = base + (value - left) * slope
