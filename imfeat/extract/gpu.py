"""The process of a run on a GPU: it computes shards there, and decodes their images on the CPU's cores."""

import contextlib
import functools
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from imfeat._device import check_usable, is_cuda_initialized
from imfeat.extract.plan import Plan
from imfeat.extract.schedule import Processes, Scheduler, completed, retried
from imfeat.extract.worker import begin_worker, extract_shards
from imfeat.models.files import load_model
from imfeat.recipes import check_on_gpu, not_on_gpu, parse

IMAGES_A_TASK = 2000  # of shards that are computed without a gap, and finished after an interruption
TASKS_AT_ONCE = 2
NOT_STARTED = (
    "the process for device='cuda' could not start. Where CUDA is used already, or there is no fork, it runs "
    "the main file of the program again: put what that does below if __name__ == '__main__'"
)


class CudaProcess:
    """A process of this machine, the only one of a run that uses CUDA.

    Parameters
    ----------
    n_threads : int
        Threads that decode.
    """

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads

    def check(self) -> None:
        """Raise CudaUnavailableError if the process can't use CUDA, RuntimeError if it can't be started."""
        with self.pool() as pool:
            try:
                pool.submit(check_usable, "device='cuda'").result()
            except BrokenProcessPool:
                raise RuntimeError(NOT_STARTED) from None

    def extract(self, plan: Plan) -> Iterator[tuple[int, Any]]:
        """Compute the shards of a plan, and yield their numbers and receipts as they are done.

        Raises
        ------
        RuntimeError
            If the process died several times in a row, or the driver refuses to go on.
        """
        yield from retried(functools.partial(self._extract_once, plan), range(plan.n_shards))

    def _extract_once(self, plan: Plan, shards: list[int]) -> Iterator[tuple[int, Any]]:
        folder = str(plan.folder.resolve())
        n = max(1, IMAGES_A_TASK // plan.settings["shard_size"])
        tasks = [shards[first : first + n] for first in range(0, len(shards), n)]
        with self.pool() as pool:
            results = completed(lambda task: pool.submit(extract_shards, folder, task), tasks, TASKS_AT_ONCE)
            for _, receipts in results:
                yield from receipts.items()

    def pool(self) -> ProcessPoolExecutor:
        """Return the process, not yet started, as a pool of one."""
        # A process that uses CUDA can't be forked into another one that does.
        forks = sys.platform == "linux" and not is_cuda_initialized()
        context = multiprocessing.get_context("fork" if forks else "spawn")
        return ProcessPoolExecutor(
            1, mp_context=context, initializer=begin_worker, initargs=(os.getpid(), self.n_threads)
        )


class CudaTasks:
    """Calls a function for each shard in the process of a GPU, which stays for the next function.

    Parameters
    ----------
    process : CudaProcess
    """

    def __init__(self, process: CudaProcess) -> None:
        self.process = process
        self._pool: ProcessPoolExecutor | None = None

    def run(self, task: Callable[[int], Any], shards: Iterable[int]) -> Iterator[tuple[int, Any]]:
        """Yield pairs (shard, ``task(shard)``) as they are done.

        Raises
        ------
        RuntimeError
            If the process died several times in a row.
        """
        yield from retried(functools.partial(self._run_once, task), shards)

    def close(self) -> None:
        """End the process."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _run_once(self, task: Callable[[int], Any], shards: list[int]) -> Iterator[tuple[int, Any]]:
        pool = self._pool = self._pool or self.process.pool()
        try:
            yield from completed(lambda shard: pool.submit(task, shard), shards, TASKS_AT_ONCE)
        except BrokenProcessPool:
            self.close()
            raise


def process_of(settings: dict[str, Any], workers: Scheduler) -> CudaProcess | None:
    """Return the process that computes on a GPU by the settings of a run, checked; None if the CPU does."""
    if "device" not in settings:
        return None
    if not isinstance(workers, Processes):
        raise ValueError("device='cuda' is for a GPU of this machine: take scheduler='local'")
    process = CudaProcess(workers.n_workers)
    process.check()
    return process


@contextlib.contextmanager
def tasks_of(process: CudaProcess | None, workers: Scheduler) -> Iterator[Scheduler]:
    """Yield what calls functions for each shard: one process on a GPU, or the workers if there is none."""
    if process is None:
        yield workers
        return
    with contextlib.closing(CudaTasks(process)) as tasks:
        yield tasks


def check_columns(columns: dict[str, dict[str, Any]]) -> None:
    """Raise ValueError if one of the columns that `describe` returned is not computed on a GPU."""
    for settings in columns.values():
        if settings["sha256"] is None:
            check_on_gpu([parse(settings["feature"])])
        elif not getattr(load_model(settings["model"]), "computes_on_gpu", False):
            raise ValueError(not_on_gpu(settings["feature"]))
