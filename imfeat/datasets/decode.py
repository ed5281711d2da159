"""Image files to arrays, whatever the files hold: a broken one is skipped with a reason."""

import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from imfeat._environment import usable_cores
from imfeat.datasets._types import Skipped

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
MAX_BYTES = 512 * 2**20
MAX_PIXELS = 64_000_000
FILES_AT_ONCE = 64  # bounds the decoded images that wait for a slower one before them

_filters = threading.Lock()

Pixels = npt.NDArray[np.uint8]


def decode_all(paths: Sequence[Path], size: tuple[int, int], fit: str) -> tuple[Pixels, list[int], Skipped]:
    """Decode files on all usable cores.

    Returns
    -------
    images : array of shape (n_kept, height, width, 3), uint8
    kept : list of int
        Which of ``paths`` the images come from, in order.
    skipped : tuple of (path, reason)
    """
    images = np.empty((len(paths), *size, 3), np.uint8)
    kept: list[int] = []
    skipped = []
    # the filters belong to the process, and two threads that set and restore them at the same
    # time leave them changed: so once for all workers, and one caller after another
    with _filters, warnings.catch_warnings(), ThreadPoolExecutor(usable_cores()) as pool:
        warnings.filterwarnings("error", module=r"PIL\.")
        for start in range(0, len(paths), FILES_AT_ONCE):
            batch = paths[start : start + FILES_AT_ONCE]
            results = pool.map(lambda path: _decode_or_reason(path, size, fit), batch)
            for i, result in enumerate(results, start):
                if isinstance(result, str):
                    skipped.append((str(paths[i]), result))
                else:
                    images[len(kept)] = result
                    kept.append(i)
    return images[: len(kept)], kept, tuple(skipped)


def decode(file: Path | BinaryIO, size: tuple[int, int], fit: str) -> Pixels:
    """Decode the first frame of a file, upright, as RGB of the given size.

    Raises
    ------
    Exception
        Of many types, since each of Pillow's decoders raises its own.
    """
    if isinstance(file, Path):
        _check_file(file)
    with Image.open(file, formats=FORMATS) as image:
        n_pixels = image.width * image.height
        if n_pixels > MAX_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels, more than {MAX_PIXELS:,}")
        ImageOps.exif_transpose(image, in_place=True)
        rgb = _rgb(image)
    height, width = size
    if fit == "crop":
        # never builds the scaled picture, which for one of 1 x 10,000,000 pixels would be huge
        fitted = ImageOps.fit(rgb, (width, height), Image.Resampling.BILINEAR)
    else:
        fitted = rgb.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(fitted)


def decode_or_reason(file: BinaryIO, size: tuple[int, int], fit: str) -> Pixels | str:
    """Decode a file as `decode` does, warnings of Pillow being errors, or return why that fails."""
    with _filters, warnings.catch_warnings():
        warnings.filterwarnings("error", module=r"PIL\.")
        return _decode_or_reason(file, size, fit)


def _decode_or_reason(file: Path | BinaryIO, size: tuple[int, int], fit: str) -> Pixels | str:
    try:
        return decode(file, size, fit)
    except UnidentifiedImageError:
        return f"not a readable image of the formats {', '.join(FORMATS)}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError("a folder inside the folder of a class")
    if not path.is_file():  # opening a pipe would wait for ever
        raise ValueError("not a regular file")
    n_bytes = path.stat().st_size
    if n_bytes > MAX_BYTES:
        raise ValueError(f"{n_bytes:,} bytes, more than {MAX_BYTES:,}")


def _rgb(image: ImageFile.ImageFile) -> Image.Image:
    # Pillow before 10.3 opens 16-bit PNGs as 32-bit integers
    if image.mode.startswith("I;16") or (image.mode, image.format) == ("I", "PNG"):
        return _rgb_of_16_bit(image)
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of Pillow's mode {image.mode} have no agreed range; save 8 or 16 bits")
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")


def _rgb_of_16_bit(image: Image.Image) -> Image.Image:
    # Pillow's own conversion clips everything above 255 to white
    gray = (np.asarray(image).astype(np.uint32) + 128) // 257
    return Image.fromarray(gray.astype(np.uint8)).convert("RGB")
