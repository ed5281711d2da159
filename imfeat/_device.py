"""Arrays on a GPU: of other libraries, as kernels take them, and results as arrays of these libraries.

Whatever has a ``__cuda_array_interface__`` or DLPack comes in as a `DeviceArray`; nothing is copied.  Results
of CuPy and PyTorch arrays are allocated by these, on their device, and kernels run in their current stream.
"""

import functools
import importlib.util
import math
import sys
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import KERNELS, Array, cuda_kernels
from imfeat._extras import how_to_install

LIBRARIES = "cupy", "torch"  # whose arrays come back
WITH_DEVICE = {"cupy": "with cupy.cuda.Device({}): ...", "torch": "with torch.cuda.device({}): ..."}
Device: TypeAlias = Literal["cpu", "cuda"]  # that features of arrays on the host are computed on
DEVICES: tuple[Device, ...] = get_args(Device)


class CudaUnavailableError(RuntimeError):
    """Raised when CUDA kernels can't be used; the message says why and what to do.

    Examples
    --------
    Features on the GPU if there is one, else on the CPU:

    >>> import imfeat
    >>> import numpy as np
    >>> images = np.zeros((10, 32, 32), np.uint8)
    >>> try:
    ...     features = imfeat.hog(imfeat.to_device(images)).copy_to_host()
    ... except imfeat.CudaUnavailableError:
    ...     features = imfeat.hog(images)
    >>> features.shape
    (10, 324)
    """


def is_on_gpu(value: Any) -> bool:
    """Tell whether an array lies on a GPU."""
    if isinstance(value, np.ndarray):
        return False
    if library_of(value) == "torch":
        return bool(getattr(value, "is_cuda", False))
    return hasattr(value, "__cuda_array_interface__") or _is_cuda_by_dlpack(value)


def adopt(value: Any, name: str, *, copy: bool = True) -> Array:
    """Return an array on a GPU as one that kernels take, copied if it is not contiguous.

    Kernels that use it run in the caller's current stream, that of CuPy or PyTorch, or in the stream that the
    array names.
    """
    library = library_of(value)
    if library == KERNELS:
        _check_current(value.caller.device_id, cuda_kernels().launch.current_device(), name, "other")
        return value.held()  # type: ignore[no-any-return]
    if library == "torch" and value.requires_grad:
        raise TypeError(f"{name} requires grad, which features do not pass on; pass {name}.detach()")
    check_usable()
    if library not in LIBRARIES and not hasattr(value, "__cuda_array_interface__"):
        return _of_dlpack(value, name)
    device_id, stream = _place_of(value, name, library)
    interface = value.__cuda_array_interface__
    if not _is_contiguous(interface):
        if not copy or library not in LIBRARIES:
            raise ValueError(f"{name} must be C-contiguous on the GPU; pass a contiguous copy")
        value = value.contiguous() if library == "torch" else sys.modules["cupy"].ascontiguousarray(value)
        interface = value.__cuda_array_interface__
    launch = cuda_kernels().launch
    caller = launch.caller_of(library, device_id, stream, _allocator(library, device_id))
    dtype = np.dtype(interface["typestr"])
    array: Array = launch.DeviceArray(interface["data"][0], tuple(interface["shape"]), dtype, caller, value)
    return array


def _place_of(value: Any, name: str, library: str) -> tuple[int, int]:
    """Return the device of an array, which is the current one, and the stream to compute in."""
    if library == "torch":
        cuda = sys.modules["torch"].cuda
        _check_current(value.device.index, cuda.current_device(), name, library)
        return value.device.index, cuda.current_stream(value.device).cuda_stream
    if library == "cupy":
        cuda = sys.modules["cupy"].cuda
        _check_current(value.device.id, cuda.runtime.getDevice(), name, library)
        return value.device.id, cuda.get_current_stream().ptr
    launch, interface = cuda_kernels().launch, value.__cuda_array_interface__
    current = launch.current_device()
    device_id = launch.device_of(interface["data"][0])
    _check_current(current if device_id is None else device_id, current, name, library)
    return current, interface.get("stream") or 0


def _check_current(device_id: int, current: int, name: str, library: str) -> None:
    """Refuse an array on another device than the current one, in which kernels run."""
    if device_id != current:
        how = WITH_DEVICE.get(library, "cuda.core.Device({}).set_current() first").format(device_id)
        raise ValueError(f"{name} lies on GPU {device_id}, and the current one is {current}; write {how}")


def _of_dlpack(value: Any, name: str) -> Array:
    """Return an array that has nothing but DLPack as one that kernels take."""
    from cuda.core.utils import StridedMemoryView

    launch = cuda_kernels().launch
    current = launch.current_device()
    _check_current(int(value.__dlpack_device__()[1]), current, name, "other")
    caller = launch.caller_of("other", current, 0)
    try:
        view = StridedMemoryView.from_dlpack(value, stream_ptr=1)  # the default stream
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise TypeError(f"{name} can't be read by DLPack: {error}") from error
    strides = view.strides and [stride * view.dtype.itemsize for stride in view.strides]
    if not _is_contiguous({"typestr": view.dtype.str, "shape": view.shape, "strides": strides}):
        raise ValueError(f"{name} must be C-contiguous on the GPU; pass a contiguous copy")
    array: Array = launch.DeviceArray(view.ptr, tuple(view.shape), view.dtype, caller, view)
    return array


