"""Conversions between colour spaces, pixel by pixel.

With M = max(R, G, B), m = min(R, G, B) and d = M - m, in the hexcone model

    V = M,  S = d / M,  H = 1/6 of: (G - B) / d        where M = R
                                    (B - R) / d + 2    where M = G
                                    (R - G) / d + 4    where M = B

and in the HSI model, with the hue as an angle around the gray axis,

    I = (R + G + B) / 3,  S = 1 - m / I,  H = atan2(sqrt(3) (G - B), 2 R - G - B) / (2 pi).
"""

import numpy as np

from imfeat_kernels.cpu import _hsv
from imfeat_kernels.cpu._hsv import STRIP
from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.instruction import fused
from imfeat_kernels.cpu.interleave import LINE
from imfeat_kernels.cpu.launch import launch
from imfeat_kernels.cpu.luma import HAS_LUMA, READ, luma_of_32
from imfeat_kernels.cpu.luma import PIXELS as LUMAS

GRAIN = 1 << 15  # pixels: some 20 microseconds of work
STREAMED = 1 << 25  # bytes of results that are written past the caches, which they would not fit into


def rgb_to_hsv(pixels, white, out):
    """Convert RGB to hue, saturation and value.

    Parameters
    ----------
    pixels : (3 n,) uint8, float32 or float64; R, G, B, R, G, B, ...
    white : float32 or float64
        Value that counts as 1, in the type to compute in.
    out : (3 n,) float32
        Overwritten with H, S, V, each in [0, 1]; hue below 1, and 0 for gray.

    Returns
    -------
    int
        Number of strips of pixels with a value outside [0, white], whose results are undefined; only on the
        CPU, where floats are looked at while they are in the cache.
    """
    if pixels.dtype.type is np.uint8:
        n_strips = -(-len(pixels) // (3 * STRIP))
        launch(_hsv.bytes_to_hsv, n_strips, pixels, white, _streams(out), out, grain=GRAIN // STRIP)
        return 0
    return _launch_strips(_hsv.floats_to_hsv, pixels, white, out)


def rgb_to_hsv_bytes(pixels, out):
    """Convert RGB to 8-bit hue, saturation and value with Pillow's rounding.

    Parameters
    ----------
    pixels : (3 n,) uint8
    out : (3 n,) uint8
        Overwritten with H, S, V, each 0..255.
    """
    launch(_hsv.bytes_to_hsv_bytes, -(-len(pixels) // (3 * STRIP)), pixels, out, grain=GRAIN // STRIP)


def hsv_to_rgb(pixels, white, out):
    """Convert hue, saturation and value to RGB.

    Parameters
    ----------
    pixels : (3 n,) uint8, float32 or float64; H, S, V, H, S, V, ...
    white : float32 or float64
        Value that counts as 1, in the type to compute in.
    out : (3 n,) float32
        Overwritten with R, G, B.

    Returns
    -------
    int
        As for `rgb_to_hsv`.
    """
    return _launch_strips(_hsv.hsv_to_rgb, pixels, white, out)


def hsv_to_rgb_bytes(pixels, out):
    """Convert 8-bit hue, saturation and value to 8-bit RGB with Pillow's rounding.

    Parameters
    ----------
    pixels : (3 n,) uint8
    out : (3 n,) uint8
        Overwritten with R, G, B, each 0..255.
    """
    launch(_hsv.hsv_to_rgb_bytes, -(-len(pixels) // (3 * STRIP)), pixels, out, grain=GRAIN // STRIP)


def _launch_strips(body, pixels, white, out):
    outside = np.empty(-(-len(pixels) // (3 * STRIP)), np.int32)
    launch(body, len(outside), pixels, white, _streams(out), outside, out, grain=GRAIN // STRIP)
    return np.count_nonzero(outside)


def _streams(out):
    """Tell whether results are written past the caches."""
    return out.nbytes >= STREAMED and out.ctypes.data % LINE == 0


def rgb_to_hsi(pixels, white, out):
    """Convert RGB to hue, saturation and intensity.

    Parameters
    ----------
    pixels : (3 n,) uint8, float32 or float64; R, G, B, R, G, B, ...
    white : float32 or float64
        Value that counts as 1, in the type to compute in.
    out : (3 n,) float32
        Overwritten with H, S, I, each in [0, 1]; hue below 1, and 0 for gray.
    """
    launch(_rgb_to_hsi, len(pixels) // 3, pixels, white, out, grain=GRAIN)


def rgb_to_gray(pixels, out):
    """Convert RGB in [0, 1] to luminance (Rec. 709).

    Parameters
    ----------
    pixels : (3 n,) float32 or float64
    out : (n,) float32
    """
    launch(_rgb_to_gray, len(out), pixels, out, grain=GRAIN)


def rgb_to_gray_bytes(pixels, out):
    """Convert 8-bit RGB to 8-bit luma (Rec. 601) with Pillow's rounding.

    Parameters
    ----------
    pixels : (3 n,) uint8
    out : (n,) uint8
    """
    launch(_rgb_to_gray_bytes, len(out), pixels, out, grain=GRAIN)


# The bodies work on slices, because the compiler vectorizes loops that index from 0.
# Constants are made of `unit`, a 1 of the type to compute in; with literals it would be float64.


@njit(nogil=True, cache=True, error_model="numpy")
def _rgb_to_hsi(start, stop, pixels, white, out):
    x, y = pixels[3 * start : 3 * stop], out[3 * start : 3 * stop]
    unit = white / white
    three = unit + unit + unit
    zero = unit - unit
    for i in range(stop - start):
        r, g, b = x[3 * i] * unit, x[3 * i + 1] * unit, x[3 * i + 2] * unit
        total = r + g + b
        low = smaller(smaller(r, g), b)
        saturation = unit - three * low / (total if total > zero else unit)
        y[3 * i] = turn(np.float32((r - g) + (r - b)), np.float32(g - b) * np.float32(1.7320508))
        y[3 * i + 1] = saturation if total > zero and saturation > zero else zero
        y[3 * i + 2] = total / (three * white)


@njit(nogil=True, cache=True)
def _rgb_to_gray(start, stop, pixels, out):
    x, y = pixels[3 * start : 3 * stop], out[start:stop]
    for i in range(stop - start):
        y[i] = 0.2125 * x[3 * i] + 0.7154 * x[3 * i + 1] + 0.0721 * x[3 * i + 2]


@njit(nogil=True, cache=True)
def _rgb_to_gray_bytes(start, stop, pixels, out):
    x, y = pixels[3 * start : 3 * stop], out[start:stop]
    done = 0
    if HAS_LUMA:
        done = max(0, len(x) - READ + 3 * LUMAS) // (3 * LUMAS) * LUMAS
        for i in range(0, done, LUMAS):
            luma_of_32(x, 3 * i, y, i)
    for i in range(done, stop - start):
        r, g, b = np.int32(x[3 * i]), np.int32(x[3 * i + 1]), np.int32(x[3 * i + 2])
        y[i] = (r * np.int32(19595) + g * np.int32(38470) + b * np.int32(7471) + np.int32(32768)) >> 16


# Copies of the next two functions: _hsv.py.
@njit
def larger(a, b):
    return a if a > b else b  # one instruction; max() also handles NaN


@njit
def smaller(a, b):
    return a if a < b else b


@njit(error_model="numpy")
def pillow_hue(r, g, b, high, low):
    """Return the hue as an integer in [0, 255], for colours other than gray.

    Pillow computes in float64 and rounds to float32 three times.  float32 is twice as fast and gives the same
    results if the turn of negative hues and the cut to an integer are rounded once, by `fused`.
    """
    one, three, five = np.float32(1), np.float32(3), np.float32(5)
    gap = (high - (r + g + b - high - low)) / (high - low if high > low else one)  # of the middle channel
    green = one + gap if low == b else three - gap
    blue = three + gap if low == r else five - gap
    red = one - gap if low == b else gap - one
    sixths = green if g == high else blue
    sixths = red if r == high else sixths
    hue = sixths / np.float32(6)
    hue = hue if sixths >= 0 else fused(sixths, np.float32(1 / 6), one)
    level = np.float32(np.int32(hue * np.float32(255)))
    return level - one if fused(hue, np.float32(255), -level) < 0 else level


@njit
def turn(x, y):
    """Return the angle of (x, y) as a share of a full turn, in [0, 1); 0 at the origin."""
    across, up = abs(x), abs(y)
    longer, shorter = larger(across, up), smaller(across, up)
    z = shorter / (longer if longer > 0 else np.float32(1))
    p = arctan_in_turns(z)
    p = np.float32(0.25) - p if up > across else p
    p = np.float32(0.5) - p if x < 0 else p
    p = np.float32(1) - p if y < 0 else p
    return p if p < 1 else np.float32(0)


# Copies: _hog.arctan_in_turns and _directions.arctan_in_turns.
@njit
def arctan_in_turns(z):
    """Return atan(z) / (2 pi) for z in [0, 1] by the minimax polynomial, with an error of up to 6e-8."""
    zz = z * z
    p = np.float32(0.0010841110)
    p = p * zz + np.float32(-0.0053482153)
    p = p * zz + np.float32(0.0126724243)
    p = p * zz + np.float32(-0.0210614726)
    p = p * zz + np.float32(0.0315251052)
    p = p * zz + np.float32(-0.0530262366)
    return (p * zz + np.float32(0.1591543257)) * z
