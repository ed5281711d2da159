"""Who takes part: imfeat, the peers that can be imported here, and workers of other Pythons."""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import threadpoolctl

from benchmarks import jobs, ours, peers
from benchmarks.images import some
from benchmarks.timing import Contestant, stopwatch
from benchmarks.worker import Worker

SAMPLE_PIXELS = 1 << 16, 1 << 20
SAMPLE_SECONDS = 0.06  # a peer that would take longer for more pixels is timed on fewer
OURS, OURS_NEW, KERNELS = "imfeat", "imfeat, new output", "imfeat's kernels"


class Local:
    """A library of this process."""

    python = None

    def __init__(self, module, jobs=None):
        self.module = module
        self.version = module.VERSION
        self.jobs = module.JOBS if jobs is None else jobs
        self.approximate = getattr(module, "APPROXIMATE", ())
        self.instructions = getattr(module, "instructions", list)()

    def prepare(self, job, images, n_threads):
        """Return a function that does a job n times and returns the mean seconds."""
        return stopwatch(self.jobs[job](images, n_threads))

    def new_worker(self, n_threads=None):
        return Worker(self.module.__name__)

    def close(self):
        pass


class Remote:
    """A library in processes of its own, perhaps of another Python; the images reach it as a file.

    Where the library reads its number of threads as it starts, each number has a process.
    """

    def __init__(self, module, python=sys.executable):
        self.module, self.python = module, python
        self.workers = {None: Worker(module, python)}
        facts = self.workers[None].facts
        self.version, self.jobs, self.approximate = facts["version"], facts["jobs"], facts["approximate"]
        self.instructions, self.threads_variable = facts["instructions"], facts["threads_variable"]

    def prepare(self, job, images, n_threads):
        worker = self.worker(n_threads)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "images.npy")
            np.save(path, images)
            worker.ask(do="prepare", job=job, images=str(path), threads=n_threads)
        worker.ask(do="seconds", n=1)  # one that crashes does so here, not in the race
        return lambda n: worker.ask(do="seconds", n=n)["seconds"]

    def worker(self, n_threads):
        """Return the process for a number of threads, a new one if the last has ended."""
        key = n_threads if self.threads_variable else None
        if key in self.workers and self.workers[key].process.poll() is not None:
            self.workers.pop(key).close()
        if key not in self.workers:
            self.workers[key] = self.new_worker(n_threads)
        return self.workers[key]

    def new_worker(self, n_threads=None):
        limit = {self.threads_variable: str(n_threads)} if self.threads_variable and n_threads else {}
        return Worker(self.module, self.python, os.environ | limit)

    def close(self):
        for worker in self.workers.values():
            worker.close()


def find(opencv5=None):
    """Return {library: Local or Remote}, imfeat first, and {library: why it is missing}."""
    modules, missing = peers.load()
    found = {OURS: Local(ours), OURS_NEW: Local(ours, ours.NEW_OUTPUT)}
    for library, module in modules.items():
        # Whatever OpenCV is installed here may be either.
        if library.startswith("OpenCV"):
            library = opencv_name(module.VERSION)
        try:
            found[library] = Remote(module.__name__) if library in peers.APART else Local(module)
        except RuntimeError as error:
            missing[library] = str(error)
    if opencv5 is None:
        missing["OpenCV 5"] = "no Python with it was given (--opencv5)"
    else:
        try:
            remote = Remote("benchmarks.peers.opencv", opencv5)
            found[opencv_name(remote.version)] = remote
        except (OSError, RuntimeError) as error:
            missing["OpenCV 5"] = str(error)
    for library in found:
        missing.pop(library, None)
    return found, missing


def opencv_name(version):
    return f"OpenCV {version.split('.')[0]}"


def limit_threads(found, n_threads):
    """Let every library of this process use as many threads."""
    threadpoolctl.threadpool_limits(n_threads)
    for entry in found.values():
        if isinstance(entry, Local):
            getattr(entry.module, "set_threads", lambda n: None)(n_threads)


def contestants_of(name, images, whole, n_threads, found):
    """Return the contestants of a job and {library: error} of those that failed at it.

    ``whole`` is what the job takes, made from the images.
    """

    def prepare(library, entry):
        if library in (OURS, OURS_NEW) or jobs.ALL[name].most_pixels:
            return Contestant(library, entry.prepare(name, whole, n_threads), images[..., 0].size)
        return sampled(library, entry, name, images, whole, n_threads)

    return ready_for(name, prepare, found)


def contestants_of_fixed(name, taken, n_threads, found):
    """Return the same of a job of one size; its rate counts calls."""
    return ready_for(
        name,
        lambda library, entry: Contestant(library, entry.prepare(name, taken, n_threads), 1),
        found,
    )


def ready_for(name, prepare, found):
    ready, failed = [], {}
    for library, entry in found.items():
        if name not in entry.jobs:
            continue
        try:
            ready.append(prepare(library, entry))
        except Exception as error:
            if library in (OURS, OURS_NEW):
                raise
            failed[library] = f"{type(error).__name__}: {error}"
    return ready, failed


def sampled(library, entry, name, images, whole, n_threads):
    """Return a contestant for all images or, if it is slow, for some; its rate does not depend on it."""
    job, n_pixels = jobs.ALL[name], images[..., 0].size
    few = some(images, SAMPLE_PIXELS[0])
    if few is images:
        return Contestant(library, entry.prepare(name, whole, n_threads), n_pixels)
    seconds = entry.prepare(name, job.take(few), n_threads)
    seconds(1)
    # The quickest of three: one that is held up by chance should not be taken for slow.
    seconds_per_pixel = min(seconds(1) for _ in range(3)) / few[..., 0].size
    if seconds_per_pixel * n_pixels <= SAMPLE_SECONDS:
        return Contestant(library, entry.prepare(name, whole, n_threads), n_pixels)
    part = some(images, SAMPLE_PIXELS[1])
    if seconds_per_pixel * SAMPLE_PIXELS[1] <= SAMPLE_SECONDS:
        seconds = entry.prepare(name, job.take(part), n_threads)
        return Contestant(library, seconds, part[..., 0].size)
    return Contestant(library, seconds, few[..., 0].size)
