"""Product quantization: the index of the nearest centroid of each group of dimensions."""

import numpy as np

from imfeat_kernels.cuda.common import add_pieces, divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, empty, launch

f32, i32, u8, u32 = np.float32, np.int32, np.uint8, np.uint32
VALUES = 2048  # values of centroids in shared memory
SHORT = 8  # dimensions of a group that a thread keeps in registers
AT_ONCE = VALUES // SHORT  # centroids of up to SHORT dimensions in shared memory
FAR = np.float32(np.inf)
CODES = 4 * THREADS  # codes in shared memory, four in a word
SUMS = 1 << 26  # sums of pieces that exist at one time
ONES, TOPS = np.uint32(0x01010101), np.uint32(0x80808080)  # lowest and highest bits of the bytes of a word


def encode(vectors, centroids, out):
    """Find the nearest centroid of each group of dimensions, the first of several."""
    body = _encode_short if centroids.shape[1] <= SHORT else _encode
    launch(body, blocks_of(len(vectors)) * len(centroids), vectors, centroids, out)


def decode(codes, centroids, out):
    """Replace each group of dimensions by its centroid."""
    launch(_decode, len(out), codes, centroids, out)


def sum_by_centroid(vectors, codes, sums, counts):
    """Sum the vectors of each centroid, group by group."""
    n_pieces = max(1, min(blocks_of(len(vectors), CODES), SUMS // sums.size))
    piece_sums = empty((n_pieces, *sums.shape), np.float32, sums)
    piece_counts = empty((n_pieces, *counts.shape), np.float32, sums)
    n_blocks = n_pieces * len(sums) * blocks_of(sums.shape[2], SHORT)
    launch(_sum_by_centroid, n_blocks, vectors, codes, piece_counts, piece_sums)
    start = np.zeros(1, np.int64)
    add_pieces(piece_sums, start, sums.reshape(1, -1))
    add_pieces(piece_counts, start, counts.reshape(1, -1))


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
def _sum_by_centroid(vectors, codes, piece_counts, piece_sums):
    """Sum up to SHORT dimensions of the vectors of a piece, group by group; a thread has a centroid.

    A thread compares its code with four codes at a time, and looks at each only if one of them is equal.
    """
    words = cuda.shared.array(THREADS, u32)
    totals = cuda.local.array(SHORT, f32)
    n_groups, n_centroids = u32(piece_sums.shape[1]), u32(piece_sums.shape[2])
    size, n = u32(piece_sums.shape[3]), u32(vectors.shape[0])
    n_parts, _ = divided(size + u32(SHORT - 1), SHORT)
    k = u32(cuda.threadIdx.x)
    piece, group = divided(cuda.blockIdx.x, n_groups * n_parts)
    group, first = divided(group, n_parts)
    first = u32(first * u32(SHORT))
    for j in range(SHORT):
        totals[j] = f32(0)
    count = u32(0)
    start = u32(piece * u32(CODES))
    while start < n:
        words[k] = _four_codes(codes, u32(start + u32(4) * k), group)
        cuda.syncthreads()
        w = u32(0)
        while w < u32(THREADS):
            apart = u32(words[w] ^ u32(k * ONES))
            if u32(u32(u32(apart - ONES) & u32(~apart)) & TOPS) != u32(0):  # one of the bytes is 0
                i = u32(start + u32(4) * w)
                end = min(n, u32(i + u32(4)))
                while i < end:
                    if u32(apart & u32(255)) == u32(0):
                        count = u32(count + u32(1))
                        for j in range(SHORT):
                            column = min(u32(first + u32(j)), u32(size - u32(1)))
                            totals[j] += vectors[i, u32(group * size + column)]
                    apart = u32(apart >> u32(8))
                    i = u32(i + u32(1))
            w = u32(w + u32(1))
        cuda.syncthreads()
        start = u32(start + u32(piece_sums.shape[0]) * u32(CODES))
    if k < n_centroids:
        for j in range(SHORT):
            column = u32(first + u32(j))
            if column < size:
                piece_sums[piece, group, k, column] = totals[j]
        if first == u32(0):
            piece_counts[piece, group, k] = f32(count)


@cuda.jit(device=True)
def _four_codes(codes, first, group):
    """Return the codes of four vectors as the bytes of a word, the first one lowest; 0 beyond the end."""
    word = u32(0)
    for place in range(4):
        i = u32(first + u32(place))
        if i < u32(codes.shape[0]):
            word = u32(word | u32(u32(codes[i, group]) << u32(8 * place)))
    return word
