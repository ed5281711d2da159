"""A cache of features on disk, with keys by the content of images and code."""

import functools
import hashlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import joblib  # type: ignore[import-untyped]
import numpy as np
import pooch

import imfeat
from imfeat._backend import Array, backend_of

MOST_BYTES = 8_000_000_000  # on disk; beyond this size, the least recently used entries are deleted

T = TypeVar("T")


def default_folder() -> Path:
    """Return the folder named by ``IMFEAT_CACHE``, or the user's cache folder."""
    return Path(os.environ.get("IMFEAT_CACHE") or pooch.os_cache("imfeat")) / "features"


class Cache:
    """A cache of results by key, stored by joblib.

    Parameters
    ----------
    folder : path or None
        Folder of the cache.  Without it, or if it is not writable, nothing is cached.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is not None and not _is_writable(folder):
            warnings.warn(f"features are not kept: can't write to {folder}", UserWarning, stacklevel=3)
            folder = None
        self._memory = joblib.Memory(folder, verbose=0)
        self._call = self._memory.cache(_compute, ignore=["compute"])

    def get(self, key: str | None, compute: Callable[[], T]) -> T:
        """Return the result of a key, computed on first use; without a key, compute it."""
        if key is None or self._memory.location is None:
            return compute()
        result: T = self._call(key, compute)
        return result

    def trim(self) -> None:
        """Delete the least recently used entries beyond `MOST_BYTES`."""
        if self._memory.location is not None:
            self._memory.reduce_size(bytes_limit=MOST_BYTES)


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _compute(key: str, compute: Callable[[], Any]) -> Any:
    return compute()


def content_of(*arrays: Array) -> str:
    """Return a hash of the contents, shapes and dtypes of arrays."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data)
    return digest.hexdigest()


@functools.cache
def code() -> str:
    """Return a hash of the code of imfeat and its kernels, as other code may compute other features."""
    digest = hashlib.blake2b(digest_size=16)
    kernels = Path(str(backend_of(np.empty(0)).__file__)).parents[1]
    for folder in (Path(imfeat.__file__).parent, kernels):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
