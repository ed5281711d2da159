"""Conversion of arrays on a GPU to device arrays and back to the caller's library.

Whatever has a ``__cuda_array_interface__`` comes in as a device array of Numba, which is what kernels
take; nothing is copied.  Results of CuPy and PyTorch arrays are allocated by these, on the same device, and
kernels run in their current stream.
"""

import importlib.util
import sys
from typing import Any

import numpy as np

from imfeat._backend import Array, cuda_kernels


class CudaUnavailableError(RuntimeError):
    """Kernels for CUDA can't be used; the message says why, and what to do."""


def is_on_gpu(value: Any) -> bool:
    """Tell whether an array lies on a GPU."""
    if library_of(value) == "torch":
        return bool(value.is_cuda)
    return hasattr(value, "__cuda_array_interface__") or hasattr(value, "__cuda_ndarray__")


def adopt(value: Any, name: str, *, copy: bool = True) -> Array:
    """Return an array on a GPU as a device array with an ``owner``, copied if it is not contiguous.

    Kernels run in the stream of the caller from now on.
    """
    if hasattr(value, "owner"):  # it was adopted before
        return value  # type: ignore[no-any-return]
    library = library_of(value)
    stream = None
    if library == "torch" and value.requires_grad:
        raise TypeError(f"{name} requires grad, which features do not pass on; pass {name}.detach()")
    if library == "torch":
        stream = sys.modules["torch"].cuda.current_stream(value.device).cuda_stream
    elif library == "cupy":
        cupy = sys.modules["cupy"]
        if value.device.id != cupy.cuda.runtime.getDevice():
            raise ValueError(
                f"{name} lies on GPU {value.device.id}, and the current one is "
                f"{cupy.cuda.runtime.getDevice()}; write with cupy.cuda.Device({value.device.id}): ..."
            )
        stream = cupy.cuda.get_current_stream().ptr
    if not _is_contiguous(value.__cuda_array_interface__):
        if not copy or library not in ("cupy", "torch"):
            raise ValueError(f"{name} must be C-contiguous on the GPU; pass a contiguous copy")
        value = value.contiguous() if library == "torch" else sys.modules["cupy"].ascontiguousarray(value)
    _check_usable()
    array: Any = cuda_kernels().launch.adopt(value, stream)
    array.owner = value
    return array  # type: ignore[no-any-return]


def to_device(array: Array) -> Any:
    """Copy an array to the current GPU.

    Parameters
    ----------
    array : NumPy array

    Returns
    -------
    device array of Numba
        Features of it lie on the GPU too; ``copy_to_host()`` brings them back.

    Raises
    ------
    CudaUnavailableError
        If there is no GPU, or the extra ``imfeat[cuda]`` is not installed.
    """
    _check_usable()
    return cuda_kernels().launch.to_device(np.ascontiguousarray(array))


def empty_like_owner(shape: tuple[int, ...], dtype: Any, like: Any) -> Array:
    """Allocate a result on the device of ``like``, by the library of its owner."""
    owner = getattr(like, "owner", like)
    name = np.dtype(dtype).name
    try:
        if library_of(owner) == "torch":
            torch = sys.modules["torch"]
            return adopt(torch.empty(shape, dtype=getattr(torch, name), device=owner.device), "out")
        if library_of(owner) == "cupy":
            return adopt(sys.modules["cupy"].empty(shape, name), "out")
        array: Any = cuda_kernels().launch.empty(shape, dtype, like)
    except Exception as error:
        if "memory" not in f"{type(error).__name__} {error}".lower():
            raise
        size = np.dtype(dtype).itemsize * int(np.prod(shape))
        raise MemoryError(
            f"not enough memory on the GPU for {size:,} bytes; pass fewer images at a time"
        ) from error
    array.owner = array
    return array  # type: ignore[no-any-return]


def why_unavailable() -> str | None:
    """Return why kernels for CUDA can't be used and what to do, None if they can."""
    if importlib.util.find_spec("numba_cuda") is None:
        return (
            "the CUDA compiler numba-cuda is not installed; install it with pip install 'imfeat[cuda]' "
            "(or 'imfeat[cuda12]' for a driver of CUDA 12)"
        )
    if not cuda_kernels().launch.is_available():
        return (
            f"no usable GPU was found ({cuda_kernels().launch.reason()}); check that nvidia-smi lists one, "
            "or pass NumPy arrays, which are computed with on the CPU"
        )
    return None


def _check_usable() -> None:
    reason = why_unavailable()
    if reason is not None:
        raise CudaUnavailableError(f"arrays on a GPU can't be used: {reason}")


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
