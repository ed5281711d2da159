"""scikit-learn, on float32 vectors; its threads are OpenMP's and BLAS's, which the run limits."""

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils._testing import ignore_warnings

from benchmarks.inputs import codebook, palette

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


JOBS = {
    "learn_palette, 64 colours, 10 iterations": learn_palette,
    "quantize_colors, 64 colours": quantize,
    "bag_of_words, 400 words, every 4th pixel": bag_of_words,
}
