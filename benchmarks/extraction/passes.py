"""What passes of fits over descriptors cost, and what they send of each shard."""

import pickle
import time

import numpy as np

import imfeat
from imfeat._sums import MixtureSums, Moments, WordSums

N_VECTORS = 100_000
PASSES = {
    "whitening or PCA, 108 dimensions": (108, lambda x: Moments.of(x)),
    "k-means, 4,000 words of 108": (108, lambda x: WordSums.of(x, words=x[:4000])),
    "mixture, 1,024 components of 64": (64, lambda x: MixtureSums.of(x, parameters=wide_mixture(x))),
}


def wide_mixture(vectors):
    variances = np.ones((1024, vectors.shape[1]), np.float32)
    return np.full(1024, 1 / 1024, np.float32), vectors[:1024], variances


def measured():
    """Return seconds a million descriptors in one thread, and bytes a shard, of each pass."""
    imfeat.set_num_threads(1)
    rows = []
    for name, (d, sums_of) in PASSES.items():
        vectors = np.random.default_rng(0).normal(size=(N_VECTORS, d)).astype(np.float32)
        sums_of(vectors[:5000])
        begin = time.perf_counter()
        sums = sums_of(vectors)
        seconds = time.perf_counter() - begin
        rows.append({"name": name, "seconds": seconds * 1e6 / N_VECTORS, "sent": len(pickle.dumps(sums))})
    return rows
