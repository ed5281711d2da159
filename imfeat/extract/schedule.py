"""Schedulers, which compute shards in processes of this machine or on a Dask cluster."""

import contextlib
import functools
import itertools
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

from imfeat._check import as_count
from imfeat._environment import usable_cores
from imfeat._progress import console, has_terminal
from imfeat.extract.worker import begin_worker

TRIES = 3  # of a shard whose worker died
TASKS_PER_WORKER = 4  # submitted at a time, so that a billion shards wait on disk and not in memory
RATE_OVER = 300  # seconds that the time left is estimated from, in which a large shard ends

T = TypeVar("T")


class Scheduler(Protocol):
    """Calls a function for each shard, in any order, and yields the results."""

    def run(self, task: Callable[[int], Any], shards: Iterable[int]) -> Iterator[tuple[int, Any]]:
        """Yield pairs (shard, ``task(shard)``) as they are done."""
        ...


class Processes:
    """Processes of this machine.

    Parameters
    ----------
    n_workers : int, optional
        By default one per core.
    """

    def __init__(self, n_workers: int | None = None) -> None:
        self.n_workers = n_workers or usable_cores()

    def run(self, task: Callable[[int], Any], shards: Iterable[int]) -> Iterator[tuple[int, Any]]:
        """Yield pairs (shard, ``task(shard)``) as they are done.

        Raises
        ------
        RuntimeError
            If processes that computed shards died several times in a row.
        """
        yield from retried(functools.partial(self._run_once, task), shards)

    def _run_once(self, task: Callable[[int], Any], shards: list[int]) -> Iterator[tuple[int, Any]]:
        # A fork starts at once and shares what is imported and compiled; it is safe on Linux only.
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        n_workers = min(self.n_workers, len(shards))
        n_threads = self.n_workers // n_workers  # of each worker, if there are fewer shards than cores
        with ProcessPoolExecutor(
            n_workers, mp_context=context, initializer=begin_worker, initargs=(os.getpid(), n_threads)
        ) as pool:
            yield from completed(lambda shard: pool.submit(task, shard), shards, TASKS_PER_WORKER * n_workers)


class Cluster:
    """A Dask cluster.

    Parameters
    ----------
    address : str
        Address of the scheduler, as ``tcp://10.0.0.1:8786``.  Its workers must see the same files.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    def run(self, task: Callable[[int], Any], shards: Iterable[int]) -> Iterator[tuple[int, Any]]:
        """Yield pairs (shard, ``task(shard)``) as they are done."""
        from distributed import Client, as_completed

        with Client(self.address, set_as_default=False) as client:
            stream = iter(shards)
            at_once = TASKS_PER_WORKER * max(1, sum(client.nthreads().values()))
            submit = functools.partial(client.submit, _named, task, retries=TRIES, pure=False)
            running = as_completed(map(submit, itertools.islice(stream, at_once)), loop=client.loop)
            for future in running:
                yield future.result()
                future.release()
                for shard in itertools.islice(stream, 1):
                    running.add(submit(shard))


def retried(
    run_once: Callable[[list[int]], Iterator[tuple[int, Any]]], shards: Iterable[int]
) -> Iterator[tuple[int, Any]]:
    """Yield pairs (shard, result) of a function of shards, which is called again when its processes die."""
    remaining = list(shards)
    failures = 0
    while remaining:
        done = set()
        try:
            for shard, result in run_once(remaining):
                done.add(shard)
                yield shard, result
        except BrokenProcessPool:
            failures = 0 if done else failures + 1
            if failures == TRIES:
                raise RuntimeError(
                    f"processes died {TRIES} times in a row, for lack of memory or in a decoder; "
                    f"shards {remaining[:8]} are not done. Resume with fewer workers or smaller shards"
                ) from None
        remaining = [shard for shard in remaining if shard not in done]


def in_order(results: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Yield the results of a scheduler in the order of the shards."""
    waiting = {}
    expected = 0
    for shard, result in results:
        waiting[shard] = result
        while expected in waiting:
            yield expected, waiting.pop(expected)
            expected += 1


def with_bar(
    results: Iterator[tuple[int, Any]],
    total: int,
    progress: bool,
    title: str = "shards",
    count: Callable[[Any], int] = lambda result: 1,
) -> Iterator[tuple[int, Any]]:
    """Yield the results of a scheduler, with a progress bar on a terminal if ``progress``.

    The bar tells what is done of ``total``, by the ``count`` of each result, the rate, and the time left.
    """
    if not progress or not has_terminal():
        yield from results
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[rate]}"), TimeRemainingColumn()),
    )
    with Progress(*columns, console=console(), speed_estimate_period=RATE_OVER) as bar:
        task = bar.add_task(title, total=total, rate="")
        begin = time.monotonic()
        n_done = 0
        for shard, result in results:
            n_done += count(result)
            bar.update(task, completed=n_done, rate=f"{n_done / (time.monotonic() - begin):,.0f}/s")
            yield shard, result


def find_scheduler(scheduler: str, n_workers: int | None) -> Scheduler:
    """Return local processes, or the cluster at an address."""
    if scheduler == "local":
        return Processes(None if n_workers is None else as_count(n_workers, "n_workers"))
    if "://" not in scheduler:
        raise ValueError(f"scheduler must be 'local' or an address as tcp://host:8786, got {scheduler!r}")
    return Cluster(scheduler)


def _named(task: Callable[[int], Any], shard: int) -> tuple[int, Any]:
    return shard, task(shard)


def completed(
    submit: Callable[[T], Future[Any]], shards: Iterable[T], at_once: int
) -> Iterator[tuple[T, Any]]:
    """Yield shards, or tuples of them, and their results, while at most ``at_once`` are submitted."""
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
