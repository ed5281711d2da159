"""What the jobs of a fixed size take: patches and descriptors of photographs, and where learning starts."""

import functools

import numpy as np

import imfeat
from benchmarks.images import cut

PHOTOGRAPHS = 4, 512, 512
PART = 100_000  # patches that are whitened at a time


@functools.cache
def whitening(kind):
    """Return a whitening of normalized patches of 6 x 6 of the photographs."""
    return imfeat.Whitening(kind, epsilon=0.01).fit(normalized_patches(20_000))


def normalized_patches(n, rng=0):
    return imfeat.normalize_patches(imfeat.sample_patches(cut(*PHOTOGRAPHS), 6, n, rng=rng))


def patches(n, d, few=2000):
    """Return a maker of n whitened patches (n, d), of which d are the strongest axes, if not all."""

    def make(short):
        out = np.empty((few if short else n, d), np.float32)
        kind = whitening("zca" if d == 108 else "pca")
        for start in range(0, len(out), PART):
            part = out[start : start + PART]
            part[:] = kind.transform(normalized_patches(len(part), rng=start))[:, :d]
        return out

    return make


def wide_patches(n, d, few=500):
    """Return a maker of n normalized patches (n, d): in colour, or gray if d has no factor 3."""
    side = round((d / 3) ** 0.5) if d % 3 == 0 else round(d**0.5)

    def make(short):
        pictures = cut(*PHOTOGRAPHS) if d % 3 == 0 else gray(*PHOTOGRAPHS)(False)
        patches = imfeat.sample_patches(pictures, side, few if short else n, rng=0)
        return np.ascontiguousarray(imfeat.normalize_patches(patches).reshape(len(patches), d))

    return make


def sift(n, few=500):
    """Return a maker of n dense SIFT descriptors of a photograph, 64 of their principal axes."""

    def make(short):
        _, found = imfeat.dense_sift(cut(1, 512, 512)[0])
        found = found[np.linspace(0, len(found) - 1, few if short else n).astype(int)]
        return np.ascontiguousarray(imfeat.Whitening("pca").fit(found).transform(found)[:, :64])

    return make


def pictures(n, height, width, few=2):
    """Return a maker of n images in colour, or of few and smaller ones."""
    shrink = 4 if height > 64 else 1
    return lambda short: cut(few, height // shrink, width // shrink) if short else cut(n, height, width)


def gray(n, height, width):
    make = pictures(n, height, width)
    return lambda short: np.ascontiguousarray(make(short)[..., 1])


def words(k):
    """Return a maker of k words out of vectors; fewer if those are few."""

    def spread(vectors):
        n = count(k)(vectors)
        return np.ascontiguousarray(vectors[np.linspace(0, len(vectors) - 1, n).astype(int)])

    return spread


def histograms(n, few=20):
    """Return a maker of n colour histograms of patches of photographs, (n, 512)."""

    def make(short):
        parts = imfeat.sample_patches(cut(*PHOTOGRAPHS), 32, few if short else n, rng=n)
        return imfeat.color_histogram(np.clip(parts, 0, 1).reshape(-1, 32, 32, 3))

    return make


@functools.cache
def product_quantizer():
    """Return a quantizer of whitened patches of 64 numbers, 8 bytes each."""
    return imfeat.ProductQuantizer(rng=0, n_iterations=5).fit(patches(10_000, 64)(False))


def coded(n):
    """Return a maker of a quantizer and of n codes."""

    @functools.cache
    def codes():
        vectors = np.random.default_rng(0).permutation(patches(10_000, 64)(False))
        noise = np.random.default_rng(1).normal(scale=0.1, size=(n, 64)).astype(np.float32)
        return product_quantizer().encode(vectors[np.arange(n) % len(vectors)] + noise)

    return lambda queries: (product_quantizer(), codes())


def search_codes(queries, coded):
    """Search the 10 nearest codes with a quantizer."""
    quantizer, codes = coded
    return quantizer.search(queries, codes, 10)


def count(k):
    return lambda vectors: min(k, len(vectors) // 10)


def mixture(k):
    """Return a maker of a mixture for learning to start with: k vectors, with the variances of all."""

    def start(vectors):
        means = words(k)(vectors)
        weights = np.full(len(means), 1 / len(means), np.float32)
        return imfeat.Mixture(weights, means, np.tile(vectors.var(0), (len(means), 1)))

    return start


def learned_mixture(k):
    def learn(vectors):
        start = mixture(k)(vectors)
        return imfeat.learn_mixture(vectors, len(start.means), start=start, n_iterations=5)

    return learn


@functools.cache
def patch_words():
    """Return 800 whitened patches of the photographs."""
    return whitening("zca").transform(normalized_patches(800, rng=1))
