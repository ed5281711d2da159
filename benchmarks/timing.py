"""Timing contestants in turn, so that a slow minute of the machine is slow for all of them."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Contestant:
    """A library's way to do a job: ``run()`` does it for ``n_pixels`` pixels."""

    library: str
    run: object
    n_pixels: int


def race(contestants, repeats):
    """Return the median rate of each contestant in Mpixel/s; each runs once before it counts."""
    seconds = {contestant: [] for contestant in contestants}
    for repeat in range(repeats + 1):
        for contestant in contestants:
            start = time.perf_counter()
            contestant.run()
            if repeat:
                seconds[contestant].append(time.perf_counter() - start)
    return {c.library: c.n_pixels / statistics.median(s) / 1e6 for c, s in seconds.items()}


def each(function, images, n_threads):
    """Return a call that maps a function of one image over images, from a pool of threads."""
    if n_threads == 1 or len(images) < n_threads:
        return lambda: [function(image) for image in images]
    pool = ThreadPoolExecutor(n_threads)
    parts = np.array_split(np.arange(len(images)), n_threads)
    return lambda: list(pool.map(lambda part: [function(images[i]) for i in part], parts))


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
