"""Launching kernels on the current device, in the stream of the array that was adopted last."""

import threading

import numpy as np

from imfeat_kernels.cuda.front import cuda

THREADS = 256  # default number of threads of a block
_callers = threading.local()  # stream of the caller, for each thread


def launch(body, n_blocks, *arguments, threads=THREADS):
    """Run a kernel on blocks of threads; arrays of the host are copied to the device first."""
    if n_blocks:
        stream = _stream()
        on_device = [
            cuda.to_device(argument, stream=stream) if isinstance(argument, np.ndarray) else argument
            for argument in arguments
        ]
        body[n_blocks, threads, stream](*on_device)


def adopt(array, stream):
    """Return an array with a ``__cuda_array_interface__`` as a device array.

    From now on kernels run in ``stream``, a pointer.  If it is None, they run in the default stream, after
    the stream that the array names.
    """
    _callers.stream = 0 if stream is None else cuda.external_stream(stream)
    return cuda.as_cuda_array(array, sync=stream is None)


def to_device(array):
    """Copy an array to the current device."""
    return cuda.to_device(array)


def is_available():
    """Return whether there are a driver and a device."""
    return cuda.is_available()


def reason():
    """Return the error message of the driver."""
    return " ".join(str(cuda.cuda_error() or "no device").split()).rstrip(".")


def wait():
    """Wait until all kernels are done."""
    cuda.synchronize()


def about():
    """Return the names and versions of the device, its driver and the compiler."""
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    capability = ".".join(map(str, device.compute_capability))
    driver = ".".join(map(str, cuda.driver.get_version())) if hasattr(cuda, "driver") else "unknown"
    return {
        "GPU": f"{name}, compute capability {capability}",
        "CUDA driver": driver,
        "compiler": cuda.__name__,
    }


def empty(shape, dtype, like):
    """Allocate an array on the device of ``like``."""
    return cuda.device_array(shape, dtype, stream=_stream())


def zeros(shape, dtype, like):
    """Allocate an array of zeros on the device of ``like``."""
    array = empty(shape, dtype, like)
    launch(_clear, blocks_of(array.size), array.reshape(-1))
    return array


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


def _stream():
    return getattr(_callers, "stream", 0)


@cuda.jit
def _clear(out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = 0
