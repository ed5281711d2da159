"""The linear SVM by stochastic gradient descent against LIBLINEAR."""

import pickle

import numpy as np
import pytest
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from imfeat import ProductQuantizer
from imfeat.learn import LinearSVM


@pytest.fixture
def data(rng):
    x = rng.normal(size=(600, 64)).astype(np.float32) / 8
    return x, (x[:, :4] + 0.05 * rng.normal(size=(600, 4))).argmax(1)


@parametrize_with_checks([LinearSVM()])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


@pytest.mark.parametrize("strength", [10, 1])
def test_the_objective_is_that_of_liblinear(data, strength):
    x, y = data
    signs = np.where(y[:, None] == np.arange(4), 1, -1)

    def objective(model):
        slack = np.maximum(1 - signs * (x @ model.coef_.T + model.intercept_), 0)
        return strength / 2 * (model.coef_**2).sum() + slack.sum()

    peer = LinearSVC(loss="hinge", C=1 / strength, max_iter=100_000, intercept_scaling=10).fit(x, y)
    ours = LinearSVM(strength=strength, epochs=100, random_state=0).fit(x, y)
    assert objective(ours) == pytest.approx(objective(peer), rel=0.01)
    assert (ours.predict(x) == peer.predict(x)).mean() > 0.97


def test_two_points_have_the_widest_margin():
    model = LinearSVM(strength=0.5, epochs=2000, random_state=0).fit([[0.0, 1], [2.0, 1]], ["a", "b"])
    np.testing.assert_allclose(model.decision_function([[0.0, 1], [2.0, 1], [1.0, 1]]), [-1, 1, 0], atol=0.05)
    assert model.predict([[0.9, 1], [1.1, 1]]).tolist() == ["a", "b"]


def test_codes_are_decoded_as_they_are_needed(data):
    x, y = data
    quantizer = ProductQuantizer(rng=0).fit(x)
    codes = quantizer.encode(x)
    on_codes = LinearSVM(quantizer, epochs=5, random_state=1).fit(codes, y)
    decoded = quantizer.decode(codes)
    on_features = LinearSVM(epochs=5, random_state=1).fit(decoded, y)
    np.testing.assert_allclose(on_codes.coef_, on_features.coef_, atol=1e-6)
    np.testing.assert_allclose(
        on_codes.decision_function(codes), on_features.decision_function(decoded), atol=1e-5
    )
    again = pickle.loads(pickle.dumps(on_codes))
    np.testing.assert_array_equal(again.predict(codes), on_codes.predict(codes))


def test_the_seed_decides(data):
    x, y = data
    first, same, other = (LinearSVM(epochs=2, random_state=seed).fit(x, y).coef_ for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("options", "y", "message"),
    [
        ({"strength": 0}, [0, 1], "strength must be above 0"),
        ({"epochs": 0}, [0, 1], "epochs must be at least 1"),
        ({}, [1, 1], "y must have at least two classes"),
    ],
)
def test_wrong_arguments_are_refused(options, y, message):
    with pytest.raises(ValueError, match=message):
        LinearSVM(**options).fit([[0.0], [1.0]], y)


def test_where_zero_lies_does_not_matter(rng):
    x, y = rng.normal(size=(90, 5)).astype(np.float32), np.arange(90) % 3
    x[:, 0] += y
    here, there = (LinearSVM(random_state=0).fit(points, y) for points in (x, x + np.float32(20)))
    scores = here.decision_function(x)
    np.testing.assert_allclose(there.decision_function(x + np.float32(20)), scores, atol=2e-3)


def test_strong_regularization_leaves_the_intercepts(rng):
    x, y = rng.normal(size=(90, 5)).astype(np.float32), np.arange(90) % 3
    model = LinearSVM(strength=1e7, random_state=0).fit(x, y)
    np.testing.assert_allclose(model.decision_function(x), -1, atol=0.05)  # no class is that of most images
