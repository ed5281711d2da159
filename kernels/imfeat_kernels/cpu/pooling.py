"""Responses of words to patches, made sparse and averaged over cells of an image.

Thresholds: of a response z, max(0, z - t) and max(0, -z - t).
Triangle: of distances z_k to all words, max(0, mean z - z_k).

The responses of a word and of its mirror image are e + o and e - o, where e is the response to the
part of a patch that a mirror keeps, and o to the part that it turns: two products of half the
length instead of two whole ones.  A mirrored word in a cell counts for the word itself in the cell
on the other side, so what is averaged is that of the image and its mirror image.
"""

import numpy as np
from numba import njit

from imfeat_kernels.cpu.launch import launch

CHUNK = 512  # words whose sums stay in the nearest cache


def pool_thresholds(even, odd, threshold, first_row, rows, cols, sums):
    """Add what exceeds a threshold, of either sign, to the cells.

    Parameters
    ----------
    even, odd : (n_images, n_rows, n_cols, >= n_words) float32
        The responses at the positions of a strip of rows; ``odd`` of size 0, if words are not
        mirrored.
    threshold : float32
    first_row : int
        The row of positions that the strip begins with.
    rows, cols : (n_cells, 2) int64
        Where cells begin and end; cells may overlap.
    sums : (n_images, len(rows), len(cols), 2, n_words) float32
        What is averaged is added: positive parts, then negative ones.
    """
    chunks = -(-sums.shape[4] // CHUNK)
    launch(_pool_thresholds, len(sums) * chunks, even, odd, threshold, first_row, rows, cols, sums)


def pool_triangles(even, odd, squares, first_row, rows, cols, sums):
    """Add by how much distances to words are below their mean to the cells.

    Parameters
    ----------
    even, odd : (n_images, n_rows, n_cols, > n_words) float32
        The products of words and whitened patches as in `pool_thresholds`, and after those the
        whitened patches themselves, in coordinates in which their squares add up to those of the
        patches.
    squares : (n_words,) float32
        Squared lengths of the words.
    first_row, rows, cols : as in `pool_thresholds`
    sums : (n_images, len(rows), len(cols), 1, n_words) float32
        What is averaged is added.
    """
    n_images, n_rows, n_cols, _ = even.shape
    lengths = np.empty((2, n_images, n_rows, n_cols), np.float32)
    launch(_mean_distances, n_images * n_rows, even, odd, squares, lengths)
    chunks = -(-len(squares) // CHUNK)
    launch(_pool_triangles, n_images * chunks, even, odd, squares, lengths, first_row, rows, cols, sums)


@njit(nogil=True, cache=True)
def _pool_thresholds(start, stop, even, odd, threshold, first_row, rows, cols, sums):
    n_words, n_cells, mirrored = sums.shape[4], len(cols), odd.size > 0
    above, below = np.empty(CHUNK, np.float32), np.empty(CHUNK, np.float32)
    for item in range(start, stop):  # an item is a chunk of words in an image
        i, first = item // -(-n_words // CHUNK), item % -(-n_words // CHUNK) * CHUNK
        n = np.uint64(min(CHUNK, n_words - first))
        for r in range(len(rows)):
            top, bottom = _inside(rows[r], first_row, even.shape[1])
            for c in range(n_cells if bottom > top else 0):
                left, right = cols[c]
                share = np.float32(1) / np.float32((rows[r, 1] - rows[r, 0]) * (right - left))
                for turn in range(2 if mirrored else 1):
                    _clear(above, n)
                    _clear(below, n)
                    other, sign = (odd, np.float32(1 - 2 * turn)) if mirrored else (even, np.float32(0))
                    for y in range(top, bottom):
                        for x in range(left, right - (right - left) % 3, 3):
                            _add_three(
                                even[i, y, x : x + 3],
                                other[i, y, x : x + 3],
                                sign,
                                threshold,
                                first,
                                n,
                                above,
                                below,
                            )
                        for x in range(right - (right - left) % 3, right):
                            _add_one(even[i, y, x], other[i, y, x], sign, threshold, first, n, above, below)
                    side = n_cells - 1 - c if turn else c
                    _add(above, n, share / np.float32(2) if mirrored else share, sums[i, r, side, 0], first)
                    _add(below, n, share / np.float32(2) if mirrored else share, sums[i, r, side, 1], first)


@njit
def _inside(cell, first_row, n_rows):
    """Return the rows of the strip that belong to a cell."""
    return max(cell[0] - first_row, 0), min(cell[1] - first_row, n_rows)


@njit
def _clear(x, n):
    for k in range(n):
        x[k] = 0


@njit
def _add(x, n, share, total, first):
    place = np.uint64(first)
    for k in range(n):
        total[place + k] += x[k] * share


@njit
def _add_three(even, odd, sign, threshold, first, n, above, below):
    zero, place = np.float32(0), np.uint64(first)
    one, two = np.uint64(1), np.uint64(2)
    for k in range(n):
        j = place + k
        a = even[0, j] + sign * odd[0, j]
        b = even[one, j] + sign * odd[one, j]
        c = even[two, j] + sign * odd[two, j]
        p, q, r = a - threshold, b - threshold, c - threshold
        above[k] += (p if p > zero else zero) + (q if q > zero else zero) + (r if r > zero else zero)
        p, q, r = -a - threshold, -b - threshold, -c - threshold
        below[k] += (p if p > zero else zero) + (q if q > zero else zero) + (r if r > zero else zero)


@njit
def _add_one(even, odd, sign, threshold, first, n, above, below):
    zero, place = np.float32(0), np.uint64(first)
    for k in range(n):
        a = even[place + k] + sign * odd[place + k]
        p, q = a - threshold, -a - threshold
        above[k] += p if p > zero else zero
        below[k] += q if q > zero else zero


# The order of the sums over words is left to the compiler, which then adds 16 at a time.
@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _mean_distances(start, stop, even, odd, squares, lengths):
    n_rows, n_words = even.shape[1], np.uint64(len(squares))
    for item in range(start, stop):  # an item is a row of positions
        i, y = item // n_rows, item % n_rows
        for x in range(even.shape[2]):
            e, o = even[i, y, x], odd[i, y, x]
            length, total = np.float32(0), np.float32(0)
            for j in range(n_words, np.uint64(len(e))):
                length += e[j] * e[j]
            for j in range(n_words, np.uint64(len(o))):
                length += o[j] * o[j]
            if len(o):
                for k in range(n_words):
                    total += _distance(length, squares[k], e[k] + o[k])
                for k in range(n_words):
                    total += _distance(length, squares[k], e[k] - o[k])
                total *= np.float32(0.5)
            else:
                for k in range(n_words):
                    total += _distance(length, squares[k], e[k])
            lengths[0, i, y, x], lengths[1, i, y, x] = length, total / np.float32(n_words)


@njit
def _distance(length, square, product):
    value = length + square - np.float32(2) * product
    return np.sqrt(value if value > np.float32(0) else np.float32(0))


@njit(nogil=True, cache=True)
def _pool_triangles(start, stop, even, odd, squares, lengths, first_row, rows, cols, sums):
    n_words, n_cells, mirrored = len(squares), len(cols), odd.size > 0
    above = np.empty(CHUNK, np.float32)
    for item in range(start, stop):  # an item is a chunk of words in an image
        i, first = item // -(-n_words // CHUNK), item % -(-n_words // CHUNK) * CHUNK
        n = np.uint64(min(CHUNK, n_words - first))
        for r in range(len(rows)):
            top, bottom = _inside(rows[r], first_row, even.shape[1])
            for c in range(n_cells if bottom > top else 0):
                left, right = cols[c]
                share = np.float32(1) / np.float32((rows[r, 1] - rows[r, 0]) * (right - left))
                for turn in range(2 if mirrored else 1):
                    _clear(above, n)
                    other, sign = (odd, np.float32(1 - 2 * turn)) if mirrored else (even, np.float32(0))
                    for y in range(top, bottom):
                        for x in range(left, right):
                            _add_triangle(
                                even[i, y, x],
                                other[i, y, x],
                                sign,
                                squares,
                                lengths[0, i, y, x],
                                lengths[1, i, y, x],
                                first,
                                n,
                                above,
                            )
                    side = n_cells - 1 - c if turn else c
                    _add(above, n, share / np.float32(2) if mirrored else share, sums[i, r, side, 0], first)


@njit
def _add_triangle(even, odd, sign, squares, length, mean, first, n, above):
    zero, place = np.float32(0), np.uint64(first)
    for k in range(n):
        j = place + k
        value = mean - _distance(length, squares[j], even[j] + sign * odd[j])
        above[k] += value if value > zero else zero
