"""Image files to arrays; files that can't be decoded give a reason instead."""

import functools
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, Protocol, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from imfeat._check import one_of
from imfeat._environment import usable_cores
from imfeat.decoding.jpeg import TURNED, read_header, read_jpeg
from imfeat.decoding.metadata import TRANSPOSES, orientation_of, upright, without_metadata
from imfeat.decoding.quiet import warnings_of_pillow
from imfeat.decoding.rgb import as_rgb, check_jpeg_2000
from imfeat.decoding.size import ORIGINAL, ImageSize, target_of
from imfeat.decoding.tiff import is_misread, is_tiff, read_tiff
from imfeat.resize import fit_box, resize

Fit: TypeAlias = Literal["crop", "stretch"]
Decode: TypeAlias = Literal["exact", "fast"]
FITS: tuple[Fit, ...] = get_args(Fit)
DECODES: tuple[Decode, ...] = get_args(Decode)
HEIF = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")  # brands of files of HEIC
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


def decode_all(
    files: Sequence[File], size: tuple[int, int], fit: Fit, how: Decode = "exact"
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


def decode(content: bytes, size: ImageSize, fit: Fit, how: Decode = "exact") -> Pixels:
    """Decode the first frame of a file, upright, as RGB.

    Parameters
    ----------
    content : bytes
    size : (height, width), "original" or "max-N"
        Size of the result; with ``"max-N"`` images whose longer side is above N pixels are scaled to N.
    fit : {"crop", "stretch"}
        Fitting of images of another shape to (height, width).
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
    smallest = _target_of_jpeg(content, size) if how == "fast" else None
    jpeg = read_jpeg(content, MAX_PIXELS, smallest)
    if jpeg is None:
        with warnings_of_pillow():
            return _scaled(_read(content), size, fit)
    pixels, orientation = jpeg
    is_turned = orientation in TRANSPOSES
    picture = upright(Image.fromarray(pixels), orientation) if is_turned else pixels
    # Rounding of a scale that was decoded must not change the size of the result.
    return _scaled(
        picture, size if smallest is None else smallest, "stretch" if isinstance(size, str) else fit
    )


def check_decode(how: Decode, size: ImageSize) -> None:
    """Refuse to decode at a smaller scale where images keep their size."""
    one_of(how, "decode", DECODES)
    if how == "fast" and size == ORIGINAL:
        raise ValueError(
            "decode='fast' decodes JPEGs at a smaller scale, which size='original' excludes; "
            "take decode='exact', or size='max-N'"
        )


def _target_of_jpeg(content: bytes, size: ImageSize) -> tuple[int, int] | None:
    """Return height and width that a JPEG is scaled to, None for an unusual file."""
    if not isinstance(size, str):
        return size
    header = read_header(content)
    if header is None:
        return None
    is_turned = header.orientation in TURNED
    sides = (header.width, header.height) if is_turned else (header.height, header.width)
    return target_of(size, *sides)


def _scaled(picture: Image.Image | Pixels, size: ImageSize, fit: Fit) -> Pixels:
    """Return an RGB or gray image of Pillow, or array, as RGB of a size."""
    height, width = picture.shape[:2] if isinstance(picture, np.ndarray) else picture.size[::-1]
    if not height or not width:
        raise ValueError(f"an image of {width} x {height} pixels")
    if not isinstance(size, str):
        return fitted(picture, size, fit)
    target = target_of(size, height, width)
    return _as_it_is(picture) if target == (height, width) else fitted(picture, target, "stretch")


def _as_it_is(picture: Image.Image | Pixels) -> Pixels:
    """Return an RGB or gray image of Pillow, or array, as RGB of its size."""
    if not isinstance(picture, np.ndarray):
        return np.asarray(picture.convert("RGB") if picture.mode == "L" else picture)
    return picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, 2)


def fitted(picture: Image.Image | Pixels, size: tuple[int, int], fit: Fit) -> Pixels:
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


def _kind_of(content: bytes) -> str:
    """Return what bytes are that are not of a format that is read."""
    if content[4:8] == b"ftyp" and content[8:12] in HEIF:
        return "a HEIC photograph, which pillow-heif converts: not an image"
    return "not a readable image"


def decode_or_reason(
    content: File | bytes | str, size: ImageSize, fit: Fit, how: Decode = "exact"
) -> Pixels | str:
    """Decode a file or its bytes, or return the reason of the failure; a reason is returned as it is."""
    if not isinstance(content, bytes | str):
        content = _content_or_reason(content)
    if isinstance(content, str):
        return content
    try:
        return decode(content, size, fit, how)
    except UnidentifiedImageError:
        return f"{_kind_of(content)} of the formats {', '.join(FORMATS)}"
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
