"""Residuals: by how much descriptors differ from their visual words."""

import numpy as np

from imfeat_kernels.cpu.launch import split_groups
from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, empty, launch
from imfeat_kernels.cuda.mixture import add_pieces

f32, i32, u32 = np.float32, np.int32, np.uint32


def sum_residuals(vectors, bounds, words, assignments, out):
    """Sum, for each image and word, the differences between descriptors and the word."""
    starts, pieces = split_groups(bounds)
    parts = empty((len(pieces), len(words), words.shape[1]), np.float32, out)
    launch(_sum_residuals, len(pieces) * len(words), vectors, pieces, words, assignments, parts)
    add_pieces(parts, starts, out)


@cuda.jit
def _sum_residuals(vectors, pieces, words, assignments, parts):
    """Sum the residuals of one word in a piece of an image; a thread is a dimension, or several."""
    n_words, j = u32(words.shape[0]), u32(cuda.threadIdx.x)
    piece, word = divided(cuda.blockIdx.x, n_words)
    while j < u32(words.shape[1]):
        total, center = f32(0), words[word, j]
        for i in range(u32(pieces[piece, 0]), u32(pieces[piece, 1])):
            if assignments[i] == i32(word):
                total += vectors[i, j] - center
        parts[piece, word, j] = total
        j = u32(j + u32(THREADS))
