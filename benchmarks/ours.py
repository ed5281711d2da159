"""imfeat as a contestant, with the same interface as a peer's module."""

import imfeat
from benchmarks import jobs

VERSION = imfeat.__version__
set_threads = imfeat.set_num_threads


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
