"""Cutting patches out of images, and taking brightness and contrast out of patches."""

import numpy as np
from numba import njit

from imfeat_kernels.cpu.launch import launch

VALUES = 1 << 16  # copied values that are worth a thread


def gather_patches(images, positions, patch_size, white, out):
    """Copy the patches at given positions.

    Parameters
    ----------
    images : (n_images, height, width, n_channels) uint8, float32 or float64
    positions : (n, 3) int64
        Image, top row and left column of each patch.
    patch_size : int
        In pixels.
    white : float32
        What counts as 1.
    out : (n, patch_size * patch_size * n_channels) float32
    """
    launch(_gather_patches, len(out), images, positions, patch_size, white, out, grain=_grain(out))


def dense_patches(images, patch_size, stride, white, out):
    """Copy the patches at all positions of a grid; parameters as for `gather_patches`.

    Parameters
    ----------
    stride : int
        Pixels from one position to the next.
    out : (n_images, n_rows, n_cols, patch_size * patch_size * n_channels) float32
    """
    n_images, n_rows, n_cols, _ = out.shape
    grain = max(1, _grain(out) // n_cols)
    launch(_dense_patches, n_images * n_rows, images, patch_size, stride, white, out, grain=grain)


def normalize_patches(patches, epsilon, out):
    """Subtract from each patch its mean, and divide by sqrt(variance + epsilon).

    Parameters
    ----------
    patches : (n, d) float32
    epsilon : float32
    out : (n, d) float32
    """
    launch(_normalize_patches, len(out), patches, epsilon, out, grain=_grain(out))


def _grain(out):
    return max(1, VALUES // out.shape[-1])


@njit(nogil=True, cache=True, error_model="numpy")
def _gather_patches(start, stop, images, positions, patch_size, white, out):
    for item in range(start, stop):
        i, y, x = positions[item]
        _copy_patch(images[i], y, x, patch_size, np.float32(1) / white, out[item])


@njit(nogil=True, cache=True, error_model="numpy")
def _dense_patches(start, stop, images, patch_size, stride, white, out):
    n_rows, n_cols = out.shape[1], out.shape[2]
    for item in range(start, stop):  # an item is a row of positions
        i, r = item // n_rows, item % n_rows
        for c in range(n_cols):
            _copy_patch(images[i], r * stride, c * stride, patch_size, np.float32(1) / white, out[i, r, c])


@njit
def _copy_patch(image, top, left, patch_size, scale, patch):
    length = patch_size * image.shape[2]
    for y in range(patch_size):
        source = image[top + y, left : left + patch_size].reshape(-1)
        target = patch[y * length : (y + 1) * length]
        for x in range(length):
            target[x] = source[x] * scale


# The order of the sums is left to the compiler, which then adds 16 values at a time.
@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _normalize_patches(start, stop, patches, epsilon, out):
    for item in range(start, stop):
        patch, result = patches[item], out[item]
        total = np.float32(0)
        for j in range(len(patch)):
            total += patch[j]
        mean, squares = total / np.float32(len(patch)), np.float32(0)
        for j in range(len(patch)):
            squares += (patch[j] - mean) * (patch[j] - mean)
        factor = np.float32(1) / np.sqrt(squares / np.float32(len(patch)) + epsilon)
        for j in range(len(patch)):
            result[j] = (patch[j] - mean) * factor
