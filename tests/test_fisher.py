"""Fisher vectors and VLAD against VLFeat, scikit-image and the formula in float64."""

from pathlib import Path

import numpy as np
import pytest
import reference
import skimage.feature
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from imfeat_kernels.cpu import launch
from sklearn.mixture import GaussianMixture

import imfeat

STORED = dict(np.load(Path(__file__).parent / "data" / "vlfeat_encodings.npz"))
X, MIXTURE = (
    STORED["descriptors"],
    imfeat.Mixture(STORED["weights"], STORED["means"], STORED["variances"]),
)


def big_case(rng, d=37, n_components=45, n=2500):
    """Return descriptors of several tiles and pieces, and a mixture of several panels."""
    weights = rng.random(n_components) + 0.1
    means, variances = rng.normal(size=(n_components, d)), 0.5 + rng.random((n_components, d))
    return rng.normal(size=(n, d)).astype(np.float32), imfeat.Mixture(
        weights / weights.sum(), means, variances
    )


def test_one_gaussian():
    mixture = imfeat.Mixture([1], [[1, 2]], [[4, 0.25]])
    # t is (1, 0) and (-2, 2): the means of t, and of (t^2 - 1) / sqrt(2)
    vector = imfeat.fisher_vector(np.array([[3, 2], [-3, 3]]), mixture)
    np.testing.assert_allclose(vector, [-0.5, 1, 1.5 / 2**0.5, 1 / 2**0.5], rtol=1e-6)
    improved = imfeat.fisher_vector(np.array([[3, 2], [-3, 3]]), mixture, improved=True)
    roots = np.sign(vector) * np.sqrt(np.abs(vector))
    np.testing.assert_allclose(improved, roots / np.linalg.norm(roots), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matches_vlfeat(dtype):
    vector = imfeat.fisher_vector(X.astype(dtype), MIXTURE)
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, STORED["fisher"], rtol=0, atol=2e-6)
    improved = imfeat.fisher_vector(X.astype(dtype), MIXTURE, improved=True)
    np.testing.assert_allclose(improved, STORED["fisher_improved"], rtol=0, atol=2e-5)


@pytest.mark.parametrize("improved", [False, True])
def test_matches_scikit_image(improved, rng):
    for descriptors, mixture in ((X, MIXTURE), big_case(rng)):
        peer = GaussianMixture(len(mixture.weights), covariance_type="diag")
        peer.weights_, peer.means_ = mixture.weights.astype(float), mixture.means.astype(float)
        peer.covariances_ = mixture.variances.astype(float)
        peer.precisions_cholesky_ = 1 / np.sqrt(peer.covariances_)
        expected = skimage.feature.fisher_vector(descriptors.astype(float), peer, improved=improved)
        actual = imfeat.fisher_vector(descriptors, mixture, improved=improved, convention="skimage")
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4)


def test_conventions_differ_in_weights_and_sign():
    first, second = np.split(imfeat.fisher_vector(X, MIXTURE), 2)
    for convention, sign in (("sanchez2013", 1), ("skimage", -1)):
        vector = imfeat.fisher_vector(X, MIXTURE, convention=convention)
        np.testing.assert_array_equal(vector[6:], np.concatenate([first, sign * second]))
        shares = reference.posteriors(X, MIXTURE.weights, MIXTURE.means, MIXTURE.variances).mean(0)
        np.testing.assert_allclose(
            vector[:6], (shares - MIXTURE.weights) / np.sqrt(MIXTURE.weights), atol=1e-5
        )


@pytest.mark.parametrize("improved", [False, True])
def test_descriptors_that_overflow_are_refused(rng, improved):
    mixture = imfeat.Mixture(np.ones(1), np.zeros((1, 3)), np.ones((1, 3)))
    descriptors = np.full((4, 3), 1e30, np.float32)
    with pytest.raises(ValueError, match="too far from the means for float32"):
        imfeat.fisher_vector(descriptors, mixture, improved=improved)


