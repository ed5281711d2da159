"""Run every CUDA kernel once in Numba's simulator; to be called with ``NUMBA_ENABLE_CUDASIM=1``.

Prints a line a kernel: its name, and by how much it is off.
"""

import os
import warnings

import numpy as np
from imfeat_kernels import cpu, cuda
from imfeat_kernels.cuda import launch
from imfeat_kernels.cuda.front import cuda as front

from imfeat.selfcheck.cases import Case, make_cases
from tests import device


def count_threads(case: Case) -> int:
    """Return how many threads a call takes: the simulator runs a thousand of them a second."""
    module, name = case.kernel.split(".")
    counted = []

    def count(body, n_blocks, *arguments, threads=launch.THREADS):
        counted.append(n_blocks * threads)

    with device.on_host((9, 0), count):
        getattr(getattr(cuda, module), name)(*case.inputs, *(room.copy() for room in case.results))
    return sum(counted)


def main() -> None:
    assert os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
    images = np.random.default_rng(0).integers(0, 256, (1, 24, 24, 3), dtype=np.uint8)
    cheapest: dict[str, Case] = {}
    for case in sorted(make_cases(images, n_vectors=5), key=count_threads):
        cheapest.setdefault(case.kernel, case)
    for case in cheapest.values():
        module, name = case.kernel.split(".")
        expected = [room.copy() for room in case.results]
        getattr(getattr(cpu, module), name)(*case.inputs, *expected)
        there = [front.to_device(value) if isinstance(value, np.ndarray) else value for value in case.inputs]
        results = [front.to_device(room) for room in case.results]
        with warnings.catch_warnings():  # NumPy's numbers warn of what wraps around, as it is meant to
            warnings.simplefilter("ignore", RuntimeWarning)
            getattr(getattr(cuda, module), name)(*there, *results)
        pairs = zip(expected, (result.copy_to_host() for result in results), strict=True)
        off = max(float(np.abs(a.astype(float) - b.astype(float)).max()) for a, b in pairs)
        print(case.kernel, off, case.tolerance, flush=True)


if __name__ == "__main__":
    main()
