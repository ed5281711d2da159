"""Image files to arrays of one size; files that can't be decoded give a reason instead."""

import functools
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from imfeat._environment import usable_cores
from imfeat.decoding.jpeg import read_jpeg
from imfeat.decoding.metadata import TRANSPOSES, orientation_of, upright, without_metadata
from imfeat.decoding.quiet import warnings_of_pillow
from imfeat.decoding.rgb import as_rgb, check_jpeg_2000
from imfeat.decoding.tiff import is_misread, is_tiff, read_tiff
from imfeat.resize import fit_box, resize

DEFAULT_SIZE = 64
FITS = ("crop", "stretch")
DECODES = ("exact", "fast")
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "JPEG2000", "AVIF")
MAX_BYTES = 512 * 2**20
MAX_PIXELS = 64_000_000
MAX_SCANS = 500  # of a JPEG: each passes over all pixels, and a small file can hold many
FILES_AT_ONCE = 64  # bounds the decoded images that wait for a slower one before them
START_OF_JPEG = b"\xff\xd8"
START_OF_SCAN = b"\xff\xda"


class File(Protocol):
    """A file that can be read, as `imfeat.sources.Item`."""

    @property
    def name(self) -> str: ...

    @property
    def is_read_in_order(self) -> bool: ...

    def read(self, most_bytes: int) -> bytes:
        """Return its bytes, or raise OSError or ValueError."""
        ...


Pixels: TypeAlias = npt.NDArray[np.uint8]
Skipped: TypeAlias = tuple[tuple[str, str], ...]


def as_pair(size: int | tuple[int, int] | None) -> tuple[int, int]:
    """Return height and width in pixels for one number, a pair, or None for the default."""
    sides = np.atleast_1d(DEFAULT_SIZE if size is None else size)
    if sides.dtype.kind not in "iu" or sides.shape not in ((1,), (2,)) or sides.min() < 1:
        raise ValueError(f"size must be a number of pixels or a pair (height, width), got {size!r}")
    return int(sides[0]), int(sides[-1])


def decode_all(
    files: Sequence[File], size: tuple[int, int], fit: str, how: str = "exact"
) -> tuple[Pixels, list[int], Skipped]:
    """Decode files on all usable cores.

    Returns
    -------
    images : array of shape (n_kept, height, width, 3), uint8
    kept : list of int
        Indices of the ``files`` of the images.
    skipped : tuple of (name, reason)
    """
    images = np.empty((len(files), *size, 3), np.uint8)
    kept: list[int] = []
    skipped = []
    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(files), FILES_AT_ONCE):
            batch = files[start : start + FILES_AT_ONCE]
            contents = (_content_or_reason(file) if file.is_read_in_order else file for file in batch)
            results = pool.map(lambda content: decode_or_reason(content, size, fit, how), contents)
            for i, result in enumerate(results, start):
                if isinstance(result, str):
                    skipped.append((files[i].name, result))
                else:
                    images[len(kept)] = result
                    kept.append(i)
    return images[: len(kept)], kept, tuple(skipped)


def decode(content: bytes, size: tuple[int, int], fit: str, how: str = "exact") -> Pixels:
    """Decode the first frame of a file, upright, as RGB of the given size.

    Parameters
    ----------
    content : bytes
    size : (height, width)
    fit : {"crop", "stretch"}
    how : {"exact", "fast"}
        Decoding of JPEGs at their size, or at the smallest of 1/8, 1/4, 1/2 and 1 that covers ``size``.

    Raises
    ------
    Exception
        Of many types, since each of Pillow's decoders raises its own.
    """
    n_scans = content.count(START_OF_SCAN) if content.startswith(START_OF_JPEG) else 0
    if n_scans > MAX_SCANS:
        raise ValueError(f"{n_scans:,} scans, more than {MAX_SCANS}")
    jpeg = read_jpeg(content, MAX_PIXELS, size if how == "fast" else None)
    if jpeg is None:
        with warnings_of_pillow():
            return fitted(_read(content), size, fit)
    pixels, orientation = jpeg
    is_turned = orientation in TRANSPOSES
    return fitted(upright(Image.fromarray(pixels), orientation) if is_turned else pixels, size, fit)


def fitted(picture: Image.Image | Pixels, size: tuple[int, int], fit: str) -> Pixels:
    """Scale an RGB or gray image of Pillow, or array, to RGB (height, width, 3)."""
    pixels = np.asarray(picture)
    height, width = pixels.shape[:2]
    box = fit_box(height, width, size) if fit == "crop" else None
    scaled: Pixels = resize(pixels, size, box=box, channel_axis=None if pixels.ndim == 2 else -1)
    return scaled if scaled.ndim == 3 else np.repeat(scaled[..., np.newaxis], 3, axis=2)


def _read(content: bytes) -> Image.Image:
    """Return the first frame as RGB, upright; what is wrong with metadata alone is no error."""
    try:
        return _read_as_it_is(content)
    except Exception:
        bare = without_metadata(content)
        if bare is None or bare == content:
            raise
        return _read_as_it_is(bare)


def _read_as_it_is(content: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content), formats=_formats())
    except UnidentifiedImageError:
        if not is_tiff(content):
            raise
        return upright(*read_tiff(content, MAX_PIXELS))
    with image:
        n_pixels = image.width * image.height
        if n_pixels > MAX_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels, more than {MAX_PIXELS:,}")
        if image.format == "TIFF" and is_misread(image):
            return upright(*read_tiff(content, MAX_PIXELS))
        if image.format == "JPEG2000":
            check_jpeg_2000(content)
        image.load()  # Pillow turns a TIFF upright itself, and removes its orientation
        orientation = orientation_of(image)
        return upright(as_rgb(image, content), orientation)


@functools.cache
def _formats() -> tuple[str, ...]:
    """Return the formats that this version of Pillow has."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def decode_or_reason(
    content: File | bytes | str, size: tuple[int, int], fit: str, how: str = "exact"
) -> Pixels | str:
    """Decode a file or its bytes, or return the reason of the failure; a reason is returned as it is."""
    if not isinstance(content, bytes | str):
        content = _content_or_reason(content)
    if isinstance(content, str):
        return content
    try:
        return decode(content, size, fit, how)
    except UnidentifiedImageError:
        return f"not a readable image of the formats {', '.join(FORMATS)}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _content_or_reason(file: File) -> bytes | str:
    try:
        return file.read(MAX_BYTES)
    except (OSError, ValueError) as error:
        return reason_of(error)


def reason_of(error: Exception) -> str:
    """Return what a file could not be read for, without its path, which is said beside it."""
    message = error.strerror if isinstance(error, OSError) and error.strerror else error
    return f"{type(error).__name__}: {message}"