def test_far_from_the_origin_is_as_exact(rng):
    descriptors, mixture = big_case(rng)
    moved = imfeat.Mixture(mixture.weights, mixture.means + 1000, mixture.variances)
    descriptors = np.round(descriptors * 64) / 64  # exact in float32 after the move, too
    centered = imfeat.Mixture(mixture.weights, moved.means.astype(float) - 1000, mixture.variances)
    np.testing.assert_allclose(
        imfeat.fisher_vector(descriptors + 1000, moved),
        imfeat.fisher_vector(descriptors, centered),
        atol=1e-5,
    )


@pytest.mark.parametrize("convention", ["vlfeat", "skimage", "sanchez2013"])
@pytest.mark.parametrize("improved", [False, True])
def test_ragged_and_stacked_batches_are_their_images(rng, convention, improved):
    descriptors, mixture = big_case(rng)
    options = {"convention": convention, "improved": improved}
    offsets = np.array([0, 7, 7, 1300, 1301, 2500])
    batch = imfeat.fisher_vector(descriptors, mixture, offsets=offsets, **options)
    for i, vector in enumerate(batch):
        alone = imfeat.fisher_vector(descriptors[offsets[i] : offsets[i + 1]], mixture, **options)
        np.testing.assert_array_equal(vector, alone)
    assert not batch[1].any()
    stack = descriptors.reshape(2, 5, 250, -1)
    vectors = imfeat.fisher_vector(stack, mixture, **options)
    assert vectors.shape == (2, 5, batch.shape[1])
    np.testing.assert_array_equal(vectors[1, 3], imfeat.fisher_vector(stack[1, 3], mixture, **options))
    assert imfeat.fisher_vector(descriptors, mixture, offsets=[0, 2500], **options).shape == (
        1,
        batch.shape[1],
    )


def test_many_images_at_a_time(rng, monkeypatch):
    descriptors, mixture = big_case(rng)
    offsets = np.arange(0, 2501, 100)
    expected = imfeat.fisher_vector(descriptors, mixture, offsets=offsets)
    monkeypatch.setattr("imfeat.fisher.VALUES", 10_000)  # 2 at a time
    monkeypatch.setattr("imfeat_kernels.cpu.mixture.VALUES", 1)
    np.testing.assert_array_equal(imfeat.fisher_vector(descriptors, mixture, offsets=offsets), expected)


def test_bytes_are_numbers(rng):
    descriptors = rng.integers(0, 255, (200, 8), dtype=np.uint8)
    mixture = imfeat.learn_mixture(descriptors, 3, rng=0)
    np.testing.assert_array_equal(
        imfeat.fisher_vector(descriptors, mixture),
        imfeat.fisher_vector(descriptors.astype(np.float32), mixture),
    )


def test_threads_change_no_bit(rng, monkeypatch):
    descriptors, mixture = big_case(rng, n=9000)
    results = []
    for n in (1, 2, 5):
        monkeypatch.setattr(launch, "n_threads", n)
        monkeypatch.setattr(launch, "_pool", None)
        results.append(imfeat.fisher_vector(descriptors, mixture).tobytes())
    assert len(set(results)) == 1


def test_what_a_mixture_was_fitted_to_has_no_gradient(rng):
    descriptors, _ = big_case(rng, d=5)
    mixture = imfeat.learn_mixture(descriptors, 1, n_iterations=5)
    np.testing.assert_allclose(imfeat.fisher_vector(descriptors, mixture), 0, atol=1e-5)


def test_rare_components_give_zeros():
    weights = np.array([0.5, 0.5 - 1e-7, 1e-7, 0], np.float32)
    mixture = imfeat.Mixture(weights, np.zeros((4, 3)), np.ones((4, 3)))
    vector = imfeat.fisher_vector(np.ones((5, 3)), mixture, convention="sanchez2013")
    assert not vector[2:4].any()
    assert not vector[4:].reshape(2, 4, 3)[:, 2:].any()
    assert vector[4:].reshape(2, 4, 3)[0, :2].all()


@given(arrays(np.float32, (30, 9), elements=st.floats(-4, 4, width=32)), st.randoms())
def test_the_order_of_descriptors_does_not_matter(descriptors, random):
    order = random.sample(range(30), 30)
    np.testing.assert_allclose(
        imfeat.fisher_vector(descriptors, MIXTURE),
        imfeat.fisher_vector(descriptors[order], MIXTURE),
        atol=1e-4,
    )


