"""Sums of terms of two histograms, bin by bin, and measures that consist of sums of products, for all pairs.

    CHI_SQUARE      (x - y)^2 / x
    CHI_SQUARE_ALT  2 (x - y)^2 / (x + y)
    INTERSECTION    min(x, y)

Terms whose divisor is at most 2^-52 are 0.

    CORRELATION    Pearson's coefficient, 1 if a histogram is constant
    BHATTACHARYYA  sqrt(1 - sum sqrt(x y) / sqrt(sum x sum y))
    DIVERGENCE     x log(x / y), where numbers up to 2^-52 count as 0 for x, and as 1e-10 for y
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
CORRELATION, BHATTACHARYYA, DIVERGENCE = range(3)
MEASURES = {
    "correlation": CORRELATION,
    "bhattacharyya": BHATTACHARYYA,
    "hellinger": BHATTACHARYYA,
    "kl": DIVERGENCE,
}
VALUES_AT_ONCE = 1 << 15  # values of the second histograms in float64 at a time
NONE = 2.0**-52  # smaller numbers count as 0
SMALL = 2.0**-23  # smaller products of sums count as 1
RARE = 1e-10  # value of an empty bin that the logarithm is taken of
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


def sum_products(first, second, measure, out):
    """Compare each histogram of one set with each of another, by sums of products in float64.

    Parameters
    ----------
    first, second : (n, n_bins), (m, n_bins) float32
        Numbers that are not negative.
    measure : int
        One of MEASURES.
    out : (n, m) float32
    """
    compare = (_correlation, _bhattacharyya, _divergence)[measure](first.astype(np.float64))
    at_once = max(1, VALUES_AT_ONCE // second.shape[1])
    for start in range(0, len(second), at_once):
        chunk = slice(start, start + at_once)
        out[:, chunk] = compare(second[chunk].astype(np.float64))


def _correlation(x):
    x = x - x.mean(1, keepdims=True)
    own = np.einsum("ik,ik->i", x, x)

    def compare(y):
        y -= y.mean(1, keepdims=True)
        squares = np.outer(own, np.einsum("ik,ik->i", y, y))
        spread = squares > NONE
        return np.where(spread, x @ y.T / np.sqrt(np.where(spread, squares, 1)), 1)

    return compare


def _bhattacharyya(x):
    own = x.sum(1)
    x = np.sqrt(x)

    def compare(y):
        sizes = np.outer(own, y.sum(1))
        sizes[sizes <= SMALL] = 1
        return np.sqrt(np.maximum(1 - x @ np.sqrt(y, out=y).T / np.sqrt(sizes), 0))

    return compare


def _divergence(x):
    x[x <= NONE] = 0
    own = (x * np.log(np.where(x > 0, x, 1))).sum(1, keepdims=True)

    def compare(y):
        y[y <= NONE] = RARE
        return own - x @ np.log(y, out=y).T

    return compare


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
