"""The dtypes and ranges of images: what is converted to what kernels take, and what to write for the rest."""

from typing import Literal, TypeAlias

import numpy as np

from imfeat._backend import Array

Words: TypeAlias = Literal["unit", "values", "kept"]  # what becomes of integers of 16 bits

KERNEL_DTYPES = frozenset(map(np.dtype, ("uint8", "float32", "float64")))
LARGEST = {np.dtype("uint16"): 65535, np.dtype("int16"): 32767}  # which count as 1
USUAL_LARGEST = (255, 1023, 4095, 16383, 65535)  # of 8, 10, 12, 14 and 16 bits
TAKEN = "uint8 in 0..255, uint16, int16 or bool, or floats of 16, 32 or 64 bits"


def to_kernel_dtype(array: Array, name: str, words: Words) -> Array:
    """Return images as uint8, float32 or float64.

    bool counts as 0 and 1.  Integers of 16 bits become floats in [0, 1] for ``"unit"``, floats of the same
    value for ``"values"``, and stay for ``"kept"``.

    Raises
    ------
    TypeError
        If the dtype is another one; the error says what to write.
    """
    if array.dtype in KERNEL_DTYPES or (array.dtype in LARGEST and words == "kept"):
        return array
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} on a GPU must be uint8, float32 or float64, got {array.dtype}; convert them")
    if array.dtype in LARGEST:
        floats = array.astype(np.float32)
        return floats / np.float32(LARGEST[array.dtype]) if words == "unit" else floats
    if array.dtype in (np.dtype(np.bool_), np.dtype(np.float16)):
        return array.astype(np.float32)
    raise TypeError(f"{name} must be {TAKEN}, got {array.dtype}; {_conversion(array, name)}")


def _conversion(array: Array, name: str) -> str:
    """Return what to write for images of another dtype."""
    if array.dtype.kind not in "ui" or not array.size:
        return f"write {name}.astype('float32')"
    low, high = int(array.min()), int(array.max())
    for dtype in (np.uint8, np.uint16, np.int16):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return f"write {name}.astype('{np.dtype(dtype).name}'), as their values are {low} to {high}"
    return f"write {name} / {high} for values of {low} to {high}"


def factor_hint(array: Array, name: str) -> str:
    """Return what to write for finite floats outside [0, 1]."""
    low, high = float(array.min()), float(array.max())
    if low < -0.1 * high:
        return f"write ({name} - low) / (high - low) with the lowest and highest possible value"
    for largest in USUAL_LARGEST:
        if high <= largest:
            return f"divide by {largest} if they are 0..{largest}" + ", or pass uint8" * (largest == 255)
    return f"divide by their largest possible value, at least {high:g}"
