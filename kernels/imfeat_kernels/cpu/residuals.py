"""Residuals: differences between descriptors and their visual words."""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import PIECES, frozen, launch, split_groups

VALUES = 1 << 22  # sums of pieces of images that exist at one time
ROUNDING = 2.0**-20  # lengths of residuals by that of their word, up to which they are rounding


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


def clear_rounding(words, sums):
    """Set the sums of a word to 0 where they are rounding: no longer than 2^-20 of the word.

    Parameters
    ----------
    words : (n_words, d) float32
    sums : (n_images, n_words, d) float32
        Changed in place.
    """
    by_word = sums.reshape(-1, sums.shape[2])
    launch(_clear_rounding, len(by_word), frozen(words), by_word, grain=max(1, (1 << 16) // words.shape[1]))


@njit(nogil=True, cache=True)
def _sum_residuals(start, stop, vectors, pieces, words, assignments, out):
    for item in range(start, stop):  # an item is a piece of an image
        out[item] = 0
        for i in range(pieces[item, 0], pieces[item, 1]):
            word = np.uint64(assignments[i])
            for j in range(np.uint64(words.shape[1])):
                out[item, word, j] += np.float64(vectors[i, j] - words[word, j])


# The compiler may choose the order of the sums.
@njit(nogil=True, cache=True, fastmath={"reassoc"})
def _clear_rounding(start, stop, words, sums):
    for item in range(start, stop):
        word, row = words[item % len(words)], sums[item]
        of_word = of_row = np.float64(0)
        for j in range(len(row)):
            of_word += np.float64(word[j]) * np.float64(word[j])
            of_row += np.float64(row[j]) * np.float64(row[j])
        if of_row <= of_word * (ROUNDING * ROUNDING):
            row[:] = 0
