"""CUDA kernels without a GPU: compiled for a card, and run by `ptx.Kernel`.

Launchers are unchanged.  Only functions that need a device are replaced: arrays lie on the host, and kernels
are compiled for the types of their arguments and run there.
"""

import contextlib
import functools
import importlib
import os
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
from imfeat_kernels import cuda
from imfeat_kernels.cuda import front, launch

from tests import ptx

CARDS = (7, 5), (8, 0), (9, 0), (10, 0)  # compute capabilities: Turing, Ampere, Hopper, Blackwell
MLIR = front.cuda.__name__.startswith("numba_cuda_mlir")
folder = Path(os.environ.get("IMFEAT_PTX_FOLDER") or tempfile.mkdtemp(prefix="imfeat-ptx-"))


class Runs:
    """Replacement of `imfeat_kernels.cuda.launch.launch` that runs kernels on the host.

    Attributes
    ----------
    compiled : list of (str, signature, str)
        Name, types of the arguments, and PTX of the kernels that ran.
    """

    def __init__(self, card, seed=1):
        self.card = card
        self.seed = seed
        self.compiled = []
        self.n_instructions = 0

    def __call__(self, body, n_blocks, *arguments, threads=launch.THREADS):
        if not n_blocks:
            return
        threads = threads if isinstance(threads, tuple) else (threads,)
        plain = [_plain(argument) for argument in arguments]
        kernel, text = compiled(body, tuple(map(_type, plain)), self.card)
        self.compiled.append((body.py_func.__name__, tuple(map(_type, plain)), text))
        kernel((int(n_blocks),), threads, *plain, seed=self.seed)
        self.n_instructions += kernel.n_instructions


@contextlib.contextmanager
def on_host(card, runs=None):
    """Let the launchers of `imfeat_kernels.cuda` run on host arrays, by `Runs` or another replacement."""
    runs = runs or Runs(card)
    before = {}
    replacements = {
        "launch": runs,
        "empty": lambda shape, dtype, like: HostArray(np.empty(shape, dtype)),
        "zeros": lambda shape, dtype, like: HostArray(np.zeros(shape, dtype)),
        "to_device": lambda array: HostArray(array.copy()),
        "adopt": lambda array, stream: HostArray(_memory_of(array)),
    }
    for name in cuda.__all__:
        getattr(cuda, name)  # import all modules before names are replaced
    modules = [module for name, module in sys.modules.items() if name.startswith("imfeat_kernels.cuda.")]
    for module in modules:
        for name, value in replacements.items():
            if name in vars(module):
                before[module, name] = getattr(module, name)
                setattr(module, name, value)
    try:
        yield runs
    finally:
        for (module, name), value in before.items():
            setattr(module, name, value)


@functools.cache
def compiled(body, signature, card):
    """Return a kernel compiled for a card, and its PTX."""
    text = to_ptx(body, signature, card)
    return ptx.Kernel(text, folder, mlir=MLIR), text


def to_ptx(body, signature, card):
    """Compile a kernel for a card that is not there."""
    with _pretended(card):
        return front.cuda.compile_ptx(body.py_func, signature, cc=card)[0].rstrip("\0")


@contextlib.contextmanager
def _pretended(card):
    """Replace the driver's answer to device functions, which ask for the card to compile for."""
    if MLIR:
        from numba_cuda_mlir import tools

        before = tools._cached_cc
        tools._cached_cc = card
        try:
            yield
        finally:
            tools._cached_cc = before
        return
    from numba.cuda import dispatcher

    before = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: types.SimpleNamespace(compute_capability=card)
    try:
        yield
    finally:
        dispatcher.get_current_device = before


def _plain(argument):
    """Convert an argument as for a kernel: Python's numbers have 64 bits."""
    if isinstance(argument, bool):
        return np.bool_(argument)
    if isinstance(argument, int):
        return np.int64(argument)
    if isinstance(argument, float):
        return np.float64(argument)
    if isinstance(argument, HostArray):
        argument = argument._array
        assert argument.flags.c_contiguous
    return np.ascontiguousarray(argument) if isinstance(argument, np.ndarray) else argument


def _memory_of(array):
    """Return the memory of an array as a NumPy array."""
    interface = dict(array.__cuda_array_interface__)
    return np.asarray(types.SimpleNamespace(__array_interface__={**interface, "version": 3}))


def _type(argument):
    if isinstance(argument, np.ndarray):
        return _number(argument.dtype)[(slice(None),) * (argument.ndim - 1) + (slice(None, None, 1),)]
    return _number(argument.dtype)


def _number(dtype):
    types_module = importlib.import_module("numba_cuda_mlir.types" if MLIR else "numba.cuda.types")
    return types_module.boolean if dtype == np.bool_ else getattr(types_module, dtype.name)


class HostArray:
    """Replacement of a device array with the same methods."""

    def __init__(self, array):
        self._array = array
        self.shape, self.dtype, self.ndim, self.size = array.shape, array.dtype, array.ndim, array.size

    def __len__(self):
        return len(self._array)

    def __getitem__(self, index):
        assert isinstance(index, slice), "device arrays are only sliced into batches"
        return HostArray(self._array[index])

    def reshape(self, *shape):
        return HostArray(self._array.reshape(*shape))

    def ravel(self):
        return HostArray(self._array.ravel())

    def view(self, dtype):
        return HostArray(self._array.view(dtype))

    def copy_to_host(self):
        return self._array.copy()

    @property
    def __cuda_array_interface__(self):
        return self._array.__array_interface__
