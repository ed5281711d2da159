"""Access to the kernels: the only module that imports ``imfeat_kernels``."""

import functools
import importlib
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
KERNELS = (
    "imfeat_kernels"  # the package of the kernels, and of arrays on a GPU that belong to no other library
)


def backend_of(array: Array) -> ModuleType:
    """Return the package of kernels for the device of ``array``.

    Checked arguments on the host are NumPy arrays, so the type tells the device.
    """
    return cpu_kernels() if isinstance(array, np.ndarray) else cuda_kernels()


@functools.cache
def cpu_kernels() -> ModuleType:
    """Return the kernels that run on the CPU."""
    return importlib.import_module("imfeat_kernels.cpu")


@functools.cache
def cuda_kernels() -> ModuleType:
    """Return the kernels that run on a GPU."""
    return importlib.import_module("imfeat_kernels.cuda")


def kernel_cases() -> ModuleType:
    """Return the table of cases of all kernels."""
    return importlib.import_module("imfeat_kernels.cases")


def empty_on_device_of(shape: tuple[int, ...], dtype: npt.DTypeLike, like: Array) -> Array:
    """Allocate a temporary array on the device of ``like``."""
    if isinstance(like, np.ndarray):
        return np.empty(shape, dtype)
    array: Array = cuda_kernels().launch.empty(shape, dtype, like)
    return array


def clear(array: Array) -> None:
    """Set an array to zero, on its device."""
    if isinstance(array, np.ndarray):
        array[...] = 0
    else:
        array.caller.clear(array.words[4], array.nbytes)


def fill(array: Array, values: Array) -> None:
    """Copy values of the host into an array of their shape and dtype, on its device."""
    if isinstance(array, np.ndarray):
        array[...] = values
    elif array.nbytes:
        array.caller.upload(np.ascontiguousarray(values), array.words[4])


def set_num_threads(n: int) -> None:
    """Set the number of threads that features use, and the most that learners do, in this process.

    Parameters
    ----------
    n : int
        At least 1.  Features are bit-identical for any number of threads; the classifiers of `imfeat.learn`
        differ by rounding where they use several threads of BLAS, which they do for products of more than
        1024 features.

    Raises
    ------
    TypeError, ValueError
        If ``n`` is not an integer, or below 1.

    Examples
    --------
    >>> import imfeat
    >>> n_threads = imfeat.get_num_threads()
    >>> imfeat.set_num_threads(1)
    >>> imfeat.get_num_threads()
    1
    >>> imfeat.set_num_threads(n_threads)
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer):
        raise TypeError(f"n must be an integer, got {n!r}")
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    from imfeat_kernels.cpu import launch

    launch.set_num_threads(int(n))


def get_num_threads() -> int:
    """Return the number of threads that features use; by default the number of usable cores.

    Examples
    --------
    >>> import imfeat
    >>> imfeat.get_num_threads() >= 1
    True
    """
    from imfeat_kernels.cpu import launch

    return launch.n_threads  # type: ignore[no-any-return]
