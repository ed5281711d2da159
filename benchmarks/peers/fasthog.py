"""fasthog, in float64: hard bins of unsigned gradients, 9 numbers a block, the sums of its cells.

It writes beyond its result where images are wider than tall, so that these are transposed before.
"""

import importlib.metadata

import fasthog
import numpy as np

from benchmarks.timing import each

VERSION = importlib.metadata.version("fasthog")


def hog(images, n_threads):
    if images.shape[2] > images.shape[1]:
        images = np.ascontiguousarray(images.swapaxes(1, 2))
    return each(lambda image: fasthog.hog(image.astype(float), signed=False), images, n_threads)


JOBS = {"hog": hog}
APPROXIMATE = set(JOBS)
