"""The steps of k-means, on checked arrays: first words, Lloyd's iterations, mini-batches."""

from collections.abc import Iterable

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import Seed, as_vectors

ONCE = np.empty(0, np.int64)  # the weights of vectors of which each occurs once
ROUNDS, CANDIDATES_A_WORD = 5, 2  # of the start in rounds, as its authors recommend
SETTLED = 10  # descriptors a word, after which a word without any is given up


class Batches:
    """Draws descriptors out of an array that may be too large for memory."""

    def __init__(self, descriptors: Array, size: int, rng: np.random.Generator) -> None:
        self.descriptors = descriptors if isinstance(descriptors, np.ndarray) else np.asarray(descriptors)
        self.size, self.rng = size, rng

    def draw(self) -> Array:
        """Return checked descriptors (size, d), in the order of the array, which is quick on a disk."""
        n = len(self.descriptors) if self.descriptors.ndim else 0
        rows = np.sort(self.rng.integers(n, size=self.size)) if self.size < n else np.arange(n)
        return as_vectors(np.asarray(self.descriptors[rows]), name="descriptors")


def nearest_words(vectors: Array, words: Array) -> tuple[Array, Array]:
    """Return the nearest words (n,) int32 and squared distances (n,) float32."""
    indices = np.empty(len(vectors), np.int32)
    distances = np.empty(len(vectors), np.float32)
    backend_of(vectors).nearest.assign(vectors, words, indices, distances)
    return indices, distances


def unit_length(vectors: Array) -> Array:
    """Divide vectors by their lengths; those of length 0 stay."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    return (vectors / np.where(lengths > 0, lengths, 1)[:, None]).astype(np.float32)


def random_words(vectors: Array, n_words: int, rng: Seed) -> Array:
    """Draw words among the vectors, all equally likely."""
    return vectors[np.random.default_rng(rng).choice(len(vectors), n_words, replace=False)]


def spread_words(vectors: Array, n_words: int, rng: Seed, weights: Array = ONCE) -> Array:
    """Draw words, each with a probability that grows as the squared distance from those before.

    ``weights`` (n,) int64 tell how often each of the vectors occurs; none, that all do once.
    """
    kernels, rng = backend_of(vectors), np.random.default_rng(rng)
    words = np.empty((n_words, vectors.shape[1]), np.float32)
    distances = np.full(len(vectors), np.inf, np.float32)
    reach = np.cumsum(weights) if len(weights) else np.arange(1, len(vectors) + 1)
    aim = float(rng.integers(reach[-1]))
    for k in range(n_words):
        words[k] = vectors[min(int(np.searchsorted(reach, aim, side="right")), len(vectors) - 1)]
        kernels.nearest.approach(vectors, words[k], distances)
        reach = np.cumsum(distances * weights if len(weights) else distances, dtype=np.float64)
        aim = rng.random() * reach[-1]
    return words


def spread_words_in_rounds(vectors: Array, n_words: int, rng: Seed) -> Array:
    """Draw more candidates than words in a few rounds, and spread the words among the candidates.

    In a round each vector becomes a candidate with a probability that grows as its squared
    distance from the candidates of the rounds before.
    """
    rng = np.random.default_rng(rng)
    candidates = vectors[rng.integers(len(vectors), size=1)]
    assignments, distances = nearest_words(vectors, candidates)
    for _ in range(ROUNDS):
        total = distances.sum(dtype=np.float64)
        if total == 0:
            break  # every vector is a candidate
        chance = distances * (CANDIDATES_A_WORD * n_words / total)
        new = vectors[rng.random(len(vectors)) < chance]
        if len(new):
            nearest, squares = nearest_words(vectors, new)
            assignments = np.where(squares < distances, nearest + np.int32(len(candidates)), assignments)
            distances = np.minimum(distances, squares)
            candidates = np.concatenate([candidates, new])
    if len(candidates) < n_words:
        return spread_words(vectors, n_words, rng)
    return spread_words(candidates, n_words, rng, np.bincount(assignments, minlength=len(candidates)))


STARTS = {"k-means++": spread_words, "k-means||": spread_words_in_rounds, "random": random_words}


def lloyd(
    vectors: Array,
    words: Array,
    iterations: Iterable[object],
    weights: Array = ONCE,
    *,
    spherical: bool = False,
) -> Array:
    """Move words to the means of the vectors that are nearest to them, until none moves."""
    kernels = backend_of(vectors)
    sums, counts = np.empty(words.shape), np.empty(len(words), np.int64)
    assignments = np.full(len(vectors), -1, np.int32)
    for _ in iterations:
        before = assignments
        assignments, distances = nearest_words(vectors, words)
        if np.array_equal(assignments, before):
            break
        kernels.nearest.sum_by_word(vectors, weights, assignments, sums, counts)
        words = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
        words = move_far(words, np.flatnonzero(counts == 0), vectors, distances)
        words = unit_length(words) if spherical else words
    return words


def lloyd_in_batches(
    batches: Batches, words: Array, iterations: Iterable[object], *, spherical: bool = False
) -> Array:
    """Move words to the means of all vectors of the batches so far that were nearest to them."""
    words, seen, totals = words.copy(), 0, np.zeros(len(words), np.int64)
    sums, counts = np.empty(words.shape), np.empty(len(words), np.int64)
    for _ in iterations:
        vectors = unit_length(batches.draw()) if spherical else batches.draw()
        assignments, distances = nearest_words(vectors, words)
        backend_of(vectors).nearest.sum_by_word(vectors, ONCE, assignments, sums, counts)
        seen, totals = seen + len(vectors), totals + counts
        share = 1 / np.maximum(totals, 1)[:, None]
        words = (words + share * (sums - counts[:, None] * words)).astype(np.float32)
        if seen >= SETTLED * len(words):
            words = move_far(words, np.flatnonzero(totals == 0), vectors, distances)
        words = unit_length(words) if spherical else words
    return words


def move_far(words: Array, which: Array, vectors: Array, distances: Array) -> Array:
    """Replace some words by the vectors that are farthest from their words."""
    which = which[: len(vectors)]
    if len(which):
        words[which] = vectors[np.argpartition(-distances, len(which) - 1)[: len(which)]]
    return words
