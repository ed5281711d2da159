"""Progress bars of fits, and messages about kernels that are compiled."""

import functools
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

LOGGER = logging.getLogger("imfeat")


def iterations(n: int, title: str, progress: bool) -> Iterable[int]:
    """Return ``range(n)``, with a progress bar if ``progress``."""
    if not progress:
        return range(n)
    from rich.progress import track

    return track(range(n), title, console=console())


def has_terminal() -> bool:
    """Return whether there is a terminal or a notebook for bars, without rich, whose import takes 30 ms."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return sys.stderr.isatty() or type(shell).__name__ == "ZMQInteractiveShell"


@functools.cache
def console() -> "Console":
    """Return the console of all bars and spinners: standard error, since results go to standard output."""
    from rich.console import Console

    return Console(stderr=True)


@contextmanager
def lines_shown() -> Iterator[None]:
    """Write messages of ``imfeat.compare`` to standard error during the block, if it is no terminal."""
    if has_terminal():
        yield
        return
    with _handled(logging.getLogger("imfeat.compare"), logging.StreamHandler(sys.stderr), logging.INFO):
        yield


@contextmanager
def _handled(logger: logging.Logger, handler: logging.Handler, level: int) -> Iterator[None]:
    """Give messages of a logger from a level on to a handler during the block."""
    level_before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(level_before)
        logger.removeHandler(handler)


@contextmanager
def compilations_shown() -> Iterator[None]:
    """Show on a terminal which kernels are compiled during the block, as a call waits for them."""
    if not sys.stderr.isatty():
        yield
        return
    shown = _Compilations()
    try:
        with _handled(LOGGER, shown, logging.DEBUG):
            yield
    finally:
        shown.stop()


class _Compilations(logging.Handler):
    """Shows a message at level INFO beside a spinner until one at DEBUG follows: the kernel is compiled.

    Messages are lines, each printed once, where there can be no spinner: beside a progress bar, and in a
    process that was forked.
    """

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._process = os.getpid()
        self._printed: set[str] = set()
        self._spinner: Status | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.INFO:
            self.stop()
        elif not self._spin(record.getMessage()):
            self._print(record.getMessage())

    def stop(self) -> None:
        """Stop the spinner, if there is one."""
        if self._spinner is not None and os.getpid() == self._process:
            self._spinner.stop()
        self._spinner = None

    def _spin(self, message: str) -> bool:
        if os.getpid() != self._process:
            return False
        from rich.errors import LiveError

        self.stop()
        spinner = console().status(message)
        try:
            spinner.start()
        except LiveError:  # a progress bar is shown
            return False
        self._spinner = spinner
        return True

    def _print(self, message: str) -> None:
        if message in self._printed:
            return
        self._printed.add(message)
        # A bar belongs to the process that began it, and its locks don't survive a fork.
        stream = sys.stderr if os.getpid() == self._process else sys.__stderr__
        print(message, file=stream, flush=True)
