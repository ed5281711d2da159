"""Patches of images, and their normalization: a block is a patch."""

import math

import numpy as np

from imfeat_kernels.cuda.common import SMALL, divided, small_sum
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import launch

f32, u32 = np.float32, np.uint32


def gather_patches(images, positions, patch_size, white, out):
    """Copy patches at some positions."""
    launch(_gather_patches, len(out), images, positions, patch_size, white, out, threads=SMALL)


def dense_patches(images, patch_size, stride, white, out):
    """Copy the patches at all positions of a grid."""
    n_positions = out.shape[0] * out.shape[1] * out.shape[2]
    launch(_dense_patches, n_positions, images, patch_size, stride, white, out, threads=SMALL)


def normalize_patches(patches, epsilon, out):
    """Subtract the mean of each patch and divide by sqrt(variance + epsilon)."""
    launch(_normalize_patches, len(out), patches, epsilon, out, threads=SMALL)


def mirror_patches(patches, width, n_channels, out):
    """Mirror patches, or whole images, horizontally."""
    launch(_mirror_patches, len(out), patches, width, n_channels, out, threads=SMALL)


def mirror_parts(images, patch_size, white, epsilon, center, left, right, even, odd):
    """Normalize the patches at all positions, and split each into its even and odd part under mirroring."""
    n_images, n_rows, n_cols, _ = even.shape
    options = patch_size, white, epsilon, center, left, right
    launch(_mirror_parts, n_images * n_rows * n_cols, images, *options, even, odd, threads=SMALL)


@cuda.jit(device=True)
def patch_value(images, i, top, left, patch_size, white, j):
    """Return value j of a patch."""
    pixel, channel = divided(j, images.shape[3])
    y, x = divided(pixel, patch_size)
    return f32(images[i, top + y, left + x, channel]) / white


@cuda.jit
def _gather_patches(images, positions, patch_size, white, out):
    n, j = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x)
    i, top, left = u32(positions[n, 0]), u32(positions[n, 1]), u32(positions[n, 2])
    while j < u32(out.shape[1]):
        out[n, j] = patch_value(images, i, top, left, patch_size, white, j)
        j = u32(j + u32(SMALL))


@cuda.jit
def _dense_patches(images, patch_size, stride, white, out):
    row, c = divided(cuda.blockIdx.x, out.shape[2])
    (i, r), j = divided(row, out.shape[1]), u32(cuda.threadIdx.x)
    top, left = r * u32(stride), c * u32(stride)
    while j < u32(out.shape[3]):
        out[i, r, c, j] = patch_value(images, i, top, left, patch_size, white, j)
        j = u32(j + u32(SMALL))


@cuda.jit
def _normalize_patches(patches, epsilon, out):
    sums = cuda.shared.array(SMALL, f32)
    t = u32(cuda.threadIdx.x)
    item = u32(cuda.blockIdx.x)
    d = u32(patches.shape[1])
    total = f32(0)
    j = t
    while j < d:
        total += patches[item, j]
        j = u32(j + u32(SMALL))
    sums[t] = total
    mean = small_sum(sums) / f32(d)
    total = f32(0)
    j = t
    while j < d:
        total += (patches[item, j] - mean) * (patches[item, j] - mean)
        j = u32(j + u32(SMALL))
    sums[t] = total
    factor = f32(1) / math.sqrt(small_sum(sums) / f32(d) + epsilon)
    j = t
    while j < d:
        out[item, j] = (patches[item, j] - mean) * factor
        j = u32(j + u32(SMALL))


@cuda.jit
def _mirror_patches(patches, width, n_channels, out):
    item, j = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x)
    size, channels = u32(width), u32(n_channels)
    while j < u32(out.shape[1]):
        pixel, channel = divided(j, channels)
        y, x = divided(pixel, size)
        out[item, j] = patches[item, (y * size + size - u32(1) - x) * channels + channel]
        j = u32(j + u32(SMALL))


@cuda.jit
def _mirror_parts(images, patch_size, white, epsilon, center, left, right, even, odd):
    sums = cuda.shared.array(SMALL, f32)
    t = u32(cuda.threadIdx.x)
    item = u32(cuda.blockIdx.x)
    d = u32(center.size)
    size = u32(patch_size)
    n_rows, n_cols = u32(even.shape[1]), u32(even.shape[2])
    row, x = divided(item, n_cols)
    i, y = divided(row, n_rows)
    total = f32(0)
    j = t
    while j < d:
        total += patch_value(images, i, y, x, size, white, j)
        j = u32(j + u32(SMALL))
    sums[t] = total
    mean = small_sum(sums) / f32(d)
    total = f32(0)
    j = t
    while j < d:
        value = patch_value(images, i, y, x, size, white, j) - mean
        total += value * value
        j = u32(j + u32(SMALL))
    sums[t] = total
    factor = f32(1) / math.sqrt(small_sum(sums) / f32(d) + epsilon)
    j = t
    while j < u32(left.size):
        a, b = u32(left[j]), u32(right[j])
        value = (patch_value(images, i, y, x, size, white, a) - mean) * factor - center[a]
        mirrored = (patch_value(images, i, y, x, size, white, b) - mean) * factor - center[b]
        even[i, y, x, j] = value + mirrored
        if j < u32(odd.shape[3]):
            odd[i, y, x, j] = value - mirrored
        j = u32(j + u32(SMALL))
