"""The folder of compiled kernels: Numba's choice, or a temporary folder if that is read-only."""

import atexit
import shutil
import tempfile

from numba import config, njit


def _probe():
    return 0


def find_folder():
    """Use a temporary folder if neither this package nor the user's cache folder is writable."""
    try:
        njit(cache=True)(_probe)
    except RuntimeError:  # no writable folder
        config.CACHE_DIR = tempfile.mkdtemp(prefix="imfeat-")  # private to this user
        atexit.register(shutil.rmtree, config.CACHE_DIR, ignore_errors=True)
