"""Residuals: differences between descriptors and their visual words."""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import PIECES, launch, split_groups

VALUES = 1 << 22  # sums of pieces of images that exist at one time


def sum_residuals(vectors, bounds, words, assignments, out):
    """Sum, for each image and word, the differences between descriptors and the word.

    Parameters
    ----------
    vectors : (n, d) float32
    bounds : (n_images + 1,) int64
        Image i has the descriptors ``bounds[i]`` to ``bounds[i + 1] - 1``.
    words : (n_words, d) float32
    assignments : (n,) int32
        Index of the word of each descriptor.
    out : (n_images, n_words, d) float32 or float64
        Overwritten.
    """
    at_once = max(1, VALUES // words.size // PIECES)
    for first in range(0, len(out), at_once):
        starts, pieces = split_groups(bounds[first : first + at_once + 1])
        sums = np.empty((len(pieces), *out.shape[1:]))
        launch(_sum_residuals, len(pieces), vectors, pieces, words, assignments, sums)
        out[first : first + at_once] = np.add.reduceat(sums, starts, axis=0)


@njit(nogil=True, cache=True)
def _sum_residuals(start, stop, vectors, pieces, words, assignments, out):
    for item in range(start, stop):  # an item is a piece of an image
        out[item] = 0
        for i in range(pieces[item, 0], pieces[item, 1]):
            word = np.uint64(assignments[i])
            for j in range(np.uint64(words.shape[1])):
                out[item, word, j] += np.float64(vectors[i, j] - words[word, j])
