"""Images continued beyond their borders."""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import frozen, launch

VALUES = 1 << 16  # values that are worth a thread


def mirror(images, corner, out):
    """Copy images into larger ones, and continue them by mirror images, as `numpy.pad` with ``"reflect"``.

    Parameters
    ----------
    images : (n_images, height, width, n_channels) of any dtype
    corner : (int, int)
        Row and column of ``out`` where the images begin.
    out : (n_images, at least corner[0] + height, at least corner[1] + width, n_channels) of the same dtype
    """
    n_images, n_rows, n_cols, n_channels = out.shape
    grain = 1 + VALUES // (n_cols * n_channels)
    launch(_mirror, n_images * n_rows, frozen(images), np.array(corner), out, grain=grain)


@njit(nogil=True, cache=True)
def _mirror(start, stop, images, corner, out):
    n_rows, n_cols, n_channels = out.shape[1:]
    _, height, width, _ = images.shape
    top, left = corner
    for item in range(start, stop):  # an item is a row of an image
        i, y = item // n_rows, item % n_rows
        row, line = images[i, mirrored(y - top, height)], out[i, y]
        values, inner = row.reshape(-1), line.reshape(-1)[left * n_channels :]
        for k in range(len(values)):
            inner[k] = values[k]
        for x in range(left):
            for c in range(n_channels):
                line[x, c] = row[mirrored(x - left, width), c]
        for x in range(left + width, n_cols):
            for c in range(n_channels):
                line[x, c] = row[mirrored(x - left, width), c]


@njit
def mirrored(k, n):
    """Return the index among n where the mirror images have the pixel k, which may be negative."""
    period = max(2 * n - 2, 1)
    k = abs(k) % period
    return k if k < n else period - k
