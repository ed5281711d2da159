"""What the headers of model files may hold, of every version."""

import hashlib
import math
from typing import Any

import numpy as np

from imfeat._backend import Array

SCHEMA = "imfeat-model"
MAX_HEADER_BYTES = 1 << 22
MAX_NUMBERS = 1 << 24  # of an image that a model describes, and of its features
FITS = ("Whitening", "Mixture", "ProductQuantizer")
TRANSFORMERS = ("BagOfVisualWords", "PatchFeatures", "VLAD", "FisherVector", "PaletteHistogram")
OLD_KINDS = (*FITS, "codebook", *TRANSFORMERS)  # of versions 1 and 2
DTYPES = {
    name: np.dtype(kind).type
    for name, kind in zip(
        ("F32", "F64", "BOOL", "U8", "U16", "U32", "U64", "I8", "I16", "I32", "I64"),
        ("f4", "f8", "?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8"),
        strict=True,
    )
}  # by their names in safetensors


def check_kind(kind: Any) -> None:
    """Refuse a kind of model that files of versions 1 and 2 don't hold."""
    if kind not in OLD_KINDS:
        raise ValueError(f"unknown kind {kind!r}")


def count(n: Any) -> int:
    """Return an element of a shape, which must be an integer of at least 0."""
    if type(n) is not int or n < 0:
        raise ValueError(f"{n!r} in a shape")
    return n


def as_shape(shape: Any) -> tuple[int, ...]:
    """Return the shape of an image that a model describes, checked."""
    is_shape = isinstance(shape, list | tuple) and 2 <= len(shape) <= 3
    if not is_shape or not 0 < math.prod(map(count, shape)) <= MAX_NUMBERS:
        raise ValueError(f"images of the shape {shape!r}")
    return tuple(shape)


def check_finite(name: str, array: Array) -> None:
    """Refuse NaN and infinity."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} holds numbers that are not finite")


def digest(content: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
