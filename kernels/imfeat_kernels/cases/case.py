"""A case, and what makers of cases share."""

from dataclasses import dataclass

import numpy as np

F32 = np.float32
SMALL_TABLE = 4096  # values


@dataclass(frozen=True)
class Case:
    """A call of a kernel.

    Attributes
    ----------
    kernel : str
        Module and name, with a dot between them.
    inputs : tuple
        All parameters but the results.
    results : tuple of arrays
        Start values of the arrays that the kernel fills or changes.
    tolerance : float
        Largest difference allowed between the results of two implementations; 0 for equal results.
    n_items : int
        Number of pixels, descriptors or values that the call works on.
    """

    kernel: str
    inputs: tuple
    results: tuple
    tolerance: float
    n_items: int

    def launcher(self, package):
        """Return the launcher in `imfeat_kernels.cpu` or `imfeat_kernels.cuda`."""
        module, name = self.kernel.split(".")
        return getattr(getattr(package, module), name)

    def run(self, package):
        """Run the launcher of a package on host arrays, and return the list of results."""
        results = [result.copy() for result in self.results]
        self.launcher(package)(*self.inputs, *results)
        return results

    def run_on_gpu(self, cuda):
        """Run the launcher of `imfeat_kernels.cuda` on arrays of the device; return host arrays."""
        inputs, results = self.on_gpu(cuda)
        self.launcher(cuda)(*inputs, *results)
        return [result.copy_to_host() for result in results]

    def on_gpu(self, cuda):
        """Return the inputs and the results as arrays of the device; small tables stay on the host."""
        inputs = [cuda.launch.to_device(value) if _is_large(value) else value for value in self.inputs]
        return inputs, [cuda.launch.to_device(result) for result in self.results]

    def difference(self, expected, results):
        """Return the largest absolute difference between two lists of results."""
        pairs = [(a.astype(float), b.astype(float)) for a, b in zip(expected, results, strict=True)]
        return max(
            float(np.abs(a[a != b] - b[a != b]).max(initial=0)) for a, b in pairs
        )  # infinity is no NaN


def case(kernel, inputs, results, tolerance, n_items, *, read_only=(0,)):
    """Return a `Case`.

    Features pass arrays of callers as read-only and arrays of their own as writable, for which Numba compiles
    different code: ``read_only`` lists the indices of the former.  A result is an array of start values,
    or a pair of shape and dtype of an array full of NaN, which the kernel must not read.
    """
    inputs = [_read_only(value) if k in read_only else value for k, value in enumerate(inputs)]
    filled = [result if isinstance(result, np.ndarray) else _filled(*result) for result in results]
    return Case(kernel, tuple(inputs), tuple(filled), tolerance, n_items)


def _read_only(array):
    view = array.view()
    view.flags.writeable = False
    return view


def _filled(shape, dtype):
    out = np.empty(shape, dtype)
    out.reshape(-1).view(np.uint8)[:] = 255
    return out


def _is_large(value):
    """Tell whether an input lies on the device; launchers take small tables from the host."""
    return isinstance(value, np.ndarray) and value.size > SMALL_TABLE


def is_bytes(images):
    return images.dtype == np.uint8


def white_of(images):
    """Return the value that counts as 1, in the type to compute in."""
    return F32(255) if is_bytes(images) else images.dtype.type(1)


def gray_of(images):
    """Return one channel of images, contiguous."""
    return np.ascontiguousarray(images[..., 1])
