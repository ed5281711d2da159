"""The nearest word of each vector, and sums of the vectors of each word.

|x - c|^2 = |x|^2 + 2 (|c|^2 / 2 - x.c).  The products x.c of long vectors and words are compared in
registers, where they are computed.  Short vectors (colours) lie side by side in registers, which
meet all words in turn.

The difference of large squares would lose digits.  If words are far from the origin, vectors and words are
compared relative to one of the words.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.lanes import LANES, first_smallest
from imfeat_kernels.cpu.launch import launch
from imfeat_kernels.cpu.tile import BLOCK_COLS, BLOCK_ROWS, compare, first_of_lowest, panels
from imfeat_kernels.tables import centered

TILE = 48  # vectors that meet all words before the next ones do
PRODUCTS = 1 << 22  # multiplications that are worth a thread
VALUES = 1 << 20  # numbers of vectors that are worth a thread, where each is met once
SHORT = 3  # dimensions up to which there is no matrix product
STRIP = 256  # short vectors side by side
CHUNKS = 16  # partial sums: a constant, so that their order does not depend on the threads


def assign(vectors, words, out, distances):
    """Find the nearest word of each vector, the first of several.

    Parameters
    ----------
    vectors : (n, d) float32
    words : (n_words, d) float32
    out : (n,) int32
        Overwritten with indices of words.
    distances : (n,) float32
        Overwritten with squared Euclidean distances.
    """
    n, d = vectors.shape
    center, words, halves = centered(words)
    if d <= SHORT:
        launch(_assign_short, -(-n // STRIP), vectors, center, words, halves, out, distances, grain=64)
        return
    table = panels(words)
    padded_halves = np.full(len(table) * BLOCK_COLS, np.inf, np.float32)  # so padding is never nearest
    padded_halves[: len(words)] = halves
    grain = max(1, PRODUCTS // (TILE * words.size))
    launch(_assign, -(-n // TILE), vectors, center, table, padded_halves, out, distances, grain=grain)


def sum_by_word(vectors, weights, assignments, sums, counts):
    """Sum the weighted vectors of each word.

    Parameters
    ----------
    vectors : (n, d) float32
    weights : (n,) int64
        Weights of the vectors; without any, all are 1.
    assignments : (n,) int32
    sums : (n_words, d) float64
        Overwritten.
    counts : (n_words,) int64
        Overwritten with the sum of the weights of each word.
    """
    chunk_sums = np.zeros((CHUNKS, *sums.shape))
    chunk_counts = np.zeros((CHUNKS, len(counts)), np.int64)
    grain = max(1, min(CHUNKS, VALUES * CHUNKS // max(1, vectors.size)))
    launch(_sum_by_word, CHUNKS, vectors, weights, assignments, chunk_sums, chunk_counts, grain=grain)
    chunk_sums.sum(0, out=sums)
    chunk_counts.sum(0, out=counts)


def approach(vectors, word, distances):
    """Update the squared distances to the nearest word for a new word.

    Parameters
    ----------
    vectors : (n, d) float32
    word : (d,) float32
    distances : (n,) float32
        Changed in place: lowered where the new word is nearer.
    """
    body = _approach_short if len(word) == SHORT else _approach
    launch(body, len(vectors), vectors, word, distances, grain=max(1, VALUES // len(word)))


# The compiler may choose the order of the sum over dimensions, and adds 16 values at a time.
@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _assign(start, stop, vectors, center, table, halves, out, distances):
    n, d = vectors.shape
    tile = np.zeros((TILE, d), np.float32)
    lowest = np.empty((TILE, BLOCK_COLS), np.float32)
    nearest = np.empty((TILE, BLOCK_COLS), np.int32)
    for item in range(start, stop):  # an item is a tile of vectors
        first = item * TILE
        count = min(TILE, n - first)
        for i in range(count):
            for j in range(np.uint64(d)):
                tile[i, j] = vectors[first + i, j] - center[j]
        _reset(lowest, nearest)
        for panel in range(len(table)):
            for i in range(0, count, BLOCK_ROWS):  # rows past the tile hold old values, which are not used
                compare(tile, i, table, panel, halves, i, lowest, nearest)
        for i in range(count):
            square = np.float32(0)
            for j in range(np.uint64(d)):
                square += tile[i, j] * tile[i, j]
            word = first_of_lowest(lowest, nearest, i)
            score = lowest[i, word % np.int32(BLOCK_COLS)]
            out[first + i] = word
            distances[first + i] = max(square + np.float32(2) * score, np.float32(0))


@inner
def _reset(lowest, nearest):
    for i in range(np.uint64(TILE)):
        for c in range(np.uint64(BLOCK_COLS)):
            lowest[i, c] = np.float32(np.inf)
    for i in range(np.uint64(TILE)):  # a loop of its own, as vectors of two types at once are slow
        for c in range(np.uint64(BLOCK_COLS)):
            nearest[i, c] = 0


@njit(nogil=True, cache=True)
def _assign_short(start, stop, vectors, center, words, halves, out, distances):
    n, d = vectors.shape
    x = np.zeros((SHORT, STRIP), np.float32)  # dimension by dimension, zeros beyond d
    lines = np.zeros((len(words), SHORT + 1), np.float32)
    lines[:, 0] = halves
    for k in range(len(words)):
        for j in range(d):
            lines[k, 1 + j] = -words[k, j]
    best = np.empty(STRIP, np.float32)
    nearest = np.empty(STRIP, np.int32)
    for item in range(start, stop):  # an item is up to STRIP vectors
        first = item * STRIP
        count = min(STRIP, n - first)
        for j in range(d):
            for i in range(count):
                x[j, i] = vectors[first + i, j] - center[j]
        for i in range(0, count, LANES):
            first_smallest(x, i, lines, best, nearest)
        for i in range(count):
            square = x[0, i] * x[0, i] + x[1, i] * x[1, i] + x[2, i] * x[2, i]
            out[first + i] = nearest[i]
            distances[first + i] = max(square + np.float32(2) * best[i], np.float32(0))


@njit(nogil=True, cache=True)
def _sum_by_word(start, stop, vectors, weights, assignments, chunk_sums, chunk_counts):
    n = len(vectors)
    for item in range(start, stop):  # an item is a chunk of the vectors
        sums, counts = chunk_sums[item], chunk_counts[item]
        for i in range(item * n // CHUNKS, (item + 1) * n // CHUNKS):
            weight = weights[i] if len(weights) else 1
            word = assignments[i]
            counts[word] += weight
            for j in range(vectors.shape[1]):
                sums[word, j] += np.float64(weight) * np.float64(vectors[i, j])


# The compiler may choose the order of the sum over dimensions, and adds 16 values at a time.
@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _approach(start, stop, vectors, word, distances):
    for i in range(start, stop):
        vector = vectors[i]
        square = np.float32(0)
        for j in range(len(word)):
            square += (vector[j] - word[j]) * (vector[j] - word[j])
        distances[i] = min(distances[i], square)


@njit(nogil=True, cache=True)
def _approach_short(start, stop, vectors, word, distances):
    x, y = vectors[start:stop].reshape(-1), distances[start:stop].view(np.int32)
    a, b, c = word[0], word[1], word[2]
    for i in range(stop - start):
        da, db, dc = x[3 * i] - a, x[3 * i + 1] - b, x[3 * i + 2] - c
        square = np.float32(da * da + db * db + dc * dc)
        y[i] = min(y[i], square.view(np.int32))  # bits of floats >= 0 have their order
