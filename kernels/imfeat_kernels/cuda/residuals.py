"""Residuals: differences between descriptors and their visual words."""

import numpy as np

from imfeat_kernels.cpu.launch import split_groups
from imfeat_kernels.cuda.common import add_pieces, divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, empty, launch

f32, i32, u32 = np.float32, np.int32, np.uint32
VALUES = 1 << 26  # sums of pieces of images that exist at one time


def sum_residuals(vectors, bounds, words, assignments, out):
    """Sum, for each image and word, the differences between descriptors and the word."""
    starts, pieces = split_groups(bounds)
    ends = np.append(starts, len(pieces))
    at_once = max(1, VALUES // words.size)
    first = 0
    while first < len(out):
        last = max(first + 1, int(np.searchsorted(ends, ends[first] + at_once, "right")) - 1)
        batch = pieces[ends[first] : ends[last]]
        piece_sums = empty((len(batch), len(words), words.shape[1]), np.float32, out)
        launch(_sum_residuals, len(batch) * len(words), vectors, batch, words, assignments, piece_sums)
        add_pieces(piece_sums, starts[first:last] - ends[first], out[first:last])
        first = last


@cuda.jit
def _sum_residuals(vectors, pieces, words, assignments, piece_sums):
    """Sum the residuals of a word in a piece of an image; a thread sums one or several dimensions."""
    n_words = u32(words.shape[0])
    j = u32(cuda.threadIdx.x)
    piece, word = divided(cuda.blockIdx.x, n_words)
    while j < u32(words.shape[1]):
        total = f32(0)
        center = words[word, j]
        for i in range(u32(pieces[piece, 0]), u32(pieces[piece, 1])):
            if assignments[i] == i32(word):
                total += vectors[i, j] - center
        piece_sums[piece, word, j] = total
        j = u32(j + u32(THREADS))
