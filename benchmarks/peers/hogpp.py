"""hogpp: HoG by an integral histogram, with votes for two orientations a pixel."""

import hogpp
import numpy as np

from benchmarks.timing import each

VERSION = hogpp.__version__


def hog(images, n_threads):
    def describe(image):
        descriptor = hogpp.IntegralHOGDescriptor()
        descriptor.compute(image.astype(np.float32))  # quicker than bytes or float64
        return descriptor.features_

    return each(describe, images, n_threads)


JOBS = {"hog": hog}
APPROXIMATE = set(JOBS)
