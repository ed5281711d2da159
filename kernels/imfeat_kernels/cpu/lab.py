"""CIE L*a*b* of sRGB, for the white point D65 and the observer of 2 degrees.

1. Linearize: v / 12.92 up to 0.04045, ((v + 0.055) / 1.055)^2.4 above.
2. Convert to X, Y, Z, divided by those of white.
3. Take f(t): the cube root above 0.008856, 7.787 t + 16 / 116 up to it.
4. L = 116 f(Y) - 16,  a = 500 (f(X) - f(Y)),  b = 200 (f(Y) - f(Z)).

a and b are differences of nearly equal numbers, so all steps are in float64, and what is written is rounded
once.  Cube roots start in float32, from the bits of a number, which are close to its logarithm.
"""

import math

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.instruction import fused
from imfeat_kernels.cpu.launch import launch

GRAIN = 1 << 13  # pixels: some 40 microseconds of work
LANES = 256  # pixels side by side
SHADOW, DARK = 0.008856, 0.04045  # where the two parts of f and of the transfer function meet
FROM_RGB = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
WHITE = np.array([0.95047, 1, 1.08883])
TO_RGB = np.linalg.inv(FROM_RGB)
X_R, X_G, X_B = (FROM_RGB[0] / WHITE[0]).tolist()
Y_R, Y_G, Y_B = FROM_RGB[1].tolist()
Z_R, Z_G, Z_B = (FROM_RGB[2] / WHITE[2]).tolist()
R_X, R_Y, R_Z = (TO_RGB[0] * WHITE).tolist()
G_X, G_Y, G_Z = (TO_RGB[1] * WHITE).tolist()
B_X, B_Y, B_Z = (TO_RGB[2] * WHITE).tolist()
LOGARITHM = np.float32(1419967116)  # bits of x^(-1/3) are about these less a third of the bits of x
ONE, THIRD, TWO_NINTHS = np.float32(1), np.float32(1 / 3), np.float32(2 / 9)


def _power_of_light():
    """Return ((v + 0.055) / 1.055)^2.4 as a polynomial of degree 18 of -1 to 1, within 1e-10."""
    n = 200
    place = np.cos(np.pi * (np.arange(n) + 0.5) / n)
    light = (((place + 1) / 2 * (1 - DARK) + DARK + 0.055) / 1.055) ** 2.4
    chebyshev = np.polynomial.chebyshev.chebfit(place, light, 18)
    return np.polynomial.chebyshev.cheb2poly(chebyshev)[::-1].copy()


def _light_of_bytes():
    """Return the linear values of bytes (256,) float64."""
    values = np.arange(256) / 255
    return np.where(values > DARK, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)


POWER = _power_of_light()
LIGHT_OF_BYTES = _light_of_bytes()


