"""SciPy: k-means, and the nearest colour by a tree, which uses threads."""

import numpy as np
import scipy
from scipy.cluster.vq import kmeans2
from scipy.spatial import cKDTree

from benchmarks.inputs import palette

VERSION = scipy.__version__


def learn_palette(images, n_threads):
    pixels = images.reshape(-1, 3).astype(np.float32)
    return lambda: kmeans2(pixels, 64, iter=10, minit="points", rng=0)


def quantize(images, n_threads):
    pixels, tree = images.reshape(-1, 3).astype(np.float32), cKDTree(palette())
    return lambda: tree.query(pixels, workers=n_threads)


JOBS = {
    "learn_palette, 64 colours, 10 iterations": learn_palette,
    "quantize_colors, 64 colours": quantize,
}
