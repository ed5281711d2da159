"""The steps of k-means on checked arrays: starts, Lloyd's iterations, mini-batches.

Vectors may lie on a GPU.  Words, candidates and distances to choose from lie on the host.
"""

from collections.abc import Callable, Iterable

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of, fill
from imfeat._check import Seed, as_vectors, to_host
from imfeat._device import is_on_gpu
from imfeat._nearest import nearest_words
from imfeat._rows import rows_at
from imfeat._sums import ONCE, Descriptors, Start, WordSums

ROUNDS = 5  # of k-means||, as its authors recommend
CANDIDATES_PER_WORD = 2  # and round
PLUS_PLUS_WORDS = 256  # number of words beyond which k-means++ takes longer than an iteration
STARTS_PER_WORD = 50  # descriptors to choose the first words from, where they are sampled
LEAST_STARTS = 10_000
CHUNK = 256  # probabilities that are summed at a time, as a running sum takes longer
SETTLED = 10  # descriptors per word after which mini-batches replace a word without any


class Batches:
    """Draws descriptors from an array on a GPU, or from one that may be too large for memory."""

    def __init__(self, descriptors: Array, size: int, rng: np.random.Generator) -> None:
        if is_on_gpu(descriptors):
            descriptors = as_vectors(descriptors, name="descriptors", gpu=True)
        elif not isinstance(descriptors, np.ndarray):
            descriptors = np.asarray(descriptors)
        self.descriptors = descriptors
        self.size = size
        self.rng = rng

    def draw(self) -> Array:
        """Return checked descriptors (size, d), in the order of the array, which is fast on a disk."""
        n = len(self.descriptors) if self.descriptors.ndim else 0
        rows = np.sort(self.rng.integers(n, size=self.size)) if self.size < n else np.arange(n)
        drawn = rows_at(self.descriptors, rows)
        return as_vectors(np.asarray(drawn), name="descriptors") if isinstance(drawn, np.ndarray) else drawn


def unit_length(vectors: Array) -> Array:
    """Divide vectors by their lengths; vectors of length 0 stay."""
    if not isinstance(vectors, np.ndarray):
        scaled = empty_on_device_of(vectors.shape, np.float32, vectors)
        backend_of(vectors).scaling.divide_by_lengths(vectors, scaled)
        return scaled
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    return (vectors / np.where(lengths > 0, lengths, 1)[:, None]).astype(np.float32)


def random_start(vectors: Array, n_words: int, rng: Seed) -> Array:
    """Draw words among the vectors, all equally likely."""
    drawn = np.random.default_rng(rng).choice(len(vectors), n_words, replace=False)
    return to_host(rows_at(vectors, drawn))


