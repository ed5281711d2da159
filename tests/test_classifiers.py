"""Linear classifiers and MLPs against scikit-learn, and as estimators."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.neural_network import MLPClassifier as Peer
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import imfeat.learn as learn
from imfeat.learn import LinearClassifier, MLPClassifier, Perceptron
from imfeat.learn.precondition import Coordinates

# The tests below take few epochs on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    return x[:1200], y[:1200], x[1200:], y[1200:]


@parametrize_with_checks(
    [
        LinearClassifier(),
        LinearClassifier("hinge", strength=1e-2, optimizer="momentum", epochs=60),
        LinearClassifier("softmax", penalty="l1", optimizer="adam", epochs=60),
        MLPClassifier(),
        MLPClassifier((10, 10), activation="tanh", optimizer="momentum", learning_rate=0.05, epochs=60),
        Perceptron(),
    ]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


@pytest.mark.parametrize("strength", [1.0, 12.0])
def test_softmax_regression_is_that_of_scikit_learn(digits, strength):
    x, y, x_new, _ = digits
    ours = LinearClassifier(strength=strength, epochs=1000, tol=1e-5).fit(x, y)
    peer = LogisticRegression(C=1 / strength, tol=1e-6, max_iter=1000).fit(x.astype(float), y)
    np.testing.assert_allclose(ours.predict_proba(x_new), peer.predict_proba(x_new), atol=5e-3)
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=2e-2)


def test_few_steps_are_enough_in_good_coordinates(rng):
    mixed = rng.normal(size=(500, 30)) @ rng.normal(size=(30, 30)) * np.logspace(0, 3, 30) + 100
    y = (mixed[:, :3] / mixed[:, :3].std(0)).argmax(1)
    model = LinearClassifier(strength=5e-4, tol=1e-3, epochs=60).fit(mixed, y)
    assert model.converged_
    twice = LinearClassifier(strength=5e-4, epochs=60).fit(np.repeat(mixed, 2, 1), y)  # linearly dependent
    assert twice.score(np.repeat(mixed, 2, 1), y) > 0.95


def test_coordinates_are_those_of_the_loss(rng):
    x = (rng.normal(size=(50, 4)) * [1, 2, 3, 4] + 7).astype(np.float32)
    coordinates = Coordinates(lambda rows: x[rows], 50, 4, 0.5, 0.1)
    expected = 0.5 * np.cov(x.T, bias=True) + 0.1 * np.eye(4)
    np.testing.assert_allclose(coordinates.lower @ coordinates.lower.T, expected, atol=1e-3)
    weights, biases = rng.normal(size=(4, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    again = coordinates.parameters(coordinates.point(weights, biases))
    np.testing.assert_allclose(again[0], weights, atol=1e-4)
    np.testing.assert_allclose(again[1], biases, atol=1e-3)

    def loss(point):
        w, b = coordinates.parameters(point)
        return float(((x @ w + b) ** 2).sum())

    scores = 2 * (x @ weights + biases)
    slope = coordinates.slope([x.T @ scores, scores.sum(0)])
    error = learn.check_gradient(loss, slope, coordinates.point(weights, biases), step=1e-2)
    assert error < 1e-3  # in float32


def test_squared_hinge_is_that_of_liblinear(digits):
    x, y, x_new, _ = digits
    ours = LinearClassifier("squared_hinge", strength=2.4, epochs=1000, tol=1e-5).fit(x, y)
    # LIBLINEAR minimizes |w|^2 / 2 + C sum of losses, and penalizes the intercept, scaled down here
    peer = LinearSVC(C=1 / 2.4, tol=1e-6, max_iter=100_000, intercept_scaling=100).fit(x.astype(float), y)
    np.testing.assert_allclose(ours.decision_function(x_new), peer.decision_function(x_new), atol=2e-2)


def test_least_squares_is_ridge_regression(digits):
    x, y, x_new, _ = digits
    ours = LinearClassifier("squared_error", strength=24.0, epochs=2000, tol=1e-6).fit(x, y)
    closed = learn.RidgeClassifier([12.0]).fit(x, y)
    np.testing.assert_allclose(ours.decision_function(x_new), closed.decision_function(x_new), atol=2e-3)


@pytest.mark.parametrize("optimizer", ["lbfgs", "sgd"])
def test_an_l1_penalty_is_the_lasso_with_zeros(rng, optimizer):
    x = rng.normal(size=(400, 12)).astype(np.float32)
    y = x[:, 0] - 0.7 * x[:, 1] + 0.2 * rng.normal(size=400) > 0
    # of +1 and -1, sum over two classes of (s - t)^2: each class is a lasso of its own
    settings = {"optimizer": optimizer, "epochs": 500, "tol": 1e-6, "learning_rate": 0.05, "batch_size": 400}
    ours = LinearClassifier("squared_error", penalty="l1", strength=0.4 * 400, **settings).fit(x, y)
    peer = Lasso(alpha=0.2, tol=1e-10).fit(x.astype(float), np.where(y, 1.0, -1.0))
    np.testing.assert_allclose(ours.coef_[1], peer.coef_, atol=1e-4)
    np.testing.assert_array_equal(ours.coef_[1] == 0, peer.coef_ == 0)
    assert 0 < np.count_nonzero(ours.coef_[1]) < 6


@pytest.mark.parametrize("loss", ["hinge", "crammer_singer", "softmax", "squared_hinge"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"])
def test_every_optimizer_trains_every_loss(digits, loss, optimizer):
    x, y, x_new, y_new = digits
    rate = {"sgd": 0.1, "momentum": 0.02, "nesterov": 0.02, "adagrad": 0.1}.get(optimizer, 0.01)
    model = LinearClassifier(loss, optimizer=optimizer, learning_rate=rate, epochs=20, random_state=0)
    assert model.fit(x, y).score(x_new, y_new) > 0.84
    assert model.history_["loss"][-1] < model.history_["loss"][0]


@pytest.mark.parametrize("activation", learn.ACTIVATIONS)
def test_mlps_reach_what_that_of_scikit_learn_does(digits, activation):
    x, y, x_new, y_new = digits
    ours = MLPClassifier((64,), activation=activation, epochs=60, random_state=0).fit(x, y)
    assert ours.score(x_new, y_new) > (0.87 if activation in ("identity", "sigmoid") else 0.91)
    if activation == "relu":
        peer = Peer((64,), batch_size=128, max_iter=60, n_iter_no_change=60, random_state=0)
        with pytest.warns(ConvergenceWarning):
            peer.fit(x, y)
        assert ours.score(x_new, y_new) > peer.score(x_new, y_new) - 0.02


def test_depth_separates_what_a_line_can_not():
    x, y = make_moons(400, noise=0.05, random_state=0)
    line = LinearClassifier().fit(x, y).score(x, y)
    deep = MLPClassifier((16, 16), epochs=200, learning_rate=0.01, schedule="cosine", random_state=0)
    assert line < 0.9
    assert deep.fit(x, y).score(x, y) > 0.99


def test_an_mlp_may_learn_by_lbfgs(digits):
    x, y, x_new, y_new = digits
    model = MLPClassifier(
        (20,), activation="tanh", optimizer="lbfgs", epochs=100, weight_decay=1e-3, random_state=0
    )
    with pytest.warns(ConvergenceWarning):
        assert model.fit(x, y).score(x_new, y_new) > 0.88
    assert model.history_["loss"][-1] < 0.3


@pytest.mark.parametrize(
    "model",
    [LinearClassifier(), MLPClassifier((20,), epochs=2), learn.RidgeClassifier(), learn.LinearSVM(epochs=2)],
    ids=lambda model: type(model).__name__,
)
def test_scores_have_the_precision_of_the_features(digits, model):
    x, y, x_new, _ = digits
    model.fit(x, y)
    fine, coarse = model.decision_function(x_new.astype(np.float64)), model.decision_function(x_new)
    assert (fine.dtype, coarse.dtype) == (np.float64, np.float32)
    alone = np.concatenate([model.decision_function(row[None]) for row in x_new.astype(np.float64)])
    np.testing.assert_allclose(alone, fine, rtol=1e-12, atol=1e-12)  # whatever else is in the batch
    np.testing.assert_allclose(coarse, fine, rtol=1e-3, atol=1e-4)
    assert model.decision_function((255 * x_new).astype(np.uint8)).dtype == np.float32


def test_a_seed_is_a_result(digits):
    x, y, x_new, _ = digits
    one, same, other = (
        MLPClassifier((20,), epochs=2, random_state=seed).fit(x, y).decision_function(x_new)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_copy_is_the_same_and_small(digits):
    x, y, x_new, _ = digits
    model = MLPClassifier((20,), epochs=2, random_state=0).fit(x, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.decision_function(x_new), model.decision_function(x_new))
    again.partial_fit(x, y)
    model.partial_fit(x, y)
    np.testing.assert_array_equal(again.decision_function(x_new), model.decision_function(x_new))


def test_parts_are_learned_from_as_they_come(digits):
    x, y, x_new, y_new = digits
    model = MLPClassifier((30,), random_state=0)
    for _ in range(30):
        for first in range(0, 1200, 256):
            model.partial_fit(x[first : first + 256], y[first : first + 256], classes=np.arange(10))
    assert model.score(x_new, y_new) > 0.85
    assert len(model.history_["loss"]) == model.n_iter_ == 150
    with pytest.raises(ValueError, match="y must be among the classes"):
        model.partial_fit(x[:2], np.array([3, 11]))
    with pytest.raises(ValueError, match="first call of partial_fit"):
        clone(model).partial_fit(x, y)
    with pytest.raises(AttributeError, match="no attribute 'partial_fit'"):
        LinearClassifier().partial_fit  # noqa: B018


def test_patience_goes_back_to_the_best(digits):
    x, y, _, _ = digits
    model = MLPClassifier((40,), epochs=300, patience=5, learning_rate=5e-3, random_state=0).fit(x, y)
    curve = model.history_["validation_accuracy"]
    assert model.n_iter_ == len(curve) < 300
    assert curve.index(max(curve)) == model.n_iter_ - 6
    last = [np.flatnonzero(y == c)[-(np.count_nonzero(y == c) // 10) :] for c in range(10)]
    assert model.score(x[np.concatenate(last)], y[np.concatenate(last)]) == pytest.approx(
        max(curve), abs=0.02
    )


def test_classes_have_weights(rng):
    x = np.concatenate([rng.normal(0, 1, (300, 2)), rng.normal(1.5, 1, (30, 2))])
    y = np.repeat([0, 1], [300, 30])
    plain, fair = LinearClassifier(), LinearClassifier(class_weight="balanced")
    # of two classes, scikit-learn learns one vector, and we learn two of half its length
    reference = LogisticRegression(C=2, class_weight="balanced", tol=1e-8).fit(x, y)
    assert (fair.fit(x, y).predict(x) == 1).sum() > 1.5 * (plain.fit(x, y).predict(x) == 1).sum()
    np.testing.assert_allclose(fair.coef_[1] - fair.coef_[0], reference.coef_[0], atol=0.02)
    some = LinearClassifier(class_weight={0: 1, 1: 0}).fit(x, y)  # class 1 counts for nothing
    assert (some.predict(x) == 0).all()


@pytest.mark.parametrize(
    "model", [LinearClassifier("squared_error", optimizer="sgd"), MLPClassifier(optimizer="sgd")]
)
def test_a_diverging_run_names_the_learning_rate(digits, model):
    x, y, _, _ = digits
    with pytest.raises(FloatingPointError, match="learning_rate=1e\\+06 is too large"):
        model.set_params(learning_rate=1e6, epochs=100).fit(100 * x, y)


def test_iterations_that_end_too_early_are_told_of(digits):
    x, y, _, _ = digits
    with pytest.warns(ConvergenceWarning, match="in 3 iterations; raise epochs or tol"):
        assert not LinearClassifier(epochs=3).fit(x, y).converged_


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "logistic"}, "loss must be one of 'softmax', 'hinge'"),
        ({"optimizer": "adamax"}, "optimizer must be one of 'sgd'"),
        ({"schedule": "linear"}, "schedule must be one of 'constant'"),
        ({"penalty": "elastic"}, "penalty must be one of 'l2', 'l1', None"),
        ({"strength": -1}, "strength must be at least 0"),
        ({"epochs": 0}, "epochs must be at least 1"),
    ],
)
def test_bad_settings_are_refused(digits, settings, message):
    x, y, _, _ = digits
    with pytest.raises(ValueError, match=message):
        LinearClassifier(**settings).fit(x, y)


def test_an_optimizer_of_ones_own(digits):
    x, y, x_new, y_new = digits
    mine = learn.Momentum(0.02, 0.8)
    model = MLPClassifier((20,), optimizer=mine, epochs=30, random_state=0).fit(x, y)
    assert model.score(x_new, y_new) > 0.85
    assert mine.n_steps == 0  # copied, so that the next fit starts anew


def test_features_may_come_from_a_function(digits):
    x, y, x_new, _ = digits
    model, rows = MLPClassifier((20,), epochs=3, random_state=0), x.astype(np.float64)
    model.fit_rows(lambda part: rows[part].astype(np.float32), y, 64)
    whole = clone(model).fit(x, y)
    np.testing.assert_array_equal(model.predict(x_new), whole.predict(x_new))


def test_the_perceptron_learns_by_mistakes():
    # By hand, in order: w and b start at 0, so all put out 0.  Class 1: at x = 1, t - h = 1.
    x, y = np.array([[1.0], [-1.0]]), np.array([1, 0])
    model = Perceptron(epochs=50, random_state=0).fit(x, y)
    assert model.n_mistakes_[-1] == 0
    assert (model.predict(x) == y).all()
    assert (model.coef_ * [[-1], [1]] > 0).all()
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])  # no line separates them
    assert Perceptron(epochs=30).fit(x, y).n_iter_ == 30
