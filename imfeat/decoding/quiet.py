"""Warnings of Pillow, which are dealt with in the threads that decode alone."""

import contextlib
import threading
import warnings
from collections.abc import Iterator

from PIL import Image

_lock = threading.Lock()
_filters = contextlib.ExitStack()
_n_threads = 0
_thread = threading.local()


class _OfThread(type):
    """Kind of a category of warnings that holds in the threads that are inside `warnings_of_pillow`."""

    kind: type[Warning]

    def __subclasscheck__(cls, category: type) -> bool:
        return getattr(_thread, "is_decoding", False) and issubclass(category, cls.kind)


class _AnyWarning(Warning, metaclass=_OfThread):
    kind = Warning


class _BombWarning(Warning, metaclass=_OfThread):
    kind = Image.DecompressionBombWarning


@contextlib.contextmanager
def warnings_of_pillow() -> Iterator[None]:
    """Make Pillow's warning of too many pixels an error, and hide those about metadata.

    Filters of warnings belong to the process.  The first of several threads sets them and the last one
    restores them, and they say nothing of the warnings of other threads.
    """
    global _n_threads
    with _lock:
        if _n_threads == 0:
            _filters.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", category=_AnyWarning, module=r"PIL\.")
            warnings.simplefilter("error", _BombWarning)
        _n_threads += 1
    _thread.is_decoding = True
    try:
        yield
    finally:
        _thread.is_decoding = False
        with _lock:
            _n_threads -= 1
            if _n_threads == 0:
                _filters.close()
