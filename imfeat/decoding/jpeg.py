"""JPEG files by simplejpeg, with the pixels that Pillow gives, and at a smaller scale.

1. Read the header: size, components, and orientation.  What is unusual there is left to Pillow.
2. Decode, strictly: a file with an error or a warning of libjpeg-turbo is left to Pillow, too.
"""

import functools
import struct
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image, features

from imfeat.decoding.metadata import JPEG, START_OF_SCAN, orientation_of_exif

BASELINE, EXTENDED, PROGRESSIVE = (
    0xC0,
    0xC1,
    0xC2,
)  # frames of Huffman codes; arithmetic ones are left to Pillow
TABLES = (0xC4, 0xDB, 0xDD)  # of codes, of quantization, and the restart interval
EXIF, XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
XMP_ORIENTATION = b"tiff:Orientation"
ADOBE = 0xEE
YCBCR_OF_ADOBE, YCBCR_IDS = b"\1", b"\1\2\3"  # of the colour transform, and of the components
SCALES = (8, 4, 2)  # those between, as 3/8, take longer than the next larger one
UNSCALED_BELOW = 16  # pixels, where several scales give the same size
TURNED = (5, 6, 7, 8)  # orientations that swap height and width

Pixels: TypeAlias = npt.NDArray[np.uint8]


class Header(NamedTuple):
    """Size as stored, number of components, and orientation of EXIF."""

    height: int
    width: int
    n_components: int
    orientation: int


def read_jpeg(
    content: bytes, max_pixels: int, smallest: tuple[int, int] | None = None
) -> tuple[Pixels, int] | None:
    """Decode a JPEG, not turned yet, and return it with its orientation.

    Parameters
    ----------
    content : bytes
    max_pixels : int
    smallest : (height, width), optional
        Decode at 1/8, 1/4 or 1/2 of the size if the upright picture still has this height and width.

    Returns
    -------
    pixels : array of shape (height, width, 3) or, gray, (height, width), uint8
    orientation : int

    None for all that is not read as Pillow reads it: other files, unusual ones, and broken ones.
    """
    header = read_header(content)
    if header is None or header.height * header.width > _most_pixels(max_pixels):
        return None
    if smallest is None and not is_of_libjpeg_turbo():
        return None
    scale = 1 if smallest is None else _scale(header, smallest)
    height, width = _scaled(header, scale)
    kind = "RGB" if header.n_components == 3 else "GRAY"
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(content, kind, min_height=height, min_width=width)
    except ValueError:  # errors and warnings
        return None
    if pixels.shape[:2] != (height, width):
        return None
    return (pixels if header.n_components == 3 else pixels[:, :, 0]), header.orientation


@functools.cache
def is_of_libjpeg_turbo() -> bool:
    """Tell whether Pillow, too, decodes by libjpeg-turbo, of a version with the same pixels."""
    version = features.version_feature("libjpeg_turbo")
    return version is not None and int(version.split(".")[0]) >= 3


def _most_pixels(max_pixels: int) -> float:
    """Return the limit beyond which Pillow gives the reason, by its own limit if that is less."""
    of_pillow = Image.MAX_IMAGE_PIXELS
    return max_pixels if of_pillow is None else min(max_pixels, of_pillow)


def _scale(header: Header, smallest: tuple[int, int]) -> int:
    """Return by what height and width can be divided, with the upright picture still of the smallest size."""
    height, width = smallest[::-1] if header.orientation in TURNED else smallest
    if max(header.height, header.width) < UNSCALED_BELOW:
        return 1
    for scale in SCALES:
        scaled = _scaled(header, scale)
        if scaled[0] >= height and scaled[1] >= width:
            return scale
    return 1


def _scaled(header: Header, scale: int) -> tuple[int, int]:
    return -(-header.height // scale), -(-header.width // scale)


def read_header(content: bytes) -> Header | None:
    """Return what the segments before the first scan tell; None if any of them is unusual.

    Usual are segments that Pillow and libjpeg-turbo take for the same: one frame of 8 bits, gray or of three
    components whose colour space is not in question, and EXIF that is well-formed.
    """
    segments = _segments(content)
    if segments is None:
        return None
    frames = [data for kind, data in segments if kind in (BASELINE, EXTENDED, PROGRESSIVE)]
    if len(frames) != 1 or len(frames[0]) < 6:
        return None
    depth, height, width, n_components = struct.unpack_from(">BHHB", frames[0])
    if depth != 8 or not height or not width or len(frames[0]) != 6 + 3 * n_components:
        return None
    if n_components != 1 and not (n_components == 3 and _has_one_colour_space(segments, frames[0])):
        return None
    orientation = _orientation(segments)
    return None if orientation is None else Header(height, width, n_components, orientation)


def _segments(content: bytes) -> list[tuple[int, bytes]] | None:
    """Return kind and data of each segment before the first scan, or None if others than usual are there."""
    segments: list[tuple[int, bytes]] = []
    start = len(JPEG)
    if not content.startswith(JPEG):
        return None
    while len(content) >= start + 4 and content[start] == 0xFF:
        kind = content[start + 1]
        if kind == START_OF_SCAN:
            return segments
        is_usual = kind in (BASELINE, EXTENDED, PROGRESSIVE, *TABLES) or 0xE0 <= kind <= 0xEF or kind == 0xFE
        end = start + 2 + (content[start + 2] << 8 | content[start + 3])
        if not is_usual or not start + 4 <= end <= len(content):
            return None
        segments.append((kind, content[start + 4 : end]))
        start = end
    return None


def _has_one_colour_space(segments: list[tuple[int, bytes]], frame: bytes) -> bool:
    """Tell whether the colours are the same without JFIF, which Pillow's way leaves out of flawed files."""
    has_jfif = any(kind == 0xE0 and data.startswith(b"JFIF") for kind, data in segments)
    is_rgb = any(kind == ADOBE and data[11:12] != YCBCR_OF_ADOBE for kind, data in segments)
    return not has_jfif or (not is_rgb and frame[6::3] == YCBCR_IDS)


def _orientation(segments: list[tuple[int, bytes]]) -> int | None:
    """Return the orientation, 1 without one, or None where it takes Pillow to tell."""
    app1 = [data for kind, data in segments if kind == 0xE1]
    for data in app1:
        if data.startswith(EXIF):
            orientation = orientation_of_exif(data[len(EXIF) :])
            if orientation != 0:
                return orientation
            break  # Pillow, too, goes on with another one only where the first is not well-formed
    return None if any(data.startswith(XMP) and XMP_ORIENTATION in data for data in app1) else 1
