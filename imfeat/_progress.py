"""Progress bars of fits, and messages about kernels that are compiled."""

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

LOGGER = logging.getLogger("imfeat")


def iterations(n: int, title: str, progress: bool) -> Iterable[int]:
    """Return ``range(n)``, with a progress bar if ``progress``."""
    if not progress:
        return range(n)
    from rich.progress import track

    return track(range(n), title)


@contextmanager
def compilations_shown() -> Iterator[None]:
    """Print on a terminal which kernels are compiled during the block, as a call waits for them."""
    if not sys.stderr.isatty():
        yield
        return
    lines = _Lines(logging.INFO)
    level = LOGGER.level
    LOGGER.addHandler(lines)
    LOGGER.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOGGER.setLevel(level)
        LOGGER.removeHandler(lines)


class _Lines(logging.Handler):
    """Prints each message once, above progress bars."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._process = os.getpid()
        self._printed: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message in self._printed:
            return
        self._printed.add(message)
        # A bar belongs to the process that began it, and its locks don't survive a fork.
        stream = sys.stderr if os.getpid() == self._process else sys.__stderr__
        print(message, file=stream, flush=True)