def plus_plus_start(vectors: Array, n_words: int, rng: Seed, weights: Array = ONCE) -> Array:
    """Draw words with probabilities proportional to the squared distance from the words before (k-means++).

    ``weights`` (n,) int64 say how often each of the vectors occurs; empty, each occurs once.
    """
    kernels = backend_of(vectors)
    rng = np.random.default_rng(rng)
    n = len(vectors)
    words = np.empty((n_words, vectors.shape[1]), np.float32)
    distances = empty_on_device_of((n,), np.float32, vectors)
    fill(distances, np.full(n, np.inf, np.float32))
    times = weights.astype(np.float64) if len(weights) else 1.0
    shares = np.zeros((-(-n // CHUNK), CHUNK))  # of the probability, padded with zeros
    shares.reshape(-1)[:n] = times
    total = int(weights.sum()) if len(weights) else n
    fraction = (int(rng.integers(total)) + 0.5) / total
    for k in range(n_words):
        index = min(_index_at(shares, fraction), n - 1)
        words[k] = to_host(vectors[index : index + 1])[0]
        kernels.nearest.approach(vectors, words[k], distances)
        np.multiply(to_host(distances), times, out=shares.reshape(-1)[:n])
        fraction = rng.random()
    return words


def _index_at(shares: Array, fraction: float) -> int:
    """Return the index of the share at which the running sum of all exceeds a fraction of their sum."""
    ends = np.cumsum(shares.sum(1))
    target = fraction * ends[-1]
    chunk = min(int(np.searchsorted(ends, target, side="right")), len(ends) - 1)
    start = ends[chunk - 1] if chunk else 0.0
    within = np.searchsorted(np.cumsum(shares[chunk]), target - start, side="right")
    possible = np.flatnonzero(shares[chunk])  # the target may lie past all of them by rounding
    return chunk * CHUNK + min(int(within), int(possible[-1]) if len(possible) else CHUNK - 1)


def parallel_start(vectors: Array, n_words: int, rng: Seed) -> Array:
    """Draw more candidates than words in a few rounds, then words among the candidates (k-means||).

    In a round each vector becomes a candidate with a probability proportional to its squared distance
    from the candidates of the rounds before.
    """
    rng = np.random.default_rng(rng)
    candidates = to_host(rows_at(vectors, rng.integers(len(vectors), size=1)))
    assignments, distances = map(to_host, nearest_words(vectors, candidates))
    for _ in range(ROUNDS):
        total = distances.sum(dtype=np.float64)
        if total == 0:
            break  # every vector is a candidate
        probabilities = distances * (CANDIDATES_PER_WORD * n_words / total)
        new = to_host(rows_at(vectors, np.flatnonzero(rng.random(len(vectors)) < probabilities)))
        if len(new):
            nearest, squares = map(to_host, nearest_words(vectors, new))
            assignments = np.where(squares < distances, nearest + np.int32(len(candidates)), assignments)
            distances = np.minimum(distances, squares)
            candidates = np.concatenate([candidates, new])
    if len(candidates) < n_words:
        return plus_plus_start(vectors, n_words, rng)
    return plus_plus_start(candidates, n_words, rng, np.bincount(assignments, minlength=len(candidates)))


STARTS: dict[Start, Callable[..., Array]] = {
    "k-means++": plus_plus_start,
    "k-means||": parallel_start,
    "random": random_start,
}


def first_words(vectors: Array, n_words: int, start: Start | None, rng: np.random.Generator) -> Array:
    """Return words (n_words, d) to begin with, by default by k-means++ or, if many, by k-means||."""
    default: Start = "k-means++" if n_words <= PLUS_PLUS_WORDS else "k-means||"
    return STARTS[start or default](vectors, n_words, rng)


def fit_words(descriptors: Descriptors, n_words: int, iterations: Iterable[object]) -> Array:
    """Return the words (n_words, d) of k-means with the default start."""
    vectors = descriptors.sample(max(STARTS_PER_WORD * n_words, LEAST_STARTS))
    if len(vectors) < n_words:
        raise ValueError(
            f"{len(vectors)} descriptors are too few for {n_words} words: there must be as many, so draw more"
        )
    words = first_words(vectors, n_words, descriptors.start, descriptors.rng)
    return lloyd(descriptors, words, iterations)


def lloyd(
    descriptors: Descriptors,
    words: Array,
    iterations: Iterable[object],
    *,
    spherical: bool = False,
    weights: Array = ONCE,
) -> Array:
    """Move words to the means of the descriptors nearest to them, until none moves."""
    state = {"weights": weights} if len(weights) else {}
    for _ in iterations:
        means = descriptors.total(WordSums, words=words, **state).means(words)
        means = unit_length(means) if spherical else means
        if np.array_equal(means, words):
            break
        words = means
    return words


def lloyd_in_batches(
    batches: Batches, words: Array, iterations: Iterable[object], *, spherical: bool = False
) -> Array:
    """Move words to the means of the descriptors of all batches so far that were nearest to them."""
    n_seen = 0
    totals = np.zeros(len(words), np.int64)
    for _ in iterations:
        vectors = unit_length(batches.draw()) if spherical else batches.draw()
        batch = WordSums.of(vectors, words=words)
        n_seen += len(vectors)
        totals = totals + batch.counts
        share = 1 / np.maximum(totals, 1)[:, None]
        words = (words + share * (batch.sums - batch.counts[:, None] * words)).astype(np.float32)
        if n_seen >= SETTLED * len(words):
            without = np.flatnonzero(totals == 0)[: len(batch.far)]
            words[without] = batch.far[: len(without)]
        words = unit_length(words) if spherical else words
    return words
