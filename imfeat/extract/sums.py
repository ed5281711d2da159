"""What fits need to know of vectors: sums in float64 that add up, shard by shard, in the order of the shards.

whitening, PCA   n, mean, scatter            T. F. Chan, G. H. Golub, R. J. LeVeque, 1979
k-means          counts, sums by word
mixtures         posteriors q, q t, q t^2
"""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from imfeat._backend import Array, backend_of
from imfeat._kmeans import ONCE, move_far, nearest_words

FARTHEST = 64  # vectors of a shard that may become words which lost all of theirs


@dataclass
class Moments:
    """The number of vectors, their mean (d,) and their scatter (d, d) about it, float64."""

    n: int
    mean: Array
    scatter: Array

    @classmethod
    def of(cls, vectors: Array) -> "Moments":
        """Return those of vectors (n, d)."""
        mean = vectors.mean(0, dtype=np.float64) if len(vectors) else np.zeros(vectors.shape[1])
        centered = vectors - mean
        with threadpool_limits(1):  # the order of sums must not depend on the number of threads
            return cls(len(vectors), mean, centered.T @ centered)

    def add(self, other: "Moments") -> "Moments":
        """Add those of other vectors, and return them together."""
        n = self.n + other.n
        if not n:
            return self
        shift = other.mean - self.mean
        self.mean = self.mean + shift * (other.n / n)
        self.scatter = self.scatter + other.scatter + np.outer(shift, shift) * (self.n * other.n / n)
        self.n = n
        return self

    def covariance(self) -> Array:
        """Return the covariance (d, d)."""
        return self.scatter / max(self.n, 1)

    def principal_axes(self, n_axes: int) -> tuple[Array, Array]:
        """Return the mean (d,) and the axes (n_axes, d) of largest variance, float32."""
        with threadpool_limits(1):
            axes = np.linalg.eigh(self.covariance())[1][:, ::-1][:, :n_axes].T
        signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])  # which eigh leaves open
        return self.mean.astype(np.float32), np.ascontiguousarray(axes * signs[:, None], np.float32)


@dataclass
class WordSums:
    """Counts (k,), sums (k, d) and inertia of the vectors nearest to each word, and the farthest vectors."""

    counts: Array
    sums: Array
    inertia: float
    far: Array
    distances: Array

    @classmethod
    def of(cls, vectors: Array, words: Array) -> "WordSums":
        """Return those of vectors (n, d)."""
        nearest, distances = nearest_words(vectors, words)
        counts, sums = np.zeros(len(words), np.int64), np.zeros(words.shape)
        backend_of(vectors).nearest.sum_by_word(vectors, ONCE, nearest, sums, counts)
        which = np.argsort(-distances, kind="stable")[:FARTHEST]
        return cls(counts, sums, distances.sum(dtype=np.float64), vectors[which], distances[which])

    def add(self, other: "WordSums") -> "WordSums":
        """Add those of other vectors, and return them together."""
        distances = np.concatenate([self.distances, other.distances])
        which = np.argsort(-distances, kind="stable")[:FARTHEST]
        self.far, self.distances = np.concatenate([self.far, other.far])[which], distances[which]
        self.counts, self.sums = self.counts + other.counts, self.sums + other.sums
        self.inertia += other.inertia
        return self

    def words(self, before: Array) -> Array:
        """Return the means; a word without vectors moves to one of the farthest, if there is any."""
        means = np.where(
            self.counts[:, None] > 0, self.sums / np.maximum(self.counts, 1)[:, None], before
        ).astype(np.float32)
        return move_far(means, np.flatnonzero(self.counts == 0), self.far, self.distances)


@dataclass
class MixtureSums:
    """Moments (k, 1 + 2 d) of vectors under the posteriors of a mixture, their likelihood and number."""

    sums: Array
    likelihood: float
    n: int

    def add(self, other: "MixtureSums") -> "MixtureSums":
        """Add those of other vectors, and return them together."""
        self.sums, self.likelihood = self.sums + other.sums, self.likelihood + other.likelihood
        self.n += other.n
        return self
