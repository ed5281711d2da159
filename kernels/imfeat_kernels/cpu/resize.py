"""Resizing of images by weighted sums of pixels, across (along rows) and down (along columns).

For uint8, weights are in units of 2^-22, and each of both sums is rounded and clipped to a byte: these are
Pillow's bytes.  Sums of float32 are float64, in the order of the pixels.

Down, LANES neighbours are computed at a time.  Across goes ROWS rows at a time:

1. Turn a tile of columns, so that the values of a column lie side by side.
2. Compute the columns of the result that need no others: one weighted sum gives the values of all ROWS rows.
3. After all tiles, turn the columns back to rows.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.instruction import as_read_only
from imfeat_kernels.cpu.launch import frozen, launch
from imfeat_kernels.cpu.weighing import COLUMNS, LANES, ROWS, turn, turn_back, weigh_one, weigh_three
from imfeat_kernels.resampling import FILTERS as FILTERS
from imfeat_kernels.resampling import axis_weights as axis_weights

VALUES = 1 << 20  # values that are worth a thread
KEPT = 1 << 16  # values of rows that are kept
TILE = 1 << 10  # values of a row that are turned at a time, if one column of the result needs no more


def resize(images, columns, column_weights, rows, row_weights, down_first, out):
    """Resize images, each channel by itself.

    Parameters
    ----------
    images : (n_images, height, width, n_channels) uint8 or float32
    columns : (new_width, 2) int64
        First column of the image and number of columns, for each column of the result; both ends rise.
    column_weights : (new_width, n_taps) int32 or float64
        Weights of these columns, in units of 2^-22 for uint8, else float64; see `axis_weights`.
    rows, row_weights
        The same for rows.
    down_first : bool
        Whether rows are weighted before columns.
    out : (n_images, new_height, new_width, n_channels) of the dtype of images
        For uint8, rounded and clipped after each of both sums; for float32, not clipped.
    """
    _, height, width, n_channels = images.shape
    n_images, new_height, new_width, _ = out.shape
    n_rows = n_images * new_height
    grain = 1 + VALUES * new_height // ((height * width + new_height * new_width) * n_channels)
    are_kept = column_weights.shape[1] == 1 and columns[-1, 0] - columns[0, 0] == len(columns) - 1
    body = _down_first if down_first or are_kept else _across_first
    tables = columns, column_weights, rows, row_weights
    launch(body, n_rows, frozen(images), *tables, out, grain=grain)


@njit(nogil=True, cache=True)
def _across_first(start, stop, images, columns, column_weights, rows, row_weights, out):
    """Keep the rows that the next row of the result needs, and some more."""
    _, height, width, n_channels = images.shape
    x, y = images.reshape(-1), out.reshape(-1)
    left, n = _used(columns, n_channels)
    n_results = out.shape[2] * n_channels
    tiles = _tiles(columns, left, n, n_channels)
    pitch = _padded(n_results)
    n_kept = max(_largest(rows, 1) + ROWS, min(height, KEPT // pitch))
    lines = np.empty(n_kept * pitch, images.dtype)
    turned = np.empty(_largest(tiles, 3) * ROWS, images.dtype)
    results = np.empty(pitch * ROWS, images.dtype)
    narrow = np.empty(ROWS * COLUMNS, images.dtype)
    image, top, filled, bottom = -1, 0, 0, 0
    for item in range(start, stop):  # an item is a row of a result
        i, r = item // len(rows), item % len(rows)
        first, end = rows[r, 0], rows[r, 0] + rows[r, 1]
        if i != image or first >= filled:
            image = i
            top = filled = first
            last = min(r + stop - item, len(rows)) - 1
            bottom = max(end, rows[last, 0] + rows[last, 1])
        while filled < end:
            if filled + ROWS - top > n_kept:
                for k in range((filled - first) * pitch):
                    lines[k] = lines[(first - top) * pitch + k]
                top = first
            n_rows = min(ROWS, bottom - filled)
            source, begin, step = x, ((i * height + filled) * width + left) * n_channels, width * n_channels
            if n < COLUMNS:
                _copy(x, begin, step, n_rows, n, narrow, 0, COLUMNS)
                source, begin, step = as_read_only(narrow), 0, COLUMNS
            for tile in tiles:
                _turn_rows(source, begin + tile[2], step, n_rows, tile[3], turned)
                _weigh_columns(turned, tile, left, n_channels, columns, column_weights, results)
            _turn_back(results, lines, (filled - top) * pitch, pitch)
            filled += n_rows
        begin = (first - top) * pitch
        source = as_read_only(lines)
        _weigh_rows(source, begin, pitch, row_weights, r, rows[r, 1], y, item * n_results, n_results, results)


@njit(nogil=True, cache=True)
def _down_first(start, stop, images, columns, column_weights, rows, row_weights, out):
    """If columns stay as they are, this is all."""
    _, height, width, n_channels = images.shape
    x, y = images.reshape(-1), out.reshape(-1)
    left, n = _used(columns, n_channels)
    n_results = out.shape[2] * n_channels
    are_kept = column_weights.shape[1] == 1 and n == n_results
    tiles = _tiles(columns, left, n, n_channels)
    pitch = _padded(n)
    lines = np.empty(pitch * ROWS, images.dtype)
    turned = np.empty(_largest(tiles, 3) * ROWS, images.dtype)
    results, back = np.empty((2, _padded(n_results) * ROWS), images.dtype)
    top, n_narrow = _used(rows, 1)
    narrow = np.empty(n_narrow * LANES if n < LANES else 0, images.dtype)
    image = -1
    item = start
    while item < stop:  # an item is a row of a result
        i, r = item // len(rows), item % len(rows)
        n_rows = min(ROWS, stop - item, len(rows) - r)
        source, begin, step = x, (i * height * width + left) * n_channels, width * n_channels
        if n < LANES:
            if i != image:
                _copy(x, begin + top * step, step, n_narrow, n, narrow, 0, LANES)
            image = i
            source, begin, step = as_read_only(narrow), -top * LANES, LANES
        target, place, target_step = (y, item * n_results, n_results) if are_kept else (lines, 0, pitch)
        for k in range(r, r + n_rows):
            _weigh_rows(
                source, begin + rows[k, 0] * step, step, row_weights, k, rows[k, 1], target, place, n, results
            )
            place += target_step
        if not are_kept:
            for tile in tiles:
                _turn_rows(as_read_only(lines), tile[2], pitch, n_rows, tile[3], turned)
                _weigh_columns(turned, tile, left, n_channels, columns, column_weights, results)
            _turn_back(results, back, 0, _padded(n_results))
            _copy(back, 0, _padded(n_results), n_rows, n_results, y, item * n_results, n_results)
        item += n_rows


@inner
def _used(columns, n_channels):
    """Return the first column that the result depends on, and the number of values of all such columns."""
    left, right = columns[0, 0], 0
    for c in range(len(columns)):
        right = max(right, columns[c, 0] + columns[c, 1])
    return left, (right - left) * n_channels


@inner
def _tiles(columns, left, n, n_channels):
    """Return the tiles: first and last column of the result, first value of a row and number of values.

    A tile has at least COLUMNS values, of rows that have as many.
    """
    tiles = np.empty((len(columns), 4), np.int64)
    n_tiles, c = 0, 0
    while c < len(columns):
        begin = min((columns[c, 0] - left) * n_channels, max(n - COLUMNS, 0))
        size, first = COLUMNS, c
        while c < len(columns):
            end = (columns[c, 0] + columns[c, 1] - left) * n_channels
            if c > first and end - begin > TILE:
                break
            size = max(size, end - begin)
            c += 1
        tiles[n_tiles, 0], tiles[n_tiles, 1] = first, c
        tiles[n_tiles, 2], tiles[n_tiles, 3] = begin, size
        n_tiles += 1
    return tiles[:n_tiles]


@inner
def _largest(table, c):
    """Return the largest value of a column; `max` of Numba loads SciPy, even from the cache."""
    value = table[0, c]
    for r in range(len(table)):
        value = max(value, table[r, c])
    return value


@inner
def _padded(n):
    return (n + COLUMNS - 1) // COLUMNS * COLUMNS


@inner
def _copy(x, start, step, n_rows, n, target, place, target_step):
    for r in range(n_rows):
        for k in range(n):
            target[place + r * target_step + k] = x[start + r * step + k]


@inner
def _turn_rows(x, start, pitch, n_rows, n, turned):
    """Write n >= COLUMNS columns of rows side by side; the last row is repeated."""
    for k in range(0, n, COLUMNS):
        at = min(k, n - COLUMNS)
        turn(x, start + at, pitch, n_rows, turned, at * ROWS)


@inner
def _turn_back(results, lines, place, pitch):
    for k in range(0, pitch, COLUMNS):
        turn_back(results, k * ROWS, lines, place + k, pitch)


@inner
def _weigh_columns(turned, tile, left, n_channels, columns, weights, results):
    """Compute the columns of the result that belong to a tile for ROWS rows, side by side."""
    n_taps = weights.shape[1]
    taps = weights.reshape(-1)
    pixel = n_channels * ROWS
    for c in range(tile[0], tile[1]):
        begin = (columns[c, 0] - left) * pixel - tile[2] * ROWS
        if n_channels == 3:
            weigh_three(turned, begin, pixel, taps, c * n_taps, columns[c, 1], results, c * pixel)
        else:
            for k in range(0, pixel, ROWS):
                place = c * pixel + k
                weigh_one(turned, begin + k, pixel, taps, c * n_taps, columns[c, 1], results, place)


@inner
def _weigh_rows(x, start, pitch, weights, r, count, y, place, n, line):
    """Compute n values of a row of the result.

    ``line`` is for a row that is shorter than LANES; then rows of ``x`` must have LANES values.
    """
    first = r * weights.shape[1]
    taps = weights.reshape(-1)
    if n < LANES:
        weigh_one(x, start, pitch, taps, first, count, line, 0)
        for k in range(n):
            y[place + k] = line[k]
        return
    k = 0
    while k + 3 * LANES <= n:
        weigh_three(x, start + k, pitch, taps, first, count, y, place + k)
        k += 3 * LANES
    while k < n:
        at = min(k, n - LANES)
        weigh_one(x, start + at, pitch, taps, first, count, y, place + at)
        k += LANES
