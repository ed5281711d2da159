"""Where compiled kernels are kept: what Numba finds, or a temporary folder if nothing can be written to."""

import atexit
import shutil
import tempfile

from numba import config, njit


def _probe():
    return 0


def find_folder():
    """Let kernels be compiled where neither this package nor the user's cache folder can be written to."""
    try:
        njit(cache=True)(_probe)
    except RuntimeError:  # which says that there is no such place
        config.CACHE_DIR = tempfile.mkdtemp(prefix="imfeat-")  # which nobody else can write to
        atexit.register(shutil.rmtree, config.CACHE_DIR, ignore_errors=True)
