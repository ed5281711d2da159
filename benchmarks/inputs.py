"""What jobs take, made from RGB images; NumPy only, so that a worker with few packages can import it."""

import math

import numpy as np

STRIP_PIXELS = 1 << 14  # 48 KB of uint8 RGB and 400 KB of floats: a strip and its result stay in the cache
SHEET_WIDTH = 4096


def rgb(images):
    return images


def gray(images):
    return np.ascontiguousarray(images[..., 1])


def words(images):
    """Return gray images of uint16: smooth, with noise in the lower byte."""
    gray_images = images[..., 1].astype(np.uint16)
    return (gray_images << 8) + (images[..., 0] ^ images[..., 2])


def floats(images):
    """Return float32 in [0, 1]."""
    return np.multiply(images, np.float32(1 / 255), dtype=np.float32)


def reference(images):
    """Return one of the images, darker, whose histogram others are to have."""
    first = images.reshape(-1, *images.shape[-3:])[0]
    return np.ascontiguousarray(first // 2 if first.dtype == np.uint8 else first * np.float32(0.5))


def bright(images):
    """Return a mask of gray images: about half of their pixels."""
    return images > 127


def three_eighths(images):
    """Return the height and width of smaller images."""
    return tuple(3 * side // 8 for side in images.shape[-3:-1])


def hsv(images):
    """Return float32 HSV in [0, 1], by no library's conversion."""
    out = np.empty(images.shape, np.float32)
    for strip, converted in zip(strips(sheet(images)), strips(sheet(out)), strict=True):
        converted[:] = _hsv(strip)
    return out


def _hsv(images):
    scaled = images.astype(np.float32) / np.float32(255)
    value = scaled.max(-1)
    chroma = value - scaled.min(-1)
    r, g, b = np.moveaxis(scaled, -1, 0)
    divisor = np.where(chroma == 0, 1, chroma)
    from_green = np.where(value == g, 2 + (b - r) / divisor, 4 + (r - g) / divisor)
    turn = np.where(value == r, (g - b) / divisor, from_green)
    hue = np.where(chroma == 0, 0, turn / 6 % 1)
    return np.stack([hue, chroma / np.where(value == 0, 1, value), value], -1)


def descriptors(images):
    """Return every 4th patch of 6 x 6 pixels as a vector (n, 108) in [0, 1]."""
    images = images.reshape(-1, *images.shape[-3:])
    windows = np.lib.stride_tricks.sliding_window_view(images, (6, 6), (1, 2))[:, ::4, ::4]
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 108).astype(np.float32) / np.float32(255)


def codebook(vectors):
    """Return 400 words, taken from the descriptors."""
    return np.ascontiguousarray(vectors[np.linspace(0, len(vectors) - 1, 400).astype(int)])


def shifted(histograms):
    """Return ten times as many histograms: these, with their bins moved."""
    return np.concatenate([np.roll(histograms, 7 * k, 1) for k in range(10)])


def palette():
    """Return 64 colours on a grid, (64, 3) uint8."""
    levels = np.array([0, 85, 170, 255], np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)


def sheet(images):
    """Return the pixels of a batch (..., 3) as one picture of long rows, for conversions pixel by pixel."""
    return images.reshape(-1, math.gcd(images.size // 3, SHEET_WIDTH), 3)


def strips(picture, n_pixels=STRIP_PIXELS):
    """Return views of a picture (height, width, 3) in strips of about ``n_pixels``."""
    n_rows = max(1, n_pixels // picture.shape[1])
    return [picture[y : y + n_rows] for y in range(0, len(picture), n_rows)]
