"""Dithering by error diffusion (Floyd, Steinberg), with the nearest colour of a palette, exactly.

Pixels are taken row by row, from left to right.  A pixel takes the nearest colour to its value plus the
errors of its neighbours, and passes its own error e on, in 16ths:

             *   7
         3   5   1

    value = clip(pixel + trunc(sum of shares / 16), 0, 255),    e = value - colour,

all in integers.

1. Take LANES rows side by side.  A row follows the one above at a distance of two pixels, when all errors it
   needs are known.
2. Add errors to the pixels of all lanes.
3. Find the nearest colours.  A cell of 8 x 8 x 8 values has a list of the colours that can be nearest, made
   when a pixel first falls into it.
4. Pass errors on: to the right within a lane, and below to the next lane, one step later.
"""

import numpy as np
from numba import njit

from imfeat_kernels.cpu.launch import launch

LANES = 8
PIXELS = 1 << 12  # pixels that are worth a thread
CELLS = 32  # of each axis
SLOTS = 8  # colours in the list of a cell; where there are more, all colours are compared
AT_ONCE = 4  # colours of a list that are always compared
UNKNOWN, ALL = 0, SLOTS + 1  # of lists


def dither_colors(images, palette, out):
    """Replace each pixel by a colour of a palette, and diffuse the errors.

    Parameters
    ----------
    images : (n_images, height, width, 3) uint8
    palette : (n_colors, 3) uint8
        At most 65,536 colours.
    out : (n_images, height, width) uint8 or uint16
        Overwritten with indices into the palette; of equally near colours with the lowest.
    """
    grain = max(1, PIXELS // (images.shape[1] * images.shape[2]))
    launch(_dither, len(images), images, palette, out, grain=grain)


# Values are integers in float32: Numba would widen integers to 64 bits, and divide them with more steps.


# They lie in one array, in which the compiler sees that they don't overlap: these are the places of channel
# 0, and the next channels follow CHANNEL later.
VALUE, COLOR, RIGHT, BELOW, CORNER, PASSED = range(0, 6 * 16, 16)
CHANNEL = 6 * 16


@njit(nogil=True, cache=True)
def _dither(start, stop, images, palette, out):
    colors = np.ascontiguousarray(palette.T.astype(np.float32))
    distances = np.empty((2, len(palette)), np.float32)
    counts = np.zeros(CELLS**3, np.uint8)
    lists = np.empty((CELLS**3, SLOTS), np.uint16)
    height, width = images.shape[1:3]
    line = np.zeros((width + 2 * LANES, 3), np.float32)  # errors passed on to the next row
    state = np.zeros(3 * CHANNEL, np.float32)
    cells = np.empty(LANES, np.int32)
    for i in range(start, stop):  # an item is an image
        line[:] = 0
        for top in range(0, height, LANES):
            n = min(LANES, height - top)
            rows, indices = images[i, top : top + n], out[i, top : top + n]
            state[:] = 0
            for step in range(width + 2 * LANES - 1):
                first = max(0, (step - width + 2) // 2)  # of the lanes that have a pixel
                last = min(n, step // 2 + 1)
                for c in range(3):
                    state[c * CHANNEL + PASSED] = line[step, c]
                _read(rows, np.uint64(step), np.uint64(first), np.uint64(last), state)
                _add_errors(state, cells)
                for k in range(np.uint64(first), np.uint64(last)):
                    cell = np.uint64(cells[k])
                    if counts[cell] == UNKNOWN:
                        _list_colors(cell, colors, distances, counts, lists)
                    j = _nearest(state, k, counts[cell], lists, cell, colors)
                    indices[k, np.uint64(step) - np.uint64(2) * k] = j
                    for c in range(np.uint64(3)):
                        state[c * np.uint64(CHANNEL) + np.uint64(COLOR) + k] = colors[c, j]
                _pass_errors(state)
                column = step - 2 * LANES + 1
                if column >= 0:
                    for c in range(3):
                        line[column, c] = state[c * CHANNEL + PASSED + LANES]


@njit(forceinline=True)
def _read(rows, step, first, last, state):
    for k in range(first, last):
        column = step - np.uint64(2) * k
        for c in range(np.uint64(3)):
            state[c * np.uint64(CHANNEL) + k] = np.float32(rows[k, column, c])


@njit(forceinline=True)
def _add_errors(state, cells):
    """Add a 16th of the errors, cut to an integer, and find the cells of the sums.

    Lanes without a pixel have no error: their colour is the value.
    """
    for c in range(np.uint64(3)):
        for lane in range(np.uint64(LANES)):
            k = c * np.uint64(CHANNEL) + lane
            total = (state[k + np.uint64(RIGHT)] + state[k + np.uint64(PASSED)]) * np.float32(1 / 16)
            value = state[k] + np.float32(np.int32(total))
            value = value if value > 0 else np.float32(0)
            value = value if value < 255 else np.float32(255)
            state[k] = value
            state[k + np.uint64(COLOR)] = value
    for k in range(np.uint64(LANES)):
        planes = _eighth(state[k]) * np.float32(CELLS) + _eighth(state[k + np.uint64(CHANNEL)])
        cells[k] = np.int32(planes * np.float32(CELLS) + _eighth(state[k + np.uint64(2 * CHANNEL)]))


@njit(forceinline=True)
def _pass_errors(state):
    """Pass the errors on; what is at k + 1 goes to lane k + 1, for the pixel left of that below."""
    for c in range(np.uint64(3)):
        for lane in range(np.uint64(LANES)):
            k = c * np.uint64(CHANNEL) + lane
            error = state[k] - state[k + np.uint64(COLOR)]
            state[k + np.uint64(PASSED + 1)] = np.float32(3) * error + state[k + np.uint64(BELOW)]
            state[k + np.uint64(BELOW)] = np.float32(5) * error + state[k + np.uint64(CORNER)]
            state[k + np.uint64(CORNER)] = error
            state[k + np.uint64(RIGHT)] = np.float32(7) * error


@njit(forceinline=True)
def _eighth(value):
    return np.float32(np.int32(value * np.float32(1 / 8)))


@njit
def _list_colors(cell, colors, distances, counts, lists):
    """List the colours that are nearest to a value of a cell, in their order.

    Those are colours whose smallest distance to the cell is not above the smallest of all largest distances.
    Floats >= 0 have the order of their bits, and the compiler finds the smallest of 8 integers at once.
    """
    size = np.uint64(CELLS)
    r, g, b = cell // (size * size), cell // size % size, cell % size
    r, g, b = np.float32(np.uint64(8) * r), np.float32(np.uint64(8) * g), np.float32(np.uint64(8) * b)
    nearest, farthest = distances[0], distances[1]
    for j in range(len(nearest)):
        dr, dg, db = colors[0, j] - r, colors[1, j] - g, colors[2, j] - b
        nearest[j] = _near(dr) + _near(dg) + _near(db)
        farthest[j] = _far(dr) + _far(dg) + _far(db)
    near_bits, far_bits = nearest.view(np.int32), farthest.view(np.int32)
    bound = far_bits[0]
    for j in range(len(far_bits)):
        bound = far_bits[j] if far_bits[j] < bound else bound
    n = np.uint64(0)
    for j in range(len(near_bits)):
        if near_bits[j] <= bound:
            if n == SLOTS:
                counts[cell] = ALL
                return
            lists[cell, n] = j
            n += np.uint64(1)
    counts[cell] = n
    for m in range(n, np.uint64(AT_ONCE)):
        lists[cell, m] = lists[cell, np.uint64(0)]


@njit
def _near(offset):
    """Return the squared distance of an offset to the nearest of 0, 1, ..., 7."""
    over = offset - np.float32(7)
    apart = over if over > -offset else -offset
    return apart * apart if apart > 0 else np.float32(0)


@njit
def _far(offset):
    """Return the squared distance of an offset to the farthest of 0, 1, ..., 7."""
    rest = np.float32(7) - offset
    apart = offset if offset > rest else rest
    return apart * apart


@njit(forceinline=True)
def _nearest(state, k, count, lists, cell, colors):
    """Return the nearest colour, for most pixels without a branch."""
    if count == ALL:
        return _nearest_of_all(state, k, colors)
    best = _key(state, k, lists, cell, np.uint64(0), colors)
    for m in range(np.uint64(1), np.uint64(AT_ONCE)):
        key = _key(state, k, lists, cell, m, colors)
        best = key if key < best else best
    m = np.uint64(AT_ONCE)
    while m < count:
        key = _key(state, k, lists, cell, m, colors)
        best = key if key < best else best
        m += np.uint64(1)
    return np.uint64(lists[cell, np.uint64(np.int32(best)) & np.uint64(SLOTS - 1)])


@njit(forceinline=True)
def _key(state, k, lists, cell, m, colors):
    """Return the squared distance to a colour of the list, and its place there, in one number."""
    return _distance(state, k, colors, np.uint64(lists[cell, m])) * np.float32(SLOTS) + np.float32(m)


@njit
def _nearest_of_all(state, k, colors):
    best, found = np.float32(1 << 24), np.uint64(0)
    for j in range(np.uint64(colors.shape[1])):
        distance = _distance(state, k, colors, j)
        if distance < best:
            best, found = distance, j
    return found


@njit(forceinline=True)
def _distance(state, k, colors, j):
    size = np.uint64(CHANNEL)
    dr = state[k] - colors[np.uint64(0), j]
    dg = state[k + size] - colors[np.uint64(1), j]
    db = state[k + size + size] - colors[np.uint64(2), j]
    return dr * dr + dg * dg + db * db
