"""Residuals: differences between descriptors and their visual words."""

import numpy as np

from imfeat_kernels.cpu.residuals import ROUNDING
from imfeat_kernels.cuda.common import SMALL, add_pieces, divided, place_of, small_sum
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import blocks_of, empty, launch
from imfeat_kernels.cuda.segments import pieces_of, sort_by_word

f32, f64, u32 = np.float32, np.float64, np.uint32
VALUES = 1 << 26  # sums of pieces of images that exist at one time
LEAST = ROUNDING * ROUNDING
DOUBLES = ("_clear_rounding",)  # squares of rounding are small


def sum_residuals(vectors, bounds, words, assignments, out):
    """Sum, for each image and word, the differences between descriptors and the word."""
    starts, pieces = pieces_of(bounds)
    order, ends = sort_by_word(assignments, pieces, len(words), out)
    first_pieces = np.append(starts, len(pieces))
    at_once = max(1, VALUES // words.size)
    first = 0
    while first < len(out):
        last = int(np.searchsorted(first_pieces, first_pieces[first] + at_once, "right")) - 1
        last = max(first + 1, last)
        batch = slice(int(first_pieces[first]), int(first_pieces[last]))
        piece_sums = empty((batch.stop - batch.start, len(words), words.shape[1]), np.float32, out)
        inputs = vectors, pieces[batch], words, order, ends[batch]
        launch(_sum_residuals, blocks_of(piece_sums.size), *inputs, piece_sums)
        add_pieces(piece_sums, starts[first:last] - batch.start, out[first:last])
        first = last


def clear_rounding(words, sums):
    """Set the sums of a word to 0 where they are rounding: no longer than 2^-20 of the word."""
    by_word = sums.reshape(-1, sums.shape[2])
    launch(_clear_rounding, len(by_word), words, by_word, threads=SMALL)


@cuda.jit
def _sum_residuals(vectors, pieces, words, order, ends, piece_sums):
    """Sum a dimension of the residuals of a word in a piece of an image."""
    item = cuda.grid(1)
    if item < piece_sums.size:
        row, j = place_of(item, words.shape[1])
        piece, word = divided(row, words.shape[0])
        first = pieces[piece, 0]
        center = words[word, j]
        total = f32(0)
        p = ends[piece, word]
        end = ends[piece, u32(word + u32(1))]
        while p < end:
            total += vectors[first + order[first + p], j] - center
            p = u32(p + u32(1))
        piece_sums[piece, word, j] = total


@cuda.jit
def _clear_rounding(words, sums):
    """Compare the length of a sum with that of its word: a block is a sum."""
    squares = cuda.shared.array(SMALL, f64)
    t, item = u32(cuda.threadIdx.x), u32(cuda.blockIdx.x)
    _, word = divided(item, words.shape[0])
    d = u32(sums.shape[1])
    excess = f64(0)
    j = t
    while j < d:
        value, center = f64(sums[item, j]), f64(words[word, j])
        excess += value * value - center * center * LEAST
        j = u32(j + u32(SMALL))
    squares[t] = excess
    if small_sum(squares) <= f64(0):
        j = t
        while j < d:
            sums[item, j] = f32(0)
            j = u32(j + u32(SMALL))
