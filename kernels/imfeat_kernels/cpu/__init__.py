"""Kernels for the CPU: Numba bodies that run serially and release the GIL."""

from imfeat_kernels.cpu import check, color, exposure, histogram, hog, nearest, palette, patches

__all__ = ["check", "color", "exposure", "histogram", "hog", "nearest", "palette", "patches"]
