"""Compiling ahead: every kernel for every dtype that it is meant for, so that no first call waits."""

import logging
import multiprocessing
import os
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from typing import Any

import numpy as np

from imfeat._backend import cpu_kernels, get_num_threads, kernel_cases, set_num_threads

LOGGER = logging.getLogger("imfeat")


@cache
def cases() -> list[Any]:
    """Return cases that together compile every kernel."""
    noise = np.random.default_rng(0).integers(0, 256, (1, 400, 330, 3), dtype=np.uint8)
    table = kernel_cases()
    # Large images of bytes are cut into strips, by other bodies.
    small = table.make_cases(noise[:, :24, :24].copy(), dtypes=table.DTYPES, n_vectors=30)
    return [*small, *table.make_cases(noise, dtypes=["uint8"], n_vectors=30)]


def groups() -> list[list[int]]:
    """Return the indices of the cases of each module, those first that take longest.

    Bodies of a module share inner functions, which a process compiles once for all dtypes.
    """
    indices: dict[str, list[int]] = defaultdict(list)
    for k, case in enumerate(cases()):
        indices[case.kernel.split(".")[0]].append(k)
    size_of = cpu_kernels().cache.size_of
    return [indices[module] for module in sorted(indices, key=size_of, reverse=True)]


class _Compiled(logging.Handler):
    """Adds up the seconds that each kernel took to compile."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seconds: dict[str, float] = defaultdict(float)

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and len(record.args) == 3:
            subject, name, seconds = record.args
            self.seconds[f"{subject}.{name}"] += float(str(seconds))


def compile_cases(indices: list[int]) -> dict[str, float]:
    """Run cases, and return the seconds of compiling by kernel; kernels in the cache are only loaded."""
    compiled = _Compiled()
    level = LOGGER.level
    LOGGER.addHandler(compiled)
    LOGGER.setLevel(logging.DEBUG)
    try:
        for k in indices:
            cases()[k].run(cpu_kernels())
    finally:
        LOGGER.setLevel(level)
        LOGGER.removeHandler(compiled)
    return dict(compiled.seconds)


def compile_all(n_processes: int | None = None) -> Iterator[tuple[int, int, dict[str, float]]]:
    """Compile every kernel in several processes, and write them to the cache on disk.

    Parameters
    ----------
    n_processes : int, optional
        By default the number of threads of features.

    Yields
    ------
    n_done, n_groups : int
        Parts of the work that are done, and all.
    seconds : dict
        Seconds of compiling, by kernel.
    """
    work = groups()
    n = min(n_processes or get_num_threads(), len(work), os.cpu_count() or 1)
    if n == 1:
        for k, indices in enumerate(work, 1):
            yield k, len(work), compile_cases(indices)
        return
    context = multiprocessing.get_context("spawn")  # threads of this process do not survive a fork
    with ProcessPoolExecutor(n, context, set_num_threads, (1,)) as pool:
        running = [pool.submit(compile_cases, indices) for indices in work]
        for k, done in enumerate(as_completed(running), 1):
            yield k, len(work), done.result()
