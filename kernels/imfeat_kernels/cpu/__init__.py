"""Kernels for the CPU: Numba bodies that run serially and release the GIL.

A module is imported when a feature first asks for it: Numba makes each of them cost milliseconds.
"""

import importlib

from imfeat_kernels.cpu import cache

__all__ = [
    "blocks",
    "check",
    "color",
    "exposure",
    "histogram",
    "hog",
    "local_color",
    "mixture",
    "nearest",
    "optimize",
    "palette",
    "patches",
    "pooling",
    "products",
    "quantizer",
    "residuals",
    "sift",
    "smooth",
    "uoctti",
]

cache.find_folder()


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__} has no attribute {name}")
