"""Ridge regression in closed form against scikit-learn's."""

import functools
import itertools

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import RidgeClassifier as Reference
from sklearn.utils.estimator_checks import parametrize_with_checks

from imfeat.learn import RidgeClassifier, RidgeSums
from imfeat.learn.ridge import split_last


@pytest.fixture
def data(rng):
    x = (rng.normal(size=(700, 50)) * 3 + 7).astype(np.float32)  # far from 0, as features may be
    return x, (x[:, :4] + rng.normal(size=(700, 4))).argmax(1)


@parametrize_with_checks([RidgeClassifier()])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


@pytest.mark.parametrize("strength", [0.1, 10, 1e4])
def test_matches_scikit_learn(data, strength):
    x, y = data
    ours, reference = RidgeClassifier([strength]).fit(x, y), Reference(strength).fit(x.astype(float), y)
    np.testing.assert_allclose(ours.coef_, reference.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.intercept_, reference.intercept_, atol=1e-5)
    np.testing.assert_allclose(ours.decision_function(x), reference.decision_function(x), atol=1e-5)


def test_a_line_through_two_points():
    model = RidgeClassifier([1e-6]).fit([[0.0], [2.0]], ["left", "right"])
    np.testing.assert_allclose(model.coef_, [[-1], [1]], atol=1e-5)
    np.testing.assert_allclose(model.decision_function([[1.0], [3.0]]), [0, 2], atol=1e-5)
    assert model.predict([[0.9], [1.1]]).tolist() == ["left", "right"]


def test_the_strength_is_chosen_on_the_last_of_each_class(data):
    x, y = data
    model = RidgeClassifier((1e5, 10), validation_share=0.2).fit(x, y)
    known, new = split_last(y, 0.2)
    scores = {s: RidgeClassifier([s]).fit(x[known], y[known]).score(x[new], y[new]) for s in (1e5, 10)}
    assert model.validation_scores_ == pytest.approx(scores)
    assert model.strength_ == max(scores, key=scores.get)
    np.testing.assert_allclose(model.coef_, RidgeClassifier([model.strength_]).fit(x, y).coef_, atol=1e-6)


@pytest.fixture
def wide(rng):
    """Fewer images than features, far from 0."""
    x = (rng.normal(size=(150, 400)) * 3 + 7).astype(np.float32)
    return x, (x[:, :4] + rng.normal(size=(150, 4))).argmax(1)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("strength", [1, 30, 1e4])
def test_fewer_images_than_features_match_scikit_learn(wide, rng, strength, weighted, monkeypatch):
    monkeypatch.setattr("imfeat.learn.ridge.COLUMNS_AT_ONCE", 150)
    x, y = wide
    weights = rng.uniform(0.5, 2, 150) if weighted else None
    ours = RidgeClassifier([strength]).fit(x, y, weights)
    reference = Reference(strength).fit(x.astype(float), y, weights)
    np.testing.assert_allclose(ours.coef_, reference.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.intercept_, reference.intercept_, atol=1e-4)
    np.testing.assert_allclose(ours.decision_function(x), reference.decision_function(x), atol=1e-4)


@pytest.mark.parametrize("weighted", [False, True])
def test_fewer_images_than_features_choose_the_same_strength(wide, rng, weighted):
    x, y = wide
    weights = rng.uniform(0.5, 2, 150) if weighted else None
    strengths = (1e5, 1e4, 1e3, 10)
    model = RidgeClassifier(strengths, validation_share=0.4).fit(x, y, weights)
    known, new = split_last(y, 0.4)
    of_known, of_new = (None if weights is None else weights[rows] for rows in (known, new))
    scores = {
        s: Reference(s).fit(x[known].astype(float), y[known], of_known).score(x[new], y[new], of_new)
        for s in strengths
    }
    assert len(set(scores.values())) > 1
    assert model.validation_scores_ == pytest.approx(scores)
    reference = Reference(model.strength_).fit(x.astype(float), y, weights)
    np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-6)


def test_products_of_images_take_no_matrix_of_features(wide, monkeypatch):
    monkeypatch.setattr("imfeat.learn.ridge.RidgeSums", None)
    x, y = wide
    assert RidgeClassifier([1e3]).fit(x, y).score(x, y) > 0.9


def test_the_last_of_each_class():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2])
    known, new = split_last(labels, 0.25)
    assert new.tolist() == [3, 7]
    assert sorted([*known, *new]) == list(range(9))
    assert split_last(labels, 0)[1].size == 0


