"""The process of a run on a GPU: it computes shards there, and decodes their images on the CPU's cores."""

import functools
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from imfeat._device import check_usable, is_cuda_initialized
from imfeat.extract.plan import Plan
from imfeat.extract.schedule import completed, retried
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
        with self._pool() as pool:
            try:
                pool.submit(check_usable, "device='cuda'").result()
            except BrokenProcessPool:
                raise RuntimeError(NOT_STARTED) from None

    def run(self, plan: Plan) -> Iterator[tuple[int, Any]]:
        """Compute the shards of a plan, and yield their numbers and receipts as they are done.

        Raises
        ------
        RuntimeError
            If the process died several times in a row, or the driver refuses to go on.
        """
        yield from retried(functools.partial(self._run_once, plan), range(plan.n_shards))

    def _run_once(self, plan: Plan, shards: list[int]) -> Iterator[tuple[int, Any]]:
        folder = str(plan.folder.resolve())
        n = max(1, IMAGES_A_TASK // plan.settings["shard_size"])
        tasks = [shards[first : first + n] for first in range(0, len(shards), n)]
        with self._pool() as pool:
            results = completed(lambda task: pool.submit(extract_shards, folder, task), tasks, TASKS_AT_ONCE)
            for _, receipts in results:
                yield from receipts.items()

    def _pool(self) -> ProcessPoolExecutor:
        # A process that uses CUDA can't be forked into another one that does.
        forks = sys.platform == "linux" and not is_cuda_initialized()
        context = multiprocessing.get_context("fork" if forks else "spawn")
        return ProcessPoolExecutor(
            1, mp_context=context, initializer=begin_worker, initargs=(os.getpid(), self.n_threads)
        )


def check_columns(columns: dict[str, dict[str, Any]]) -> None:
    """Raise ValueError if one of the columns that `describe` returned is not computed on a GPU."""
    for settings in columns.values():
        if settings["sha256"] is None:
            check_on_gpu([parse(settings["feature"])])
        elif not getattr(load_model(settings["model"]), "computes_on_gpu", False):
            raise ValueError(not_on_gpu(settings["feature"]))
