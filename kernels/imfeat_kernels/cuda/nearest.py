"""The nearest word of each vector, and the means of the vectors of each word.

|x - c|^2 = |x|^2 + 2 (|c|^2 / 2 - x.c), and a block compares 128 vectors with 128 words at a time.
"""

import numpy as np

from imfeat_kernels.cuda.common import block_sum, divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, empty, launch, zeros
from imfeat_kernels.cuda.tile import ACROSS, DEPTH, ROW, SIDE, SPAN, add_products

f32, i32, u32 = np.float32, np.int32, np.uint32
FAR = np.float32(np.inf)
CHUNK = 4096  # vectors whose sums for a word are one float32


def assign(vectors, words, out, distances):
    """Find the nearest word of each vector; the first of several."""
    halves = empty(len(words), np.float32, out)
    launch(_half_squares, blocks_of(len(words)), words, halves)
    launch(_assign, blocks_of(len(vectors), SPAN), vectors, words, halves, distances, out)


def sum_by_word(vectors, weights, assignments, sums, counts):
    """Sum the vectors of each word, each as often as its weight says."""
    n_chunks = max(1, -(-len(vectors) // CHUNK))
    parts = zeros((n_chunks, *sums.shape), np.float32, sums)
    shares = zeros((n_chunks, len(counts)), np.int64, sums)
    launch(_sum_by_word, n_chunks * len(counts), vectors, weights, assignments, shares, parts)
    launch(_add_parts, blocks_of(sums.size), parts, sums)
    launch(_add_counts, blocks_of(len(counts)), shares, counts)


def approach(vectors, word, distances):
    """Take a new word into account in the squared distances to the nearest word."""
    launch(_approach, len(vectors), vectors, word, distances, threads=THREADS)


@cuda.jit
def _half_squares(words, halves):
    i = cuda.grid(1)
    if i < halves.size:
        total = f32(0)
        for j in range(words.shape[1]):
            total += words[i, j] * words[i, j]
        halves[i] = total * f32(0.5)


@cuda.jit
def _assign(vectors, words, halves, distances, out):
    x = cuda.shared.array((DEPTH, ROW), f32)
    w = cuda.shared.array((DEPTH, ROW), f32)
    lowest = cuda.shared.array((SIDE, SPAN), f32)
    nearest = cuda.shared.array((SIDE, SPAN), i32)
    sums = cuda.local.array((ACROSS, ACROSS), f32)
    best, of = cuda.local.array(ACROSS, f32), cuda.local.array(ACROSS, i32)
    t, first, n_words = u32(cuda.threadIdx.x), u32(cuda.blockIdx.x) * u32(SPAN), u32(words.shape[0])
    ty, tx = divided(t, SIDE)
    for a in range(ACROSS):
        best[a], of[a] = FAR, i32(0)
    first_word = u32(0)
    while first_word < n_words:
        add_products(vectors, first, words, first_word, x, w, sums)
        for b in range(ACROSS):
            k = first_word + tx * u32(ACROSS) + u32(b)
            half = halves[k] if k < n_words else FAR
            for a in range(ACROSS):
                score = half - sums[a, b]
                of[a] = i32(k) if score < best[a] else of[a]
                best[a] = score if score < best[a] else best[a]
        first_word += u32(SPAN)
    for a in range(ACROSS):
        row = ty * u32(ACROSS) + u32(a)
        lowest[tx, row], nearest[tx, row] = best[a], of[a]
    cuda.syncthreads()
    if t < u32(SPAN) and first + t < u32(vectors.shape[0]):
        score, word = lowest[0, t], nearest[0, t]
        for k in range(1, SIDE):
            other, index = lowest[k, t], nearest[k, t]
            if other < score or (other == score and index < word):
                score, word = other, index
        square = f32(0)
        for j in range(vectors.shape[1]):
            square += vectors[first + t, u32(j)] * vectors[first + t, u32(j)]
        distance = square + f32(2) * score
        out[first + t] = word
        distances[first + t] = distance if distance > f32(0) else f32(0)


@cuda.jit
def _sum_by_word(vectors, weights, assignments, shares, parts):
    """Sum the vectors of one word in a chunk of all; a thread is a dimension, or several."""
    n, d, n_words = u32(vectors.shape[0]), u32(vectors.shape[1]), u32(parts.shape[1])
    chunk, word = divided(cuda.blockIdx.x, n_words)
    first, j = chunk * u32(CHUNK), u32(cuda.threadIdx.x)
    last = min(first + u32(CHUNK), n)
    while j < d or j == u32(0):
        total, count = f32(0), 0
        for i in range(first, last):
            if assignments[i] == i32(word):
                weight = weights[i] if weights.size > 0 else 1
                total += f32(weight) * vectors[i, j]
                count += weight
        parts[chunk, word, j] = total
        if j == u32(0):
            shares[chunk, word] = count
        j = u32(j + u32(THREADS))


@cuda.jit
def _add_parts(parts, sums):
    i = cuda.grid(1)
    if i < sums.size:
        word, j = divided(i, sums.shape[1])
        total = sums[word, j] - sums[word, j]
        for chunk in range(parts.shape[0]):
            total += parts[chunk, word, j]
        sums[word, j] = total


@cuda.jit
def _add_counts(shares, counts):
    i = cuda.grid(1)
    if i < counts.size:
        total = 0
        for chunk in range(shares.shape[0]):
            total += shares[chunk, i]
        counts[i] = total


@cuda.jit
def _approach(vectors, word, distances):
    squares = cuda.shared.array(THREADS, f32)
    t, i, total = u32(cuda.threadIdx.x), u32(cuda.blockIdx.x), f32(0)
    j = t
    while j < u32(word.size):
        total += (vectors[i, j] - word[j]) * (vectors[i, j] - word[j])
        j = u32(j + u32(THREADS))
    squares[t] = total
    total = block_sum(squares)
    if t == u32(0) and total < distances[i]:
        distances[i] = total