def test_differences_are_summed_by_word():
    words, descriptors = np.array([[0, 0], [10, 10]]), np.array([[1, 2], [3, -1], [9, 10]])
    np.testing.assert_array_equal(imfeat.vlad(descriptors, words, norm=None), [4, 1, -1, 0])
    np.testing.assert_allclose(imfeat.vlad(descriptors, words, norm="l2"), np.array([4, 1, -1, 0]) / 18**0.5)
    intra = np.array([4 / 17**0.5, 1 / 17**0.5, -1, 0]) / 2**0.5
    np.testing.assert_allclose(imfeat.vlad(descriptors, words), intra, rtol=1e-6)


@pytest.mark.parametrize("norm", ["intra", "l2", "sqrt", None])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_vlad_matches_vlfeat(norm, dtype):
    vector, expected = imfeat.vlad(X.astype(dtype), MIXTURE.means, norm=norm), STORED[f"vlad_{norm}".lower()]
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("norm", ["intra", "l2", "sqrt", None])
def test_vlad_of_batches_is_that_of_their_images(rng, norm, monkeypatch):
    descriptors, mixture = big_case(rng)
    words, offsets = mixture.means, np.array([0, 7, 7, 1300, 1301, 2500])
    batch = imfeat.vlad(descriptors, words, offsets=offsets, norm=norm)
    for i, vector in enumerate(batch):
        alone = imfeat.vlad(descriptors[offsets[i] : offsets[i + 1]], words, norm=norm)
        np.testing.assert_allclose(vector, alone, rtol=0, atol=1e-5)
    assert not batch[1].any()
    stack = descriptors.reshape(2, 5, 250, -1)
    expected = imfeat.vlad(descriptors, words, offsets=np.arange(0, 2501, 250), norm=norm)
    np.testing.assert_array_equal(imfeat.vlad(stack, words, norm=norm), expected.reshape(2, 5, -1))
    monkeypatch.setattr("imfeat.fisher.VALUES", 5_000)
    monkeypatch.setattr("imfeat_kernels.cpu.residuals.VALUES", 1)
    np.testing.assert_array_equal(imfeat.vlad(descriptors, words, offsets=offsets, norm=norm), batch)


@given(arrays(np.float32, (30, 9), elements=st.floats(-4, 4, width=32)))
def test_parts_of_words_are_equally_long(descriptors):
    vector = imfeat.vlad(descriptors, MIXTURE.means)
    lengths = np.linalg.norm(vector.reshape(6, 9), axis=1)
    np.testing.assert_allclose(lengths[lengths > 0], 1 / np.sqrt((lengths > 0).sum()), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: imfeat.fisher_vector(X[:, :4], MIXTURE), "descriptors must be vectors of length 9, got"),
        (lambda: imfeat.fisher_vector(X * np.inf, MIXTURE), "descriptors must be finite"),
        (lambda: imfeat.fisher_vector(X[0], MIXTURE), r"must have the shape \(..., n, d\), or \(n, d\)"),
        (
            lambda: imfeat.fisher_vector(X[None], MIXTURE, offsets=[0, 150]),
            r"must have the shape \(..., n, d\), or \(n, d\) with offsets, got \(1, 150, 9\)",
        ),
        (lambda: imfeat.fisher_vector(X, MIXTURE, offsets=[0, 9]), "offsets must rise from 0"),
        (lambda: imfeat.fisher_vector(X, MIXTURE, convention="vl"), "convention must be one of"),
        (
            lambda: imfeat.vlad(X, MIXTURE.means[:, :4]),
            "descriptors must be vectors of length 4, got length 9",
        ),
        (lambda: imfeat.vlad(X, MIXTURE.means[:0]), "codebook must have at least one word"),
        (lambda: imfeat.vlad(X, MIXTURE.means, norm="l1"), "norm must be one of"),
        (lambda: imfeat.vlad(X, MIXTURE.means, offsets=[0, 9]), "offsets must rise from 0"),
        (lambda: imfeat.vlad(X * np.nan, MIXTURE.means), "descriptors must be finite"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
