"""The cache of compiled kernels on disk: its folder, quick loading, and messages about compiling.

The folder is Numba's choice, or a temporary folder if that is read-only.  Kernels in the cache are loaded
without the tables that Numba compiles with, which import SciPy and take most of the time of a first call.
"""

import atexit
import logging
import shutil
import sys
import tempfile
import time

from numba import config, njit
from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys

logger = logging.getLogger("imfeat")


def _probe():
    return 0


def find_folder():
    """Use a temporary folder if neither this package nor the user's cache folder is writable."""
    try:
        njit(cache=True)(_probe)
    except RuntimeError:  # no writable folder
        config.CACHE_DIR = tempfile.mkdtemp(prefix="imfeat-")  # private to this user
        atexit.register(shutil.rmtree, config.CACHE_DIR, ignore_errors=True)


class KernelCache:
    """The cache of one kernel body, which tells the logger ``imfeat`` what is compiled.

    Parameters
    ----------
    cache : numba.core.caching.FunctionCache
        Does the work, and has all other attributes.
    subject, name : str
        Module and name of the kernel, such as ``"hog"`` and ``"cell_histograms"``.
    """

    def __init__(self, cache, subject, name):
        self._cache = cache
        self._subject = subject
        self._name = name
        self._start = 0.0

    def __getattr__(self, attribute):
        return getattr(self._cache, attribute)

    def load_overload(self, signature, context):
        """Return the compiled kernel if it is in the cache, or None to have it compiled.

        Numba's method first loads all that it compiles with.  A kernel in the cache is machine code, and
        needs only the functions of Numba's runtime that allocate arrays.
        """
        rtsys.initialize(context)
        with self._cache._guard_against_spurious_io_errors():
            kernel = self._cache._load_overload(signature, context)
            if kernel is not None:
                return kernel
        context.refresh()
        logger.info("compiling %s, once on this machine", self._subject)
        self._start = time.perf_counter()
        return None

    def save_overload(self, signature, kernel):
        """Write a kernel that was compiled."""
        self._cache.save_overload(signature, kernel)
        seconds = time.perf_counter() - self._start
        logger.debug("compiled %s.%s in %.1f s", self._subject, self._name, seconds)


def watch(package):
    """Give the kernel bodies of all loaded modules of a package their `KernelCache`."""
    for path, module in list(sys.modules.items()):
        is_new = path.startswith(f"{package}.") and path not in _watched
        if is_new and not getattr(module.__spec__, "_initializing", False):  # by another thread
            _watched.add(path)
            subject = _subject(path)
            for name, body in list(vars(module).items()):
                if isinstance(getattr(body, "_cache", None), FunctionCache):
                    body._cache = KernelCache(body._cache, subject, name.lstrip("_"))


def size_of(subject):
    """Return the size of the bytecode of a subject's compiled functions: the larger, the longer they take."""
    modules = [
        module for path, module in sys.modules.items() if path in _watched and _subject(path) == subject
    ]
    functions = {f for module in modules for f in vars(module).values() if hasattr(f, "py_func")}
    return sum(len(function.py_func.__code__.co_code) for function in functions)


def _subject(path):
    return path.rpartition(".")[2].lstrip("_")


_watched = set()
