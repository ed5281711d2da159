"""Residuals: differences between descriptors and their visual words."""

import numpy as np

from imfeat_kernels.cuda.common import add_pieces, divided, place_of
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import blocks_of, empty, launch
from imfeat_kernels.cuda.segments import pieces_of, sort_by_word

f32, u32 = np.float32, np.uint32
VALUES = 1 << 26  # sums of pieces of images that exist at one time


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
