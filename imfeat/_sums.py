"""Mergeable sums over descriptors, from which whitening, words, mixtures and quantizers are fitted.

A fit asks an object for sums, one pass after the other:

    total(kind, **state)   the sum ``kind.of(descriptors, **state)`` over all descriptors
    map(transform)         the same descriptors, mapped by ``transform``
    sample(n)              at least ``n`` descriptors, if there are as many, to choose a start from

`InMemory` answers from one array, `imfeat.extract.fit.Shards` from many files.  Sums are float64 and added in
the order of the shards, so a fit is bit-identical for any number of workers.

Descriptors may lie on a GPU.  Sums, words and parameters lie on the host.

    Moments          n, mean, scatter           whitening, PCA, variances [1]_
    WordSums         counts and sums by word    k-means
    CentroidSums     the same, group by group   product quantizers
    MixtureSums      posteriors q, q t, q t^2   expectation maximization

References
----------
.. [1] T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing
   sample variances", Stanford University, 1979.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias

import numpy as np
from threadpoolctl import threadpool_limits

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import to_host
from imfeat._device import adopt, is_on_gpu
from imfeat._nearest import nearest_centroids, nearest_words
from imfeat._rows import mean_of, rows_at

Start: TypeAlias = Literal["k-means++", "k-means||", "random"]

ONCE = np.empty(0, np.int64)  # weights of descriptors that occur once each
MOST_FAR = 1024  # vectors that replace words in one iteration


class Descriptors(Protocol):
    """Descriptors that a fit takes sums over.

    Attributes
    ----------
    rng : numpy.random.Generator
    start : str or None
        Start of k-means; None for the default of `imfeat.learn_codebook`.
    """

    rng: np.random.Generator
    start: Start | None

    def total(self, kind: Any, **state: Any) -> Any:
        """Return the sum of ``kind.of(descriptors, **state)`` over all descriptors."""
        ...

    def map(self, transform: Callable[[Array], Array]) -> Self:
        """Return the same descriptors, mapped."""
        ...

    def sample(self, n: int) -> Array:
        """Return at least ``n`` descriptors if there are as many."""
        ...


class InMemory:
    """Descriptors in one array (n, d)."""

    start: Start | None = None

    def __init__(self, vectors: Array, rng: np.random.Generator) -> None:
        self.vectors = adopt(vectors, "descriptors") if is_on_gpu(vectors) else vectors
        self.rng = rng

    def total(self, kind: Any, **state: Any) -> Any:
        """Return ``kind.of(vectors, **state)``."""
        return kind.of(self.vectors, **state)

    def map(self, transform: Callable[[Array], Array]) -> "InMemory":
        """Return the mapped vectors."""
        return InMemory(transform(self.vectors), self.rng)

    def sample(self, n: int) -> Array:
        """Return all vectors."""
        return self.vectors


@dataclass
class Moments:
    """Number of vectors, mean (d,) and scatter about the mean, (d, d) or, if ``diagonal``, (d,), float64."""

    title: ClassVar[str] = "mean and covariance"  # of a progress bar

    n: int
    mean: Array
    scatter: Array

    @classmethod
    def of(cls, vectors: Array, *, diagonal: bool = False) -> "Moments":
        """Return the moments of vectors (n, d)."""
        mean = mean_of(vectors)
        if diagonal and isinstance(vectors, np.ndarray):
            centered = vectors - mean
            return cls(len(vectors), mean, np.einsum("nd,nd->d", centered, centered))
        out = empty_on_device_of((len(mean), len(mean)), np.float64, vectors)
        with threadpool_limits(1):  # the order of sums must not depend on the number of threads
            backend_of(vectors).products.scatter(vectors, mean, out)
        scatter = to_host(out)
        return cls(len(vectors), mean, scatter.diagonal().copy() if diagonal else scatter)

    def add(self, other: "Moments") -> "Moments":
        """Return the moments of both sets of vectors."""
        n = self.n + other.n
        if not n:
            return self
        shift = other.mean - self.mean
        square = np.outer(shift, shift) if self.scatter.ndim == 2 else shift * shift
        scatter = self.scatter + other.scatter + square * (self.n * other.n / n)
        return Moments(n, self.mean + shift * (other.n / n), scatter)

    def covariance(self) -> Array:
        """Return the covariance (d, d), or the variances (d,)."""
        return self.scatter / max(self.n, 1)

    def principal_axes(self, n_axes: int) -> Array:
        """Return the axes (n_axes, d) of largest variance, float32."""
        with threadpool_limits(1):
            axes = np.linalg.eigh(self.covariance())[1][:, ::-1][:, :n_axes].T
        signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])  # eigh leaves them open
        return np.ascontiguousarray(axes * signs[:, None], np.float32)


@dataclass
class WordSums:
    """Counts (k,) and sums (k, d) of the vectors nearest to each word, and the vectors farthest from theirs.

    ``inertia`` is the sum of squared distances.  ``far`` has as many vectors as there are words without any,
    at most `MOST_FAR`, by decreasing ``distances``.
    """

    title: ClassVar[str] = "k-means"  # of a progress bar

    counts: Array
    sums: Array
    inertia: float
    far: Array
    distances: Array

    @classmethod
    def of(cls, vectors: Array, *, words: Array, weights: Array = ONCE) -> "WordSums":
        """Return the sums of vectors (n, d), of which each occurs ``weights`` (n,) int64 times."""
        assignments, distances = nearest_words(vectors, words)
        sums = empty_on_device_of(words.shape, np.float64, vectors)
        counts = empty_on_device_of((len(words),), np.int64, vectors)
        backend_of(vectors).nearest.sum_by_word(vectors, weights, assignments, sums, counts)
        sums, counts = to_host(sums), to_host(counts)
        inertia = _sum_of(distances)
        distances = np.empty(0, np.float32) if counts.all() else to_host(distances)
        farthest = _farthest(distances, counts)
        return cls(counts, sums, inertia, to_host(rows_at(vectors, farthest)), distances[farthest])

    def add(self, other: "WordSums") -> "WordSums":
        """Return the sums of both sets of vectors."""
        counts = self.counts + other.counts
        far = np.concatenate([self.far, other.far])
        distances = np.concatenate([self.distances, other.distances])
        farthest = _farthest(distances, counts)
        sums = self.sums + other.sums
        inertia = self.inertia + other.inertia
        return WordSums(counts, sums, inertia, far[farthest], distances[farthest])

    def means(self, words: Array) -> Array:
        """Return the means (k, d) float32; words without vectors become the farthest vectors."""
        counts = self.counts[:, None]
        means = np.where(counts > 0, self.sums / np.maximum(counts, 1), words).astype(np.float32)
        without = np.flatnonzero(self.counts == 0)
        if len(self.far):
            means[without] = self.far[np.arange(len(without)) % len(self.far)]
        return means


def _sum_of(values: Array) -> float:
    """Return the sum of values (n,), float32, on their device."""
    if isinstance(values, np.ndarray):
        return float(values.sum(dtype=np.float64))
    return float(mean_of(values.reshape(-1, 1))[0]) * len(values)


def _farthest(distances: Array, counts: Array) -> Array:
    """Return the indices of the largest distances, as many as there are counts of 0."""
    n = min(int(np.count_nonzero(counts == 0)), MOST_FAR, len(distances))
    if not n:
        return np.empty(0, np.int64)
    candidates = np.sort(np.argpartition(-distances, n - 1)[:n])
    return candidates[np.argsort(-distances[candidates], kind="stable")]


@dataclass
class CentroidSums:
    """Counts (n_groups, n_centroids) and sums (n_groups, n_centroids, group_size) by centroid."""

    title: ClassVar[str] = "quantizer"  # of a progress bar

    counts: Array
    sums: Array

    @classmethod
    def of(cls, vectors: Array, *, centroids: Array) -> "CentroidSums":
        """Return the sums of vectors (n, n_groups * group_size), group by group."""
        sums = empty_on_device_of(centroids.shape, np.float64, vectors)
        counts = empty_on_device_of(centroids.shape[:2], np.int64, vectors)
        codes = empty_on_device_of((len(vectors), len(centroids)), np.uint8, vectors)
        nearest_centroids(vectors, centroids, codes)
        backend_of(vectors).quantizer.sum_by_centroid(vectors, codes, sums, counts)
        return cls(to_host(counts), to_host(sums))

    def add(self, other: "CentroidSums") -> "CentroidSums":
        """Return the sums of both sets of vectors."""
        return CentroidSums(self.counts + other.counts, self.sums + other.sums)

    def means(self, centroids: Array) -> Array:
        """Return the means float32; centroids without vectors stay."""
        counts = self.counts[..., None]
        return np.where(counts > 0, self.sums / np.maximum(counts, 1), centroids).astype(np.float32)


@dataclass
class MixtureSums:
    """Number of vectors, sums (k, 1 + 2 d) under the posteriors of a mixture, and log-likelihood.

    The sums are those of posteriors q, q t and q t^2, t being (vector - mean) / standard deviation.
    """

    title: ClassVar[str] = "mixture"  # of a progress bar

    n: int
    sums: Array
    likelihood: float

    @classmethod
    def of(cls, vectors: Array, *, parameters: tuple[Array, Array, Array]) -> "MixtureSums":
        """Return the sums of vectors (n, d) under a mixture of weights (k,), means and variances (k, d)."""
        sums, likelihoods = mixture_moments(vectors, np.array([0, len(vectors)]), parameters)
        return cls(len(vectors), to_host(sums)[0], float(to_host(likelihoods)[0]))

    def add(self, other: "MixtureSums") -> "MixtureSums":
        """Return the sums of both sets of vectors."""
        return MixtureSums(self.n + other.n, self.sums + other.sums, self.likelihood + other.likelihood)


def mixture_moments(
    vectors: Array, bounds: Array, parameters: tuple[Array, Array, Array]
) -> tuple[Array, Array]:
    """Return the sums (n_images, k, 1 + 2 d) of `MixtureSums` and log-likelihoods (n_images,) of images.

    Image i has the vectors ``bounds[i]`` to ``bounds[i + 1] - 1``.
    """
    n_components, d = parameters[1].shape
    sums = empty_on_device_of((len(bounds) - 1, n_components, 1 + 2 * d), np.float64, vectors)
    likelihoods = empty_on_device_of((len(bounds) - 1,), np.float64, vectors)
    backend_of(vectors).mixture.moments(vectors, bounds, *parameters, sums, likelihoods)
    return sums, likelihoods
