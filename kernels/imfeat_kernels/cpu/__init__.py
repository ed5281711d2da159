"""Kernels for the CPU: Numba bodies that run serially and release the GIL."""

from imfeat_kernels.cpu import (
    blocks,
    check,
    color,
    exposure,
    histogram,
    hog,
    nearest,
    palette,
    patches,
    uoctti,
)

__all__ = [
    "blocks",
    "check",
    "color",
    "exposure",
    "histogram",
    "hog",
    "nearest",
    "palette",
    "patches",
    "uoctti",
]
