"""Ridge regression with a Gaussian kernel against that of scikit-learn."""

import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import pairwise_distances
from sklearn.utils.estimator_checks import parametrize_with_checks

from imfeat.learn import KernelRidgeClassifier, RidgeProducts


@parametrize_with_checks([KernelRidgeClassifier()])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


def table(rng, n=150):
    x = (3 * rng.normal(size=(n, 6)) + 20).astype(np.float32)
    return x, (x[:, :3] + rng.normal(size=(n, 3))).argmax(1)


@pytest.mark.parametrize("gamma", [0.25, 2.0])
@pytest.mark.parametrize("strength", [0.01, 3.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_the_kernel_ridge_of_scikit_learn(rng, gamma, strength, weighted, monkeypatch):
    monkeypatch.setattr("imfeat.learn._cholesky.BLOCK", 32)
    monkeypatch.setattr("imfeat.learn.kernel_ridge.ROWS_AT_ONCE", 7)
    x, y = table(rng)
    new, _ = table(rng, 30)
    weights = rng.exponential(size=150) + 0.1 if weighted else np.ones(150)
    model = KernelRidgeClassifier(gamma, strength=strength).fit(x, y, weights if weighted else None)
    exact = x.astype(float)
    squares = pairwise_distances(exact, metric="sqeuclidean")
    distance = np.average(np.average(squares, 1, weights), 0, weights)
    signs = np.where(y[:, None] == np.arange(3), 1.0, -1.0)
    mean = np.average(signs, 0, weights)
    peer = KernelRidge(alpha=strength, kernel="rbf", gamma=gamma / distance)
    peer.fit(exact, signs - mean, sample_weight=weights)
    assert model.gamma_ == pytest.approx(gamma / distance, rel=1e-4)
    np.testing.assert_allclose(model.decision_function(new), peer.predict(new) + mean, atol=3e-3)
    fine = model.decision_function(new.astype(float))
    assert (fine.dtype, model.decision_function(new).dtype) == (np.float64, np.float32)


def test_scale_and_number_of_features_do_not_matter(rng):
    x, y = table(rng)
    model = KernelRidgeClassifier().fit(x, y)
    repeated = KernelRidgeClassifier().fit(np.tile(x, 5) * 100, y)
    found = repeated.decision_function(np.tile(x, 5) * 100)
    np.testing.assert_allclose(found, model.decision_function(x), atol=5e-3)


def test_products_of_the_first_images_serve_kernels(rng, monkeypatch):
    monkeypatch.setattr("imfeat.learn._cholesky.BLOCK", 16)
    x, y = table(rng, 90)
    x -= x.mean(0)
    signs = np.where(y[:, None] == np.arange(3), np.float32(1), np.float32(-1))
    products = RidgeProducts(90).add(x[:, :2]).add(x[:, 2:])
    squares = pairwise_distances(x.astype(float), metric="sqeuclidean")
    assert products.mean_squared_distance() == pytest.approx(squares.mean(), rel=1e-5)
    linear = products.solve(3.0, signs)[0]
    kernels = np.exp(-0.02 * squares)
    for n in (50, 70, 50, 90):  # the factor of the first 50 is of use for 70
        shares, intercepts, scores = products.solve(0.1, signs[:n], gamma=0.02)
        mean = signs[:n].mean(0)
        expected = np.linalg.solve(kernels[:n, :n] + 0.1 * np.eye(n), signs[:n] - mean)
        np.testing.assert_allclose(shares, expected, atol=2e-4)
        np.testing.assert_allclose(intercepts, mean, atol=1e-6)
        np.testing.assert_allclose(scores, kernels[:n, :n] @ expected + mean, atol=2e-3)
        found = products.scores(shares, intercepts, n, gamma=0.02)
        np.testing.assert_allclose(found, kernels[n:, :n] @ expected + mean, atol=2e-3)
    np.testing.assert_array_equal(products.solve(3.0, signs)[0], linear)  # the products are still there


def test_a_kernel_separates_what_a_line_can_not():
    x, y = make_moons(400, noise=0.05, random_state=0)
    assert KernelRidgeClassifier(4.0).fit(x, y).score(x, y) > 0.99
    assert KernelRidgeClassifier(1e-3, strength=10.0).fit(x, y).score(x, y) < 0.9


def test_equal_images_have_a_width():
    x = np.ones((4, 3))
    scores = KernelRidgeClassifier().fit(x, [0, 1, 1, 1]).decision_function(x)
    np.testing.assert_allclose(scores, 0.5, atol=1e-3)


@pytest.mark.parametrize("parameter", ["gamma", "strength"])
@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf])
def test_bad_parameters_are_refused(rng, parameter, value):
    with pytest.raises(ValueError, match=f"{parameter} must be above 0"):
        KernelRidgeClassifier(**{parameter: value}).fit(*table(rng))
