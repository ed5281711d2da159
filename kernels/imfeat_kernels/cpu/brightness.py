"""The largest channel of pixels, which is V of HSV, pixels scaled to a new one, and square roots."""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import frozen, launch

STRIP = 1 << 15  # pixels that are worth a thread


def largest_channel(images, out):
    """Find the largest channel of each pixel: V of HSV.

    Parameters
    ----------
    images : (n, 3) uint8, uint16, int16, float32 or float64
    out : (n,) of the same dtype
    """
    launch(_largest_channel, len(out), images, out, grain=STRIP)


def scale_to_value(images, values, out):
    """Scale each pixel so that its largest channel becomes a new value; black becomes gray.

    Parameters
    ----------
    images : (n, 3) uint8, uint16, int16, float32 or float64
        Not negative.
    values : (n,) of the same dtype
        New largest channels.
    out : (n, 3) of the same dtype
        Overwritten; integers are rounded to the nearest, bytes half up and others half to even.
    """
    body = {1: _scale_bytes, 2: _scale_words}.get(images.dtype.itemsize, _scale_floats)
    launch(body, len(values), images, values, out, grain=STRIP)


def square_roots(values, out):
    """Take the square roots of values.

    Parameters
    ----------
    values : (n,) uint8, float32 or float64
        Not negative.
    out : (n,) float32 or float64
    """
    body = _roots_of_bytes if values.dtype == np.uint8 else _roots_of_floats
    launch(body, len(out), frozen(values), out, grain=STRIP)


@njit(nogil=True, cache=True)
def _largest_channel(start, stop, images, out):
    x = images[start:stop].reshape(-1)
    y = out[start:stop]
    for i in range(stop - start):
        high = x[3 * i] if x[3 * i] > x[3 * i + 1] else x[3 * i + 1]
        y[i] = high if high > x[3 * i + 2] else x[3 * i + 2]


@njit(nogil=True, cache=True, error_model="numpy")
def _scale_bytes(start, stop, images, values, out):
    x, y = images[start:stop].reshape(-1), out[start:stop].reshape(-1)
    v = values[start:stop]
    for i in range(stop - start):
        r, g, b = np.float32(x[3 * i]), np.float32(x[3 * i + 1]), np.float32(x[3 * i + 2])
        value = np.float32(v[i])
        high = r if r > g else g
        high = high if high > b else b
        y[3 * i] = scaled(r, value, high)
        y[3 * i + 1] = scaled(g, value, high)
        y[3 * i + 2] = scaled(b, value, high)


@njit(error_model="numpy")
def scaled(channel, value, high):
    """Return channel * value / high, rounded half up: float32 is exact enough for these integers."""
    two = np.float32(2)
    share = (two * channel * value + high) / (two * high if high > 0 else np.float32(1))
    return np.uint8(np.int32(share if high > 0 else value))


@njit(nogil=True, cache=True)
def _roots_of_bytes(start, stop, values, out):
    for i in range(start, stop):
        out[i] = np.sqrt(np.float64(values[i]))


@njit(nogil=True, cache=True)
def _roots_of_floats(start, stop, values, out):
    for i in range(start, stop):
        out[i] = np.sqrt(values[i])


@njit(nogil=True, cache=True, error_model="numpy")
def _scale_words(start, stop, images, values, out):
    for i in range(start, stop):
        high = max(images[i, 0], images[i, 1], images[i, 2])
        factor = values[i] / max(high, 1)
        for c in range(3):
            out[i, c] = np.int64(np.rint(images[i, c] * factor)) if high > 0 else values[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _scale_floats(start, stop, images, values, out):
    x, y = images[start:stop].reshape(-1), out[start:stop].reshape(-1)
    v = values[start:stop]
    for i in range(stop - start):
        high = max(x[3 * i], x[3 * i + 1], x[3 * i + 2])
        for c in range(3):
            y[3 * i + c] = x[3 * i + c] / high * v[i] if high > 0 else v[i]
