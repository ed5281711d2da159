"""The nearest word of each vector, and the means of the vectors of each word.

|x - c|^2 = |x|^2 + 2 (|c|^2 / 2 - x.c): for long vectors the products x.c are a matrix product,
for short ones (colours) a loop over words is faster.  In both, vectors lie side by side, so that
one instruction compares 16 of them with a word.
"""

import numpy as np
from numba import njit

from imfeat_kernels.cpu.launch import launch

TILE = 2048  # vectors a matrix product
WORDS = 2048  # words a matrix product
SHORT = 4  # dimensions up to which there is no matrix product
LANES, BLOCK = 256, 512  # vectors side by side: short ones, and products
CHUNKS = 16  # parts of a sum: a constant, so that the threads don't change its order


def assign(vectors, words, out, distances):
    """Find the nearest word of each vector; the first of several.

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
    halves = (0.5 * np.einsum("kd,kd->k", words, words, dtype=np.float64)).astype(np.float32)
    if d <= SHORT:
        launch(_assign_short, -(-n // LANES), vectors, words, halves, out, distances, grain=64)
        return
    room = np.empty(min(WORDS, len(words)) * min(TILE, n), np.float32)
    for first in range(0, n, TILE):
        tile = vectors[first : first + TILE]
        nearest, best = out[first : first + TILE], distances[first : first + TILE]
        best[:], nearest[:] = np.inf, 0
        for word in range(0, len(words), WORDS):
            group = words[word : word + WORDS]
            products = room[: len(group) * len(tile)].reshape(len(group), len(tile))
            np.matmul(group, tile.T, out=products)
            blocks = -(-len(tile) // BLOCK)
            launch(_compare, blocks, products, halves, word, nearest, best, grain=1)
        launch(_add_squares, len(tile), tile, best, grain=256)


def sum_by_word(vectors, weights, assignments, sums, counts):
    """Sum the vectors of each word, each as often as its weight says.

    Parameters
    ----------
    vectors : (n, d) float32
    weights : (n,) int64
        All 1, if there are none.
    assignments : (n,) int32
    sums : (n_words, d) float64
        Overwritten.
    counts : (n_words,) int64
        Overwritten with the sum of the weights of each word.
    """
    parts, shares = np.zeros((CHUNKS, *sums.shape)), np.zeros((CHUNKS, len(counts)), np.int64)
    launch(_sum_by_word, CHUNKS, vectors, weights, assignments, parts, shares)
    parts.sum(0, out=sums)
    shares.sum(0, out=counts)


def approach(vectors, word, distances):
    """Take a new word into account in the squared distances to the nearest word.

    Parameters
    ----------
    vectors : (n, d) float32
    word : (d,) float32
    distances : (n,) float32
        Lowered where the word is nearer than what was nearest.
    """
    launch(_approach, len(vectors), vectors, word, distances, grain=max(1, (1 << 18) // vectors.shape[1]))


@njit(nogil=True, cache=True)
def _compare(start, stop, products, halves, word, nearest, best):
    n_words, n = products.shape
    for item in range(start, stop):  # an item is a block of vectors
        first, last = item * BLOCK, min(item * BLOCK + BLOCK, n)
        lowest, indices = best[first:last], nearest[first:last]
        for k in range(0, n_words - 3, 4):
            _compare_four(
                products[k, first:last],
                products[k + 1, first:last],
                products[k + 2, first:last],
                products[k + 3, first:last],
                halves[word + k : word + k + 4],
                np.int32(word + k),
                lowest,
                indices,
            )
        for k in range(n_words - n_words % 4, n_words):
            _compare_one(products[k, first:last], halves[word + k], np.int32(word + k), lowest, indices)


@njit
def _compare_four(a, b, c, d, halves, k, lowest, indices):
    half_a, half_b, half_c, half_d = halves[0], halves[1], halves[2], halves[3]
    for i in range(len(lowest)):
        first, second, third, fourth = half_a - a[i], half_b - b[i], half_c - c[i], half_d - d[i]
        low = second if second < first else first
        high = fourth if fourth < third else third
        low_index = k + np.int32(1) if second < first else k
        high_index = k + np.int32(3) if fourth < third else k + np.int32(2)
        score = high if high < low else low
        index = high_index if high < low else low_index
        before, best = indices[i], lowest[i]
        indices[i] = index if score < best else before
        lowest[i] = score if score < best else best


@njit
def _compare_one(products, half, k, lowest, indices):
    for i in range(len(lowest)):
        score, before, best = half - products[i], indices[i], lowest[i]
        indices[i] = k if score < best else before
        lowest[i] = score if score < best else best


# The order of the sum over dimensions is left to the compiler, which then adds 16 at a time.
@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _add_squares(start, stop, vectors, best):
    for i in range(start, stop):
        vector, square = vectors[i], np.float32(0)
        for j in range(len(vector)):
            square += vector[j] * vector[j]
        best[i] = max(square + np.float32(2) * best[i], np.float32(0))


@njit(nogil=True, cache=True)
def _assign_short(start, stop, vectors, words, halves, out, distances):
    n, d = vectors.shape
    x = np.zeros((SHORT, LANES), np.float32)  # dimension by dimension, and zeros for those beyond d
    lines = np.zeros((len(words), SHORT + 1), np.float32)
    lines[:, 0], lines[:, 1 : 1 + d] = halves, words
    best, nearest = np.empty(LANES, np.float32), np.empty(LANES, np.int32)
    for item in range(start, stop):  # an item is up to LANES vectors
        first = item * LANES
        count = min(LANES, n - first)
        for j in range(d):
            for i in range(count):
                x[j, i] = vectors[first + i, j]
        best[:], nearest[:] = np.inf, 0
        for k in range(len(lines)):
            _compare_in_lanes(x, lines, k, best, nearest)
        for i in range(count):
            square = x[0, i] * x[0, i] + x[1, i] * x[1, i] + x[2, i] * x[2, i] + x[3, i] * x[3, i]
            out[first + i] = nearest[i]
            distances[first + i] = max(square + np.float32(2) * best[i], np.float32(0))


@njit
def _compare_in_lanes(x, lines, k, best, nearest):
    half, a, b, c, d = lines[k, 0], lines[k, 1], lines[k, 2], lines[k, 3], lines[k, 4]
    word = np.int32(k)
    for i in range(LANES):
        score = half - a * x[0, i] - b * x[1, i] - c * x[2, i] - d * x[3, i]
        before, lowest = nearest[i], best[i]
        nearest[i] = word if score < lowest else before
        best[i] = score if score < lowest else lowest


@njit(nogil=True, cache=True)
def _sum_by_word(start, stop, vectors, weights, assignments, parts, shares):
    n = len(vectors)
    for item in range(start, stop):  # an item is a chunk of the vectors
        sums, counts = parts[item], shares[item]
        for i in range(item * n // CHUNKS, (item + 1) * n // CHUNKS):
            weight = weights[i] if len(weights) else 1
            word = assignments[i]
            counts[word] += weight
            for j in range(vectors.shape[1]):
                sums[word, j] += np.float64(weight) * np.float64(vectors[i, j])


# The order of the sum over dimensions is left to the compiler, which then adds 16 at a time.
@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _approach(start, stop, vectors, word, distances):
    for i in range(start, stop):
        vector, square = vectors[i], np.float32(0)
        for j in range(len(word)):
            square += (vector[j] - word[j]) * (vector[j] - word[j])
        distances[i] = min(distances[i], square)
