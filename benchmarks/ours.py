"""imfeat as a contestant, with the same interface as a peer's module."""

from numba.core.registry import cpu_target

import imfeat
from benchmarks import jobs

VERSION = imfeat.__version__
set_threads = imfeat.set_num_threads


def instructions():
    """Return the processor that Numba compiles for, and which wide instructions."""
    codegen = cpu_target.target_context.codegen()
    features = codegen._get_host_cpu_features().split(",")
    return [codegen._get_host_cpu_name(), *(name[1:] for name in features if name.startswith("+avx"))]


def reusing_output(job):
    def prepare(images, n_threads):
        return job.call(images, out=job.call(images)())

    return prepare


def new_output(job):
    return lambda images, n_threads: job.call(images)


JOBS = {
    name: reusing_output(job) if job.reuses_output else new_output(job) for name, job in jobs.EVERY.items()
}
NEW_OUTPUT = {name: new_output(job) for name, job in jobs.EVERY.items() if job.reuses_output}
