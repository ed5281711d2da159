"""Timing contestants in turn, so that a slow minute of the machine is slow for all of them."""

import functools
import itertools
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

BLOCK_SECONDS = 0.01  # calls that take less are timed several at a time
SLOW_SECONDS = 0.4  # calls that take more are repeated less often
STRIP_SIZE = 1 << 20  # bytes
PAUSE = 0.005  # OpenMP's threads wait that long for more work, and take a core from the next contestant
BLAS_PAUSE = 0.25  # and those of OpenBLAS, which most peers for vectors use


@dataclass(frozen=True)
class Contestant:
    """A library's way to do a job: ``seconds(n)`` does it n times for ``n_pixels`` pixels each."""

    library: str
    seconds: object
    n_pixels: int


def stopwatch(call):
    """Return a function that makes a call ``n`` times and returns the mean seconds of one."""

    def seconds(n):
        if n > 1:
            call()  # finds what the contestant before left in the caches
        start = time.perf_counter()
        for _ in range(n):
            call()
        return (time.perf_counter() - start) / n

    return seconds


def runs(contestants, repeats, block=BLOCK_SECONDS, pause=PAUSE):
    """Return the seconds of a call of each contestant in each of its runs, {library: [seconds]}."""
    counts, limits, seconds = [], [], [[] for _ in contestants]
    for contestant in contestants:
        once = contestant.seconds(1)
        if once < SLOW_SECONDS:  # the first run of a slow one tells enough
            once = max(contestant.seconds(1), 1e-7)
        counts.append(max(1, int(block / once)) if repeats > 1 else 1)
        limits.append(repeats if once < SLOW_SECONDS else min(repeats, 3))
    for repeat in range(repeats):
        for k, contestant in enumerate(contestants):
            if repeat < limits[k]:
                stay_awake(pause)
                seconds[k].append(contestant.seconds(counts[k]))
    return {c.library: s for c, s in zip(contestants, seconds, strict=True)}


def race(contestants, repeats, block=BLOCK_SECONDS, pause=PAUSE):
    """Return the median seconds of a call of each contestant, {library: seconds}."""
    return {library: statistics.median(s) for library, s in runs(contestants, repeats, block, pause).items()}


def row(job, n_threads, calls, repeats):
    """Return the seconds of calls, {contestant: call}, as a record."""
    ready = [Contestant(name, stopwatch(call), 1) for name, call in calls.items()]
    return {"job": job, "threads": n_threads, "seconds": race(ready, repeats, pause=BLAS_PAUSE)}


def stay_awake(seconds):
    """Wait without rest: a core that slept is slow at first."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def fastest(*ways):
    """Return the quickest of several ways to do the same, found by trying."""
    if len(ways) == 1:
        return ways[0]
    watches = [stopwatch(way) for way in ways]
    for watch in watches:
        watch(1)
    once = [min(watch(1) for _ in range(2)) for watch in watches]
    return ways[int(np.argmin(once))]


def each(function, pieces, n_threads, *more):
    """Return a call that maps a function over pieces: in a loop or, where that is quicker, from a pool.

    ``more`` are sequences of further arguments, such as where results go.
    """
    arguments = [list(pieces), *map(list, more)]
    n = len(arguments[0])
    if n == 1:
        return functools.partial(function, *(column[0] for column in arguments))

    def loop():
        return list(map(function, *arguments))

    if n_threads == 1:
        return loop
    pool = ThreadPoolExecutor(n_threads)
    bounds = [n * part // n_threads for part in range(n_threads + 1)]
    parts = [[column[i:j] for column in arguments] for i, j in itertools.pairwise(bounds)]

    def in_parts():
        return list(itertools.chain.from_iterable(pool.map(lambda part: list(map(function, *part)), parts)))

    return fastest(loop, in_parts)


def each_counted(function, images, n_threads):
    """Like `each`, for counts: one image is counted in strips, whose counts are added."""
    n_strips = max(n_threads, images[0].size // STRIP_SIZE)
    if len(images) > 1 or n_strips == 1:
        return each(function, images, n_threads)
    counts = each(function, np.array_split(images[0], n_strips), n_threads)
    return lambda: np.sum(counts(), 0)
