"""Channels of images as planes, masks of planes, and borders, on the CPU and on a GPU."""

import math
from typing import Any

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of

Pair = tuple[int, int]  # of rows and columns


def to_planes(batch: Array) -> Array:
    """Return the channels of images (n, ..., n_channels) as planes (n * n_channels, ...)."""
    n_images, *area, n_channels = batch.shape
    if n_channels == 1:
        return batch.reshape(n_images, *area)
    planes = empty_on_device_of((n_images * n_channels, *area), batch.dtype, batch)
    n_pixels = math.prod(area)
    pixels = batch.reshape(n_images, n_pixels * n_channels)
    backend_of(batch).planes.split(pixels, planes.reshape(n_images, n_channels, n_pixels))
    return planes


def from_planes(planes: Array, out: Array) -> None:
    """Write planes (n * n_channels, ...) to the channels of images (n, ..., n_channels)."""
    n_images, *area, n_channels = out.shape
    n_pixels = math.prod(area)
    pixels = out.reshape(n_images, n_pixels * n_channels)
    backend_of(planes).planes.join(planes.reshape(n_images, n_channels, n_pixels), pixels)


def repeated(rows: Array, n: int) -> Array:
    """Return rows (m, n_values), each n times in a row."""
    if n == 1:
        return rows
    out = empty_on_device_of((n * len(rows), rows.shape[1]), rows.dtype, rows)
    backend_of(rows).planes.repeat(rows, out)
    return out


def mirrored(images: Array, corner: Pair, size: Pair) -> Array:
    """Return images (n, height, width, ...) as larger ones with mirrored borders, which begin at a corner."""
    n_images, height, width, *rest = images.shape
    stored: Any = np.uint8 if images.dtype == np.bool_ else images.dtype
    out = empty_on_device_of((n_images, *size, *rest), stored, images)
    n_channels = math.prod(rest)
    pixels = images.view(stored).reshape(n_images, height, width, n_channels)
    backend_of(images).borders.mirror(pixels, corner, out.reshape(n_images, *size, n_channels))
    return frozen(out.view(images.dtype))


def frozen(array: Array) -> Array:
    """Set an array of the host read-only, as images and masks are, so that kernels are compiled once."""
    if isinstance(array, np.ndarray):
        array.setflags(write=False)
    return array
