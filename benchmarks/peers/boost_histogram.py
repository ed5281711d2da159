"""boost-histogram: integer axes, counts in integers; three channels as one index, made by NumPy."""

import boost_histogram
import numpy as np

from benchmarks.timing import each_counted

VERSION = boost_histogram.__version__


def counter(n_bins):
    axis = boost_histogram.axis.Integer(0, n_bins, underflow=False, overflow=False)
    return boost_histogram.Histogram(axis, storage=boost_histogram.storage.Int64())


def joint(images, n_threads):
    """Fill by one axis, which takes a fifth of the time that three axes take."""

    def count(image):
        bins = (image >> 5).astype(np.int32)
        index = (bins[..., 0] * 8 + bins[..., 1]) * 8 + bins[..., 2]
        return counter(512).fill(index.ravel()).values()

    return each_counted(count, images, n_threads)


def channels(images, n_threads):
    def count(image):
        return [counter(256).fill(image[..., c].ravel()).values() for c in (0, 1, 2)]

    return each_counted(count, images, n_threads)


JOBS = {"color_histogram, rgb, 8x8x8": joint, "color_histogram, 256 a channel": channels}
