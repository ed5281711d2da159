"""The compiler of CUDA kernels.

It is `numba.cuda`, or the module with the same interface that the environment variable ``IMFEAT_CUDA_FRONT``
names, such as ``numba_cuda_mlir.cuda``.
"""

import functools
import importlib
import os
import types

from imfeat_kernels.cpu import instruction

cuda = importlib.import_module(os.environ.get("IMFEAT_CUDA_FRONT", "numba.cuda"))


@cuda.jit(device=True)
def fused(a, b, c):
    """Return a * b + c, rounded once."""
    return cuda.fma(a, b, c)


@functools.cache
def on_device(function):
    """Compile a scalar function of the CPU's kernels, and all functions that it calls, for the device."""
    if function is instruction.fused:
        return fused
    plain = function.py_func
    names = dict(plain.__globals__)
    for name in plain.__code__.co_names:
        value = names.get(name)
        if hasattr(value, "py_func") or value is instruction.fused:
            names[name] = on_device(value)
    return cuda.jit(device=True)(
        types.FunctionType(plain.__code__, names, plain.__name__, plain.__defaults__)
    )
