"""Launching kernels in the stream of their arrays, and memory for them."""

import functools
import threading

import numpy as np

from imfeat_kernels.cuda.array import DeviceArray as DeviceArray
from imfeat_kernels.cuda.array import signature_of
from imfeat_kernels.cuda.callers import caller_of as caller_of
from imfeat_kernels.cuda.callers import current_device as current_device
from imfeat_kernels.cuda.callers import device_of as device_of
from imfeat_kernels.cuda.code import load

THREADS = 256  # default number of threads of a block
SMALL_TABLE = 1 << 16  # bytes of a table that is kept on the device
N_TABLES = 512  # tables that are kept
LARGE_TABLES = 1 << 26  # bytes of larger tables that a thread keeps on devices, each at most a quarter of it
N_LARGE = 64  # larger tables that a thread remembers
N_SAMPLES = 64  # values by which these are told apart before all are compared

_threads = threading.local()


def launch(body, n_blocks, *arguments, threads=THREADS):
    """Run a kernel on blocks of threads; arrays of the host are copied to the device first.

    It runs in the stream of the last array that lies on the device, which is the result or made for it.
    """
    if not n_blocks:
        return
    caller = next(a.caller for a in reversed(arguments) if isinstance(a, DeviceArray))
    signature = []
    words = []
    kept = []  # until the kernel is launched
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            argument = _on_device(argument, caller)
            kept.append(argument)
        signature.append(signature_of(argument))
        if isinstance(argument, DeviceArray):
            words += argument.words
        else:
            words.append(_number(argument))
    run(body, tuple(signature), int(n_blocks), threads, words, caller)


def run(body, signature, n_blocks, threads, words, caller):
    """Hand a kernel to the driver; ``words`` are its arguments as they lie in memory."""
    from cuda.core import launch as launch_kernel

    launch_kernel(caller.stream, _grid(n_blocks, threads), load(body, signature), *words)


def to_device(array):
    """Copy an array to the current device."""
    caller = caller_of("imfeat", current_device(), 0)
    return _uploaded(np.ascontiguousarray(array), caller, caller.allocate)


def empty(shape, dtype, like):
    """Allocate a temporary array in the stream of ``like``."""
    return _empty(shape, np.dtype(dtype), like.caller, like.caller.temporary)


def zeros(shape, dtype, like):
    """Allocate a temporary array of zeros in the stream of ``like``."""
    array = empty(shape, dtype, like)
    clear(array)
    return array


def clear(array):
    """Set an array of the device to zero."""
    array.caller.clear(array.words[4], array.nbytes)


def blocks_of(n_items, threads=THREADS):
    """Return the number of blocks with a thread for each item."""
    return -(-n_items // threads)


def on_host(array):
    """Return a small array as a NumPy array."""
    return array if isinstance(array, np.ndarray) else array.copy_to_host()


def as_words(array):
    """View bytes (n, m) as words of 8 bytes; None if rows are not multiples of words."""
    interface = getattr(array, "__cuda_array_interface__", None) or array.__array_interface__
    if array.shape[1] % 8 or interface["data"][0] % 8:
        return None
    return array.view(np.uint64)


def is_available():
    """Return whether there are a driver and a device."""
    return not reason()


@functools.cache
def reason():
    """Return why kernels can't run, an empty string if they can."""
    try:
        from cuda.core import Device

        return "" if Device.get_all_devices() else "no device"
    except Exception as error:  # what is missing decides on the type
        return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def is_initialized():
    """Return whether this process has initialized CUDA, so that a fork of it can't; asking does not."""
    try:
        from cuda.bindings import driver

        status, _ = driver.cuCtxGetCurrent()
    except Exception:  # no driver
        return False
    return status != driver.CUresult.CUDA_ERROR_NOT_INITIALIZED


def timed(call, repeats):
    """Return the seconds of a call on the device, the mean of several, by events of the default stream."""
    from cuda.core import LEGACY_DEFAULT_STREAM, EventOptions

    options = EventOptions(timing_enabled=True)
    begin = LEGACY_DEFAULT_STREAM.record(options=options)
    for _ in range(repeats):
        call()
    end = LEGACY_DEFAULT_STREAM.record(options=options)
    end.sync()
    return (end - begin) / 1e3 / repeats


def about():
    """Return the names and versions of the device, its driver and the package that talks to it."""
    import cuda.core
    from cuda.bindings import driver

    device = cuda.core.Device()
    _, version = driver.cuDriverGetVersion()
    return {
        "GPU": f"{device.name}, compute capability {'.'.join(map(str, device.compute_capability))}",
        "CUDA driver": f"{version // 1000}.{version % 1000 // 10}",
        "cuda.core": cuda.core.__version__,
    }


def _empty(shape, dtype, caller, allocate):
    shape = tuple(int(n) for n in shape) if isinstance(shape, tuple) else (int(shape),)
    n_bytes = dtype.itemsize
    for n in shape:
        n_bytes *= n
    pointer, holder = allocate(n_bytes)
    return DeviceArray(pointer, shape, dtype, caller, holder)


def _on_device(array, caller):
    """Return a table on the device: small ones stay there, as the next call will ask for the same."""
    if array.nbytes <= SMALL_TABLE:
        return _table(caller, array.dtype.str, array.shape, array.tobytes())
    return _large_table(np.ascontiguousarray(array), caller)


@functools.lru_cache(N_TABLES)
def _table(caller, dtype, shape, data):
    array = np.frombuffer(data, dtype).reshape(shape)
    return _uploaded(array, caller, caller.allocate)


def _large_table(array, caller):
    """Return a larger table on the device: it stays there from the second call that asks for it.

    A table is used again only if a copy on the host has the same bytes, so it may be written to.
    """
    tables = _threads.__dict__.setdefault("tables", {})  # by key; None for what was asked for once
    sample = array.reshape(-1)[:: -(-array.size // N_SAMPLES)].tobytes()
    key = caller, array.dtype.str, array.shape, sample
    is_new = key not in tables
    known = tables.pop(key, None)
    if known is None or not np.array_equal(known[0], array.reshape(-1).view(np.uint8)):
        known = None
        if is_new or array.nbytes > LARGE_TABLES // 4:
            there = _uploaded(array, caller, caller.temporary)
        else:
            there = _uploaded(array, caller, caller.allocate)
            known = array.reshape(-1).view(np.uint8).copy(), there
    else:
        there = known[1]
    tables[key] = known  # the last one is what was used last
    while len(tables) > N_LARGE or sum(kept[0].nbytes for kept in tables.values() if kept) > LARGE_TABLES:
        del tables[next(iter(tables))]
    return there


def _uploaded(array, caller, allocate):
    there = _empty(array.shape, array.dtype, caller, allocate)
    if array.size:
        caller.upload(array, there.words[4])
    return there


def _number(value):
    """Return a number of the size that a kernel takes: Python's integers have 64 bits."""
    if isinstance(value, bool | int | float):
        return value
    return value if isinstance(value, np.generic) else np.asarray(value)[()]


@functools.lru_cache(256)
def _grid(n_blocks, threads):
    from cuda.core import LaunchConfig

    return LaunchConfig(grid=n_blocks, block=threads)
