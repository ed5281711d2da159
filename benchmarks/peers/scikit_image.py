"""scikit-image: one image at a time; pixel by pixel, strips of a picture, in float32."""

import numpy as np
import skimage
import skimage.color
import skimage.exposure
import skimage.feature

from benchmarks.encodings import learned_mixture
from benchmarks.inputs import reference, sheet, strips
from benchmarks.timing import each

VERSION = skimage.__version__
ANGLES = np.arange(4) * np.pi / 4


def to_hsv(images, n_threads):
    def convert(strip):
        # Given float32 it computes in float32; given uint8, in float64.
        return skimage.color.rgb2hsv(np.multiply(strip, np.float32(1 / 255), dtype=np.float32))

    return each(convert, strips(sheet(images)), n_threads)


def to_lab(images, n_threads):
    def convert(strip):
        return skimage.color.rgb2lab(np.multiply(strip, np.float32(1 / 255), dtype=np.float32))

    return each(convert, strips(sheet(images)), n_threads)


def match(images, n_threads):
    wanted = reference(images)

    def match(image):
        return skimage.exposure.match_histograms(image, wanted, channel_axis=-1)

    return each(match, images, n_threads)


def from_hsv(images, n_threads):
    return each(skimage.color.hsv2rgb, strips(sheet(images)), n_threads)


def hog(cell_size, norm):
    def describe(image):
        return skimage.feature.hog(image, pixels_per_cell=cell_size, cells_per_block=(2, 2), block_norm=norm)

    return lambda images, n_threads: each(describe, images, n_threads)


def uniform_patterns(images, n_threads):
    def describe(image):
        return skimage.feature.local_binary_pattern(image, 8, 1, "uniform")

    return each(describe, images, n_threads)


def pairs(images, n_threads):
    def count(image):
        return skimage.feature.graycomatrix(image, [1], ANGLES)

    return each(count, images, n_threads)


def equalize(images, n_threads):
    return each(skimage.exposure.equalize_hist, images, n_threads)


def clahe(images, n_threads):
    return each(skimage.exposure.equalize_adapthist, images, n_threads)


def fisher_vector(k):
    def job(vectors, n_threads):
        from benchmarks.peers.scikit_learn import mixture_of

        model = mixture_of(learned_mixture(k)(vectors))
        return lambda: skimage.feature.fisher_vector(vectors, model)

    return job


JOBS = {
    "rgb_to_hsv, uint8 to float32": to_hsv,
    "hsv_to_rgb, float32": from_hsv,
    "rgb_to_lab, uint8 to float32": to_lab,
    "match_histograms": match,
    "match_histograms, float32": match,
    "hog": hog((8, 8), "L2-Hys"),
    "hog, cells of 8 x 16, l2": hog((8, 16), "L2"),
    "lbp_codes, uniform": uniform_patterns,
    "glcm, 256 levels": pairs,
    "equalize, gray": equalize,
    "equalize, uint16": equalize,
    "equalize_clahe": clahe,
    "fisher_vector, 64 components": fisher_vector(64),
    "fisher_vector, 256 components": fisher_vector(256),
}
APPROXIMATE = {"equalize_clahe"}  # other tiles, another way to clip
