"""Checks of the headers of model files, of every version."""

import hashlib
from typing import Any

SCHEMA = "imfeat-model"
MAX_HEADER_BYTES = 1 << 20
MAX_NUMBERS = 1 << 24  # of an image that a model describes
FITS = ("Whitening", "Mixture", "ProductQuantizer")
TRANSFORMERS = ("BagOfVisualWords", "PatchFeatures", "VLAD", "FisherVector", "PaletteHistogram")
LOCALS = ("DenseSIFT", "LocalColor")
KINDS = (*FITS, "codebook", *TRANSFORMERS)


def check_kind(kind: Any) -> None:
    """Refuse a kind of model that files don't hold."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}")


def count(n: Any) -> int:
    """Return an element of a shape, which must be an integer of at least 0."""
    if type(n) is not int or n < 0:
        raise ValueError(f"{n!r} in a shape")
    return n


def digest(content: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
