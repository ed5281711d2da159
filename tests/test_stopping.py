"""When training ends, what it reports, how it goes on, and which options are refused."""

import pickle
import warnings

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.datasets import load_digits, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as Peer

from imfeat.learn import SGD, LinearClassifier, LinearSVM, MLPClassifier, Perceptron, RidgeClassifier
from imfeat.learn._stopping import LossRule

NETWORKS = {
    "linear": LinearClassifier(optimizer="adam", random_state=0),
    "MLP": MLPClassifier((20,), random_state=0),
}
each = pytest.mark.parametrize("model", NETWORKS.values(), ids=NETWORKS)


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    return x[:200], y[:200], x[1200:], y[1200:]


def test_the_default_trains_as_long_as_scikit_learn_does(digits):
    x, y, x_new, y_new = digits
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours = MLPClassifier(random_state=0).fit(x, y)
        peer = Peer(random_state=0).fit(x, y)
    assert ours.n_iter_ > 50
    assert ours.score(x_new, y_new) > peer.score(x_new, y_new) - 0.02


def last_epoch(losses, n_epochs, tol):
    """Return the number of epochs until training ends, by scikit-learn's rule."""
    for epoch in range(1, len(losses) + 1):
        first = next(
            (
                k
                for k in range(epoch - n_epochs - 1)
                if min(losses[: k + 1]) == min(losses[: epoch - n_epochs - 1])
            ),
            None,
        )
        if first is None:
            continue
        recent = losses[epoch - n_epochs - 1 : epoch]
        bests = [min(losses[:k]) for k in range(epoch - n_epochs - 1, epoch)]
        if all(loss > best - tol for loss, best in zip(recent, bests, strict=True)):
            return epoch
    return len(losses)


@each
@pytest.mark.parametrize(("n_epochs", "tol"), [(3, 1e-2), (5, 5e-2), (1, 1e-3)])
def test_training_ends_when_the_loss_stops_falling(digits, model, n_epochs, tol):
    x, y, *_ = digits
    model = clone(model).set_params(learning_rate=0.01, epochs=300)
    ended = clone(model).set_params(n_iter_no_change=n_epochs, tol=tol).fit(x, y)
    whole = clone(model).set_params(n_iter_no_change=None).fit(x, y)
    assert (whole.n_iter_, whole.converged_) == (300, None)
    assert ended.converged_ is True
    assert ended.n_iter_ == last_epoch(whole.history_["loss"], n_epochs, tol) < 300
    assert ended.history_["loss"] == whole.history_["loss"][: ended.n_iter_]


def test_a_loss_above_the_first_does_not_end_training():
    rule = LossRule(2, 0.1)
    assert [rule.ends(loss) for loss in (1.0, 9, 9, 9, 9, 0.95)] == [False] * 5 + [True]
    rule = LossRule(2, 0.1)
    assert [rule.ends(loss) for loss in (1.0, 0.9, 0.8, 0.7, 0.65, 0.65, 0.65)] == [False] * 6 + [True]


@each
def test_too_few_epochs_are_told_of(digits, model):
    x, y, *_ = digits
    with pytest.warns(ConvergenceWarning, match=r"tol=0.0001 in 3 epochs; raise epochs or tol") as caught:
        short = clone(model).set_params(epochs=3).fit(x, y)
    assert caught[0].filename == __file__
    assert (short.n_iter_, short.converged_) == (3, False)
    with pytest.warns(ConvergenceWarning, match="validation accuracy did not stop rising in 3 epochs"):
        clone(model).set_params(epochs=3, patience=5).fit(x, y)
    for options in ({"n_iter_no_change": None}, {"schedule": "cosine"}, {"schedule": "step"}):
        planned = clone(model).set_params(epochs=3, **options).fit(x, y)
        assert (planned.n_iter_, planned.converged_) == (3, None)


@each
def test_patience_replaces_the_loss(digits, model):
    x, y, *_ = digits
    options = {"epochs": 500, "patience": 4, "learning_rate": 0.01}
    plain = clone(model).set_params(**options).fit(x, y)
    eager = clone(model).set_params(n_iter_no_change=1, tol=10.0, **options).fit(x, y)
    assert eager.history_ == plain.history_
    assert plain.converged_ is True
    names = ["loss", "accuracy", "validation_loss", "validation_accuracy"]
    assert list(plain.history_) == names
    assert {len(values) for values in plain.history_.values()} == {plain.n_iter_}


