"""Pixels of any of Pillow's modes as 8-bit RGB, with transparency over white."""

import io
import struct
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

GRAY = 0  # colour type of PNG
START_OF_CODESTREAM = b"\xff\x4f\xff\x51"  # of JPEG 2000; its number of components and their depths follow

Array: TypeAlias = npt.NDArray[Any]


def as_rgb(image: ImageFile.ImageFile, content: bytes) -> Image.Image:
    """Convert an opened file to RGB; ``content`` is the bytes of the file.

    Raises
    ------
    ValueError
        If the pixels have no agreed range.
    """
    if image.format == "PNG" and "transparency" in image.info:
        depth, kind = content[24:26]
        if depth == 16:
            return _rgb_of_samples_and_key(_samples_of_16_bit_png(image, content), image.info["transparency"])
        if kind == GRAY and depth > 1:
            # Pillow scales pixels of 2 and 4 bits to 8, but not the transparent value.
            image.info["transparency"] *= 255 // (2**depth - 1)
    return rgb_of_picture(image)


def rgb_of_picture(image: Image.Image) -> Image.Image:
    """Convert an image of Pillow to RGB.

    Raises
    ------
    ValueError
        If the pixels have no agreed range.
    """
    # Pillow opens 16-bit PPM and, before 10.3, 16-bit PNG as 32-bit integers.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return rgb_of_samples(np.asarray(image))
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of Pillow's mode {image.mode} have no agreed range; save 8 or 16 bits")
    if image.mode == "La":
        return over_white(image.convert("LA"))
    return over_white(image) if image.has_transparency_data else image.convert("RGB")


def check_jpeg_2000(content: bytes) -> None:
    """Raise ValueError for colour of more than 8 bits, of which Pillow turns the brightest values to 0."""
    start = content.index(START_OF_CODESTREAM)
    (n_components,) = struct.unpack_from(">H", content, start + 40)
    depth = (content[start + 42] & 127) + 1
    if n_components > 1 and depth > 8:
        raise ValueError(
            f"JPEG 2000 of {n_components} components of {depth} bits, which is not supported; save 8 bits"
        )


def over_white(image: Image.Image) -> Image.Image:
    """Lay an image with transparency on white."""
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")


def rgb_of_samples(samples: Array) -> Image.Image:
    """Convert gray (height, width) or RGB samples of 8 or 16 bits; Pillow's own clips 16 bits to 255."""
    return Image.fromarray(as_8_bits(samples)).convert("RGB")


def as_8_bits(samples: Array) -> npt.NDArray[np.uint8]:
    """Round samples 0 to 65535 to 0 to 255; samples of 8 bits stay."""
    if samples.dtype == np.uint8:
        return samples
    return ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _rgb_of_samples_and_key(samples: Array, transparent: int | tuple[int, ...]) -> Image.Image:
    """Convert 16-bit samples, of which one value or colour is transparent."""
    is_opaque = samples != np.array(transparent)
    if samples.ndim == 3:
        is_opaque = is_opaque.any(axis=2)
    rgb = np.array(rgb_of_samples(samples))
    rgb[~is_opaque] = 255
    return Image.fromarray(rgb)


def _samples_of_16_bit_png(image: ImageFile.ImageFile, content: bytes) -> Array:
    """Return gray (height, width) or RGB samples; of 16-bit RGB, Pillow keeps the high bytes alone."""
    if image.mode != "RGB":
        return np.asarray(image)
    with Image.open(io.BytesIO(content), formats=("PNG",)) as other:
        # Read in the other byte order, the bytes that are kept are the low ones.
        other.tile = [(*tile[:3], "RGB;16L") for tile in other.tile]  # type: ignore[misc]
        low = np.asarray(other)
    samples: Array = np.asarray(image).astype(np.uint16) << 8 | low
    return samples
