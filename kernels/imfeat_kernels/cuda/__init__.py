"""Kernels for CUDA: the names and signatures of `imfeat_kernels.cpu`.

Arrays lie on the device, except for small tables, which launchers copy to it.  A module is imported
when a feature first asks for it, and the code of a kernel loaded when it first runs; see `code`.
"""

import importlib
import pkgutil

INFRASTRUCTURE = (
    "array",
    "callers",
    "code",
    "common",
    "compiler",
    "front",
    "gradients",
    "interpolated",
    "launch",
    "moments",
    "segments",
    "tile",
)
__all__ = sorted({module.name for module in pkgutil.iter_modules(__path__)} - set(INFRASTRUCTURE))


def __getattr__(name):
    if name in (*__all__, "launch"):
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__} has no attribute {name}")
