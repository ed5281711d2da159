"""Product quantization: of each group of dimensions, the index of the nearest of its centroids."""

import numpy as np

from imfeat_kernels.cuda.common import SMALL, divided, small_sum
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, empty, launch

f32, i32, u8, u32 = np.float32, np.int32, np.uint8, np.uint32
ROOM = 2048  # numbers of centroids in shared memory
FAR = np.float32(np.inf)


def encode(vectors, centroids, out):
    """Find the nearest centroid of each group of dimensions; the first of several."""
    launch(_encode, blocks_of(len(vectors)) * len(centroids), vectors, centroids, out)


def decode(codes, centroids, out):
    """Replace each group of dimensions by its centroid."""
    launch(_decode, len(out), codes, centroids, out)


def learn_centroids(vectors, start, n_iterations, out):
    """Cluster each group of dimensions with k-means."""
    n_groups, _, n_centroids = out.shape
    codes = empty((len(vectors), n_groups), np.uint8, out)
    launch(_begin, blocks_of(out.size), vectors, start, out)
    for _ in range(n_iterations):
        encode(vectors, out, codes)
        launch(_update, n_groups * n_centroids, vectors, codes, out, threads=SMALL)


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
def _begin(vectors, start, centroids):
    item = cuda.grid(1)
    if item < centroids.size:
        size, (row, k) = u32(centroids.shape[1]), divided(item, centroids.shape[2])
        group, j = divided(row, size)
        centroids[group, j, k] = vectors[start[group, k], group * size + j]


@cuda.jit
def _update(vectors, codes, centroids):
    """Move a centroid to the mean of its vectors; one without any stays."""
    sums = cuda.shared.array(SMALL, f32)
    counts = cuda.shared.array(SMALL, u32)
    size, n_centroids = u32(centroids.shape[1]), u32(centroids.shape[2])
    t, (group, k) = u32(cuda.threadIdx.x), divided(cuda.blockIdx.x, n_centroids)
    for j in range(size):
        total, count, i = f32(0), u32(0), t
        while i < u32(vectors.shape[0]):
            if u32(codes[i, group]) == k:
                total += vectors[i, group * size + u32(j)]
                count += u32(1)
            i = u32(i + u32(SMALL))
        sums[t], counts[t] = total, count
        total, count = small_sum(sums), small_sum(counts)
        if t == u32(0) and count > u32(0):
            centroids[group, u32(j), k] = total / f32(count)