@functools.cache
def _allocator(library: str, device_id: int) -> Callable[[int], tuple[int, Any]] | None:
    """Return a function that allocates bytes by a library; None for the pool of the driver."""
    if library not in LIBRARIES:
        return None

    def allocate(n_bytes: int) -> tuple[int, Any]:
        array = _new(library, (n_bytes,), "uint8", device_id)
        return _pointer(array), array

    return allocate


def to_device(array: Array) -> Any:
    """Copy an array to the current GPU.

    Parameters
    ----------
    array : NumPy array
        One that lies on the current GPU already is not copied.

    Returns
    -------
    array on the GPU
        It has ``__cuda_array_interface__`` and ``__dlpack__``, so that CuPy, PyTorch and others take it.
        Features of it lie on the GPU too; ``copy_to_host()`` brings them back.

    Raises
    ------
    ValueError
        If the array lies on another GPU than the current one.
    CudaUnavailableError
        If there is no GPU, or the extra ``cuda`` is not installed.

    Examples
    --------
    On a machine with a GPU:

    >>> import imfeat
    >>> import numpy as np
    >>> images = np.zeros((10, 32, 32), np.uint8)
    >>> features = imfeat.hog(imfeat.to_device(images))  # doctest: +SKIP
    >>> features.copy_to_host().shape  # doctest: +SKIP
    (10, 324)
    """
    check_usable()
    if is_on_gpu(array):
        return adopt(array, "array").held()  # type: ignore[attr-defined]
    return cuda_kernels().launch.to_device(np.ascontiguousarray(array))


def empty_like_owner(shape: tuple[int, ...], dtype: Any, like: Any) -> Array:
    """Allocate a result on the device of ``like``, by the library that holds it."""
    library = library_of(like.owner)
    launch = cuda_kernels().launch
    dtype = np.dtype(dtype)
    try:
        if library not in LIBRARIES:
            array: Array = launch.empty(shape, dtype, like)
            return array
        owner = _new(library, shape, dtype.name, like.caller.device_id)
    except Exception as error:
        if "memory" not in f"{type(error).__name__} {error}".lower():
            raise
        size = dtype.itemsize * math.prod(shape)
        raise MemoryError(
            f"not enough memory on the GPU for {size:,} bytes; pass fewer images at a time"
        ) from error
    result: Array = launch.DeviceArray(_pointer(owner), shape, dtype, like.caller, owner)
    return result


def to_library(array: Any) -> Any:
    """Return a result as the array of CuPy or PyTorch that holds it, or as it is."""
    return array.owner if library_of(array.owner) in LIBRARIES else array


def _new(library: str, shape: tuple[int, ...], dtype: str, device_id: int) -> Any:
    module = sys.modules[library]
    where = {"device": f"cuda:{device_id}"} if library == "torch" else {}
    return module.empty(shape, dtype=getattr(module, dtype), **where)


def _pointer(array: Any) -> int:
    pointer: int = array.__cuda_array_interface__["data"][0]
    return pointer


def why_unavailable() -> str | None:
    """Return why kernels for CUDA can't be used and what to do, None if they can."""
    if importlib.util.find_spec("cuda") is None or importlib.util.find_spec("cuda.core") is None:
        return (
            f"cuda.core is not installed; install it with {how_to_install('cuda')} "
            '(or ".[cuda12]" for a driver of CUDA 12)'
        )
    if not cuda_kernels().launch.is_available():
        return (
            f"no usable GPU was found ({cuda_kernels().launch.reason()}); check that nvidia-smi lists one, "
            "or pass NumPy arrays, which are computed with on the CPU"
        )
    return None


def is_cuda_initialized() -> bool:
    """Return whether this process has initialized CUDA; asking does not initialize it."""
    return importlib.util.find_spec("cuda") is not None and bool(cuda_kernels().launch.is_initialized())


def check_usable(what: str = "arrays on a GPU") -> None:
    """Raise CudaUnavailableError, of what was asked for, if kernels for CUDA can't be used."""
    reason = why_unavailable()
    if reason is not None:
        raise CudaUnavailableError(f"{what} can't be used: {reason}")


def library_of(value: Any) -> str:
    """Return the name of the library of an array, without importing it."""
    name: str = type(value).__module__.partition(".")[0]
    return name


def _is_contiguous(interface: dict[str, Any]) -> bool:
    size = np.dtype(interface["typestr"]).itemsize
    if not interface.get("strides"):
        return True
    for extent, stride in zip(reversed(interface["shape"]), reversed(interface["strides"]), strict=True):
        if extent != 1 and stride != size:
            return False
        size *= extent
    return True


def _is_cuda_by_dlpack(value: Any) -> bool:
    return hasattr(value, "__dlpack_device__") and int(value.__dlpack_device__()[0]) == 2
