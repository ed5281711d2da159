"""Descriptors far from the origin, where squares and products are large and their differences small."""

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.cluster import KMeans

import imfeat
from imfeat._pca import PrincipalAxes
from imfeat._sums import Moments

SHIFTS = 0, 30, 1e4, -1e6
SIZES = 3, 64  # short vectors and long ones are compared by different loops


@pytest.fixture(params=[f"{d}-{shift:g}" for d in SIZES for shift in SHIFTS])
def far(request):
    """Return descriptors and a codebook, float32, that lie far from the origin."""
    d, shift = request.param.split("-", 1)
    rng = np.random.default_rng(0)
    codebook = rng.normal(size=(16, int(d))) + float(shift)
    descriptors = codebook[rng.integers(16, size=2000)] + 0.7 * rng.normal(size=(2000, int(d)))
    return descriptors.astype(np.float32), codebook.astype(np.float32)


def squares(descriptors, codebook):
    """Return the squared distances (n, n_words) in float64."""
    return ((descriptors[:, None].astype(np.float64) - codebook) ** 2).sum(2)


def test_words_are_the_nearest_ones(far):
    nearest = squares(*far).argmin(1)
    np.testing.assert_array_equal(imfeat.assign(*far), nearest)
    np.testing.assert_array_equal(imfeat.bag_of_words(*far, norm=None), np.bincount(nearest, minlength=16))


@pytest.mark.parametrize("d", SIZES)
def test_the_nearest_of_words_of_which_some_are_alike(d):
    rng = np.random.default_rng(1)
    integers = rng.integers(-2, 3, (500, d)) + 100_000
    codebook = np.concatenate([integers[:20], integers[:30]])
    expected = squares(integers.astype(np.float32), codebook).argmin(1)
    np.testing.assert_array_equal(imfeat.assign(integers, codebook), expected)


@pytest.mark.parametrize("d", SIZES)
def test_one_word_far_from_the_others_does_not_matter(d):
    rng = np.random.default_rng(1)
    codebook = np.float32(rng.normal(size=(100, d)) + 1e4)
    codebook[5] = 0
    descriptors = codebook[rng.integers(100, size=500)]
    np.testing.assert_array_equal(
        imfeat.assign(descriptors, codebook), squares(descriptors, codebook).argmin(1)
    )


def test_learning_matches_scikit_learn(far):
    descriptors, codebook = far
    learned = imfeat.learn_codebook(descriptors, 16, start=codebook, n_iterations=1)
    peer = KMeans(16, init=codebook.astype(float), n_init=1, max_iter=1, tol=0, algorithm="lloyd")
    peer.fit(descriptors.astype(float))
    rounding = np.spacing(np.abs(descriptors).max())
    np.testing.assert_allclose(learned, peer.cluster_centers_, rtol=0, atol=2 * rounding + 1e-6)


def test_vlad(far):
    descriptors, codebook = far
    nearest = squares(*far).argmin(1)
    apart = descriptors - codebook[nearest].astype(np.float64)
    expected = np.stack([apart[nearest == k].sum(0) for k in range(16)])
    np.testing.assert_allclose(imfeat.vlad(*far, norm=None), expected.ravel(), rtol=0, atol=2e-4)


def test_soft_encodings(far):
    distances = np.sqrt(squares(*far))
    expected = np.maximum(distances.mean(1, keepdims=True) - distances, 0).mean(0)
    np.testing.assert_allclose(imfeat.triangle(*far), expected, rtol=0, atol=1e-5)
    logs = -(distances**2) / 2
    shares = np.exp(logs - logsumexp(logs, axis=1, keepdims=True)).mean(0)
    np.testing.assert_allclose(imfeat.soft_words(*far, sigma=1.0), shares, rtol=0, atol=1e-5)


def test_mixtures(far):
    descriptors, codebook = far
    mixture = imfeat.Mixture(np.full(16, 1 / 16), codebook, np.full(codebook.shape, 0.5))
    logs = -squares(*far)
    expected = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
    np.testing.assert_allclose(imfeat.posteriors(descriptors, mixture), expected, rtol=0, atol=2e-5)
    t = (descriptors[:, None].astype(np.float64) - codebook) / np.sqrt(0.5)
    gradients = np.einsum("nk,nkd->kd", expected, t).ravel() / (2000 * 0.25)
    fisher = imfeat.fisher_vector(descriptors, mixture)
    np.testing.assert_allclose(fisher[: codebook.size], gradients, rtol=0, atol=1e-5)


def test_principal_axes(far):
    descriptors, _ = far
    axes = PrincipalAxes().fit_sums(Moments.of(descriptors), 2)
    expected = (descriptors.astype(np.float64) - axes.mean_) @ axes.components_.T
    np.testing.assert_allclose(axes.transform(descriptors), expected, rtol=0, atol=1e-5)


def test_whitening(far):
    descriptors, _ = far
    whitening = imfeat.Whitening().fit(descriptors)
    expected = (descriptors.astype(np.float64) - whitening.mean_) @ whitening.matrix_
    np.testing.assert_allclose(whitening.transform(descriptors), expected, rtol=0, atol=1e-5)


def test_quantizers(far):
    descriptors, _ = far
    columns = descriptors[:, :3]
    quantizer = imfeat.ProductQuantizer(3, 4, n_iterations=3, rng=0).fit(columns)
    expected = squares(columns, quantizer.centroids_[0]).argmin(1)
    np.testing.assert_array_equal(quantizer.encode(columns)[:, 0], expected)
