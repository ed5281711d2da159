"""Product quantization: of each group of dimensions, the index of the nearest of its centroids."""

import numpy as np

from imfeat_kernels.cuda.common import SMALL, divided, small_sum
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, launch

f32, i32, u8, u32 = np.float32, np.int32, np.uint8, np.uint32
ROOM = 2048  # numbers of centroids in shared memory
FAR = np.float32(np.inf)


def encode(vectors, centroids, out):
    """Find the nearest centroid of each group of dimensions; the first of several."""
    launch(_encode, blocks_of(len(vectors)) * len(centroids), vectors, centroids, out)


def decode(codes, centroids, out):
    """Replace each group of dimensions by its centroid."""
    launch(_decode, len(out), codes, centroids, out)


def sum_by_centroid(vectors, codes, sums, counts):
    """Sum the vectors of each centroid, group by group."""
    launch(_sum_by_centroid, counts.size, vectors, codes, sums, counts, threads=SMALL)


@cuda.jit
def _encode(vectors, centroids, out):
    """Encode a group of dimensions of THREADS vectors; centroids are read a part at a time."""
    near = cuda.shared.array(ROOM, f32)
    n_groups, size, n_centroids = u32(centroids.shape[0]), u32(centroids.shape[1]), u32(centroids.shape[2])
    t, n = u32(cuda.threadIdx.x), u32(vectors.shape[0])
    part, group = divided(cuda.blockIdx.x, n_groups)
    i = part * u32(THREADS) + t
    row = min(i, n - u32(1))
    at_once, _ = divided(ROOM, size)  # centroids
    at_once = max(u32(1), at_once)
    lowest, nearest, first = FAR, u32(0), u32(0)
    while first < n_centroids:
        count = min(at_once, n_centroids - first)
        for j in range(size):
            k = t
            while k < count and u32(j) * count + k < u32(ROOM):
                near[u32(j) * count + k] = centroids[group, j, first + k]
                k = u32(k + u32(THREADS))
        cuda.syncthreads()
        for c in range(count):
            total = f32(0)
            for j in range(size):
                place = u32(j) * count + u32(c)
                centroid = near[place] if place < u32(ROOM) else centroids[group, j, first + u32(c)]
                apart = vectors[row, group * size + u32(j)] - centroid
                total += apart * apart
            if total < lowest:
                lowest, nearest = total, first + u32(c)
        cuda.syncthreads()
        first = u32(first + at_once)
    if i < n:
        out[i, group] = u8(nearest)


@cuda.jit
def _decode(codes, centroids, out):
    i, place = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x)
    while place < u32(out.shape[1]):
        group, j = divided(place, centroids.shape[2])
        out[i, place] = centroids[group, u32(codes[i, group]), j]
        place = u32(place + u32(THREADS))


@cuda.jit
def _sum_by_centroid(vectors, codes, sums, counts):
    """Sum the vectors of a centroid, one dimension after the other."""
    partial_sums = cuda.shared.array(SMALL, f32)
    partial_counts = cuda.shared.array(SMALL, u32)
    size = u32(sums.shape[2])
    t = u32(cuda.threadIdx.x)
    group, k = divided(cuda.blockIdx.x, counts.shape[1])
    for j in range(size):
        total, count, i = f32(0), u32(0), t
        while i < u32(vectors.shape[0]):
            if u32(codes[i, group]) == k:
                total += vectors[i, group * size + u32(j)]
                count += u32(1)
            i = u32(i + u32(SMALL))
        partial_sums[t], partial_counts[t] = total, count
        total, count = small_sum(partial_sums), small_sum(partial_counts)
        if t == u32(0):
            sums[group, k, u32(j)] = total
            counts[group, k] = count
