"""Compiling ahead: every kernel for every dtype that it is meant for, so that no first call waits."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from imfeat._backend import cpu_kernels, kernel_cases


def calls() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield calls, by name, that together compile every kernel; kernels in the cache are only loaded."""
    noise = np.random.default_rng(0).integers(0, 256, (1, 400, 330, 3), dtype=np.uint8)
    table = kernel_cases()
    # Large images of bytes are cut into strips, by other bodies.
    for images, dtypes in ((noise[:, :24, :24].copy(), table.DTYPES), (noise, ["uint8"])):
        for case in table.make_cases(images, dtypes=dtypes, n_vectors=30):
            yield case.kernel, functools.partial(case.run, cpu_kernels())
