"""CIFAR-10 in its binary version."""

import os
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from imfeat.datasets._types import DataSet, ImageSet

FOLDER = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"
URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
TRAIN_FILES = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST_FILE = "test_batch.bin"
NAMES_FILE = "batches.meta.txt"
FILES = (*TRAIN_FILES, TEST_FILE, NAMES_FILE)
N_PIXELS = 3 * 32 * 32

Records: TypeAlias = npt.NDArray[np.uint8]  # (n, 1 + N_PIXELS): the label, then R, G and B


def load_cifar10(folder: Path | None = None) -> DataSet:
    """Read CIFAR-10 from a folder ``cifar-10-batches-bin``, by default the one in the cache.

    See `imfeat.datasets.load`.
    """
    folder = folder or _cached_folder()
    class_names = tuple(_existing(folder / NAMES_FILE).read_text(encoding="utf-8").split())
    train = np.concatenate([_records(folder / name, len(class_names)) for name in TRAIN_FILES])
    test = _records(folder / TEST_FILE, len(class_names))
    return DataSet(_image_set(train, class_names), _image_set(test, class_names))


def find_cifar10(folder: Path) -> Path | None:
    """Return the folder of CIFAR-10's files that ``folder`` holds or is, if it does."""
    for candidate in (folder / FOLDER, folder):
        if candidate.is_dir() and (candidate.name == FOLDER or (candidate / TRAIN_FILES[0]).is_file()):
            return candidate
    return None


def _cached_folder() -> Path:
    import pooch

    cache = Path(os.environ.get("IMFEAT_CACHE") or pooch.os_cache("imfeat"))
    folder = cache / FOLDER
    if not all((folder / name).is_file() for name in FILES):
        _download(cache)
    return folder


def _download(cache: Path) -> None:
    import pooch

    # pooch before 1.9 unpacks an archive that it finds in the cache only for the files named
    unpack = pooch.Untar([f"{FOLDER}/{name}" for name in FILES], extract_dir=".")
    try:
        pooch.retrieve(URL, f"md5:{MD5}", fname=ARCHIVE, path=cache, processor=unpack)
    except OSError as error:
        raise FileNotFoundError(
            f"CIFAR-10 is not in {cache} and could not be fetched ({type(error).__name__}: {error}). "
            f"Download {URL} elsewhere and put {ARCHIVE} into {cache}, "
            f"or give the path of an unpacked {FOLDER} folder as the source"
        ) from error


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; unpack {ARCHIVE} from {URL} again")
    return path


def _records(path: Path, n_classes: int) -> Records:
    data = np.fromfile(_existing(path), np.uint8)
    if not data.size or data.size % (1 + N_PIXELS):
        raise ValueError(
            f"{path} is {data.size:,} bytes long, not a whole number of images of {1 + N_PIXELS:,} bytes; "
            f"delete {path.parent} and unpack {ARCHIVE} again"
        )
    records = data.reshape(-1, 1 + N_PIXELS)
    if records[:, 0].max() >= n_classes:
        raise ValueError(f"{path} has a label {records[:, 0].max()}, but there are {n_classes} classes")
    return records


def _image_set(records: Records, class_names: tuple[str, ...]) -> ImageSet:
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    return ImageSet(images, records[:, 0].astype(np.int64), class_names)
