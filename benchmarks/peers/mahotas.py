"""mahotas: histograms of planes, which are cut out of the interleaved image first."""

import mahotas
import numpy as np

from benchmarks.timing import each_counted

VERSION = mahotas.__version__


def channels(images, n_threads):
    def count(image):
        return [mahotas.fullhistogram(np.ascontiguousarray(image[..., c])) for c in (0, 1, 2)]

    return each_counted(count, images, n_threads)


JOBS = {"color_histogram, 256 a channel": channels}
