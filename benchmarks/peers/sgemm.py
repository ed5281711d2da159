"""The products of vectors and words alone, by the BLAS of NumPy: what a search can't be quicker than."""

import numpy as np

from benchmarks.encodings import words

VERSION = np.__version__
TILE = 2048


def products(k):
    def job(vectors, n_threads):
        codebook = np.ascontiguousarray(words(k)(vectors).T)
        out = np.empty((TILE, codebook.shape[1]), np.float32)
        tiles = [vectors[i : i + TILE] for i in range(0, len(vectors), TILE)]
        return lambda: [np.matmul(tile, codebook, out=out[: len(tile)]) for tile in tiles]

    return job


JOBS = {"assign, 1024 words": products(1024)}
APPROXIMATE = set(JOBS)  # a part of the job
