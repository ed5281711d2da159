"""superkmeans: k-means that prunes distances, from a start of its own; all vectors, all iterations."""

import importlib.metadata

from superkmeans import SuperKMeans

from benchmarks.encodings import count

VERSION = importlib.metadata.version("superkmeans")


def learn_codebook(k):
    def job(vectors, n_threads):
        n, d = vectors.shape
        options = {"sampling_fraction": 1.0, "max_points_per_cluster": n, "hierarchical": False, "iters": 10}
        options |= {"early_termination": False, "tol": 0.0, "n_threads": n_threads}
        # A model learns once only.
        return lambda: SuperKMeans(count(k)(vectors), d, **options).train(vectors)

    return job


JOBS = {
    "learn_codebook, 256 words": learn_codebook(256),
    "learn_codebook, 1600 words": learn_codebook(1600),
    "learn_codebook, 256 words, 192 numbers": learn_codebook(256),
    "learn_codebook, 256 words, 784 numbers": learn_codebook(256),
}
