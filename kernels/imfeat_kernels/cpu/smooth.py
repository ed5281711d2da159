"""Smoothing by a symmetric kernel, down and then across, row by row.

With weights w(0) + 2 sum w(k) = 1, the sum is written as a correction of the pixel,

    p(x) + sum_k w(k) ((p(x + k) - p(x)) + (p(x - k) - p(x))),

which keeps constant regions exactly.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import frozen, launch

PIXELS = 1 << 14  # pixels that are worth a thread


def smooth(images, weights, out):
    """Smooth images; beyond the border, the pixel at the border is repeated.

    Parameters
    ----------
    images : (n_images, height, width) uint8, float32 or float64
    weights : (radius,) float32
        Weights of the pixels 1, 2, ... away, on either side.
    out : (n_images, height, width) float32
        Overwritten, in the unit of ``images``.
    """
    n_images, height, width = images.shape
    launch(_smooth, n_images * height, frozen(images), weights, out, grain=max(1, PIXELS // width))


@njit(nogil=True, cache=True)
def _smooth(start, stop, images, weights, out):
    _, height, width = images.shape
    radius = len(weights)
    row = np.zeros(width + 2 * radius, np.float32)
    middle = np.zeros(width, np.float32)
    total = np.zeros(width, np.float32)
    for item in range(start, stop):  # an item is a row
        i = np.uint64(item // height)
        y = item % height
        here = np.uint64(y)
        for x in range(np.uint64(width)):
            middle[x] = np.float32(images[i, here, x])
            total[x] = middle[x]
        for k in range(1, radius + 1):
            above, below = np.uint64(max(y - k, 0)), np.uint64(min(y + k, height - 1))
            for x in range(np.uint64(width)):
                up, down = np.float32(images[i, above, x]), np.float32(images[i, below, x])
                total[x] += weights[k - 1] * ((up - middle[x]) + (down - middle[x]))
        for x in range(radius):
            row[x] = total[0]
            row[radius + width + x] = total[width - 1]
        for x in range(width):
            row[radius + x] = total[x]
        for k in range(1, radius + 1):
            left, right = np.uint64(radius - k), np.uint64(radius + k)
            for x in range(np.uint64(width)):
                value = row[np.uint64(radius) + x]
                total[x] += weights[k - 1] * ((row[right + x] - value) + (row[left + x] - value))
        for x in range(np.uint64(width)):
            out[i, here, x] = total[x]
