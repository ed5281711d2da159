"""Sums of terms of two histograms, bin by bin, for all pairs.

    CHI_SQUARE      (x - y)^2 / x
    CHI_SQUARE_ALT  2 (x - y)^2 / (x + y)
    INTERSECTION    min(x, y)

Terms whose divisor is at most 2^-52 are 0.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.launch import launch

CHI_SQUARE, CHI_SQUARE_ALT, INTERSECTION = range(3)
TERMS = {"chi-square": CHI_SQUARE, "chi-square-alt": CHI_SQUARE_ALT, "intersection": INTERSECTION}
TILE = 32  # second histograms that stay in the cache
RUN = 256  # bins that are added up in float32
VALUES = 1 << 16  # terms that are worth a thread
NOTHING = np.float32(2**-52)
ZERO, ONE = np.float32(0), np.float32(1)
FREE = {"reassoc", "contract"}  # of sums of terms that are not negative, so that they vectorize


def sum_terms(first, second, term, out):
    """Compare each histogram of one set with each of another.

    Parameters
    ----------
    first, second : (n, n_bins), (m, n_bins) float32
        Numbers that are not negative.
    term : int
        One of TERMS.
    out : (n, m) float32
    """
    n_tiles = -(-len(second) // TILE)
    grain = max(1, VALUES // (TILE * first.shape[1]))
    launch(_sum_terms, n_tiles * len(first), first, second, term, out, grain=grain)


@njit(nogil=True, cache=True)
def _sum_terms(start, stop, first, second, term, out):
    n_bins = first.shape[1]
    inverse = np.empty(n_bins, np.float32)
    for item in range(start, stop):  # an item is a first histogram and a tile of the second ones
        i, tile = item % len(first), item // len(first)
        x = first[i]
        if term == CHI_SQUARE:
            _invert(x, inverse)
        for j in range(tile * TILE, min((tile + 1) * TILE, len(second))):
            y = second[j]
            total = 0.0
            for left in range(0, n_bins, RUN):
                right = min(left + RUN, n_bins)
                if term == CHI_SQUARE:
                    total += _chi_square(x[left:right], y[left:right], inverse[left:right])
                elif term == CHI_SQUARE_ALT:
                    total += 2 * _chi_square_alt(x[left:right], y[left:right])
                else:
                    total += _intersection(x[left:right], y[left:right])
            out[i, j] = total


@inner(error_model="numpy")
def _invert(x, inverse):
    for k in range(len(x)):
        inverse[k] = ONE / x[k] if x[k] > NOTHING else ZERO


@inner(fastmath=FREE, forceinline=True)
def _chi_square(x, y, inverse):
    total = ZERO
    for k in range(len(x)):
        apart = x[k] - y[k]
        total += apart * apart * inverse[k]
    return total


@inner(fastmath=FREE, error_model="numpy", forceinline=True)
def _chi_square_alt(x, y):
    total = ZERO
    for k in range(len(x)):
        apart, both = x[k] - y[k], x[k] + y[k]
        total += apart * apart / both if both > NOTHING else ZERO
    return total


@inner(fastmath=FREE, forceinline=True)
def _intersection(x, y):
    total = ZERO
    for k in range(len(x)):
        total += x[k] if x[k] < y[k] else y[k]
    return total
