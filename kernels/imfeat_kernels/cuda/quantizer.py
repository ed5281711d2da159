"""Product quantization: the index of the nearest centroid of each group of dimensions."""

import numpy as np

from imfeat_kernels.cuda.common import SMALL, divided, small_sum
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, launch

f32, i32, u8, u32 = np.float32, np.int32, np.uint8, np.uint32
VALUES = 2048  # values of centroids in shared memory
SHORT = 8  # dimensions of a group that a thread keeps in registers
AT_ONCE = VALUES // SHORT  # centroids of up to SHORT dimensions in shared memory
FAR = np.float32(np.inf)


def encode(vectors, centroids, out):
    """Find the nearest centroid of each group of dimensions, the first of several."""
    body = _encode_short if centroids.shape[1] <= SHORT else _encode
    launch(body, blocks_of(len(vectors)) * len(centroids), vectors, centroids, out)


def decode(codes, centroids, out):
    """Replace each group of dimensions by its centroid."""
    launch(_decode, len(out), codes, centroids, out)


def sum_by_centroid(vectors, codes, sums, counts):
    """Sum the vectors of each centroid, group by group."""
    launch(_sum_by_centroid, counts.size, vectors, codes, sums, counts, threads=SMALL)


@cuda.jit
def _encode_short(vectors, centroids, out):
    """Encode a group of up to SHORT dimensions of THREADS vectors; what is missing to SHORT is 0."""
    near = cuda.shared.array(VALUES, f32)
    values = cuda.local.array(SHORT, f32)
    n_groups, size, n_centroids = u32(centroids.shape[0]), u32(centroids.shape[1]), u32(centroids.shape[2])
    t = u32(cuda.threadIdx.x)
    n = u32(vectors.shape[0])
    batch, group = divided(cuda.blockIdx.x, n_groups)
    i = u32(batch * u32(THREADS) + t)
    row = min(i, u32(n - u32(1)))
    for j in range(SHORT):
        column = u32(group * size + min(u32(j), u32(size - u32(1))))
        values[j] = vectors[row, column] if u32(j) < size else f32(0)
    lowest, nearest = FAR, u32(0)
    first = u32(0)
    while first < n_centroids:
        count = min(u32(AT_ONCE), u32(n_centroids - first))
        k = t
        while k < u32(VALUES):
            c, j = u32(k >> u32(3)), u32(k & u32(7))
            near[k] = centroids[group, j, u32(first + c)] if c < count and j < size else f32(0)
            k = u32(k + u32(THREADS))
        cuda.syncthreads()
        c = u32(0)
        while c < count:
            total = f32(0)
            for j in range(SHORT):
                apart = values[j] - near[u32(u32(SHORT) * c + u32(j))]
                total += apart * apart
            nearest = u32(first + c) if total < lowest else nearest
            lowest = total if total < lowest else lowest
            c = u32(c + u32(1))
        cuda.syncthreads()
        first = u32(first + u32(AT_ONCE))
    if i < n:
        out[i, group] = u8(nearest)


@cuda.jit
def _encode(vectors, centroids, out):
    """Encode a group of dimensions of THREADS vectors; some centroids at a time lie in shared memory."""
    near = cuda.shared.array(VALUES, f32)
    n_groups, size, n_centroids = u32(centroids.shape[0]), u32(centroids.shape[1]), u32(centroids.shape[2])
    t = u32(cuda.threadIdx.x)
    n = u32(vectors.shape[0])
    batch, group = divided(cuda.blockIdx.x, n_groups)
    i = batch * u32(THREADS) + t
    row = min(i, n - u32(1))
    at_once, _ = divided(VALUES, size)  # centroids
    at_once = max(u32(1), at_once)
    lowest = FAR
    nearest = u32(0)
    first = u32(0)
    while first < n_centroids:
        count = min(at_once, n_centroids - first)
        for j in range(size):
            k = t
            while k < count and u32(j) * count + k < u32(VALUES):
                near[u32(j) * count + k] = centroids[group, j, first + k]
                k = u32(k + u32(THREADS))
        cuda.syncthreads()
        for c in range(count):
            total = f32(0)
            for j in range(size):
                index = u32(j) * count + u32(c)
                centroid = near[index] if index < u32(VALUES) else centroids[group, j, first + u32(c)]
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
    i, column = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x)
    while column < u32(out.shape[1]):
        group, j = divided(column, centroids.shape[2])
        out[i, column] = centroids[group, u32(codes[i, group]), j]
        column = u32(column + u32(THREADS))


@cuda.jit
def _sum_by_centroid(vectors, codes, sums, counts):
    """Sum the vectors of a centroid, one dimension after the other."""
    partial_sums = cuda.shared.array(SMALL, f32)
    partial_counts = cuda.shared.array(SMALL, u32)
    size = u32(sums.shape[2])
    t = u32(cuda.threadIdx.x)
    group, k = divided(cuda.blockIdx.x, counts.shape[1])
    for j in range(size):
        total = f32(0)
        count = u32(0)
        i = t
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
