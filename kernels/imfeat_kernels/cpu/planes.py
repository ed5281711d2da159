"""Channels of images as planes.

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
    images : (n_images, 3 * n_pixels) uint8, float32 or float64
    out : (n_images, 3, n_pixels) of the same dtype
    """
    launch(_split, len(images), frozen(images), out, grain=1 + PIXELS // out.shape[2])


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
