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
   when a pixel first falls into it.  Most lists have up to four, which are compared at once.
4. Pass errors on: to the right within a lane, and below to the next lane, one step later.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.instruction import nearest_of_four
from imfeat_kernels.cpu.launch import launch

LANES = 32
PIXELS = 1 << 12  # pixels that are worth a thread
CELLS = 32  # of each axis
LINE = 16  # numbers of a cell: red of four colours, green, blue, and their indices
SLOTS = 16  # colours in the list of a cell; where there are more, all colours are compared
UNKNOWN, ALL = 0, SLOTS + 1  # of lists
# Values are integers in float32: Numba would widen integers to 64 bits, and divide them with more steps.
# They lie in one array, in which the compiler sees that they don't overlap.  Each has its place there, with
# LANES numbers a channel.
N_VALUES = 3 * LANES
VALUE, COLOR, RIGHT, BELOW, CORNER, PASSED = (np.uint64(k * N_VALUES) for k in range(6))
SIXTEENTH, EIGHTH = np.float32(1 / 16), np.float32(1 / 8)
ZERO, THREE, FIVE, SEVEN, WHITE = (np.float32(k) for k in (0, 3, 5, 7, 255))


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
    colors = np.ascontiguousarray(palette.T, np.float32)
    launch(_dither, len(images), images, colors, N_VALUES, out, grain=grain)


@njit(nogil=True, cache=True)
def _dither(start, stop, images, colors, n_values, out):
    """Dither images; ``n_values`` is a variable, so that the compiler makes loops over it, of vectors."""
    distances = np.empty((2, colors.shape[1]), np.float32)
    counts = np.zeros(CELLS**3, np.uint8)
    lists = np.empty((CELLS**3, SLOTS), np.uint16)
    lines = np.empty(CELLS**3 * LINE, np.float32)
    height, width = images.shape[1:3]
    below = np.zeros((width + 2 * LANES, 3), np.float32)  # errors passed on to the next row
    state = np.zeros(6 * N_VALUES + 1, np.float32)
    cells = np.empty(LANES, np.int32)
    for i in range(start, stop):  # an item is an image
        for x in range(width):
            for c in range(3):
                below[x, c] = ZERO
        for top in range(0, height, LANES):
            n = min(LANES, height - top)
            rows, indices = images[i, top : top + n], out[i, top : top + n]
            for e in range(len(state)):
                state[e] = ZERO
            for step in range(width + 2 * LANES - 1):
                # The lanes that have a pixel in this step.
                first, last = np.uint64(max(0, (step - width + 2) // 2)), np.uint64(min(n, step // 2 + 1))
                for c in range(3):
                    state[PASSED + np.uint64(c * LANES)] = below[step, c]
                _read(rows, np.uint64(step), first, last, state)
                _add_errors(state, n_values, cells)
                for k in range(first, last):
                    cell = np.uint64(cells[k])
                    if counts[cell] == UNKNOWN:
                        _list_colors(cell, colors, distances, counts, lists, lines)
                    indices[k, np.uint64(step) - np.uint64(2) * k] = _take(
                        state, k, cell, counts, lists, lines, colors
                    )
                _pass_errors(state, n_values)
                column = step - 2 * LANES + 1
                if column >= 0:
                    for c in range(3):
                        below[column, c] = state[PASSED + np.uint64((c + 1) * LANES)]


@njit(forceinline=True)
def _read(rows, step, first, last, state):
    for k in range(first, last):
        column = step - np.uint64(2) * k
        for c in range(np.uint64(3)):
            state[c * np.uint64(LANES) + k] = np.float32(rows[k, column, c])


@inner(forceinline=True)
def _add_errors(state, n_values, cells):
    """Add a 16th of the errors, cut to an integer, and find the cells of the sums.

    Lanes without a pixel have no error: their colour is the value.
    """
    for e in range(np.uint64(n_values)):
        total = (state[e + RIGHT] + state[e + PASSED]) * SIXTEENTH
        value = state[e + VALUE] + np.float32(np.int32(total))
        value = value if value > ZERO else ZERO
        value = value if value < WHITE else WHITE
        state[e + VALUE] = value
        state[e + COLOR] = value
    side, green, blue = np.float32(CELLS), np.uint64(LANES), np.uint64(2 * LANES)
    for k in range(np.uint64(n_values // 3)):
        plane = _eighth(state[k]) * side + _eighth(state[k + green])
        cells[k] = np.int32(plane * side + _eighth(state[k + blue]))


@njit(forceinline=True)
def _eighth(value):
    return np.float32(np.int32(value * EIGHTH))


@inner(forceinline=True)
def _pass_errors(state, n_values):
    """Pass the errors on; what is at e + 1 goes to the next lane, for the pixel left of that below."""
    for e in range(np.uint64(n_values)):
        error = state[e + VALUE] - state[e + COLOR]
        state[e + PASSED + np.uint64(1)] = THREE * error + state[e + BELOW]
        state[e + BELOW] = FIVE * error + state[e + CORNER]
        state[e + CORNER] = error
        state[e + RIGHT] = SEVEN * error


@inner(forceinline=True)
def _take(state, k, cell, counts, lists, lines, colors):
    """Find the nearest colour of a lane, write it into the state, and return its index."""
    lane = np.uint64(LANES)
    r, g, b = state[k], state[k + lane], state[k + lane + lane]
    place = cell * np.uint64(LINE)
    if counts[cell] <= 4:
        place += np.uint64(nearest_of_four(lines, place, r, g, b)) & np.uint64(3)
        for c in range(np.uint64(3)):
            state[COLOR + c * lane + k] = lines[place + np.uint64(4) * c]
        return np.int64(lines[place + np.uint64(12)])
    j = _nearest(r, g, b, np.int64(counts[cell]), lists[cell], colors)
    for c in range(np.uint64(3)):
        state[COLOR + c * lane + k] = colors[c, j]
    return np.int64(j)


@inner
def _nearest(r, g, b, count, listed, colors):
    best, nearest = np.float32(1 << 24), np.uint64(0)
    for m in range(colors.shape[1] if count == ALL else count):
        j = np.uint64(m if count == ALL else np.int64(listed[m]))
        dr, dg, db = r - colors[0, j], g - colors[1, j], b - colors[2, j]
        distance = dr * dr + dg * dg + db * db
        if distance < best:
            best, nearest = distance, j
    return nearest


@inner
def _list_colors(cell, colors, distances, counts, lists, lines):
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
    n = 0
    for j in range(len(near_bits)):
        if near_bits[j] <= bound:
            if n == SLOTS:
                counts[cell] = ALL
                return
            lists[cell, n] = j
            n += 1
    counts[cell] = n
    for m in range(4):
        j = lists[cell, m if m < n else 0]
        place = np.int64(cell) * LINE + m
        for c in range(3):
            lines[place + 4 * c] = colors[c, j]
        lines[place + 12] = j


@njit
def _near(offset):
    """Return the squared distance of an offset to the nearest of 0, 1, ..., 7."""
    over = offset - SEVEN
    apart = over if over > -offset else -offset
    return apart * apart if apart > ZERO else ZERO


@njit
def _far(offset):
    """Return the squared distance of an offset to the farthest of 0, 1, ..., 7."""
    rest = SEVEN - offset
    apart = offset if offset > rest else rest
    return apart * apart
