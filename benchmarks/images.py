"""The images that benchmarks run on: pictures that come with scikit-image, in four sizes."""

import math

import numpy as np
import skimage.data


def mosaic(height, width):
    """Return a picture (height, width, 3) uint8, tiled with photographs and their mirror images."""
    photos = [skimage.data.astronaut(), skimage.data.coffee()[:400], skimage.data.chelsea()]
    rows = []
    for k in range(-(-height // 300)):
        pieces = [photos[(k + j) % 3][:300, :400] for j in range(-(-width // 400))]
        rows.append(np.concatenate([p[:, ::-1] if (k + j) % 2 else p for j, p in enumerate(pieces)], 1))
    return np.ascontiguousarray(np.concatenate(rows)[:height, :width])


def cut(n_images, height, width):
    """Return images (n_images, height, width, 3) cut out of a mosaic, side by side."""
    across = int(np.ceil(np.sqrt(n_images)))
    whole = mosaic(height * -(-n_images // across), width * across)
    tiles = whole.reshape(-1, height, across, width, 3).swapaxes(1, 2).reshape(-1, height, width, 3)
    return np.ascontiguousarray(tiles[:n_images])


def some(images, n_pixels):
    """Return as many whole images, or as large a part of one, as have about ``n_pixels``."""
    n_images, height, width = images.shape[:3]
    if n_pixels is None or images[..., 0].size <= n_pixels:
        return images
    if n_images > 1:
        return images[: max(2, n_pixels // (height * width))]
    side = math.isqrt(n_pixels)
    return np.ascontiguousarray(images[:, :side, :side])


SIZES = {
    "1000 of 32x32": (1000, 32, 32),
    "64 of 320x240": (64, 240, 320),
    "64 of 512x512": (64, 512, 512),
    "1 of 4096x4096": (1, 4096, 4096),
}
SHORT_SIZES = {"8 of 32x32": (8, 32, 32), "2 of 64x48": (2, 48, 64)}


def size_class(images):
    return "tiny" if max(images.shape[1:3]) <= 32 else "large"
