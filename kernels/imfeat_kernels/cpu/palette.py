"""The nearest colour of a palette, exactly, and counts of colours.

The nearest of 64 colours p_j to x has the smallest D_j = |p_j|^2 - 2 x.p_j.  64 D_j + j is an integer below
2^24, which float32 holds exactly, so one minimum finds both the distance and the index; ties go to the
lowest.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.lanes import LANES, smallest_of_lines
from imfeat_kernels.cpu.launch import launch

STRIP = 256  # pixels side by side
GROUP = 64  # colours that share a minimum


def nearest_colors(pixels, palette, out):
    """Find the nearest colour of each pixel, the first of several.

    Parameters
    ----------
    pixels : (3 n,) uint8
        R, G, B, R, G, B, ...
    palette : (n_colors, 3) uint8
        At most 65,536 colours.
    out : (n,) uint8 or uint16
        Overwritten with indices into the palette.
    """
    launch(_nearest_colors, -(-len(out) // STRIP), pixels, palette, out, grain=32)


def count_colors(pixels, out):
    """Count how often each colour occurs.

    Parameters
    ----------
    pixels : (3 n,) uint8
        R, G, B, R, G, B, ..., each below ``n_levels``.
    out : (n_levels, n_levels, n_levels) uint32
        Overwritten.
    """
    launch(_count_colors, 1, pixels, out)


@njit(nogil=True, cache=True)
def _nearest_colors(start, stop, pixels, palette, out):
    lines = _coefficients(palette)
    planes = np.zeros((3, STRIP), np.float32)
    r, g, b = planes[0], planes[1], planes[2]
    packed = np.empty(STRIP, np.float32)
    best, nearest = np.empty(STRIP, np.int32), np.empty(STRIP, np.int32)
    for item in range(start, stop):  # an item is up to STRIP pixels
        first = item * STRIP
        count = min(STRIP, len(out) - first)
        x, y = pixels[3 * first : 3 * (first + count)], out[first : first + count]
        for i in range(count):
            r[i], g[i], b[i] = x[3 * i], x[3 * i + 1], x[3 * i + 2]
        if len(lines) <= GROUP:
            _smallest_of_group(planes, count, lines, 0, packed)
            for i in range(count):
                y[i] = np.int32(packed[i]) & (GROUP - 1)
        else:
            best[:] = 1 << 30
            nearest[:] = 0
            for group in range(0, len(lines), GROUP):
                _smallest_of_group(planes, count, lines, group, packed)
                _update(packed, group, best, nearest)
            for i in range(count):
                y[i] = nearest[i]


@njit(nogil=True, cache=True)
def _count_colors(start, stop, pixels, out):
    for _ in range(start, stop):  # one item, as any pixel may have any colour
        out[:] = 0
        for i in range(0, len(pixels), 3):
            out[pixels[i], pixels[i + 1], pixels[i + 2]] += np.uint32(1)


@inner
def _coefficients(palette):
    """Return 64 |p|^2 + j and -128 p for each colour."""
    lines = np.empty((len(palette), 4), np.float32)
    for j in range(len(palette)):
        square = 0
        for c in range(3):
            value = int(palette[j, c])
            square += value * value
            lines[j, 1 + c] = -2 * GROUP * value
        lines[j, 0] = GROUP * square + j % GROUP
    return lines


@njit
def _smallest_of_group(planes, count, lines, group, packed):
    for i in range(0, count, LANES):
        smallest_of_lines(planes, i, lines, group, min(group + GROUP, len(lines)), packed)


@inner
def _update(packed, group, best, nearest):
    for i in range(STRIP):
        both = np.int32(packed[i])
        distance = both >> 6
        index = np.int32(group + (both & 63))
        # Groups are in order, so that the last index is the largest; a choice would be stored under a mask.
        nearest[i] = max(nearest[i], index if distance < best[i] else np.int32(0))
        best[i] = min(distance, best[i])
