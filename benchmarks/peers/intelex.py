"""scikit-learn-intelex: the k-means of oneDAL behind scikit-learn's interface, on float32 vectors."""

import importlib.metadata

import daal4py
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._testing import ignore_warnings
from sklearnex.cluster import KMeans

from benchmarks.encodings import words

VERSION = importlib.metadata.version("scikit-learn-intelex")
OPTIONS = {"n_init": 1, "max_iter": 10, "tol": 0, "algorithm": "lloyd", "copy_x": False}
set_threads = daal4py.daalinit


def learn_palette(images, n_threads):
    pixels = images.reshape(-1, 3).astype(np.float32)
    model = KMeans(64, init="random", random_state=0, **OPTIONS)
    return ignore_warnings(category=ConvergenceWarning)(lambda: model.fit(pixels))


def learn_codebook(k):
    def job(vectors, n_threads):
        start = words(k)(vectors)
        fit = ignore_warnings(category=ConvergenceWarning)(KMeans(len(start), init=start, **OPTIONS).fit)
        return lambda: fit(vectors).cluster_centers_

    return job


JOBS = {
    "learn_palette, 64 colours, 10 iterations": learn_palette,
    "learn_codebook, 256 words": learn_codebook(256),
    "learn_codebook, 1600 words": learn_codebook(1600),
    "learn_codebook, 256 words, 192 numbers": learn_codebook(256),
    "learn_codebook, 256 words, 784 numbers": learn_codebook(256),
}
