"""The language of CUDA kernels: functions that are compiled ahead of time, by `compiler`.

`cuda` takes the place of `numba.cuda` in the sources of kernels.  Its decorator keeps functions as they are,
so that nothing is compiled, and no compiler is needed, where kernels only run.
"""

from imfeat_kernels.cpu import instruction


class Body:
    """A function that runs on the device: a kernel, or what kernels call.

    Attributes
    ----------
    py_func : function
        The function in Python.
    name : str
        Its module and its name, as ``hog._cell_histograms``.
    is_kernel : bool
        Whether it is launched.
    """

    def __init__(self, py_func, *, is_kernel):
        self.py_func = py_func
        self.name = f"{py_func.__module__.rpartition('.')[2]}.{py_func.__name__}"
        self.is_kernel = is_kernel


class _Language:
    """The decorator of `numba.cuda`; what bodies say beside it is for the compiler."""

    def jit(self, function=None, *, device=False):
        """Mark a function as a kernel, or with ``device`` as one that kernels call."""
        if function is None:
            return lambda function: Body(function, is_kernel=not device)
        return Body(function, is_kernel=not device)


cuda = _Language()


@cuda.jit(device=True)
def fused(a, b, c):
    """Return a * b + c, rounded once."""
    return cuda.fma(a, b, c)


def on_device(function):
    """Return a scalar function of the CPU's kernels, and with it all that it calls, for the device."""
    return fused if function is instruction.fused else Body(function.py_func, is_kernel=False)
