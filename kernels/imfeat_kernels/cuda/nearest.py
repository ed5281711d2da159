"""The nearest word of each vector, and sums of the vectors of each word.

|x - c|^2 = |x|^2 + 2 (|c|^2 / 2 - x.c), and a block compares 128 vectors with 128 words at a time.  Of short
vectors (colours), a thread has several, and compares them with a word at a time; it rounds as the CPU does.
"""

import numpy as np

from imfeat_kernels.cpu.nearest import SHORT
from imfeat_kernels.cuda.common import SHARES, divided, place_of, shared_sum
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, empty, launch, on_host
from imfeat_kernels.cuda.segments import pieces_of, sort_by_word
from imfeat_kernels.cuda.tile import ACROSS, DEPTH, ROW, SIDE, SPAN, add_products
from imfeat_kernels.tables import centered

f32, f64, i32, u32 = np.float32, np.float64, np.int32, np.uint32
FAR = np.float32(np.inf)
POINTS = 4  # short vectors of a thread, which reads the words once for all of them
WORDS = THREADS  # words in shared memory
VECTORS = THREADS // SHARES  # of a block, each with a part of its dimensions in a thread


def assign(vectors, words, out, distances):
    """Find the nearest word of each vector, the first of several."""
    center, words, halves = centered(on_host(words))
    if vectors.shape[1] <= SHORT:
        n_blocks = blocks_of(len(vectors), POINTS * THREADS)
        launch(_assign_short, n_blocks, vectors, center, words, halves, distances, out)
        return
    launch(_assign, blocks_of(len(vectors), SPAN), vectors, center, words, halves, distances, out)


def sum_by_word(vectors, weights, assignments, sums, counts):
    """Sum the weighted vectors of each word."""
    _, pieces = pieces_of(np.array([0, len(vectors)]))
    order, ends = sort_by_word(assignments, pieces, len(counts), sums)
    piece_sums = empty((len(pieces), *sums.shape), np.float32, sums)
    piece_counts = empty((len(pieces), len(counts)), np.int64, sums)
    inputs = vectors, weights, pieces, order, ends
    launch(_sum_by_word, blocks_of(piece_sums.size), *inputs, piece_counts, piece_sums)
    launch(_add_sums, blocks_of(sums.size), piece_sums, sums)
    launch(_add_counts, blocks_of(len(counts)), piece_counts, counts)


def approach(vectors, word, distances):
    """Update the squared distances to the nearest word for a new word."""
    launch(_approach, blocks_of(len(vectors), VECTORS), vectors, word, distances)


DOUBLES = ("_add_sums",)  # sums of hundreds of numbers are double by contract


@cuda.jit
def _assign(vectors, center, words, halves, distances, out):
    x = cuda.shared.array((DEPTH, ROW), f32)
    w = cuda.shared.array((DEPTH, ROW), f32)
    lowest = cuda.shared.array((SIDE, SPAN), f32)
    nearest = cuda.shared.array((SIDE, SPAN), i32)
    sums = cuda.local.array((ACROSS, ACROSS), f32)
    best, of = cuda.local.array(ACROSS, f32), cuda.local.array(ACROSS, i32)
    t = u32(cuda.threadIdx.x)
    first = u32(cuda.blockIdx.x) * u32(SPAN)
    n_words = u32(words.shape[0])
    ty, tx = divided(t, SIDE)
    for a in range(ACROSS):
        best[a], of[a] = FAR, i32(0)
    first_word = u32(0)
    while first_word < n_words:
        add_products(vectors, first, center, words, first_word, x, w, sums)
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
            next_score, next_word = lowest[k, t], nearest[k, t]
            if next_score < score or (next_score == score and next_word < word):
                score, word = next_score, next_word
        square = f32(0)
        for j in range(vectors.shape[1]):
            value = vectors[first + t, u32(j)] - center[u32(j)]
            square += value * value
        distance = square + f32(2) * score
        out[first + t] = word
        distances[first + t] = distance if distance > f32(0) else f32(0)


@cuda.jit
def _assign_short(vectors, center, words, halves, distances, out):
    lines = cuda.shared.array((WORDS, 4), f32)
    x = cuda.local.array((POINTS, 3), f32)
    best, of = cuda.local.array(POINTS, f32), cuda.local.array(POINTS, i32)
    t = cuda.threadIdx.x
    n, d = words.shape
    start = cuda.blockIdx.x * (POINTS * THREADS) + t
    for k in range(POINTS):
        i = min(start + k * THREADS, out.size - 1)
        best[k], of[k] = FAR, i32(0)
        for j in range(3):
            x[k, j] = vectors[i, j] - center[j] if j < d else f32(0)
    first = 0
    while first < n:
        if first + t < n:
            for j in range(3):
                lines[t, j] = -words[first + t, j] if j < d else f32(0)
            lines[t, 3] = halves[first + t]
        cuda.syncthreads()
        for word in range(min(WORDS, n - first)):
            a, b, c, half = lines[word, 0], lines[word, 1], lines[word, 2], lines[word, 3]
            for k in range(POINTS):
                score = cuda.fma(c, x[k, 2], cuda.fma(b, x[k, 1], cuda.fma(a, x[k, 0], half)))
                of[k] = i32(first + word) if score < best[k] else of[k]
                best[k] = score if score < best[k] else best[k]
        cuda.syncthreads()
        first += WORDS
    for k in range(POINTS):
        i = start + k * THREADS
        if i < out.size:
            square = x[k, 0] * x[k, 0] + x[k, 1] * x[k, 1] + x[k, 2] * x[k, 2]
            distance = square + f32(2) * best[k]
            out[i] = of[k]
            distances[i] = distance if distance > f32(0) else f32(0)


@cuda.jit
def _sum_by_word(vectors, weights, pieces, order, ends, piece_counts, piece_sums):
    """Sum a dimension of the vectors of a word in a piece."""
    item = cuda.grid(1)
    if item < piece_sums.size:
        row, j = place_of(item, piece_sums.shape[2])
        piece, word = divided(row, piece_sums.shape[1])
        first = pieces[piece, 0]
        total, count = f32(0), 0
        p = ends[piece, word]
        end = ends[piece, u32(word + u32(1))]
        while p < end:
            i = first + order[first + p]
            weight = weights[i] if weights.size > 0 else 1
            total += f32(weight) * vectors[i, j]
            count += weight
            p = u32(p + u32(1))
        piece_sums[piece, word, j] = total
        if j == u32(0):
            piece_counts[piece, word] = count


@cuda.jit
def _add_sums(piece_sums, sums):
    i = cuda.grid(1)
    if i < sums.size:
        word, j = place_of(i, sums.shape[1])
        total = f64(0)
        for piece in range(piece_sums.shape[0]):
            total += piece_sums[piece, word, j]
        sums[word, j] = total


@cuda.jit
def _add_counts(piece_counts, counts):
    i = cuda.grid(1)
    if i < counts.size:
        total = 0
        for piece in range(piece_counts.shape[0]):
            total += piece_counts[piece, i]
        counts[i] = total


@cuda.jit
def _approach(vectors, word, distances):
    squares = cuda.shared.array(THREADS, f32)
    within, own = divided(cuda.threadIdx.x, SHARES)
    i = u32(u32(cuda.blockIdx.x) * u32(VECTORS) + within)
    inside = i < u32(vectors.shape[0])
    total = f32(0)
    j = own
    while inside and j < u32(word.size):
        apart = vectors[i, j] - word[j]
        total += apart * apart
        j = u32(j + u32(SHARES))
    total = shared_sum(squares, total)
    if inside and own == u32(0) and total < distances[i]:
        distances[i] = total
