"""The context of a public call: its device, its stream, and the library that allocates its memory.

Arrays carry their caller, and so do the views and temporary arrays that are made of them: all kernels of a
call run in one stream.
"""

import functools
import threading

import numpy as np

KEPT = 1 << 26  # bytes of temporary memory that a caller keeps for its next call
ROUND = 512  # sizes of temporary memory are multiples of it
MOST = 16  # callers that a thread remembers
DEFAULT_STREAMS = 0, 1  # numbers of the legacy default stream
PER_THREAD_STREAM = 2

_threads = threading.local()


class Caller:
    """The device, the stream and the memory of public calls.

    Attributes
    ----------
    library : str
        The library of the arrays, which results belong to, too.
    device_id : int
    stream_number : int
        The pointer of the stream, 0 for the default one.
    stream : cuda.core.Stream
    """

    def __init__(self, library, device_id, stream_number, allocate):
        core = _core()
        self.library = library
        self.device_id = device_id
        self.stream_number = stream_number
        if stream_number in DEFAULT_STREAMS:
            self.stream = core.LEGACY_DEFAULT_STREAM
        elif stream_number == PER_THREAD_STREAM:
            self.stream = core.PER_THREAD_DEFAULT_STREAM
        else:
            self.stream = core.Stream.from_handle(stream_number)
        self._allocate = allocate or self._allocate_own
        self._free = {}
        self._n_kept = 0

    def allocate(self, n_bytes):
        """Return a pointer to memory, and the object that holds the memory."""
        return self._allocate(max(1, n_bytes))

    def temporary(self, n_bytes):
        """Return a pointer to temporary memory and its holder; once that is deleted, the memory is reused."""
        n_bytes = -(-max(1, n_bytes) // ROUND) * ROUND
        free = self._free.get(n_bytes)
        if free:
            self._n_kept -= n_bytes
            pointer, holder = free.pop()
        else:
            pointer, holder = self._allocate(n_bytes)
        return pointer, _Temporary(self, n_bytes, pointer, holder)

    def give_back(self, n_bytes, memory):
        """Keep temporary memory for the next call in the same stream, which runs after this one."""
        if self._n_kept + n_bytes > KEPT:
            self._free.clear()
            self._n_kept = 0
        if n_bytes <= KEPT:
            self._free.setdefault(n_bytes, []).append(memory)
            self._n_kept += n_bytes

    def upload(self, array, pointer):
        """Copy a NumPy array to memory of the device."""
        driver = _driver()
        _checked(driver.cuMemcpyHtoDAsync(pointer, array.ctypes.data, array.nbytes, self.stream.handle))

    def copy_to_host(self, pointer, shape, dtype):
        """Wait for the stream, and copy memory of the device to a NumPy array."""
        out = np.empty(shape, dtype)
        if out.size:
            driver = _driver()
            _checked(driver.cuMemcpyDtoHAsync(out.ctypes.data, pointer, out.nbytes, self.stream.handle))
            self.stream.sync()
        return out

    def clear(self, pointer, n_bytes):
        """Set memory of the device to zero."""
        if n_bytes:
            _checked(_driver().cuMemsetD8Async(pointer, 0, n_bytes, self.stream.handle))

    def dlpack_view(self, array):
        """Return an array of the device as an object with ``__dlpack__``."""
        from cuda.core.utils import StridedMemoryView

        return StridedMemoryView.from_cuda_array_interface(array, stream_ptr=-1)

    def _allocate_own(self, n_bytes):
        buffer = _core().Device(self.device_id).allocate(n_bytes, stream=self.stream)
        return int(buffer.handle), buffer


class _Temporary:
    """Memory that goes back to its caller when nothing refers to it."""

    __slots__ = ("_caller", "_memory", "_n_bytes")

    def __init__(self, caller, n_bytes, pointer, holder):
        self._caller = caller
        self._n_bytes = n_bytes
        self._memory = pointer, holder

    def __del__(self):
        self._caller.give_back(self._n_bytes, self._memory)


def caller_of(library, device_id, stream_number, allocate=None):
    """Return the caller of this thread for a library, a device and a stream.

    ``allocate`` takes a number of bytes, and gives a pointer and what holds the memory; without it memory
    comes from the driver's pool.
    """
    callers = _threads.__dict__.setdefault("callers", {})
    key = library, device_id, stream_number
    caller = callers.get(key)
    if caller is None:
        _core().Device(device_id).set_current()  # this thread may be new to the device
        if len(callers) >= MOST:
            callers.clear()
        caller = callers[key] = Caller(library, device_id, stream_number, allocate)
    return caller


def current_device():
    """Return the number of the current device."""
    return _core().Device().device_id


def device_of(pointer):
    """Return the number of the device that memory lies on; None if the driver names none.

    Managed memory moves between devices, and what the driver did not allocate is on none.
    """
    driver = _driver()
    of = driver.CUpointer_attribute
    status, is_managed = driver.cuPointerGetAttribute(of.CU_POINTER_ATTRIBUTE_IS_MANAGED, pointer)
    if int(status) or is_managed:
        return None
    status, device_id = driver.cuPointerGetAttribute(of.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, pointer)
    return None if int(status) else int(device_id)


@functools.cache
def _core():
    import cuda.core

    return cuda.core


@functools.cache
def _driver():
    from cuda.bindings import driver

    return driver


def _checked(result):
    """Raise the error of a call of the driver, if there is one."""
    status = result[0]
    if int(status):
        raise RuntimeError(f"the CUDA driver answered {status.name}")
