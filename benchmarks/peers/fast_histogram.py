"""fast-histogram: bins of equal width, of values that it takes as they are."""

import fast_histogram
import numpy as np

from benchmarks.timing import each_counted

VERSION = fast_histogram.__version__


def joint(images, n_threads):
    def count(image):
        planes = [image[..., c].ravel() for c in (0, 1, 2)]
        return fast_histogram.histogramdd(planes, bins=8, range=[(0, 256)] * 3)

    return each_counted(count, images, n_threads)


def channels(images, n_threads):
    def count(image):
        planes = image.transpose(2, 0, 1).astype(np.float32)  # which it counts quicker than bytes
        return [fast_histogram.histogram1d(plane, 256, (0, 256)) for plane in planes]

    return each_counted(count, images, n_threads)


JOBS = {"color_histogram, rgb, 8x8x8": joint, "color_histogram, 256 a channel": channels}
