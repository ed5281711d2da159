"""Kernels for the CPU: Numba bodies that run serially and release the GIL.

Every module but the infrastructure holds kernels.  A module is imported when a feature first asks for it,
because Numba makes each import cost milliseconds.
"""

import importlib
import pkgutil

from imfeat_kernels.cpu import cache

INFRASTRUCTURE = (
    "cache",
    "compiling",
    "instruction",
    "interleave",
    "lanes",
    "launch",
    "luma",
    "registers",
    "tile",
    "weighing",
)
__all__ = sorted(
    module.name
    for module in pkgutil.iter_modules(__path__)
    if module.name not in INFRASTRUCTURE and not module.name.startswith("_")
)

cache.find_folder()


def __getattr__(name):
    if name in __all__:
        module = importlib.import_module(f"{__name__}.{name}")
        cache.watch(__name__)
        return module
    raise AttributeError(f"module {__name__} has no attribute {name}")
