"""Mixtures of Gaussians against scikit-learn and the formula in float64."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from imfeat_kernels.cpu import launch
from sklearn.mixture import GaussianMixture

import imfeat
from imfeat import _sums
from imfeat import mixture as mixture_module


@pytest.fixture
def blobs(rng):
    """Return descriptors (3000, 20) of 12 Gaussians that overlap, away from the origin."""
    centers, deviations = rng.normal(size=(12, 20)) + 5, 0.3 + rng.random((12, 20))
    made_by = rng.choice(12, 3000, p=np.arange(1, 13) / 78)
    return (centers[made_by] + deviations[made_by] * rng.normal(size=(3000, 20))).astype(np.float32)


def some_mixture(descriptors, n_components, rng):
    weights = rng.random(n_components) + 0.1
    variances = descriptors.var(0) * (0.2 + rng.random((n_components, descriptors.shape[1])))
    return imfeat.Mixture(weights / weights.sum(), descriptors[:n_components], variances)


def log_likelihood(descriptors, mixture):
    return reference.log_densities(descriptors, mixture.weights, mixture.means, mixture.variances).sum()


def test_two_heaps_have_two_components():
    descriptors = np.array([[0.0, 0], [0, 2], [10, 11], [10, 13], [10, 12]])
    mixture = imfeat.learn_mixture(descriptors, 2, rng=0)
    order = np.argsort(mixture.weights)
    np.testing.assert_allclose(mixture.weights[order], [0.4, 0.6], atol=1e-6)
    np.testing.assert_allclose(mixture.means[order], [[0, 1], [10, 12]], atol=1e-5)
    np.testing.assert_allclose(mixture.variances[order, 1], [1, 2 / 3], atol=1e-5)
    np.testing.assert_allclose(mixture.variances[:, 0], 1e-4 * 24, rtol=1e-4)  # no spread: the floor
    assert repr(mixture) == "Mixture(n_components=2, d=2)"


@pytest.mark.parametrize(("d", "n_components"), [(20, 12), (3, 5), (20, 45)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_learning_matches_scikit_learn_from_the_same_start(blobs, rng, monkeypatch, d, n_components, dtype):
    descriptors = np.ascontiguousarray(blobs[:, :d].astype(dtype))
    start = some_mixture(descriptors, n_components, rng)
    monkeypatch.setattr(mixture_module, "TOLERANCE", -np.inf)  # as many steps as scikit-learn
    mixture = imfeat.learn_mixture(descriptors, n_components, start=start, n_iterations=8)
    peer = GaussianMixture(
        n_components,
        covariance_type="diag",
        tol=0,
        max_iter=8,
        weights_init=start.weights / start.weights.sum(dtype=float),
        means_init=start.means.astype(float),
        precisions_init=1 / start.variances.astype(float),
    )
    with pytest.warns(Warning, match="did not converge"):
        peer.fit(descriptors.astype(float))
    np.testing.assert_allclose(mixture.weights, peer.weights_, atol=1e-5)
    np.testing.assert_allclose(mixture.means, peer.means_, atol=1e-3)
    np.testing.assert_allclose(mixture.variances, peer.covariances_, atol=1e-3)
    np.testing.assert_allclose(
        imfeat.posteriors(descriptors, mixture), peer.predict_proba(descriptors.astype(float)), atol=1e-3
    )


def test_the_start_is_the_clusters(blobs, monkeypatch):
    monkeypatch.setattr(_sums, "mixture_moments", moments := CountedCalls(_sums.mixture_moments))
    monkeypatch.setattr(mixture_module, "iterations", lambda n, title, progress: range(0))
    start = imfeat.learn_mixture(blobs, 6, rng=3)
    words = imfeat.learn_codebook(blobs, 6, rng=3)
    assignments = imfeat.assign(blobs, words)
    for k in range(6):
        cluster = blobs[assignments == k].astype(float)
        assert start.weights[k] == pytest.approx(len(cluster) / 3000, abs=1e-4)
        np.testing.assert_allclose(start.means[k], cluster.mean(0), atol=1e-3)
        np.testing.assert_allclose(start.variances[k], cluster.var(0), atol=1e-3)
    assert moments.n == 1


class CountedCalls:
    def __init__(self, function):
        self.function, self.n = function, 0

    def __call__(self, *arguments):
        self.n += 1
        return self.function(*arguments)


def test_steps_raise_the_likelihood(blobs):
    values = [
        log_likelihood(blobs, imfeat.learn_mixture(blobs, 8, rng=1, n_iterations=n)) for n in (1, 2, 4, 9)
    ]
    assert (np.diff(values) > 0).all()


def test_learning_ends_when_nothing_is_gained(blobs, monkeypatch):
    calls = CountedCalls(_sums.mixture_moments)
    monkeypatch.setattr(_sums, "mixture_moments", calls)
    imfeat.learn_mixture(blobs, 1, rng=0)
    assert calls.n <= 5


@pytest.mark.parametrize("offset", [0, 1e4])
def test_posteriors_match_the_formula(blobs, rng, offset):
    descriptors = blobs + np.float32(offset)
    mixture = some_mixture(descriptors, 37, rng)
    actual = imfeat.posteriors(descriptors[:1111].reshape(11, 101, 20), mixture)
    expected = reference.posteriors(
        descriptors[:1111], mixture.weights, mixture.means, mixture.variances
    ).reshape(11, 101, 37)
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, atol=5e-6)


def test_unused_components_stay_unused(blobs, rng):
    good = some_mixture(blobs, 4, rng)
    far = np.full((1, 20), 1e4)
    start = imfeat.Mixture(
        np.append(good.weights * 0.9, 0.1),
        np.concatenate([good.means, far]),
        np.concatenate([good.variances, [[1] * 20]]),
    )
    mixture = imfeat.learn_mixture(blobs, 5, start=start, n_iterations=3)
    assert mixture.weights[4] == 0
    np.testing.assert_array_equal(mixture.means[4], far[0])
    alone = imfeat.learn_mixture(blobs, 4, start=good, n_iterations=3)
    np.testing.assert_allclose(mixture.means[:4], alone.means, atol=1e-3)
    q = imfeat.posteriors(np.concatenate([blobs, far]), mixture)
    assert not q[:, 4].any()
    np.testing.assert_allclose(q.sum(1), 1, atol=1e-6)


def test_far_descriptors_still_have_posteriors(blobs, rng):
    q = imfeat.posteriors(np.full((1, 20), 1e30), some_mixture(blobs, 4, rng))
    np.testing.assert_allclose(q.sum(1), 1, atol=1e-6)


def test_equal_descriptors_and_as_many_components():
    descriptors = np.full((5, 3), 0.3, np.float32)
    mixture = imfeat.learn_mixture(descriptors, 5, rng=0)
    np.testing.assert_allclose(mixture.means, 0.3, atol=1e-6)
    np.testing.assert_allclose(imfeat.posteriors(descriptors, mixture).sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "float64", ">f4"])
def test_descriptors_are_computed_with_as_float32(rng, dtype):
    values = rng.integers(0, 200, (300, 7)).astype(dtype)
    expected = imfeat.learn_mixture(values.astype(np.float32), 4, rng=0, n_iterations=3)
    actual = imfeat.learn_mixture(values, 4, rng=0, n_iterations=3)
    np.testing.assert_array_equal(actual.means, expected.means)
    np.testing.assert_array_equal(
        imfeat.posteriors(values, actual), imfeat.posteriors(values.astype("f4"), actual)
    )


def test_threads_change_no_bit(blobs, monkeypatch):
    results = []
    for n in (1, 2, 5):
        monkeypatch.setattr(launch, "n_threads", n)
        monkeypatch.setattr(launch, "_pool", None)
        mixture = imfeat.learn_mixture(blobs, 9, rng=0, n_iterations=3)
        results.append(mixture.means.tobytes() + mixture.variances.tobytes())
    assert len(set(results)) == 1


def test_the_seed_decides(blobs):
    first, again, other = (imfeat.learn_mixture(blobs, 9, rng=s, n_iterations=2).means for s in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_progress_is_shown_when_asked(blobs, capsys):
    imfeat.learn_mixture(blobs, 3, rng=0, n_iterations=3, progress=True)
    assert "mixture" in capsys.readouterr().err


@given(arrays(np.float32, (40, 3), elements=st.floats(-8, 8, width=16)), st.integers(1, 40))
def test_any_descriptors_give_a_mixture(descriptors, n_components):
    mixture = imfeat.learn_mixture(descriptors, n_components, rng=0, n_iterations=3)
    assert mixture.weights.sum() == pytest.approx(1, abs=1e-5)
    q = imfeat.posteriors(descriptors, mixture)
    np.testing.assert_allclose(q.sum(1), 1, atol=1e-5)
    assert (q >= 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x, m: imfeat.learn_mixture(x[:5], 6),
            "n_components must be at most the number of descriptors, 5, got 6",
        ),
        (lambda x, m: imfeat.learn_mixture(x * np.nan, 6), "descriptors must be finite"),
        (lambda x, m: imfeat.learn_mixture(x[0], 3), r"descriptors must have the shape \(n, d\)"),
        (lambda x, m: imfeat.learn_mixture(x, 3, start=m), "start must have n_components=3, got 4"),
        (
            lambda x, m: imfeat.learn_mixture(x[:, :3], 4, start=m),
            "start must be of descriptors of length 3, got 20",
        ),
        (
            lambda x, m: imfeat.posteriors(x[:, :3], m),
            "descriptors must be vectors of length 20, got length 3",
        ),
        (lambda x, m: imfeat.Mixture(m.weights[:3], m.means, m.variances), "must have as many rows"),
        (
            lambda x, m: imfeat.Mixture(m.weights, m.means, m.variances[:, :3]),
            "variances must be vectors of length 20",
        ),
        (lambda x, m: imfeat.Mixture(m.weights * 2, m.means, m.variances), "weights must not be negative"),
        (
            lambda x, m: imfeat.Mixture(m.weights, m.means, m.variances * 0),
            "variances must be above 0, got 0",
        ),
        (lambda x, m: imfeat.Mixture(m.weights, m.means * np.nan, m.variances), "means must be finite"),
    ],
)
def test_wrong_arguments_are_refused(blobs, rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(blobs, some_mixture(blobs, 4, rng))


def test_other_things_are_no_mixture(blobs):
    with pytest.raises(TypeError, match="mixture must be a Mixture, got tuple; see learn_mixture"):
        imfeat.posteriors(blobs, (1, 2, 3))


def test_means_are_descriptors_where_there_are_few_distinct_ones(rng):
    descriptors = np.tile(rng.normal(size=(3, 5)) + 3, (30, 1)).astype(np.float32)
    mixture = imfeat.learn_mixture(descriptors, 7, rng=0)
    apart = np.abs(mixture.means[:, None] - descriptors[:3]).max(2).min(1)
    assert (apart < 1e-5).all()