@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_error"])
def test_the_validation_loss_is_the_objective_of_the_validation_images(digits, loss):
    x, y, *_ = digits
    factors = {c: 1 + c / 10 for c in range(10)}
    model = MLPClassifier((20,), loss=loss, epochs=1, patience=1, weight_decay=0.1, class_weight=factors)
    with pytest.warns(ConvergenceWarning):
        model.set_params(random_state=0).fit(x, y)
    last = np.concatenate([np.flatnonzero(y == c)[-int(np.ceil(0.1 * (y == c).sum())) :] for c in range(10)])
    scores = model.decision_function(x[last].astype(float))
    signs = np.where(y[last][:, None] == np.arange(10), 1, -1)
    losses = {
        "softmax": -log_softmax(scores, 1)[np.arange(len(last)), y[last]],
        "hinge": np.maximum(0, 1 - signs * scores).sum(1),
        "squared_error": ((scores - signs) ** 2).sum(1),
    }[loss]
    penalty = 0.05 * sum((layer.weights.astype(float) ** 2).sum() for layer in model.network_.layers)
    expected = (losses * (1 + y[last] / 10)).mean() + penalty
    assert model.history_["validation_loss"] == pytest.approx([expected], rel=1e-5)


@each
def test_a_warm_start_goes_on(digits, model):
    x, y, *_ = digits
    model = clone(model).set_params(n_iter_no_change=None, epochs=5, optimizer="sgd", batch_size=200)
    once = clone(model).set_params(epochs=10).fit(x, y)
    twice = clone(model).set_params(warm_start=True).fit(x, y)
    first = twice.history_["loss"]
    twice.fit(x, y)  # the step of all images depends on no state and no order
    np.testing.assert_allclose(first + twice.history_["loss"], once.history_["loss"], rtol=1e-4)
    np.testing.assert_allclose(twice.decision_function(x), once.decision_function(x), atol=1e-4)
    assert twice.n_iter_ == 5
    cold = clone(model).fit(x, y).fit(x, y)
    np.testing.assert_array_equal(cold.decision_function(x), clone(model).fit(x, y).decision_function(x))
    again = pickle.loads(pickle.dumps(twice)).fit(x, y)
    assert again.history_["loss"][-1] < twice.history_["loss"][-1]


def test_a_warm_start_of_lbfgs_is_at_the_minimum(digits):
    x, y, *_ = digits
    model = LinearClassifier(strength=12.0, warm_start=True).fit(x, y)
    n_cold = model.n_iter_
    assert model.fit(x, y).n_iter_ < n_cold / 3


@pytest.mark.parametrize(
    "model",
    [
        LinearClassifier(warm_start=True),
        MLPClassifier((5,), epochs=2, n_iter_no_change=None, warm_start=True),
        Perceptron(epochs=2, warm_start=True),
        LinearSVM(epochs=2, warm_start=True),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_warm_start_needs_the_same_classes_and_features(digits, model):
    x, y, *_ = digits
    model = clone(model).fit(x, y)
    scores = model.decision_function(x)
    with pytest.raises(ValueError, match="warm_start=True needs y with the classes of the last fit"):
        model.fit(x[y < 9], y[y < 9])
    with pytest.raises(ValueError, match="expecting 64 features"):
        model.fit(x[:, :9], y)
    np.testing.assert_array_equal(model.decision_function(x), scores)  # as before
    assert clone(model).set_params(warm_start=False).fit(x[:, :9], y).n_features_in_ == 9
    with pytest.raises(TypeError, match="warm_start must be True or False"):
        clone(model).set_params(warm_start="yes").fit(x, y)


def test_a_warm_start_needs_the_same_layers(digits):
    x, y, *_ = digits
    model = MLPClassifier((5,), epochs=2, n_iter_no_change=None, warm_start=True).fit(x, y)
    for options in ({"hidden": (6,)}, {"hidden": (5, 5)}, {"activation": "tanh"}):
        with pytest.raises(ValueError, match="warm_start=True needs the features and layers of the last fit"):
            clone(model).fit(x, y).set_params(**options).fit(x, y)
    with pytest.raises(ValueError, match="features and layers"):
        model.fit_rows(lambda batch: x[batch, :9], y, 9)


def test_warm_starts_of_the_others_go_on(digits):
    x, y, *_ = digits
    perceptron = Perceptron(epochs=1, warm_start=True, random_state=0).fit(x, y)
    mistakes = perceptron.n_mistakes_[0]
    assert perceptron.fit(x, y).n_mistakes_[0] < mistakes
    x, y = make_moons(200, noise=0.1, random_state=0)
    cold = LinearSVM(epochs=2, random_state=0).fit(x, y)
    warm = LinearSVM(epochs=2, warm_start=True, random_state=np.random.RandomState(0))
    for _ in range(30):
        warm.fit(x, y)
    best = LinearSVM(epochs=500, random_state=0).fit(x, y)
    apart = [np.linalg.norm(model.coef_ - best.coef_) for model in (cold, warm)]
    assert apart[1] < 0.5 * apart[0]


@each
def test_logarithms_of_probabilities_are_those_of_scores(digits, model):
    x, y, x_new, _ = digits
    model = clone(model).set_params(epochs=3, n_iter_no_change=None).fit(x, y)
    expected = log_softmax(model.decision_function(x_new.astype(float)), 1)
    np.testing.assert_allclose(model.predict_log_proba(x_new.astype(float)), expected, rtol=1e-12)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(x_new)), model.predict_proba(x_new), rtol=1e-4)
    assert model.predict_log_proba(x_new).dtype == np.float32
    far = model.predict_log_proba(1e6 * x_new)  # whose probabilities are 0
    assert np.isfinite(far).all()
    assert far.min() < -1000
    two = clone(model).set_params(epochs=2, n_iter_no_change=None).fit(x, y > 4)
    assert two.predict_log_proba(x_new).shape == (len(x_new), 2)
    svm = clone(model).set_params(loss="hinge").fit(x, y)
    for name in ("predict_proba", "predict_log_proba"):
        with pytest.raises(AttributeError, match=name):
            getattr(svm, name)


