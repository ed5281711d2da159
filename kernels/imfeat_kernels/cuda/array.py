"""Arrays on a GPU: pointer, shape, dtype, the context of the call, and the object that holds the memory."""

import functools
import math

import numpy as np


class DeviceArray:
    """An array on a GPU, in C order.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    caller : `callers.Caller`
        The device and the stream in which kernels read and write the array.
    owner : object
        What holds the memory: an array of CuPy or PyTorch, or memory of this package.
    signature : str
        The type of the argument of a kernel, as ``float32[2]``.
    words : tuple of int
        The argument itself: what numba-cuda passes for an array.
    """

    __slots__ = ("_pointer", "caller", "dtype", "owner", "shape", "signature", "size", "words")

    def __init__(self, pointer, shape, dtype, caller, owner):
        self._pointer = pointer
        self.shape = shape
        self.dtype = dtype
        self.caller = caller
        self.owner = owner
        self.size = math.prod(shape)
        self.signature = _signature(dtype, len(shape))
        self.words = (0, 0, self.size, dtype.itemsize, pointer, *shape, *_strides(shape, dtype.itemsize))

    @property
    def ndim(self):
        """The number of axes."""
        return len(self.shape)

    @property
    def nbytes(self):
        """The number of bytes."""
        return self.size * self.dtype.itemsize

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        """Return rows, a slice without steps, as a view."""
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            raise TypeError(
                f"arrays of imfeat on a GPU give slices of rows, got [{rows!r}]; copy_to_host() first"
            )
        first, last, _ = rows.indices(self.shape[0])
        row_bytes = self.dtype.itemsize * math.prod(self.shape[1:])
        return self._view(
            self._pointer + first * row_bytes, (max(0, last - first), *self.shape[1:]), self.dtype
        )

    def reshape(self, *shape):
        """Return a view of another shape; one length may be -1."""
        shape = tuple(int(n) for n in (shape[0] if isinstance(shape[0], tuple) else shape))
        if -1 in shape:
            rest = -math.prod(shape)
            shape = tuple(self.size // rest if n == -1 and rest else n for n in shape)
        if math.prod(shape) != self.size:
            raise ValueError(f"an array of shape {self.shape} can't have the shape {shape}")
        return self._view(self._pointer, shape, self.dtype)

    def ravel(self):
        """Return a view of one axis."""
        return self.reshape(self.size)

    def view(self, dtype):
        """Return a view of another dtype, whose last axis is as many bytes long."""
        dtype = np.dtype(dtype)
        last = self.shape[-1] * self.dtype.itemsize // dtype.itemsize
        return self._view(self._pointer, (*self.shape[:-1], last), dtype)

    def held(self):
        """Return a view that belongs to no other library, so that results for it are arrays of this class."""
        return DeviceArray(self._pointer, self.shape, self.dtype, self.caller, (self.owner,))

    def copy_to_host(self):
        """Return a copy as a NumPy array."""
        return self.caller.copy_to_host(self._pointer, self.shape, self.dtype)

    def __array__(self, *args, **options):
        """Refuse NumPy's implicit conversion, as CuPy and PyTorch do."""
        raise TypeError("an array on a GPU is not copied to the host by itself; call copy_to_host()")

    @property
    def __cuda_array_interface__(self):
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self._pointer if self.size else 0, False),
            "strides": None,
            "stream": self.caller.stream_number or 1,  # 1 is the default stream
            "version": 3,
        }

    def __dlpack__(self, **options):
        return self.caller.dlpack_view(self).__dlpack__(**options)

    def __dlpack_device__(self):
        return 2, self.caller.device_id  # 2 is CUDA

    def _view(self, pointer, shape, dtype):
        return DeviceArray(pointer, shape, dtype, self.caller, self.owner)


def signature_of(argument):
    """Return the type of an argument of a kernel: Python's numbers have 64 bits."""
    if isinstance(argument, DeviceArray):
        return argument.signature
    if isinstance(argument, np.ndarray):
        return _signature(argument.dtype, argument.ndim)
    if isinstance(argument, bool):
        return "bool"
    if isinstance(argument, int):
        return "int64"
    return "float64" if type(argument) is float else argument.dtype.name


@functools.cache
def _signature(dtype, n_axes):
    return f"{dtype.name}[{n_axes}]"


def _strides(shape, itemsize):
    strides = []
    for n in reversed(shape):
        strides.append(itemsize)
        itemsize *= n
    return tuple(reversed(strides))
