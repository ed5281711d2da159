"""Kernels for the CPU: Numba bodies that run serially and release the GIL."""

from imfeat_kernels.cpu import check, color, histogram, nearest, palette

__all__ = ["check", "color", "histogram", "nearest", "palette"]
