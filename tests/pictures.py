"""Image files to test with, made on the spot."""

import io

import numpy as np
import skimage.data
from PIL import Image

PHOTO = skimage.data.astronaut()


def crop(k, side=40):
    """Return the k-th of many different parts of a photograph."""
    y, x = (k * 37) % (512 - side), (k * 91) % (512 - side)
    return PHOTO[y : y + side, x : x + side]


def as_file(pixels, kind="PNG", **options):
    """Return the bytes of an image file."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write_folder(folder, n, *, kind="JPEG", classes=3):
    """Write n images into a folder a class, and return their paths in order."""
    suffix = {"JPEG": "jpg", "PNG": "png"}[kind]
    for k in range(n):
        path = folder / f"class{k % classes}" / f"{k:04}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_file(crop(k), kind))
    return sorted(path for path in folder.rglob("*") if path.is_file())


def bytes_of(folder):
    """Return the contents of the files of results, by name."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(paths)}


def decoded(path, size):
    """Return an image file as Pillow decodes and scales it, independently of imfeat."""
    with Image.open(path) as image:
        side = min(image.size)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        box = (left, top, left + side, top + side)
        return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR, box))
