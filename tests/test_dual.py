"""Ridge regression by products of images against that by products of features."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from imfeat.learn import RidgeProducts, RidgeSums


@pytest.fixture
def data(rng):
    x = rng.normal(size=(90, 60)).astype(np.float32)
    labels = (x[:, :3] + rng.normal(size=(90, 3))).argmax(1)
    return x - x.mean(0), labels


def signs_of(labels):
    return np.where(labels[:, None] == np.arange(3), np.float32(1), np.float32(-1))


@pytest.mark.parametrize("strength", [0.5, 30.0])
@pytest.mark.parametrize("loss", ["solve", "solve_squared_hinge"])
def test_the_weights_are_those_of_the_sums(data, loss, strength, monkeypatch):
    x, labels = data
    sums = RidgeSums(60, 3).add(x, labels)
    options = (lambda: [(x, labels)], 200) if loss == "solve_squared_hinge" else ()
    weights, intercepts = getattr(sums, loss)(strength, *options)
    monkeypatch.setattr("imfeat.learn._cholesky.BLOCK", 17)
    products = RidgeProducts(90).add(x[:, :25]).add(x[:, 25:])  # some features at a time
    shares, found, scores = getattr(products, loss)(strength, signs_of(labels), *options[1:])
    np.testing.assert_allclose(x.T @ shares, weights, atol=1e-4)
    np.testing.assert_allclose(found, intercepts, atol=1e-4)
    np.testing.assert_allclose(scores, x @ weights + intercepts, atol=5e-4)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_optimal_intercept_of_features_off_center(data, rng, weighted):
    x, labels = data
    weights = rng.uniform(0.5, 2, 90) if weighted else None
    shares, intercepts, scores = (
        RidgeProducts(90).add(x + 0.5).solve(30, signs_of(labels), sample_weight=weights, centered=False)
    )
    reference = Ridge(30).fit((x + 0.5).astype(float), signs_of(labels), weights)
    np.testing.assert_allclose((x + 0.5).T @ shares, reference.coef_.T, atol=1e-5)
    np.testing.assert_allclose(intercepts, reference.intercept_, atol=1e-5)
    np.testing.assert_allclose(scores, reference.predict(x + 0.5), atol=1e-4)


def test_one_feature_of_two_images():
    products = RidgeProducts(2).add(np.array([[1], [-1]]))
    shares, intercepts, scores = products.solve(2.0, np.array([[1, -1], [-1, 1]], np.float32))
    # (1 - w)^2 + (1 - w)^2 + 2 w^2 is least for w = 1 / 2.
    np.testing.assert_allclose(np.array([[1, -1]]) @ shares, [[0.5, -0.5]], atol=1e-6)
    np.testing.assert_allclose(intercepts, 0, atol=1e-6)
    np.testing.assert_allclose(scores, [[0.5, -0.5], [-0.5, 0.5]], atol=1e-6)


def test_what_was_learned_from_the_first_images_is_of_use_for_all(data, monkeypatch):
    monkeypatch.setattr("imfeat.learn._cholesky.BLOCK", 16)
    x, labels = data
    products, signs = RidgeProducts(90).add(x), signs_of(labels)
    some = x[:70]
    shares, intercepts, _ = products.solve(3.0, signs[:70])
    expected = np.linalg.solve(some @ some.T + 3 * np.eye(70), signs[:70] - signs[:70].mean(0))
    np.testing.assert_allclose(shares, expected, atol=1e-5)
    np.testing.assert_allclose(
        products.scores(shares, intercepts, 70), x[70:] @ some.T @ expected + signs[:70].mean(0), atol=1e-4
    )
    whole, _, _ = products.solve(3.0, signs)
    np.testing.assert_allclose(whole, RidgeProducts(90).add(x).solve(3.0, signs)[0], atol=1e-5)
    again, _, _ = products.solve(3.0, signs[:70])  # the factor of all has that of the first ones in it
    np.testing.assert_allclose(again, expected, atol=1e-5)


def test_images_that_depend_on_each_other_need_a_larger_strength(data):
    x, labels = data
    products = RidgeProducts(90).add(np.concatenate([x[:45], x[:45]]) * 1000)
    with pytest.raises(ValueError, match="strength must be larger"):
        products.solve(1e-9, signs_of(labels))