def test_sums_may_come_in_parts_and_be_solved_between(data, monkeypatch):
    x, y = data
    monkeypatch.setattr("imfeat.learn.ridge_sums.ROWS_AT_ONCE", 100)
    sums = RidgeSums(50, 4).add(x[:300], y[:300])
    before = sums.solve(5)
    sums.solve(500)
    for part, again in zip(before, sums.solve(5), strict=True):
        np.testing.assert_array_equal(part, again)
    sums.add(x[300:], y[300:])
    for part, whole in zip(sums.solve(5), RidgeSums(50, 4).add(x, y).solve(5), strict=True):
        np.testing.assert_allclose(part, whole, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_merged_sums_are_those_of_all_images(data, dtype, monkeypatch):
    monkeypatch.setattr("imfeat.learn._cholesky.BLOCK", 7)
    x, y = data
    x = x + np.arange(700, dtype=np.float32)[:, None] / 100  # each part has a mean, and a shift, of its own
    bounds = [0, 0, 1, 250, 250, 700]  # with empty parts
    parts = [RidgeSums(50, 4, dtype=dtype).add(x[i:j], y[i:j]) for i, j in itertools.pairwise(bounds)]
    merged = functools.reduce(RidgeSums.merge, parts)
    assert merged.n_images == 700
    tolerance = 1e-4 if dtype == np.float32 else 1e-10
    for strength in (0.1, 100):
        weights, intercepts = merged.solve(strength)
        assert weights.dtype == intercepts.dtype == dtype
        reference = Reference(strength).fit(x.astype(float), y)
        np.testing.assert_allclose(weights.T, reference.coef_, atol=tolerance)
        np.testing.assert_allclose(intercepts, reference.intercept_, atol=10 * tolerance)


def test_merging_leaves_the_other_sums_unchanged(data):
    x, y = data
    other = RidgeSums(50, 4).add(x[300:], y[300:])
    expected = other.solve(3.0)
    RidgeSums(50, 4).merge(other).add(x[:300], y[:300])
    RidgeSums(50, 4).add(x[:300], y[:300]).merge(other)
    for array, same in zip(other.solve(3.0), expected, strict=True):
        np.testing.assert_array_equal(array, same)


def test_a_classifier_is_fitted_from_sums(data):
    x, y = data
    names = np.array(["a", "b", "c", "d"])
    expected = RidgeClassifier([7.0]).fit(x, names[y])
    fitted = RidgeClassifier().fit_sums(RidgeSums(50, 4).add(x, y), 7.0, names)
    np.testing.assert_array_equal(fitted.coef_, expected.coef_)
    np.testing.assert_array_equal(fitted.predict(x), expected.predict(x))
    assert (fitted.strength_, fitted.n_features_in_, fitted.validation_scores_) == (7.0, 50, {})
    double = RidgeClassifier().fit_sums(RidgeSums(50, 4, dtype=np.float64).add(x, y), 7.0, names)
    assert double.coef_.dtype == double.intercept_.dtype == np.float32
    np.testing.assert_allclose(double.coef_, expected.coef_, atol=1e-6)


def test_blocks_change_nothing(data, monkeypatch):
    x, y = data
    whole = RidgeSums(50, 4).add(x, y)
    monkeypatch.setattr("imfeat.learn._cholesky.BLOCK", 7)
    for strength in (1, 1e3):
        for part, expected in zip(
            RidgeSums(50, 4).add(x, y).solve(strength), whole.solve(strength), strict=True
        ):
            np.testing.assert_allclose(part, expected, atol=1e-5)


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning")  # steps of SciPy
@pytest.mark.parametrize("strength", [3, 100])
def test_squared_hinge_is_minimized(data, strength):
    x, y = data
    signs = np.where(y[:, None] == np.arange(4), 1.0, -1)
    batches = lambda: ((x[i : i + 300], y[i : i + 300]) for i in (0, 300, 600))  # noqa: E731
    weights, intercepts = RidgeSums(50, 4).add(x, y).solve_squared_hinge(strength, batches, 200)
    for c in range(4):

        def loss(w, c=c):
            slack = np.maximum(1 - signs[:, c] * (x @ w[:-1] + w[-1]), 0)
            return (slack**2).sum() + strength * (w[:-1] ** 2).sum()

        best = minimize(loss, np.append(weights[:, c], intercepts[c]), tol=1e-10)
        assert loss(np.append(weights[:, c], intercepts[c])) == pytest.approx(best.fun, rel=1e-4)


def test_features_that_depend_on_each_other_need_a_larger_strength(rng):
    x = np.repeat(rng.normal(size=(40, 1)), 30, axis=1) * 1000
    with pytest.raises(ValueError, match="strength must be larger for features that depend on each other"):
        RidgeClassifier([1e-12]).fit(x, rng.integers(0, 2, 40))


@pytest.mark.parametrize(
    ("strengths", "y", "message"),
    [([0], [0, 1], "strengths must be above 0"), ([1], [1, 1], "y must have at least two classes")],
)
def test_wrong_arguments_are_refused(strengths, y, message):
    with pytest.raises(ValueError, match=message):
        RidgeClassifier(strengths).fit([[0.0], [1.0]], y)
