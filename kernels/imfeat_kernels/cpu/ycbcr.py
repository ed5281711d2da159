"""YCbCr of JPEG files (JFIF): luma and two differences of colours over the full range.

    Y = 0.299 R + 0.587 G + 0.114 B,  Cb = c + (B - Y) / 1.772,  Cr = c + (R - Y) / 1.402

where gray has Cb = Cr = c: 0.5 for floats, 128 for bytes.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import launch

GRAIN = 1 << 15  # pixels: some 20 microseconds of work
ZERO, ONE, HALF = np.float32(0), np.float32(1), np.float32(0.5)
RED, GREEN, BLUE = np.float32(0.299), np.float32(0.587), np.float32(0.114)
TO_CB, TO_CR = np.float32(1 / 1.772), np.float32(1 / 1.402)
FROM_CB, FROM_CR = np.float32(1.772), np.float32(1.402)
GREEN_CB, GREEN_CR = np.float32(0.344136286), np.float32(0.714136286)
# Pillow rounds each product to a 64th.  These are the factors in units of 2^-22.
Y_R, Y_G, Y_B = 1254097, 2462056, 478151
CB_R, CB_G, CR_G, CR_B = 707747, 1389405, 1756113, 341039


def rgb_to_ycbcr(pixels, white, out):
    """Convert RGB to luma and differences of colours.

    Parameters
    ----------
    pixels : (3 n,) uint8, float32 or float64; R, G, B, R, G, B, ...
    white : float32
        Value that counts as 1.
    out : (3 n,) float32
        Overwritten with Y, Cb, Cr, each in [0, 1]; gray has 0.5 in the latter two.
    """
    launch(_rgb_to_ycbcr, len(out) // 3, pixels, white, out, grain=GRAIN)


def rgb_to_ycbcr_bytes(pixels, out):
    """Convert 8-bit RGB to 8-bit YCbCr with Pillow's rounding.

    Parameters
    ----------
    pixels : (3 n,) uint8
    out : (3 n,) uint8
        Overwritten with Y, Cb, Cr, each 0..255; gray has 128 in the latter two.
    """
    launch(_rgb_to_ycbcr_bytes, len(out) // 3, pixels, out, grain=GRAIN)


def ycbcr_to_rgb(pixels, white, center, out):
    """Convert luma and differences of colours to RGB; colours outside the cube are clipped.

    Parameters
    ----------
    pixels : (3 n,) uint8, float32 or float64; Y, Cb, Cr, Y, Cb, Cr, ...
    white : float32
        Value that counts as 1.
    center : float32
        Cb and Cr of gray, before the division by ``white``.
    out : (3 n,) float32
        Overwritten with R, G, B, each in [0, 1].
    """
    launch(_ycbcr_to_rgb, len(out) // 3, pixels, white, center, out, grain=GRAIN)


@njit(nogil=True, cache=True, error_model="numpy")
def _rgb_to_ycbcr(start, stop, pixels, white, out):
    x, y = pixels[3 * start : 3 * stop], out[3 * start : 3 * stop]
    factor = ONE / white
    for i in range(stop - start):
        r, g, b = np.float32(x[3 * i]), np.float32(x[3 * i + 1]), np.float32(x[3 * i + 2])
        luma = (RED * r + GREEN * g + BLUE * b) * factor
        y[3 * i] = within_unit(luma)
        y[3 * i + 1] = within_unit(HALF + (b * factor - luma) * TO_CB)
        y[3 * i + 2] = within_unit(HALF + (r * factor - luma) * TO_CR)


@njit(nogil=True, cache=True)
def _rgb_to_ycbcr_bytes(start, stop, pixels, out):
    x, y = pixels[3 * start : 3 * stop], out[3 * start : 3 * stop]
    for i in range(stop - start):
        r, g, b = np.int32(x[3 * i]), np.int32(x[3 * i + 1]), np.int32(x[3 * i + 2])
        luma = np.int32(share(r, Y_R) + share(g, Y_G) + share(b, Y_B))
        y[3 * i] = np.uint8(luma >> np.int32(6))
        y[3 * i + 1] = difference(b, r, CB_R, g, CB_G)
        y[3 * i + 2] = difference(r, g, CR_G, b, CR_B)


@njit(nogil=True, cache=True, error_model="numpy")
def _ycbcr_to_rgb(start, stop, pixels, white, center, out):
    x, y = pixels[3 * start : 3 * stop], out[3 * start : 3 * stop]
    factor = ONE / white
    for i in range(stop - start):
        luma = np.float32(x[3 * i]) * factor
        cb = (np.float32(x[3 * i + 1]) - center) * factor
        cr = (np.float32(x[3 * i + 2]) - center) * factor
        y[3 * i] = within_unit(luma + FROM_CR * cr)
        y[3 * i + 1] = within_unit(luma - GREEN_CB * cb - GREEN_CR * cr)
        y[3 * i + 2] = within_unit(luma + FROM_CB * cb)


@njit
def within_unit(value):
    value = value if value > ZERO else ZERO
    return value if value < ONE else ONE


@njit
def share(value, factor):
    """Return a product in 64ths, rounded to the nearest integer."""
    return np.int32(np.int32(value * np.int32(factor) + np.int32(32768)) >> np.int32(16))


@njit
def difference(plus, first, first_factor, second, second_factor):
    """Return 128 + half of a channel less shares of the others.

    Pillow rounds negative products up, to the next integer but for zero.
    """
    minus = share(first, first_factor) - np.int32(first > 0)
    minus += share(second, second_factor) - np.int32(second > 0)
    total = np.int32(np.int32(128 << 6) + np.int32(32) * plus - minus)
    return np.uint8(total >> np.int32(6))
