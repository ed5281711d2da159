"""Launching kernel bodies on the calling thread or on several threads."""

import itertools
import os
import queue
import threading

import numpy as np

PIECE = 1024  # vectors of a group that are worth a thread
PIECES = 64  # largest number of pieces of a group
RANGES = 6  # of a thread: one that starts late, or is slowed down by others, takes fewer


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
    n_ranges = n_calls * min(RANGES, n_items // (grain * n_calls))  # as many for each thread
    bounds = [n_items * k // n_ranges for k in range(n_ranges + 1)]
    task = _Task(body, list(itertools.pairwise(bounds)), arrays)
    _threads().help_with(task, n_calls - 1)
    task.finish()


class _Task:
    """The ranges of a launch, which the calling thread and those of the pool take one by one."""

    def __init__(self, body, ranges, arrays):
        self.body = body
        self.ranges = ranges[::-1]
        self.arrays = arrays
        self.running = []  # a lock for each thread of the pool, which holds it until it is done
        self.error = None

    def work(self):
        """Compute ranges until none is left."""
        while self.ranges:
            try:
                start, stop = self.ranges.pop()
            except IndexError:  # another thread took the last one
                return
            self.body(start, stop, *self.arrays)

    def help(self):
        """Take part in a thread of the pool; the lock is there before a range is taken."""
        done = threading.Lock()
        with done:
            self.running.append(done)
            try:
                self.work()
            except BaseException as error:
                self.error = error
                self.ranges.clear()

    def finish(self):
        """Take part in the calling thread, wait for the others, and raise what they raised."""
        try:
            self.work()
        finally:
            self.ranges.clear()  # a thread that comes later finds nothing to do, and is not waited for
            for done in self.running:
                done.acquire()
        if self.error is not None:
            raise self.error


class _Pool:
    """Threads that wait for tasks.  Calls of several threads share them, and never wait for each other."""

    def __init__(self, n_workers):
        self.tasks = queue.SimpleQueue()
        self.n_workers = n_workers
        for k in range(n_workers):
            threading.Thread(target=self._serve, name=f"imfeat_{k}", daemon=True).start()

    def help_with(self, task, n_workers):
        """Let up to ``n_workers`` threads take part in a task."""
        for _ in range(n_workers):
            self.tasks.put(task)

    def end(self):
        """End the threads after the tasks before."""
        for _ in range(self.n_workers):
            self.tasks.put(None)

    def _serve(self):
        while (task := self.tasks.get()) is not None:
            task.help()
            del task  # and its arrays, while this thread waits


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
        if _pool is not None:
            _pool.end()
        _drop_pool()


def _threads():
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = _Pool(n_threads - 1)
        return _pool


def _drop_pool():
    global _pool
    _pool = None


def _after_fork():
    """Drop the pool and its lock: a child process has them without the threads."""
    global _pool_lock
    _pool_lock = threading.Lock()
    _drop_pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