def rgb_to_lab(pixels, out):
    """Convert sRGB in [0, 1] to L*a*b*.

    Parameters
    ----------
    pixels : (3 n,) float32 or float64; R, G, B, R, G, B, ...
    out : (3 n,) float32
        Overwritten with L in [0, 100], a and b.
    """
    launch(_rgb_to_lab, len(out) // 3, pixels, POWER, out, grain=GRAIN)


def rgb_to_lab_bytes(pixels, out):
    """Convert 8-bit sRGB to L*a*b*.

    Parameters
    ----------
    pixels : (3 n,) uint8
    out : (3 n,) float32
        Overwritten with L in [0, 100], a and b.
    """
    launch(_rgb_to_lab_bytes, len(out) // 3, pixels, LIGHT_OF_BYTES, out, grain=GRAIN)


def lab_to_rgb(pixels, out):
    """Convert L*a*b* to sRGB; colours outside its gamut are clipped.

    Parameters
    ----------
    pixels : (3 n,) float32; L, a, b, L, a, b, ...
    out : (3 n,) float32
        Overwritten with R, G, B in [0, 1].
    """
    launch(_lab_to_rgb, len(out) // 3, pixels, out, grain=GRAIN)


@njit(nogil=True, cache=True, error_model="numpy")
def _rgb_to_lab_bytes(start, stop, pixels, light, out):
    r, g, b = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    buffers = np.empty((3, LANES), np.float32)
    for first in range(start, stop, LANES):
        n = min(LANES, stop - first)
        x, y = pixels[3 * first : 3 * (first + n)], out[3 * first : 3 * (first + n)]
        for i in range(n):
            r[i], g[i], b[i] = light[x[3 * i]], light[x[3 * i + 1]], light[x[3 * i + 2]]
        _lab_of_light(r, g, b, buffers[0], buffers[1], buffers[2])
        _interleave(buffers[0], buffers[1], buffers[2], n, y)


@njit(nogil=True, cache=True, error_model="numpy")
def _rgb_to_lab(start, stop, pixels, power, out):
    r, g, b = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    buffers = np.empty((3, LANES), np.float32)
    for first in range(start, stop, LANES):
        n = min(LANES, stop - first)
        x, y = pixels[3 * first : 3 * (first + n)], out[3 * first : 3 * (first + n)]
        for i in range(n):
            r[i], g[i], b[i] = np.float64(x[3 * i]), np.float64(x[3 * i + 1]), np.float64(x[3 * i + 2])
        _linearize(r, power)
        _linearize(g, power)
        _linearize(b, power)
        _lab_of_light(r, g, b, buffers[0], buffers[1], buffers[2])
        _interleave(buffers[0], buffers[1], buffers[2], n, y)


@inner
def _linearize(values, power):
    for i in range(LANES):
        values[i] = light_of(values[i], power)


@inner
def _lab_of_light(r, g, b, lightness, a, yellow):
    """Compute L, a and b; linear values are overwritten."""
    for i in range(LANES):
        x = fused(X_R, r[i], fused(X_G, g[i], X_B * b[i]))
        y = fused(Y_R, r[i], fused(Y_G, g[i], Y_B * b[i]))
        z = fused(Z_R, r[i], fused(Z_G, g[i], Z_B * b[i]))
        r[i], g[i], b[i] = x, y, z
    _curve(r, lightness)
    _curve(g, lightness)
    _curve(b, lightness)
    for i in range(LANES):
        lightness[i] = fused(g[i], 116.0, -16.0)
        a[i] = 500.0 * (r[i] - g[i])
        yellow[i] = 200.0 * (g[i] - b[i])


@inner
def _curve(values, starts):
    for i in range(LANES):
        starts[i] = inverse_root_start(np.float32(values[i]))
    for i in range(LANES):
        values[i] = curve(values[i], starts[i])


@inner
def _interleave(first, second, third, n, out):
    for i in range(n):
        out[3 * i] = first[i]
        out[3 * i + 1] = second[i]
        out[3 * i + 2] = third[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _lab_to_rgb(start, stop, pixels, out):
    x, y = pixels[3 * start : 3 * stop], out[3 * start : 3 * stop]
    for i in range(stop - start):
        across = (np.float64(x[3 * i]) + 16.0) / 116.0
        light_x = light_of_curve(across + np.float64(x[3 * i + 1]) / 500.0)
        light_z = across - np.float64(x[3 * i + 2]) / 200.0
        light_z = light_of_curve(light_z if light_z > 0.0 else 0.0)
        light_y = light_of_curve(across)
        y[3 * i] = srgb_of_light(fused(R_X, light_x, fused(R_Y, light_y, R_Z * light_z)))
        y[3 * i + 1] = srgb_of_light(fused(G_X, light_x, fused(G_Y, light_y, G_Z * light_z)))
        y[3 * i + 2] = srgb_of_light(fused(B_X, light_x, fused(B_Y, light_y, B_Z * light_z)))


@njit
def light_of(value, power):
    """Return the linear value of an sRGB value in [0, 1]."""
    u = fused(value - DARK, 2.0 / (1.0 - DARK), -1.0)
    p = power[0]
    for k in range(1, 19):
        p = fused(p, u, power[k])
    return p if value > DARK else value * (1.0 / 12.92)


@njit
def inverse_root_start(value):
    """Return about x^(-1/3) for x = max(value, 0.008), within 2e-4 of it; all in float32."""
    x = value if value > np.float32(0.008) else np.float32(0.008)
    bits = np.float32(bits_of(x))
    y = float_of(np.int32(LOGARITHM - bits * THIRD))
    r = ONE - x * y * (y * y)
    return y + y * r * (THIRD + r * TWO_NINTHS)


@njit
def curve(t, start):
    """Return f(t), from about t^(-1/3)."""
    w = np.float64(start)
    c = t * w * w
    e = fused(-c, w, 1.0)
    root = fused(c * e, fused(e, 5.0 / 9.0, 2.0 / 3.0), c)
    return root if t > SHADOW else fused(t, 7.787, 16.0 / 116.0)


@njit
def bits_of(x):
    return np.float32(x).view(np.int32)


@njit
def float_of(x):
    return np.int32(x).view(np.float32)


@njit
def light_of_curve(f):
    """Return t of f(t)."""
    return f * f * f if f > 0.2068966 else (f - 16.0 / 116.0) * (1.0 / 7.787)


@njit
def srgb_of_light(light):
    """Return the sRGB value of a linear value, clipped to [0, 1]."""
    t = light if light > 0.0031308 else 0.0031308
    t = t if t < 1.0 else 1.0
    root = curve_root(t)
    bright = 1.055 * root * math.sqrt(math.sqrt(root)) - 0.055  # t^(1/2.4) = t^(1/3) t^(1/12)
    value = bright if light > 0.0031308 else light * 12.92
    return value if value > 0.0 else 0.0


@njit
def curve_root(t):
    """Return the cube root of t in [0.003, 1]."""
    x = np.float32(t)
    y = float_of(np.int32(LOGARITHM - np.float32(bits_of(x)) * THIRD))
    r = ONE - x * y * (y * y)
    w = np.float64(y + y * r * (THIRD + r * TWO_NINTHS))
    c = t * w * w
    e = fused(-c, w, 1.0)
    return fused(c * e, fused(e, 5.0 / 9.0, 2.0 / 3.0), c)
