"""Run every CUDA kernel once in Numba's simulator, with ``NUMBA_ENABLE_CUDASIM=1``.

Prints a line a kernel: its name, the largest difference from the CPU, and its tolerance.
"""

import os
import warnings

import numpy as np
from imfeat_kernels import cases, cpu, cuda
from imfeat_kernels.cuda import launch
from imfeat_kernels.cuda.front import cuda as front

from tests import device


def count_threads(case: cases.Case) -> int:
    """Return the number of threads of a call: the simulator runs a thousand of them a second."""
    counts = []

    def count(body, n_blocks, *arguments, threads=launch.THREADS):
        counts.append(n_blocks * threads)

    with device.on_host((9, 0), count):
        case.run(cuda)
    return sum(counts)


def main() -> None:
    assert os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
    images = np.random.default_rng(0).integers(0, 256, (1, 24, 24, 3), dtype=np.uint8)
    cheapest: dict[str, cases.Case] = {}
    for case in sorted(cases.gpu_cases(images, n_vectors=5), key=count_threads):
        cheapest.setdefault(case.kernel, case)
    for case in cheapest.values():
        inputs = [front.to_device(value) if isinstance(value, np.ndarray) else value for value in case.inputs]
        results = [front.to_device(start) for start in case.results]
        with warnings.catch_warnings():  # NumPy's numbers warn when they wrap around, as they are meant to
            warnings.simplefilter("ignore", RuntimeWarning)
            case.launcher(cuda)(*inputs, *results)
        off = case.difference(case.run(cpu), [result.copy_to_host() for result in results])
        print(case.kernel, off, case.tolerance, flush=True)


if __name__ == "__main__":
    main()
