"""mahotas: histograms of planes, which are cut out of the interleaved image first, and texture."""

import mahotas
import mahotas.features
import numpy as np
from mahotas.features.lbp import lbp_transform

from benchmarks.timing import STRIP_SIZE, each, each_counted

VERSION = mahotas.__version__


def channels(images, n_threads):
    def count(image):
        return [mahotas.fullhistogram(np.ascontiguousarray(image[..., c])) for c in (0, 1, 2)]

    def count_to_255(image):
        # A histogram ends at the largest value; those of strips are added.
        return [np.pad(counts, (0, 256 - len(counts))) for counts in count(image)]

    if len(images) > 1 or images.size <= STRIP_SIZE:
        return each(count, images, n_threads)
    return each_counted(count_to_255, images, n_threads)


def haralick(images, n_threads):
    return each(mahotas.features.haralick, images, n_threads)


def patterns(images, n_threads):
    return each(lambda image: lbp_transform(image, 1, 8), images, n_threads)


JOBS = {
    "color_histogram, 256 a channel": channels,
    "haralick, 13 properties, 4 angles": haralick,
    "lbp_codes, uniform": patterns,
}
APPROXIMATE = {"lbp_codes, uniform"}  # the smallest rotation of each pattern, other interpolation
