"""TIFF files that Pillow refuses or misreads, by tifffile."""

import io
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops, ImageFile

from imfeat.decoding.rgb import Array, as_8_bits, over_white, rgb_of_samples

if TYPE_CHECKING:
    from tifffile import TiffPage

BITS, PHOTOMETRIC, SAMPLES, PLANES, ALPHA, SAMPLE_FORMAT = 258, 262, 277, 284, 338, 339  # tags
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK = 0, 1, 2, 5  # values of PHOTOMETRIC
SEPARATE = 2  # value of PLANES
UNSIGNED, SIGNED = 1, 2  # values of SAMPLE_FORMAT
PREMULTIPLIED, STRAIGHT = 1, 2  # kinds of alpha
UNCOMPRESSED, DEFLATE = 1, (8, 32946)  # kinds of compression that need nothing beside tifffile
N_SAMPLES = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CMYK: 4}


def is_tiff(content: bytes) -> bool:
    """Tell whether a file is a TIFF or BigTIFF."""
    return content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def is_misread(image: ImageFile.ImageFile) -> bool:
    """Tell whether Pillow takes the samples of a TIFF that it opened for others.

    It does not invert 16-bit samples of which 0 is white, reads 16-bit planes as 8-bit ones, does not scale
    12-bit samples, and takes signed bytes for unsigned ones.  Premultiplied planes it opens, but can't load.
    """
    tags = image.tag_v2  # type: ignore[attr-defined]
    bits = tags.get(BITS, (1,))[0]
    is_separate = tags.get(PLANES) == SEPARATE and tags.get(SAMPLES, 1) > 1
    return bool(
        (bits == 16 and tags.get(PHOTOMETRIC) == WHITE_IS_ZERO)
        or (is_separate and (bits == 16 or PREMULTIPLIED in tags.get(ALPHA, ())))
        or bits == 12
        or (bits == 8 and tags.get(SAMPLE_FORMAT, (UNSIGNED,))[0] == SIGNED)
    )


def read_tiff(content: bytes, max_pixels: int) -> tuple[Image.Image, int]:
    """Return the first page as RGB, and its orientation.

    Raises
    ------
    ValueError
        If the page has more than ``max_pixels`` pixels, or is of a kind that can't be read.
    """
    import tifffile

    with tifffile.TiffFile(io.BytesIO(content)) as file:
        page = file.pages.first
        _check_page(page, max_pixels)
        orientation = page.tags.get("Orientation")
        turn = 1 if orientation is None else int(orientation.value)
        if page.compression == UNCOMPRESSED or page.compression in DEFLATE:
            _check_segments(page, content)
            return _as_rgb(page), turn
        return _inverted(page, content), turn


def _check_page(page: "TiffPage", max_pixels: int) -> None:
    n_pixels = page.imagewidth * page.imagelength
    if n_pixels > max_pixels:
        raise ValueError(f"{page.imagewidth} x {page.imagelength} pixels, more than {max_pixels:,}")
    n_samples = page.samplesperpixel
    if (
        page.photometric not in N_SAMPLES
        or not N_SAMPLES[page.photometric] <= n_samples <= 8
        or page.sampleformat != UNSIGNED
        or page.bitspersample not in (1, 8, 16)
        or page.imagedepth != 1
    ):
        kind = getattr(page.sampleformat, "name", page.sampleformat)
        raise ValueError(
            f"a TIFF of {n_samples} samples of {page.bitspersample} bits ({kind}), photometric "
            f"interpretation {int(page.photometric)}, which is not supported; save it as gray or RGB of 8 or "
            "16 bits"
        )


def _check_segments(page: "TiffPage", content: bytes) -> None:
    """Raise ValueError if a strip or tile holds more than its part of the image, which could fill memory."""
    if page.compression == UNCOMPRESSED:
        return
    expected = int(np.prod(page.chunks)) * 2
    for start, n_bytes in zip(page.dataoffsets, page.databytecounts, strict=True):
        segment = zlib.decompressobj()
        segment.decompress(content[start : start + n_bytes], expected + 1)
        if segment.unconsumed_tail:
            raise ValueError(f"a strip or tile of more than {expected:,} bytes")


def _as_rgb(page: "TiffPage") -> Image.Image:
    samples = page.asarray()
    if page.planarconfig == SEPARATE and page.samplesperpixel > 1:
        samples = np.moveaxis(samples, 0, -1)
    samples = samples.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)
    if samples.dtype == bool:
        samples = samples * np.uint8(255)
    if page.photometric == WHITE_IS_ZERO:
        samples[..., 0] = np.iinfo(samples.dtype).max - samples[..., 0]
    n = N_SAMPLES[page.photometric]
    pixels = as_8_bits(samples)
    colors = np.ascontiguousarray(pixels[..., 0] if n == 1 else pixels[..., :n])
    alpha = page.extrasamples[0] if page.extrasamples else 0
    if alpha not in (PREMULTIPLIED, STRAIGHT):
        return (
            Image.frombytes("CMYK", colors.shape[1::-1], colors).convert("RGB")
            if n == 4
            else rgb_of_samples(colors)
        )
    if n == 4:
        raise ValueError("a TIFF of CMYK with alpha, which is not supported; save it as RGB")
    rgb = np.asarray(rgb_of_samples(colors))
    mode = "RGBa" if alpha == PREMULTIPLIED else "RGBA"
    rgba = np.dstack([rgb, pixels[..., n]])
    return over_white(Image.frombytes(mode, rgba.shape[1::-1], rgba).convert("RGBA"))


def _inverted(page: "TiffPage", content: bytes) -> Image.Image:
    """Read gray of which 0 is white as if it were black, with Pillow, which has more kinds of compression."""
    if page.photometric != WHITE_IS_ZERO or page.samplesperpixel > 1:
        raise ValueError(
            f"a TIFF of {page.samplesperpixel} samples of {page.bitspersample} bits, compressed by "
            f"{page.compression!s}, which is not supported; save it uncompressed"
        )
    at = page.tags[PHOTOMETRIC].valueoffset
    value = BLACK_IS_ZERO.to_bytes(2, "little" if page.parent.byteorder == "<" else "big")
    black_is_zero = content[:at] + value + content[at + 2 :]
    with Image.open(io.BytesIO(black_is_zero), formats=("TIFF",)) as image:
        samples: Array = np.asarray(image)
    return ImageChops.invert(rgb_of_samples(samples))
