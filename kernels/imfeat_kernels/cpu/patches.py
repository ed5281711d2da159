"""Patches of images, and their normalization."""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.instruction import copy_eight
from imfeat_kernels.cpu.launch import launch

VALUES = 1 << 16  # copied values that are worth a thread


def gather_patches(images, positions, patch_size, white, out):
    """Copy patches at some positions.

    Parameters
    ----------
    images : (n_images, height, width, n_channels) uint8, float32 or float64
    positions : (n, 3) int64
        Image, top row and left column of each patch.
    patch_size : int
        Side of a square patch, in pixels.
    white : float32
        Value that counts as 1.
    out : (n, patch_size * patch_size * n_channels) float32
    """
    launch(_gather_patches, len(out), images, positions, patch_size, white, out, grain=_grain(out))


def dense_patches(images, patch_size, stride, white, out):
    """Copy the patches at all positions of a grid.

    Parameters
    ----------
    images, patch_size, white
        As for `gather_patches`.
    stride : int
        Pixels from one position to the next.
    out : (n_images, n_rows, n_cols, patch_size * patch_size * n_channels) float32
    """
    n_images, n_rows, n_cols, _ = out.shape
    grain = max(1, _grain(out) // n_cols)
    launch(_dense_patches, n_images * n_rows, images, patch_size, stride, white, out, grain=grain)


def normalize_patches(patches, epsilon, out):
    """Subtract the mean of each patch and divide by sqrt(variance + epsilon).

    Parameters
    ----------
    patches : (n, d) float32
    epsilon : float32
    out : (n, d) float32
    """
    launch(_normalize_patches, len(out), patches, epsilon, out, grain=_grain(out))


def mirror_patches(patches, width, n_channels, out):
    """Mirror patches, or whole images, horizontally.

    Parameters
    ----------
    patches : (n, height * width * n_channels) uint8, float32 or float64
    width, n_channels : int
    out : (n, height * width * n_channels), the same dtype
    """
    launch(_mirror_patches, len(out), patches, width, n_channels, out, grain=_grain(out))


def mirror_parts(images, patch_size, white, epsilon, center, left, right, even, odd):
    """Normalize the patches at all positions, and split each into its even and odd part under mirroring.

    For a normalized patch p less the center and its mirror image p', ``even`` holds p + p' and ``odd`` holds
    p - p', at the indices ``left``.  The middle column, of equal indices ``right``, has no odd part.

    Parameters
    ----------
    images : (n_images, height, width, n_channels) uint8, float32 or float64
    patch_size : int
        Side of a square patch, in pixels.
    white : float32
        Value that counts as 1.
    epsilon : float32
        Added to the variance.
    center : (patch_size * patch_size * n_channels,) float32
        Subtracted from normalized patches.
    left, right : (patch_size * ceil(patch_size / 2) * n_channels,) uint64
        Indices in a patch of the values of the left half, then of the middle column, and those
        of their mirror images.
    even : (n_images, n_rows, n_cols, patch_size * ceil(patch_size / 2) * n_channels) float32
        Overwritten.
    odd : (n_images, n_rows, n_cols, patch_size * floor(patch_size / 2) * n_channels) float32
        Overwritten.
    """
    n_images, n_rows, _, _ = even.shape
    options = patch_size, white, epsilon, center, left, right
    launch(_mirror_parts, n_images * n_rows, images, *options, even, odd)


def _grain(out):
    return max(1, VALUES // out.shape[-1])


@njit(nogil=True, cache=True, error_model="numpy")
def _gather_patches(start, stop, images, positions, patch_size, white, out):
    for item in range(start, stop):
        i, y, x = positions[item]
        _copy_patch(images[i], y, x, patch_size, np.float32(1) / white, out[item])


@njit(nogil=True, cache=True, error_model="numpy")
def _dense_patches(start, stop, images, patch_size, stride, white, out):
    _, height, width, n_channels = images.shape
    n_rows, n_cols, d = out.shape[1:]
    scale = np.float32(1) / white
    pixels = images.reshape(-1)
    patches = out.reshape(-1)
    length, line = patch_size * n_channels, width * n_channels  # of a row of a patch, and of an image
    rows = np.empty(patch_size * line, np.float32)
    for item in range(start, stop):  # an item is a row of positions
        i, r = item // n_rows, item % n_rows
        first = np.uint64((i * height + r * stride) * line)
        for x in range(np.uint64(len(rows))):
            rows[x] = pixels[first + x] * scale
        for c in range(n_cols):
            target = (item * n_cols + c) * d
            for y in range(patch_size):
                source = y * line + c * stride * n_channels
                _copy(rows, np.uint64(source), np.uint64(length), patches, np.uint64(target + y * length))


@inner
def _copy(x, source, n, y, target):
    """Copy n values, eight at a time; the last eight overlap the previous ones."""
    eight = np.uint64(8)
    if n < eight:
        for j in range(n):
            y[target + j] = x[source + j]
        return
    last = n - eight
    j = np.uint64(0)
    while j < last:
        copy_eight(x, source + j, y, target + j)
        j += eight
    copy_eight(x, source + last, y, target + last)


@inner
def _copy_patch(image, top, left, patch_size, scale, patch):
    length = patch_size * image.shape[2]
    for y in range(patch_size):
        source = image[top + y, left : left + patch_size].reshape(-1)
        target = patch[y * length : (y + 1) * length]
        for x in range(length):
            target[x] = source[x] * scale


# The compiler may choose the order of the sums, and adds 16 values at a time.
@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _normalize_patches(start, stop, patches, epsilon, out):
    for item in range(start, stop):
        patch, result = patches[item], out[item]
        total = np.float32(0)
        for j in range(len(patch)):
            total += patch[j]
        mean = total / np.float32(len(patch))
        squares = np.float32(0)
        for j in range(len(patch)):
            squares += (patch[j] - mean) * (patch[j] - mean)
        factor = np.float32(1) / np.sqrt(squares / np.float32(len(patch)) + epsilon)
        for j in range(len(patch)):
            result[j] = (patch[j] - mean) * factor


@njit(nogil=True, cache=True, error_model="numpy")
def _mirror_patches(start, stop, patches, width, n_channels, out):
    length = width * n_channels
    for item in range(start, stop):
        patch, mirrored = patches[item], out[item]
        for y in range(patches.shape[1] // length):
            source = y * length
            target = source + length
            for _ in range(width):
                target -= n_channels
                for c in range(n_channels):
                    mirrored[target + c] = patch[source + c]
                source += n_channels


# The compiler may choose the order of the sums, and adds 16 values at a time.
@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _mirror_parts(start, stop, images, patch_size, white, epsilon, center, left, right, even, odd):
    _, height, width, n_channels = images.shape
    n_rows, n_cols = even.shape[1:3]
    pixels = images.reshape(-1)
    scale = np.float32(1) / white
    evens, odds = even.reshape(-1, even.shape[3]), odd.reshape(-1, odd.shape[3])
    patch = np.empty(patch_size * patch_size * n_channels, np.float32)
    d = np.uint64(len(patch))
    length = np.uint64(patch_size * n_channels)
    for item in range(start, stop):  # an item is a row of positions
        i, r = item // n_rows, item % n_rows
        for c in range(n_cols):
            total = np.float32(0)
            for y in range(patch_size):
                source = np.uint64(((i * height + r + y) * width + c) * n_channels)
                target = np.uint64(y) * length
                for x in range(length):
                    value = np.float32(pixels[source + x]) * scale
                    patch[target + x] = value
                    total += value
            mean = total / np.float32(d)
            squares = np.float32(0)
            for j in range(d):
                squares += (patch[j] - mean) * (patch[j] - mean)
            factor = np.float32(1) / np.sqrt(squares / np.float32(d) + epsilon)
            for j in range(d):
                patch[j] = (patch[j] - mean) * factor - center[j]
            position = item * n_cols + c
            for j in range(np.uint64(odds.shape[1])):
                odds[position, j] = patch[left[j]] - patch[right[j]]
            for j in range(np.uint64(evens.shape[1])):
                evens[position, j] = patch[left[j]] + patch[right[j]]
