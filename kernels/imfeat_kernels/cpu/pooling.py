"""Responses of words to patches, made sparse and averaged over cells of an image.

Thresholds: max(0, z - t) and max(0, -z - t) for a response z.
Triangles: max(0, mean z - z_k) for the distances z_k to all words.

The responses of a word and of its mirror image are e + o and e - o, where e is the response to the even part
of a patch under mirroring and o that to the odd part: two products of half the length instead of two of full
length.  A mirrored word in a cell counts for the word in the mirrored cell, so averages are those of the
image and its mirror image.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.launch import launch
from imfeat_kernels.cpu.tile import BLOCK_COLS, BLOCK_ROWS, multiply, panels, sum_excess

CHUNK = 256  # words whose sums stay in the nearest cache
TILE = 48  # positions whose patches and responses to 32 words stay in the nearest cache
PANELS = 8  # panels of 32 words that a tile is multiplied by


def pool_thresholds(even, odd, even_filters, odd_filters, threshold, first_row, rows, cols, sums):
    """Add the excess of responses over a threshold, of either sign, to the averages of cells.

    Parameters
    ----------
    even, odd : (n_images, n_rows, n_cols, d or d') float32
        Even and odd parts of the patches at the positions of a strip of rows; ``odd`` of size 0 if
        words are not mirrored.
    even_filters, odd_filters : (n_words, d or d') float32
        Filters whose products with the parts are e and o.
    threshold : float32
    first_row : int
        First row of positions of the strip.
    rows, cols : (n_cells, 2) int64
        First row (column) of positions of each cell, and the one after its last; cells may overlap.
    sums : (n_images, len(rows), len(cols), 2, n_words) float32
        Averages are added to it: positive parts, then negative parts.
    """
    tables = panels(even_filters), panels(odd_filters)
    bounds = (rows, np.unique(rows), cols, np.unique(cols))
    n_items = len(sums) * -(-len(tables[0]) // PANELS)
    launch(_pool_thresholds, n_items, even, odd, *tables, threshold, first_row, *bounds, sums)


def pool_triangles(even, odd, squares, first_row, rows, cols, sums):
    """Add the triangle encodings of distances to words to the averages of cells.

    Parameters
    ----------
    even, odd : (n_images, n_rows, n_cols, > n_words) float32
        Products of words with the parts of whitened patches as in `pool_thresholds`, followed by the
        parts themselves, scaled so that their squared lengths add up to those of the patches.
    squares : (n_words,) float32
        Squared lengths of the words.
    first_row, rows, cols
        As for `pool_thresholds`.
    sums : (n_images, len(rows), len(cols), 1, n_words) float32
        Averages are added to it.
    """
    n_images, n_rows, n_cols, _ = even.shape
    lengths = np.empty((2, n_images, n_rows, n_cols), np.float32)
    launch(_mean_distances, n_images * n_rows, even, odd, squares, lengths)
    chunks = -(-len(squares) // CHUNK)
    launch(_pool_triangles, n_images * chunks, even, odd, squares, lengths, first_row, rows, cols, sums)


# Inner loops neither pass nor slice arrays that threads share: that would count references to them, and the
# threads would wait for each other.
@njit(nogil=True, cache=True)
def _pool_thresholds(
    start, stop, even, odd, even_table, odd_table, threshold, first_row, rows, row_ends, cols, col_ends, sums
):
    n = even.shape[1] * even.shape[2]
    n_groups = -(-len(even_table) // PANELS)
    mirrored = odd.size > 0
    evens = even.reshape(even.shape[0] * n, even.shape[3])
    odds = odd.reshape(odd.shape[0] * odd.shape[1] * odd.shape[2], odd.shape[3])
    even_tile = np.zeros((TILE, even.shape[3]), np.float32)
    odd_tile = np.zeros((TILE, odd.shape[3]), np.float32)
    e, o = np.zeros((TILE, BLOCK_COLS), np.float32), np.zeros((TILE, BLOCK_COLS), np.float32)
    # Sums are those of the pieces into which the bounds of overlapping cells cut the positions.
    n_pieces = (len(row_ends) - 1) * (len(col_ends) - 1)
    pieces = np.empty((PANELS, 4 * n_pieces, BLOCK_COLS), np.float32)
    lines = pieces.reshape(-1, BLOCK_COLS)
    runs = np.empty((TILE * len(col_ends), 3), np.int64)
    for item in range(start, stop):  # an item is a group of panels of words in an image
        i = item // n_groups
        panel = item % n_groups * PANELS
        n_panels = min(PANELS, len(even_table) - panel)
        _clear(lines)
        for first in range(0, n, TILE):
            count = min(TILE, n - first)
            _copy(evens, i * n + first, count, even_tile)
            _copy(odds, i * n + first, count if mirrored else 0, odd_tile)
            n_runs = _find_runs(first, count, even.shape[2], first_row, row_ends, col_ends, runs)
            for k in range(n_panels):
                for j in range(0, count, BLOCK_ROWS):
                    multiply(even_tile, j, even_table, panel + k, e, j, 0)
                for j in range(0, count if mirrored else 0, BLOCK_ROWS):
                    multiply(odd_tile, j, odd_table, panel + k, o, j, 0)
                for run in range(n_runs):
                    line = 4 * (k * n_pieces + runs[run, 2])
                    sum_excess(e, o, runs[run, 0], runs[run, 1], threshold, lines, line)
        _add_pieces(pieces, panel, n_panels, mirrored, rows, row_ends, cols, col_ends, sums, i)


@inner
def _copy(x, first, count, out):
    for i in range(count):
        for j in range(np.uint64(x.shape[1])):
            out[i, j] = x[first + i, j]


@inner
def _find_runs(first, count, n_cols, first_row, row_ends, col_ends, runs):
    """List the runs (first, count, piece) of positions of a tile in one piece, and return their number.

    Positions outside of all pieces are left out.
    """
    n, piece_row = 0, -1
    n_across = len(col_ends) - 1
    for y in range(first // n_cols, (first + count - 1) // n_cols + 1):
        # A search by NumPy would load SciPy, even from the cache.
        while piece_row + 1 < len(row_ends) and row_ends[piece_row + 1] <= first_row + y:
            piece_row += 1
        if piece_row < 0 or piece_row + 1 == len(row_ends):
            continue
        begin, end = max(first - y * n_cols, 0), min(first + count - y * n_cols, n_cols)
        for p in range(n_across):
            left, right = max(begin, col_ends[p]), min(end, col_ends[p + 1])
            if right > left:
                runs[n, 0] = y * n_cols + left - first
                runs[n, 1] = right - left
                runs[n, 2] = piece_row * n_across + p
                n += 1
    return n


@inner
def _clear(x):
    for i in range(np.uint64(x.shape[0])):
        for j in range(np.uint64(x.shape[1])):
            x[i, j] = 0


@inner
def _add_pieces(pieces, panel, n_panels, mirrored, rows, row_ends, cols, col_ends, sums, i):
    """Add the sums of pieces to the averages of the cells of an image."""
    n_cells = len(cols)
    n_across = len(col_ends) - 1
    for r in range(len(rows)):
        for c in range(n_cells):
            size = (rows[r, 1] - rows[r, 0]) * (cols[c, 1] - cols[c, 0])
            share = np.float32(1) / np.float32(2 * size if mirrored else size)
            for a in range(len(row_ends) - 1):
                is_inside = rows[r, 0] <= row_ends[a] < rows[r, 1]
                for b in range(n_across if is_inside else 0):
                    is_inside = cols[c, 0] <= col_ends[b] < cols[c, 1]
                    for k in range(4 if is_inside and mirrored else 2 if is_inside else 0):
                        side = n_cells - 1 - c if k > 1 else c
                        for p in range(n_panels):
                            first = (panel + p) * BLOCK_COLS
                            for j in range(np.uint64(min(BLOCK_COLS, sums.shape[4] - first))):
                                value = pieces[p, 4 * (a * n_across + b) + k, j] * share
                                sums[i, r, side, k % 2, np.uint64(first) + j] += value


# The compiler may choose the order of the sums over words, and adds 16 at a time.
@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _mean_distances(start, stop, even, odd, squares, lengths):
    n_cols = even.shape[2]
    n_words = np.uint64(len(squares))
    n = lengths[0].size
    lines = lengths.reshape(2, -1)
    e, o = even.reshape(n, even.shape[3]), odd.reshape(n, odd.shape[3])
    for item in range(start, stop):  # an item is a row of positions
        for p in range(np.uint64(item * n_cols), np.uint64(item * n_cols + n_cols)):
            length, total = np.float32(0), np.float32(0)
            for j in range(n_words, np.uint64(e.shape[1])):
                length += e[p, j] * e[p, j]
            for j in range(n_words, np.uint64(o.shape[1])):
                length += o[p, j] * o[p, j]
            if o.shape[1]:
                for k in range(n_words):
                    total += _distance(length, squares[k], e[p, k] + o[p, k])
                for k in range(n_words):
                    total += _distance(length, squares[k], e[p, k] - o[p, k])
                total *= np.float32(0.5)
            else:
                for k in range(n_words):
                    total += _distance(length, squares[k], e[p, k])
            lines[0, p] = length
            lines[1, p] = total / np.float32(n_words)


@njit
def _distance(length, square, product):
    value = length + square - np.float32(2) * product
    return np.sqrt(value if value > np.float32(0) else np.float32(0))


@njit(nogil=True, cache=True)
def _pool_triangles(start, stop, even, odd, squares, lengths, first_row, rows, cols, sums):
    n_words = len(squares)
    n_cells = len(cols)
    n_cols = even.shape[2]
    mirrored = odd.size > 0
    evens = even.reshape(-1, even.shape[3])
    others = odd.reshape(-1, odd.shape[3]) if mirrored else evens
    lines = lengths.reshape(2, -1)
    totals = np.empty(CHUNK, np.float32)
    for item in range(start, stop):  # an item is a chunk of words in an image
        i = item // -(-n_words // CHUNK)
        first = item % -(-n_words // CHUNK) * CHUNK
        n = np.uint64(min(CHUNK, n_words - first))
        for r in range(len(rows)):
            top, bottom = max(rows[r, 0] - first_row, 0), min(rows[r, 1] - first_row, even.shape[1])
            for c in range(n_cells if bottom > top else 0):
                share = np.float32(1) / np.float32((rows[r, 1] - rows[r, 0]) * (cols[c, 1] - cols[c, 0]))
                for turn in range(2 if mirrored else 1):
                    sign = np.float32(1 - 2 * turn) if mirrored else np.float32(0)
                    for k in range(n):
                        totals[k] = 0
                    for y in range(top, bottom):
                        line = (i * even.shape[1] + y) * n_cols
                        run = line + cols[c, 0], line + cols[c, 1]
                        _add_triangles(evens, others, run, sign, squares, lines, first, n, totals)
                    side = n_cells - 1 - c if turn else c
                    for k in range(n):
                        value = totals[k] * (share / np.float32(2) if mirrored else share)
                        sums[i, r, side, 0, np.uint64(first) + k] += value


@inner
def _add_triangles(even, odd, run, sign, squares, lengths, first, n, totals):
    zero = np.float32(0)
    start = np.uint64(first)
    for p in range(np.uint64(run[0]), np.uint64(run[1])):
        length, mean = lengths[0, p], lengths[1, p]
        for k in range(n):
            j = start + k
            value = mean - _distance(length, squares[j], even[p, j] + sign * odd[p, j])
            totals[k] += value if value > zero else zero
