"""Launching kernel bodies on the calling thread or on several threads."""

import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

PIECE = 1024  # vectors of a group that are worth a thread
PIECES = 64  # largest number of pieces of a group


def _usable_cores():
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows cannot pin a process to cores
        return os.cpu_count() or 1


n_threads = _usable_cores()
_pool = None
_pool_lock = threading.Lock()


def launch(body, n_items, *arrays, grain=1):
    """Call ``body(start, stop, *arrays)`` on ranges that cover ``range(n_items)``.

    Every item is computed by one call, so results are bit-identical for any split.  ``grain`` is
    the number of items below which another thread costs more than it saves.
    """
    if n_threads == 1 or n_items < 2 * grain:
        body(0, n_items, *arrays)
        return
    n_calls = min(n_threads, n_items // grain)
    bounds = [n_items * k // n_calls for k in range(n_calls + 1)]
    running = [
        _threads().submit(body, start, stop, *arrays) for start, stop in itertools.pairwise(bounds[1:])
    ]
    body(0, bounds[1], *arrays)
    for call in running:
        call.result()


def frozen(array):
    """Return an array as read-only, as callers' images are: Numba compiles other code for each of both."""
    if array.flags.writeable:
        array = array.view()
        array.setflags(write=False)
    return array


def split_groups(bounds):
    """Cut groups of vectors into pieces, independently of each other.

    Parameters
    ----------
    bounds : (n_groups + 1,) int64 array
        Bounds of the groups.

    Returns
    -------
    starts : (n_groups,) array
        Index of the first piece of each group.
    pieces : (n_pieces, 2) array
        First vector of each piece, and the one after its last; an empty group has an empty piece.
    """
    counts = np.diff(bounds)
    n_pieces = np.clip(-(-counts // PIECE), 1, PIECES)
    starts = np.cumsum(n_pieces) - n_pieces
    index = np.arange(n_pieces.sum()) - np.repeat(starts, n_pieces)
    first, count, n = (np.repeat(values, n_pieces) for values in (bounds[:-1], counts, n_pieces))
    return starts, np.stack([first + index * count // n, first + (index + 1) * count // n], 1)


def set_num_threads(n):
    """Use up to ``n`` threads from the next launch on."""
    global n_threads
    with _pool_lock:
        n_threads = n
        _drop_pool()


def _threads():
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(n_threads, thread_name_prefix="imfeat")
        return _pool


def _drop_pool():
    """Drop the pool; its threads end after the submitted calls."""
    global _pool
    _pool = None


def _after_fork():
    """Replace the pool and its lock, which a child process does not inherit."""
    global _pool_lock
    _pool_lock = threading.Lock()
    _drop_pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
