"""Compilation of kernels to PTX, by numba-cuda, without a GPU.

It is a tool of developers: users load what it wrote; see `code`.  ``python -m benchmarks.cuda`` writes.
"""

import functools
import re
import types
from importlib.metadata import version

import numpy as np

from imfeat_kernels.cpu import instruction
from imfeat_kernels.cuda.front import Body, cuda, fused

CARD = 7, 5  # the oldest compute capability; drivers assemble its PTX for any later one
PTX_VERSION = "7.0"  # of the instructions that are used, so that drivers of CUDA 12 take it
COMPILERS = "numba-cuda", "numba", "nvidia-nvvm"


def versions():
    """Return the names and versions of the compiler."""
    return ", ".join(f"{name} {version(name)}" for name in COMPILERS)


def to_ptx(body, signature, card=CARD):
    """Compile a kernel for types of arguments, as `array.signature_of` names them."""
    numba_cuda = _numba_cuda()
    from numba.cuda import dispatcher

    before = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: types.SimpleNamespace(compute_capability=card)
    try:
        text, _ = numba_cuda.compile_ptx(_plain(body), tuple(map(_type, signature)), cc=card)
    finally:
        dispatcher.get_current_device = before
    return _normalized(text, body.name.rpartition(".")[2].lstrip("_"))


@functools.cache
def _numba_cuda():
    """Import the compiler, which asks for a function that NumPy 2.5 has no more."""
    if not hasattr(np, "row_stack"):
        setattr(np, "row_stack", np.vstack)  # noqa: B010 - as an attribute, ruff would rename it
    from numba import cuda as numba_cuda

    return numba_cuda


def _plain(body):
    """Return a function whose names are those of Numba."""
    names = dict(body.py_func.__globals__)
    for name in _names(body.py_func.__code__):
        value = names.get(name)
        if value is cuda:
            names[name] = _numba_cuda()
        elif value is instruction.fused:
            names[name] = _function(fused)
        elif isinstance(value, Body):
            names[name] = _function(value)
        elif hasattr(value, "py_func"):  # a function of the CPU's kernels
            names[name] = _function(_body_of(value.py_func))
    plain = body.py_func
    return types.FunctionType(plain.__code__, names, plain.__name__, plain.__defaults__)


@functools.cache
def _body_of(function):
    return Body(function, is_kernel=False)


@functools.cache
def _function(body):
    return _numba_cuda().jit(device=True)(_plain(body))


def _names(code):
    inner = [
        name
        for constant in code.co_consts
        if isinstance(constant, types.CodeType)
        for name in _names(constant)
    ]
    return [*code.co_names, *inner]


def _type(name):
    """Return the type of Numba for the name of one, as ``float32[2]``: an array in C order of two axes."""
    from numba.cuda import types as numba_types

    dtype, _, axes = name.rstrip("]").partition("[")
    kind = numba_types.boolean if dtype == "bool" else getattr(numba_types, dtype)
    if not axes:
        return kind
    return kind[(slice(None),) * (int(axes) - 1) + (slice(None, None, 1),)]


def _normalized(text, name):
    """Return PTX for drivers of CUDA 12, without what differs from one process to the next or is not used."""
    text = re.sub(r"//.*", "", text.rstrip("\0"))
    text = re.sub(r"\.version \d+\.\d+", f".version {PTX_VERSION}", text)
    for unused in re.findall(r"^\.common .*;$", text, re.M):
        symbol = unused.rstrip(";").split()[-1]
        if text.count(symbol) == 1:
            text = text.replace(unused, "")
    for number, long_name in enumerate(dict.fromkeys(re.findall(r"\b_Z\w+|\b_cudapy_\w+", text))):
        text = text.replace(long_name, f"{name}_{number}")
    lines = (line.rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line) + "\n"
