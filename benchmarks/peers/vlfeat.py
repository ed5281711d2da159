"""VLFeat through cyvlfeat, on float32 images and vectors."""

import importlib.metadata

import numpy as np
from cyvlfeat.fisher import fisher
from cyvlfeat.hog import hog
from cyvlfeat.sift import dsift

from benchmarks.encodings import learned_mixture
from benchmarks.timing import each

VERSION = f"cyvlfeat {importlib.metadata.version('cyvlfeat')}"


def hog_uoctti(variant="UoCTTI", **options):
    def describe(image):
        return hog(image.astype(np.float32), 8, variant=variant, **options)

    return lambda images, n_threads: each(describe, images, n_threads)


def dense_sift(*, fast):
    def describe(image):
        return dsift(image.astype(np.float32), step=4, size=4, fast=fast, float_descriptors=True)

    return lambda images, n_threads: each(describe, images, n_threads)


def opponent_sift(images, n_threads):
    """Describe the three channels of vl_phow one by one."""

    def describe(image):
        r, g, b = np.moveaxis(image.astype(np.float32) / np.float32(255), -1, 0)
        mu = np.float32(0.3) * r + np.float32(0.59) * g + np.float32(0.11) * b
        rg, yb = (r - g) / np.float32(2**0.5), (r + g - 2 * b) / np.float32(6**0.5)
        planes = mu, rg + np.float32(0.01) * mu, yb + np.float32(0.01) * mu
        return np.concatenate(
            [dsift(plane, step=4, size=4, fast=True, float_descriptors=True)[1] for plane in planes], 1
        )

    return each(describe, images, n_threads)


def fisher_vector(k):
    def job(vectors, n_threads):
        mixture = learned_mixture(k)(vectors)
        # It takes arrays only that it may write to.
        known = [array.copy() for array in (mixture.means, mixture.variances, mixture.weights)]
        return lambda: fisher(vectors, *known)

    return job


JOBS = {
    "hog_uoctti": hog_uoctti(),
    "hog_uoctti, 12 orientations, bilinear": hog_uoctti(n_orientations=12, bilinear_interpolation=True),
    "hog_uoctti, Dalal-Triggs": hog_uoctti("DalalTriggs"),
    "dense_sift, fast, 16 of 320x240": dense_sift(fast=True),
    "dense_sift, fast, 8 of 512x512": dense_sift(fast=True),
    "dense_sift, fast, opponent, 8 of 512x512": opponent_sift,
    "dense_sift, 16 of 320x240": dense_sift(fast=False),
    "dense_sift, 8 of 512x512": dense_sift(fast=False),
    "fisher_vector, 64 components": fisher_vector(64),
    "fisher_vector, 256 components": fisher_vector(256),
}
