"""CUDA kernels without a GPU: memory lies on the host, and compiled kernels run there, by `ptx.Kernel`.

Launchers, arrays and public functions are unchanged.  Only what asks the driver is replaced: who allocates
and copies, and who runs a kernel.  Memory is full of NaN when it is allocated, as that of a card may be.
"""

import contextlib
import ctypes
import functools
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from imfeat_kernels.cuda import callers, code, launch

from imfeat import _device
from tests import ptx

CARDS = (7, 5), (8, 0), (9, 0), (10, 0)  # compute capabilities: Turing, Ampere, Hopper, Blackwell
ARRAY_WORDS = 5  # of an array, in front of its shape and strides
folder = Path(os.environ.get("IMFEAT_PTX_FOLDER") or tempfile.mkdtemp(prefix="imfeat-ptx-"))


class HostCaller(callers.Caller):
    """A caller whose memory lies on the host.

    Attributes
    ----------
    n_allocations, n_uploads, n_downloads : int
        What the driver would have been asked for.
    n_temporary : int
        Bytes of temporary arrays.
    """

    def __init__(self, library, device_id, stream_number, allocate):
        self.library, self.device_id, self.stream_number = library, device_id, stream_number
        self._allocate = allocate or self._allocate_own
        self._free, self._n_kept = {}, 0
        self.n_allocations = self.n_uploads = self.n_downloads = self.n_temporary = 0

    def temporary(self, n_bytes):
        self.n_temporary += n_bytes
        pointer, holder = super().temporary(n_bytes)
        ctypes.memset(pointer, 255, n_bytes)
        return pointer, holder

    def upload(self, array, pointer):
        self.n_uploads += 1
        ctypes.memmove(pointer, array.ctypes.data, array.nbytes)

    def copy_to_host(self, pointer, shape, dtype):
        self.n_downloads += 1
        out = np.empty(shape, dtype)
        ctypes.memmove(out.ctypes.data, pointer, out.nbytes)
        return out

    def clear(self, pointer, n_bytes):
        ctypes.memset(pointer, 0, n_bytes)

    def _allocate_own(self, n_bytes):
        self.n_allocations += 1
        memory = np.full(-(-n_bytes // 8) + 32, -1, np.int64)  # cards align to 256 bytes
        return memory.ctypes.data + -memory.ctypes.data % 256, memory


class Runs:
    """Replacement of `imfeat_kernels.cuda.launch.run` that runs kernels on the host.

    Attributes
    ----------
    launched : list of (Body, signature, caller)
        The kernels that ran, the types of their arguments, and whose stream they ran in.
    n_instructions : int
        Instructions of all threads.
    """

    def __init__(self, text_of=code.ptx_of, seed=1):
        self.text_of = text_of
        self.seed = seed
        self.launched = []
        self.n_instructions = 0

    def __call__(self, body, signature, n_blocks, threads, words, caller):
        self.launched.append((body, signature, caller))
        kernel = _kernel(self.text_of(body, signature))
        threads = threads if isinstance(threads, tuple) else (threads,)
        values = [np.int64(word) if type(word) is int else np.asarray(word) for word in words]
        kernel.run((n_blocks,), threads, values, _ranges(signature, words), seed=self.seed)
        self.n_instructions += kernel.n_instructions


@contextlib.contextmanager
def on_host(runs=None):
    """Let public functions and launchers work with arrays whose memory lies on the host."""
    runs = runs or Runs()
    known = {}

    def caller_of(library, device_id, stream_number, allocate=None):
        key = library, device_id, stream_number
        if key not in known:
            known[key] = HostCaller(library, device_id, stream_number, allocate)
        return known[key]

    replacements = {
        (launch, "run"): runs,
        (launch, "caller_of"): caller_of,
        (launch, "current_device"): lambda: 0,
        (launch, "device_of"): lambda pointer: None,
        (launch, "timed"): _timed,
        (_device, "why_unavailable"): lambda: None,
    }
    before = {place: getattr(*place) for place in replacements}
    for place, value in replacements.items():
        setattr(*place, value)
    try:
        yield runs
    finally:
        for place, value in before.items():
            setattr(*place, value)


def _timed(call, repeats):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


@functools.cache
def _kernel(text):
    return ptx.Kernel(text, folder)


def _ranges(signature, words):
    """Return the first and the last address of each array among the words of arguments."""
    ranges = []
    at = 0
    for name in signature:
        axes = name.partition("[")[2].rstrip("]")
        if axes:
            _, _, size, itemsize, pointer = words[at : at + ARRAY_WORDS]
            ranges.append((pointer, pointer + size * itemsize))
        at += ARRAY_WORDS + 2 * int(axes) if axes else 1
    return ranges
