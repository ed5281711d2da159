"""Checks of values on a GPU that are read after the kernels of a public call, so that it waits once.

Only for functions whose kernels access the same memory whatever the values are, NaN included.
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from imfeat._backend import Array

R = TypeVar("R")


class _State(threading.local):
    counts: list[Array] | None = None  # counts of values that must all be 0; None where they are read at once


_state = _State()


def checked_after(function: Callable[..., R], *args: Any, **options: Any) -> R:
    """Call a function, then read the counts that it postponed.

    If values are outside, it is called again and reads them at once, so that it raises its error or cuts
    what lies outside by rounding.
    """
    if _state.counts is not None:
        return function(*args, **options)
    counts = _state.counts = []
    try:
        result = function(*args, **options)
    except Exception:
        if not _any_outside(counts):
            raise
    else:
        if not _any_outside(counts):
            return result
    finally:
        _state.counts = None
    return function(*args, **options)


def checked_at_once(function: Callable[..., R], *args: Any, **options: Any) -> R:
    """Call a function whose checks are read before its kernels start, also within `checked_after`."""
    counts, _state.counts = _state.counts, None
    try:
        return function(*args, **options)
    finally:
        _state.counts = counts


def postpone(counts: Array) -> bool:
    """Keep counts on a GPU until the end of the public call; False if they have to be read now."""
    if _state.counts is None:
        return False
    _state.counts.append(counts)
    return True


def _any_outside(counts: list[Array]) -> bool:
    return any(array.copy_to_host().any() for array in counts)  # type: ignore[attr-defined]