NUMBERS = ("learning_rate", "tol", "validation_share")
COUNTS = ("batch_size", "epochs", "n_iter_no_change", "patience")
WRONG = [
    *((name, value, ValueError) for name in NUMBERS for value in (-0.1, np.nan, np.inf)),
    *((name, value, TypeError) for name in NUMBERS for value in ("1", None, True, [0.1])),
    *((name, value, ValueError) for name in COUNTS for value in (0, -1)),
    *((name, value, TypeError) for name in COUNTS for value in (1.5, "1", True, np.nan)),
    ("learning_rate", 0, ValueError),
    ("validation_share", 0, ValueError),
    ("validation_share", 1, ValueError),
    ("epochs", None, TypeError),
    ("warm_start", 1, TypeError),
    ("optimizer", None, ValueError),
    ("optimizer", SGD, ValueError),
    ("schedule", None, ValueError),
    ("loss", 3, ValueError),
]


@each
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs", SGD(0.1)], ids=["adam", "lbfgs", "SGD"])
@pytest.mark.parametrize(("name", "value", "error"), WRONG)
def test_wrong_options_are_refused(digits, model, optimizer, name, value, error):
    x, y, *_ = digits
    model = clone(model).set_params(**({"optimizer": optimizer} | {name: value}))
    with pytest.raises(error, match=f"{name} must be.*, got"):
        model.fit(x, y)
    if name != "optimizer" and optimizer != "lbfgs":
        with pytest.raises(error, match=f"{name} must be.*, got"):
            model.partial_fit(x, y, classes=np.arange(10))


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (MLPClassifier(100), TypeError, "hidden must be a sequence of integers, got 100"),
        (MLPClassifier("20"), TypeError, "hidden must be a sequence of integers, got '20'"),
        (MLPClassifier((20, 0)), ValueError, "hidden must be at least 1, got 0"),
        (MLPClassifier((20.0,)), TypeError, "hidden must be an integer, got 20.0"),
        (MLPClassifier(activation=None), ValueError, "activation must be one of"),
        (MLPClassifier(weight_decay=-1), ValueError, "weight_decay must be at least 0 and finite, got -1"),
        (MLPClassifier(weight_decay="1"), TypeError, "weight_decay must be a number, got '1'"),
        (LinearClassifier(strength=np.nan), ValueError, "strength must be at least 0 and finite, got nan"),
        (LinearClassifier(strength=np.inf), ValueError, "strength must be at least 0 and finite, got inf"),
        (RidgeClassifier(10.0), TypeError, "strengths must be numbers, got 10.0"),
        (RidgeClassifier([]), ValueError, "strengths must be at least one number, got none"),
        (RidgeClassifier([1.0, np.inf]), ValueError, "strengths must be above 0 and finite, got inf"),
        (
            RidgeClassifier(validation_share=1.0),
            ValueError,
            "validation_share must be at least 0 and below 1",
        ),
        (RidgeClassifier(validation_share="0"), TypeError, "validation_share must be a number"),
        (LinearSVM(strength=np.inf), ValueError, "strength must be above 0 and finite, got inf"),
        (LinearSVM(epochs=2.0), TypeError, "epochs must be an integer, got 2.0"),
        (LinearSVM(batch_size=0), ValueError, "batch_size must be at least 1, got 0"),
        (Perceptron(learning_rate=-1), ValueError, "learning_rate must be above 0 and finite, got -1"),
        (Perceptron(epochs=0), ValueError, "epochs must be at least 1, got 0"),
    ],
    ids=str,
)
def test_wrong_options_of_each_are_refused(digits, model, error, message):
    x, y, *_ = digits
    with pytest.raises(error, match=message):
        model.fit(x, y)
