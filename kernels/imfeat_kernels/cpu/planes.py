"""Channels of images as planes, and planes as channels.

The planes of the opponent colour space are, with mu = 0.3 R + 0.59 G + 0.11 B,

    mu,    (R - G) / sqrt(2) + 0.01 mu,    (R + G - 2 B) / sqrt(6) + 0.01 mu.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import frozen, launch

PIXELS = 1 << 15  # pixels that are worth a thread
RED, GREEN, BLUE = np.float32(0.3), np.float32(0.59), np.float32(0.11)
ROOT_2, ROOT_6 = np.float32(1 / np.sqrt(2)), np.float32(1 / np.sqrt(6))
SOME, TWO = np.float32(0.01), np.float32(2)


def split(images, out):
    """Write each channel of each image to a plane.

    Parameters
    ----------
    images : (n_images, n_pixels * n_channels) of any dtype
    out : (n_images, n_channels, n_pixels) of the same dtype
    """
    body = _split if out.shape[1] == 3 else _split_any
    launch(body, len(images), frozen(images), out, grain=1 + PIXELS // out.shape[2])


def join(planes, out):
    """Write planes to the channels of images: the inverse of `split`.

    Parameters
    ----------
    planes : (n_images, n_channels, n_pixels) of any dtype
    out : (n_images, n_pixels * n_channels) of the same dtype
    """
    body = _join if planes.shape[1] == 3 else _join_any
    launch(body, len(planes), frozen(planes), out, grain=1 + PIXELS // planes.shape[2])


def repeat(rows, out):
    """Write each row several times in a row, as `numpy.repeat` does.

    Parameters
    ----------
    rows : (m, n_values) of any dtype
    out : (n, n_values) of the same dtype
        n is a multiple of m.
    """
    times = len(out) // max(len(rows), 1)
    body = _repeat_values if rows.shape[1] == 1 and times == 3 else _repeat
    launch(body, len(rows), frozen(rows), times, out, grain=1 + PIXELS // max(times * out.shape[1], 1))


def split_opponent(images, white, out):
    """Write the channels of the opponent colour space to planes.

    Parameters
    ----------
    images : (n_images, 3 * n_pixels) uint8, float32 or float64
    white : float32
        Value that counts as 1.
    out : (n_images, 3, n_pixels) float32
    """
    launch(_split_opponent, len(images), frozen(images), white, out, grain=1 + PIXELS // out.shape[2])


@njit(nogil=True, cache=True)
def _split(start, stop, images, out):
    for i in range(start, stop):
        x, first, second, third = images[i], out[i, 0], out[i, 1], out[i, 2]
        for p in range(len(first)):
            first[p] = x[3 * p]
            second[p] = x[3 * p + 1]
            third[p] = x[3 * p + 2]


@njit(nogil=True, cache=True)
def _split_any(start, stop, images, out):
    n_channels, n_pixels = out.shape[1:]
    for i in range(start, stop):
        for c in range(n_channels):
            for p in range(n_pixels):
                out[i, c, p] = images[i, p * n_channels + c]


@njit(nogil=True, cache=True)
def _join(start, stop, planes, out):
    for i in range(start, stop):
        y, first, second, third = out[i], planes[i, 0], planes[i, 1], planes[i, 2]
        for p in range(len(first)):
            y[3 * p] = first[p]
            y[3 * p + 1] = second[p]
            y[3 * p + 2] = third[p]


@njit(nogil=True, cache=True)
def _join_any(start, stop, planes, out):
    n_channels, n_pixels = planes.shape[1:]
    for i in range(start, stop):
        for c in range(n_channels):
            for p in range(n_pixels):
                out[i, p * n_channels + c] = planes[i, c, p]


@njit(nogil=True, cache=True)
def _repeat_values(start, stop, rows, times, out):
    x, y = rows.reshape(-1), out.reshape(-1)
    for i in range(start, stop):
        y[3 * i] = x[i]
        y[3 * i + 1] = x[i]
        y[3 * i + 2] = x[i]


@njit(nogil=True, cache=True)
def _repeat(start, stop, rows, times, out):
    for item in range(start, stop):
        for k in range(item * times, (item + 1) * times):
            for p in range(rows.shape[1]):
                out[k, p] = rows[item, p]


@njit(nogil=True, cache=True, error_model="numpy")
def _split_opponent(start, stop, images, white, out):
    for i in range(start, stop):
        x, first, second, third = images[i], out[i, 0], out[i, 1], out[i, 2]
        for p in range(len(first)):
            r, g, b = np.float32(x[3 * p]), np.float32(x[3 * p + 1]), np.float32(x[3 * p + 2])
            r, g, b = r / white, g / white, b / white
            first[p], second[p], third[p] = opponent(r, g, b)


@njit
def opponent(r, g, b):
    """Return the three channels of the opponent colour space."""
    mu = RED * r + GREEN * g + BLUE * b
    return mu, (r - g) * ROOT_2 + SOME * mu, (r + g - TWO * b) * ROOT_6 + SOME * mu
