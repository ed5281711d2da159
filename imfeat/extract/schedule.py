"""Who computes shards: processes of this machine, or a Dask cluster."""

import contextlib
import functools
import itertools
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol

from imfeat._environment import usable_cores
from imfeat.extract.work import begin_worker

TRIES = 3  # of a shard whose worker died
WAITING = 4  # tasks a worker, handed out at a time, so that a billion shards wait on disk and not here


class Scheduler(Protocol):
    """Calls a function for each shard, anywhere, in any order, and yields what it returns."""

    def run(self, task: Callable[[int], Any], shards: Iterable[int]) -> Iterator[tuple[int, Any]]:
        """Yield (shard, what ``task(shard)`` returned), as they are done."""
        ...


class Processes:
    """Processes of this machine.

    Parameters
    ----------
    n_workers : int, optional
        By default one a core.
    """

    def __init__(self, n_workers: int | None = None) -> None:
        self.n_workers = n_workers or usable_cores()

    def run(self, task: Callable[[int], Any], shards: Iterable[int]) -> Iterator[tuple[int, Any]]:
        """Yield (shard, what ``task(shard)`` returned), as they are done.

        Raises
        ------
        RuntimeError
            If the process that computed a shard died, time and again.
        """
        left, failures = list(shards), 0
        while left:
            done = set()
            try:
                for shard, result in self._run_once(task, left):
                    done.add(shard)
                    yield shard, result
            except BrokenProcessPool:
                failures = 0 if done else failures + 1
                if failures == TRIES:
                    raise RuntimeError(
                        f"processes died {TRIES} times in a row, for lack of memory or in a decoder; "
                        f"shards {left[:8]} are not done. Resume with fewer workers or smaller shards"
                    ) from None
            left = [shard for shard in left if shard not in done]

    def _run_once(self, task: Callable[[int], Any], shards: list[int]) -> Iterator[tuple[int, Any]]:
        # A fork starts at once and has what is imported and compiled; elsewhere than on Linux it isn't safe.
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        n_workers = min(self.n_workers, len(shards))
        with ProcessPoolExecutor(
            n_workers, mp_context=context, initializer=begin_worker, initargs=(os.getpid(),)
        ) as pool:
            yield from _handed_out(lambda shard: pool.submit(task, shard), shards, WAITING * n_workers)


class Cluster:
    """A Dask cluster.

    Parameters
    ----------
    address : str
        Of its scheduler, as ``tcp://10.0.0.1:8786``.  Its workers see the same files.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    def run(self, task: Callable[[int], Any], shards: Iterable[int]) -> Iterator[tuple[int, Any]]:
        """Yield (shard, what ``task(shard)`` returned), as they are done."""
        from distributed import Client, as_completed

        with Client(self.address, set_as_default=False) as client:
            stream = iter(shards)
            at_once = WAITING * max(1, sum(client.nthreads().values()))
            submit = functools.partial(client.submit, _named, task, retries=TRIES, pure=False)
            running = as_completed(map(submit, itertools.islice(stream, at_once)), loop=client.loop)
            for future in running:
                yield future.result()
                future.release()
                for shard in itertools.islice(stream, 1):
                    running.add(submit(shard))


def in_order(results: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Yield what a scheduler yields in the order of the shards."""
    waiting, following = {}, 0
    for shard, result in results:
        waiting[shard] = result
        while following in waiting:
            yield following, waiting.pop(following)
            following += 1


def _named(task: Callable[[int], Any], shard: int) -> tuple[int, Any]:
    return shard, task(shard)


def _handed_out(
    submit: Callable[[int], Future[Any]], shards: Iterable[int], at_once: int
) -> Iterator[tuple[int, Any]]:
    """Yield results while at most ``at_once`` shards are handed out."""
    stream = iter(shards)
    running = {submit(shard): shard for shard in itertools.islice(stream, at_once)}
    try:
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                shard = running.pop(future)
                yield shard, future.result()
                for following in itertools.islice(stream, 1):
                    running[submit(following)] = following
    finally:
        for future in running:
            with contextlib.suppress(RuntimeError):
                future.cancel()
