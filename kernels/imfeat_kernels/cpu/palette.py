"""The nearest colour of a palette, exactly.

The nearest of 64 colours p_j to x has the smallest D_j = |p_j|^2 - 2 x.p_j.  64 D_j + j is an integer below
2^24, which float32 holds exactly, so one minimum finds both the distance and the index; ties go to the
lowest.
"""

import numpy as np
from numba import njit

from imfeat_kernels.cpu.instruction import fused
from imfeat_kernels.cpu.launch import launch

LANES = 256  # pixels side by side
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
    launch(_nearest_colors, -(-len(out) // LANES), pixels, palette, out, grain=32)


@njit(nogil=True, cache=True)
def _nearest_colors(start, stop, pixels, palette, out):
    lines = _coefficients(palette)
    r, g, b = np.zeros(LANES, np.float32), np.zeros(LANES, np.float32), np.zeros(LANES, np.float32)
    packed = np.empty(LANES, np.float32)
    best, nearest = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    for item in range(start, stop):  # an item is up to LANES pixels
        first = item * LANES
        count = min(LANES, len(out) - first)
        x, y = pixels[3 * first : 3 * (first + count)], out[first : first + count]
        for i in range(count):
            r[i], g[i], b[i] = x[3 * i], x[3 * i + 1], x[3 * i + 2]
        best[:] = 1 << 30
        for group in range(0, len(lines), GROUP):
            _smallest_of_group(r, g, b, lines[group : group + GROUP], packed)
            for i in range(LANES):
                both = np.int32(packed[i])
                distance = both >> 6
                index = group + (both & 63)
                nearest[i] = index if distance < best[i] else nearest[i]
                best[i] = distance if distance < best[i] else best[i]
        for i in range(count):
            y[i] = nearest[i]


@njit
def _coefficients(palette):
    """Return 64 |p|^2 + j and -128 p for each colour; padding is farther than any colour."""
    lines = np.zeros((-(-len(palette) // GROUP) * GROUP, 4), np.float32)
    lines[:, 0] = 1 << 24
    for j in range(len(palette)):
        square = 0
        for c in range(3):
            value = int(palette[j, c])
            square += value * value
            lines[j, 1 + c] = -2 * GROUP * value
        lines[j, 0] = GROUP * square + j % GROUP
    return lines


@njit
def _smallest_of_group(r, g, b, lines, packed):
    packed[:] = np.float32(1 << 24)
    for j in range(0, len(lines), 4):  # four at a time, to load and store the minimum less often
        a0, r0, g0, b0 = lines[j]
        a1, r1, g1, b1 = lines[j + 1]
        a2, r2, g2, b2 = lines[j + 2]
        a3, r3, g3, b3 = lines[j + 3]
        for i in range(LANES):
            d0 = fused(b0, b[i], fused(g0, g[i], fused(r0, r[i], a0)))
            d1 = fused(b1, b[i], fused(g1, g[i], fused(r1, r[i], a1)))
            d2 = fused(b2, b[i], fused(g2, g[i], fused(r2, r[i], a2)))
            d3 = fused(b3, b[i], fused(g3, g[i], fused(r3, r[i], a3)))
            d0 = d0 if d0 < d1 else d1
            d2 = d2 if d2 < d3 else d3
            d0 = d0 if d0 < d2 else d2
            packed[i] = d0 if d0 < packed[i] else packed[i]
