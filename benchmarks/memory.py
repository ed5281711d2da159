"""Peak memory of each job, each library in a fresh process."""

import contextlib
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import jobs
from benchmarks.contestants import OURS, OURS_NEW
from benchmarks.images import cut, some

FUSED, FUSED_NUMBERS = "patch_features, 800 words, triangle", (64, 1024)
MOST_BEYOND = 200e6  # bytes that the features may take beside their output


def rows(names, found, shape, numbers, n_threads):
    """Yield the peak above the input, and the sizes of input and result, for images of a shape.

    Then the same for numbers of images of 32x32, of which the patches must not all be kept.
    """
    if not can_measure():
        return
    batch = cut(*shape)
    with contextlib.ExitStack() as stack:
        # A process a library, which has imported it; each measurement is in a child of that.
        workers = {
            library: stack.enter_context(entry.new_worker(n_threads))
            for library, entry in found.items()
            if library != OURS_NEW
        }
        for name in names:
            job = jobs.ALL[name]
            small, taken = job.take(cut(2, 32, 32)), job.take(some(batch, job.most_pixels))
            yield row(name, small, taken, found, workers, n_threads)
        for n in numbers:
            found_row = row(FUSED, cut(2, 32, 32), cut(n, 32, 32), found, workers, n_threads)
            met = found_row["peaks"][OURS] - found_row["output"] <= MOST_BEYOND
            yield found_row | {"job": f"{FUSED}, {n} of 32x32", "met": met}


def can_measure():
    return sys.platform == "linux" and Path("/proc/self/clear_refs").exists()


def row(name, small, taken, found, workers, n_threads):
    peaks, failed = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        paths = {"small": str(Path(folder, "small.npy")), "images": str(Path(folder, "whole.npy"))}
        np.save(paths["small"], small)
        np.save(paths["images"], taken)
        for library, worker in workers.items():
            if name in found[library].jobs:
                try:
                    answer = worker.ask(do="memory", job=name, **paths, threads=n_threads)
                    peaks[library] = answer["bytes"]
                except RuntimeError as error:
                    failed[library] = str(error)
    if OURS in failed:
        raise RuntimeError(failed[OURS])
    output = jobs.EVERY[name].call(taken)().nbytes
    return {"job": name, "input": taken.nbytes, "output": output, "peaks": peaks, "failed": failed}
