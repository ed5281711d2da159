"""What the machine itself can do: copies, the floor of every feature, and arithmetic on several cores."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from benchmarks.timing import Contestant, stopwatch

FRESH, CONTROL = "a copy to new memory", "arithmetic"  # their names as contestants
STRIP = 1 << 16  # bytes, which stay in a near cache
STEPS, WIDTH = 1 << 20, 64  # about 6 ms


def copy_bandwidth(n_threads, n_bytes=1 << 28, repeats=7):
    """Return the bytes a second that a copy reads and writes, with reused memory."""
    source, target = np.ones(n_bytes, np.uint8), np.zeros(n_bytes, np.uint8)
    halves = list(zip(np.array_split(source, n_threads), np.array_split(target, n_threads), strict=True))
    with ThreadPoolExecutor(n_threads) as pool:
        rates = []
        for _ in range(repeats):
            start = time.perf_counter()
            list(pool.map(lambda half: np.copyto(half[1], half[0]), halves))
            rates.append(2 * n_bytes / (time.perf_counter() - start))
    return statistics.median(rates)


def fresh_copy(n_read, n_written, n_threads, n_units):
    """Return a contestant that reads so many bytes and writes so many into memory that it allocates."""
    parts = np.array_split(np.ones(n_read, np.uint8), n_threads)
    pool = ThreadPoolExecutor(n_threads)

    def copy_all():
        target = np.empty(n_written, np.uint8)
        if n_threads == 1:
            copy(parts[0], target)
        else:
            list(pool.map(copy, parts, np.array_split(target, n_threads)))

    return Contestant(FRESH, stopwatch(copy_all), n_units)


@numba.njit(nogil=True, cache=True)
def copy(source, target):
    """Read all of the source and write all of the target, of which either may be larger."""
    scratch = np.empty(STRIP, np.uint8)
    for start in range(0, len(source), STRIP):
        piece = source[start : start + STRIP]
        first = len(target) * start // len(source)
        last = len(target) * (start + len(piece)) // len(source)
        for at in range(first, last, len(piece)):  # again from the cache, if the target is larger
            n = min(len(piece), last - at)
            move(piece[:n], target[at : at + n])
        n_unread = max(0, len(piece) - (last - first))
        move(piece[len(piece) - n_unread :], scratch[:n_unread])
    return scratch[0]


@numba.njit(nogil=True)
def move(source, target):
    for i in range(len(source)):
        target[i] = source[i]


def control(n_threads):
    """Return a contestant that computes as much on each thread, in its nearest cache."""
    arrays = [np.ones(WIDTH, np.float32) for _ in range(n_threads)]
    pool = ThreadPoolExecutor(n_threads)
    call = (lambda: compute(arrays[0])) if n_threads == 1 else (lambda: list(pool.map(compute, arrays)))
    return Contestant(CONTROL, stopwatch(call), n_threads)


@numba.njit(nogil=True, cache=True)
def compute(values):
    for _ in range(STEPS):
        for j in range(len(values)):
            values[j] = values[j] * np.float32(0.999) + np.float32(0.001)
