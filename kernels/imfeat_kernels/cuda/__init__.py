"""Kernels for CUDA: the names and signatures of `imfeat_kernels.cpu`.

Arrays lie on the device, except for small tables, which launchers copy to it.  A module is imported
when a feature first asks for it, and a kernel compiled when it first runs.
"""

import importlib
import pkgutil

INFRASTRUCTURE = "common", "front", "launch", "tile"
__all__ = sorted({module.name for module in pkgutil.iter_modules(__path__)} - set(INFRASTRUCTURE))


def __getattr__(name):
    if name in (*__all__, "launch"):
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__} has no attribute {name}")
