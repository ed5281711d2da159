"""Time the first call of a job in this process: ``python -m benchmarks.first_call JOB IMAGES``."""

import json
import sys
import time

import numpy as np

from benchmarks import jobs


def main():
    name, path = sys.argv[1:]
    job = jobs.ALL[name]
    images = job.take(np.load(path))
    start = time.perf_counter()
    job.call(images)()
    print(json.dumps(time.perf_counter() - start))


if __name__ == "__main__":
    main()
