"""scikit-learn, on float32 vectors; its threads are OpenMP's and BLAS's, which the run limits."""

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_argmin
from sklearn.metrics.pairwise import additive_chi2_kernel
from sklearn.mixture import GaussianMixture
from sklearn.utils._testing import ignore_warnings

from benchmarks.encodings import mixture, words
from benchmarks.inputs import codebook, palette, shifted

VERSION = sklearn.__version__


def learn_palette(images, n_threads):
    pixels = images.reshape(-1, 3).astype(np.float32)
    model = KMeans(
        64, init="random", n_init=1, max_iter=10, tol=0, algorithm="lloyd", random_state=0, copy_x=False
    )
    return ignore_warnings(category=ConvergenceWarning)(lambda: model.fit(pixels))


def quantize(images, n_threads):
    pixels, colors = images.reshape(-1, 3).astype(np.float32), palette().astype(np.float32)
    return lambda: pairwise_distances_argmin(pixels, colors)


def bag_of_words(vectors, n_threads):
    words = codebook(vectors)
    return lambda: np.bincount(pairwise_distances_argmin(vectors, words), minlength=len(words))


def learn_codebook(k):
    def job(vectors, n_threads):
        start = words(k)(vectors)
        model = KMeans(len(start), init=start, n_init=1, max_iter=10, tol=0, algorithm="lloyd", copy_x=False)
        fit = ignore_warnings(category=ConvergenceWarning)(model.fit)
        return lambda: fit(vectors).cluster_centers_

    return job


def assign(vectors, n_threads):
    codebook = words(1024)(vectors)
    return lambda: pairwise_distances_argmin(vectors, codebook)


def mixture_of(known, **options):
    """Return a GaussianMixture with the parameters of one of imfeat."""
    model = GaussianMixture(len(known.weights), covariance_type="diag", **options)
    model.weights_, model.means_, model.covariances_ = known.weights, known.means, known.variances
    model.precisions_cholesky_ = 1 / np.sqrt(known.variances)
    return model


def chi_squares(first, n_threads):
    second = shifted(first)
    return lambda: -2 * additive_chi2_kernel(first, second)


def learn_mixture(vectors, n_threads):
    start = mixture(64)(vectors)

    @ignore_warnings(category=ConvergenceWarning)
    def learn():
        # Warm, it starts with these parameters; else it would spend an iteration on a start.
        model = mixture_of(start, max_iter=5, tol=0, reg_covar=0, warm_start=True)
        model.converged_, model.lower_bound_ = False, -np.inf
        return model.fit(vectors)

    return learn


JOBS = {
    "learn_palette, 64 colours, 10 iterations": learn_palette,
    "quantize_colors, 64 colours": quantize,
    "bag_of_words, 400 words, every 4th pixel": bag_of_words,
    "learn_codebook, 256 words": learn_codebook(256),
    "learn_codebook, 1600 words": learn_codebook(1600),
    "learn_codebook, 256 words, 192 numbers": learn_codebook(256),
    "learn_codebook, 256 words, 784 numbers": learn_codebook(256),
    "assign, 1024 words": assign,
    "learn_mixture, 64 components": learn_mixture,
    "compare_histograms, chi-square-alt, 200 with 2000": chi_squares,
}
