"""Peak memory of each job, each library in a fresh process."""

import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import jobs
from benchmarks.contestants import OURS, OURS_NEW
from benchmarks.images import cut, some


def rows(names, found, shape, n_threads):
    """Yield the peak above the input, and the sizes of input and result, for images of a shape."""
    if not Path("/proc/self/clear_refs").exists() or sys.platform != "linux":
        return
    batch = cut(*shape)
    with tempfile.TemporaryDirectory() as folder:
        small, whole = Path(folder, "small.npy"), Path(folder, "whole.npy")
        for name in names:
            job = jobs.ALL[name]
            np.save(small, job.take(cut(2, 32, 32)))
            taken = job.take(some(batch, job.most_pixels))
            np.save(whole, taken)
            peaks, failed = {}, {}
            for library, entry in found.items():
                if name in entry.jobs and library != OURS_NEW:
                    try:
                        with entry.new_worker() as worker:
                            answer = worker.ask(
                                do="memory", job=name, small=str(small), images=str(whole), threads=n_threads
                            )
                        peaks[library] = answer["bytes"]
                    except RuntimeError as error:
                        failed[library] = str(error)
            if OURS in failed:
                raise RuntimeError(failed[OURS])
            output = job.call(taken)().nbytes
            yield {"job": name, "input": taken.nbytes, "output": output, "peaks": peaks, "failed": failed}
