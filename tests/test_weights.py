"""Weights of images: equal to repeated images, and to the weights of scikit-learn."""

import inspect

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import AdaBoostClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import RidgeClassifier as Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import imfeat
from imfeat import ProductQuantizer
from imfeat.estimators import LateFusion, RawPixels
from imfeat.learn import (
    LOSSES,
    OPTIMIZERS,
    KernelRidgeClassifier,
    LinearClassifier,
    LinearSVM,
    MLPClassifier,
    Perceptron,
    RidgeClassifier,
    RidgeSums,
)
from imfeat.learn._weights import class_factors
from imfeat.learn.precondition import Coordinates
from imfeat.learn.svm import draw_by_weight

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMOOTH = ("softmax", "squared_hinge", "squared_error")
CLASSIFIERS = {
    "linear": LinearClassifier(),
    "linear, adam": LinearClassifier("hinge", optimizer="adam", epochs=8, batch_size=7, random_state=0),
    "MLP": MLPClassifier((10,), epochs=8, batch_size=7, random_state=0),
    "MLP, L-BFGS": MLPClassifier((5,), optimizer="lbfgs", epochs=8, random_state=0),
    "ridge": RidgeClassifier(),
    "kernel ridge": KernelRidgeClassifier(),
    "SVM": LinearSVM(epochs=4, random_state=0),
    "perceptron": Perceptron(epochs=4, random_state=0),
    "fusion": LateFusion([LinearClassifier(strength=1e-2), RidgeClassifier()]),
}
each = pytest.mark.parametrize("model", CLASSIFIERS.values(), ids=CLASSIFIERS)


def table(rng, n):
    x = rng.normal(size=(n, 6)).astype(np.float32)
    return x, (x[:, :3] + 0.7 * rng.normal(size=(n, 3))).argmax(1)


@each
def test_small_weights_are_repeated_images_to_the_last_bit(rng, model):
    x, y = table(rng, 40)
    weights = rng.integers(0, 4, 40)
    order = rng.permutation(40)
    weighted = clone(model).fit(x[order], y[order], sample_weight=weights[order])
    repeated = clone(model).fit(np.repeat(x, weights, axis=0), np.repeat(y, weights))
    np.testing.assert_array_equal(weighted.decision_function(x), repeated.decision_function(x))
    assert not np.array_equal(clone(model).fit(x, y).decision_function(x), weighted.decision_function(x))


@each
@pytest.mark.parametrize("dtype", [np.float32, float])
def test_images_of_weight_0_are_left_out(rng, model, dtype):
    x, y = table(rng, 300)
    kept = rng.random(300) < 0.8
    y[kept & (y == 2)] = 1  # only images of weight 0 are of class 2
    with_zeros = clone(model).fit(x, y, kept.astype(dtype))
    without = clone(model).fit(x[kept], y[kept], np.ones(kept.sum()))
    np.testing.assert_array_equal(with_zeros.decision_function(x), without.decision_function(x))
    np.testing.assert_array_equal(with_zeros.classes_, [0, 1])


@each
def test_weights_are_an_array_a_list_or_a_series(rng, model):
    x, y = table(rng, 200)
    weights = rng.random(200)
    expected = clone(model).fit(x, y, sample_weight=weights).decision_function(x)
    found = clone(model).fit(x, y, sample_weight=weights.tolist()).decision_function(x)
    np.testing.assert_array_equal(found, expected)


@each
@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda w: w[:-1], ValueError, r"sample_weight must have the shape \(150,\).*got \(149,\)"),
        (lambda w: w[:, None], ValueError, r"sample_weight must have the shape \(150,\).*got \(150, 1\)"),
        (lambda w: 1.0, ValueError, "sample_weight must have the shape"),
        (lambda w: np.where(np.arange(150) == 3, -0.5, w), ValueError, "at least 0, got -0.5"),
        (lambda w: np.where(np.arange(150) == 3, np.nan, w), ValueError, "must be finite.*got nan"),
        (lambda w: np.where(np.arange(150) == 3, np.inf, w), ValueError, "must be finite.*got inf"),
        (lambda w: 0 * w, ValueError, "got zero for all of them"),
        (lambda w: w.astype(str), TypeError, "sample_weight must be numbers"),
        (lambda w: w + 1j, TypeError, "sample_weight must be numbers"),
    ],
)
def test_wrong_weights_are_refused(rng, model, spoil, error, message):
    x, y = table(rng, 150)
    with pytest.raises(error, match=message):
        clone(model).fit(x, y, spoil(rng.random(150)))


@each
def test_one_class_with_a_weight_is_refused(rng, model):
    x, y = table(rng, 150)
    with pytest.raises(ValueError, match="at least two classes"):
        clone(model).fit(x, y, y == 1)


@pytest.mark.parametrize("loss", SMOOTH)
@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_the_minimum_is_that_of_repeated_images(rng, loss, penalty):
    x, y = table(rng, 400)
    weights = rng.integers(0, 5, 400)
    options = {"penalty": penalty, "epochs": 500, "tol": 1e-6}
    # a third of all losses needs a third of the strength
    weighted = LinearClassifier(loss, strength=2.0, **options).fit(x, y, weights / 3)
    repeated = LinearClassifier(loss, strength=6.0, **options)
    repeated.fit(np.repeat(x, weights, 0), np.repeat(y, weights))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-3)
    assert weighted.history_["loss"][-1] == pytest.approx(repeated.history_["loss"][-1], rel=1e-5)


def test_softmax_regression_weighs_as_scikit_learn(rng):
    x, y = table(rng, 400)
    weights = rng.exponential(size=400) ** 2
    ours = LinearClassifier(strength=3.0, epochs=500, tol=1e-6).fit(x, y, weights)
    peer = LogisticRegression(C=1 / 3, tol=1e-8, max_iter=1000)
    peer.fit(x.astype(float), y, weights)
    np.testing.assert_allclose(ours.predict_proba(x), peer.predict_proba(x), atol=5e-4)


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_strength_is_for_the_sum_of_the_losses(rng, penalty, weighted):
    x, y = table(rng, 300)
    weights = rng.exponential(size=300) if weighted else None
    model = LinearClassifier(penalty=penalty, strength=5.0, epochs=500, tol=1e-6).fit(x, y, weights)
    residuals = model.predict_proba(x.astype(float)) - (y[:, None] == [0, 1, 2])
    gradient = (residuals if weights is None else residuals * weights[:, None]).T @ x
    if penalty == "l2":
        np.testing.assert_allclose(gradient, -5 * model.coef_, atol=0.02)
    else:
        used = model.coef_ != 0
        np.testing.assert_allclose(gradient[used], -5 * np.sign(model.coef_[used]), atol=0.02)
        assert (np.abs(gradient) < 5.02).all()


def test_a_strength_is_for_the_images_of_a_call_of_partial_fit(rng):
    x, y = table(rng, 200)
    weights = rng.exponential(size=200)
    options = {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 1000}
    penalized, plain = (LinearClassifier(strength=strength, **options) for strength in (40.0, 0.0))
    for model in (penalized, plain):
        model.partial_fit(x, y, [0, 1, 2], weights)  # from 0, where the penalty has no slope
    first = plain.coef_.copy()
    np.testing.assert_array_equal(penalized.coef_, first)
    for model in (penalized, plain):
        model.partial_fit(x[:50], y[:50], sample_weight=weights[:50])
    expected = -0.1 * 40 / weights[:50].sum() * first
    np.testing.assert_allclose(penalized.coef_ - plain.coef_, expected, atol=1e-6)


def test_balanced_classes_are_those_of_the_weights(rng):
    x, y = table(rng, 300)
    weights = rng.integers(1, 5, 300)
    options = {"class_weight": "balanced", "strength": 3.0, "epochs": 500, "tol": 1e-6}
    weighted = LinearClassifier(**options).fit(x, y, weights)
    peer = LogisticRegression(C=1 / 3, class_weight="balanced", tol=1e-8)
    peer.fit(np.repeat(x, weights, 0).astype(float), np.repeat(y, weights))
    np.testing.assert_allclose(weighted.predict_proba(x), peer.predict_proba(x), atol=5e-4)
    factors = class_factors({"b": 3}, np.array(["a", "b"]), np.array([0, 1]))
    np.testing.assert_array_equal(factors, [1, 3])


@pytest.mark.parametrize(
    ("class_weight", "error", "message"),
    [
        ("fair", ValueError, "class_weight must be one of 'balanced', None, got 'fair'"),
        ({0: -1}, ValueError, "class_weight must be at least 0 and finite, got -1"),
        ({0: np.nan}, ValueError, "class_weight must be at least 0"),
        ({0: "1"}, TypeError, "class_weight must be a number"),
        ([1, 2, 3], ValueError, "class_weight must be one of"),
    ],
)
def test_wrong_weights_of_classes_are_refused(rng, class_weight, error, message):
    with pytest.raises(error, match=message):
        LinearClassifier(class_weight=class_weight).fit(*table(rng, 150))


def test_the_squared_hinge_weighs_as_liblinear(rng):
    x, y = table(rng, 400)
    weights = rng.exponential(size=400) + 0.1
    ours = LinearClassifier("squared_hinge", strength=1.5, epochs=500, tol=1e-6).fit(x, y, weights)
    peer = LinearSVC(C=1 / 1.5, tol=1e-8, max_iter=100_000, intercept_scaling=100)
    peer.fit(x.astype(float), y, weights)
    np.testing.assert_allclose(ours.decision_function(x), peer.decision_function(x), atol=1e-2)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_steps_on_all_images_are_those_of_repeated_images(rng, optimizer, loss):
    x, y = table(rng, 200)
    weights = rng.integers(0, 5, 200)
    options = {"optimizer": optimizer, "batch_size": 1000, "epochs": 5, "learning_rate": 0.01}
    repeated = LinearClassifier(loss, **options).fit(np.repeat(x, weights, 0), np.repeat(y, weights))
    weighted = LinearClassifier(loss, **options).fit(x, y, weights)
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-3, atol=1e-5)
    for name, values in repeated.history_.items():
        np.testing.assert_allclose(weighted.history_[name], values, rtol=1e-4)


def test_networks_learn_from_weights_as_from_repeated_images(rng):
    x, y = table(rng, 200)
    weights = rng.integers(0, 5, 200)
    options = {"batch_size": 1000, "epochs": 20, "patience": None, "random_state": 0}
    repeated = MLPClassifier((8,), **options).fit(np.repeat(x, weights, 0), np.repeat(y, weights))
    weighted = MLPClassifier((8,), **options).fit(x, y, 1e-3 * weights)
    np.testing.assert_allclose(weighted.predict_proba(x), repeated.predict_proba(x), atol=1e-4)
    in_part = MLPClassifier((8,), batch_size=1000, random_state=0)
    whole = clone(in_part)
    for _ in range(3):
        in_part.partial_fit(x, y, [0, 1, 2], weights)
        whole.partial_fit(np.repeat(x, weights, 0), np.repeat(y, weights), [0, 1, 2])
    np.testing.assert_allclose(in_part.predict_proba(x), whole.predict_proba(x), atol=1e-5)
    with pytest.raises(ValueError, match="sample_weight must have the shape"):
        in_part.partial_fit(x, y, sample_weight=weights[:-1])


def test_batches_are_weighed_together(rng):
    """The mean over the batches of an epoch is the weighted mean over the images."""
    x, y = table(rng, 500)
    weights = rng.exponential(size=500)
    model = LinearClassifier(optimizer="sgd", learning_rate=1e-7, batch_size=30, epochs=1, penalty=None)
    model.fit(x[y < 2], y[y < 2], weights[y < 2])
    assert model.history_["loss"][0] == pytest.approx(np.log(2), abs=1e-5)
    share = np.average(y[y < 2] == 0, weights=weights[y < 2])  # equal scores: the first class
    again = LinearClassifier(optimizer="sgd", learning_rate=1e-7, batch_size=500, epochs=1)
    again.fit(x[y < 2], y[y < 2], weights[y < 2])
    assert again.history_["accuracy"][0] == pytest.approx(share, abs=1e-6)


def test_validation_counts_weights(rng):
    x, y = table(rng, 400)
    weights = rng.exponential(size=400)
    model = MLPClassifier((8,), patience=2, epochs=3, weight_decay=0.01, random_state=0)
    model.fit(x, y, weights)
    last = np.concatenate([np.flatnonzero(y == c)[-int(np.ceil(0.1 * (y == c).sum())) :] for c in range(3)])
    best = int(np.argmax(model.history_["validation_accuracy"]))
    accuracy = np.average(model.predict(x[last]) == y[last], weights=weights[last])
    assert model.history_["validation_accuracy"][best] == pytest.approx(accuracy, abs=1e-6)
    losses = -model.predict_log_proba(x[last].astype(float))[np.arange(len(last)), y[last]]
    penalty = 0.005 * sum((layer.weights**2).sum() for layer in model.network_.layers)
    expected = np.average(losses, weights=weights[last]) + penalty
    assert model.history_["validation_loss"][best] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("strength", [0.1, 30.0])
def test_ridge_regression_weighs_as_scikit_learn(rng, strength):
    x, y = table(rng, 300)
    x += 20
    weights = rng.exponential(size=300)
    ours = RidgeClassifier([strength]).fit(x, y, weights)
    peer = Ridge(strength).fit(x.astype(float), y, weights)
    np.testing.assert_allclose(ours.decision_function(x), peer.decision_function(x), atol=1e-4)
    sums = RidgeSums(6, 3).add(x[:100], y[:100], weights[:100])
    sums.merge(RidgeSums(6, 3).add(x[100:], y[100:], weights[100:]))
    merged = RidgeClassifier().fit_sums(sums, strength, np.arange(3))
    np.testing.assert_allclose(merged.decision_function(x), peer.decision_function(x), atol=1e-4)


def test_the_strength_is_chosen_by_weighted_accuracy(rng):
    x, y = table(rng, 300)
    weights = rng.exponential(size=300)
    model = RidgeClassifier([1e4, 100.0, 1.0], validation_share=0.3).fit(x, y, weights)
    ranks = np.zeros(300)
    for c in range(3):
        ranks[np.flatnonzero(y == c)[::-1]] = np.arange((y == c).sum()) / (y == c).sum()
    new = ranks < 0.3
    for strength, score in model.validation_scores_.items():
        peer = RidgeClassifier([strength]).fit(x[~new], y[~new], weights[~new])
        assert score == pytest.approx(peer.score(x[new], y[new], weights[new]))


def test_weighted_sums_serve_the_squared_hinge(rng):
    x, y = table(rng, 300)
    weights = rng.integers(0, 4, 300)
    batches = lambda: ((x[i : i + 100], y[i : i + 100], weights[i : i + 100]) for i in (0, 100, 200))  # noqa: E731
    found = RidgeSums(6, 3).add(x, y, weights).solve_squared_hinge(3.0, batches)
    all_x, all_y = np.repeat(x, weights, 0), np.repeat(y, weights)
    expected = RidgeSums(6, 3).add(all_x, all_y).solve_squared_hinge(3.0, lambda: [(all_x, all_y)])
    for array, same in zip(found, expected, strict=True):
        np.testing.assert_allclose(array, same, atol=1e-5)


def test_the_svm_weighs_as_liblinear(rng):
    x, y = table(rng, 500)
    weights = 3 * rng.exponential(size=500)
    signs = np.where(y[:, None] == np.arange(3), 1, -1)

    def objective(model):
        slack = np.maximum(1 - signs * (x @ model.coef_.T + model.intercept_), 0)
        return 100 * (model.coef_**2).sum() / 2 + weights @ slack.sum(1)

    peer = LinearSVC(loss="hinge", C=1 / 100, max_iter=100_000, intercept_scaling=10).fit(x, y, weights)
    options = {"strength": 100.0, "epochs": 100, "random_state": 0}
    ours = LinearSVM(**options).fit(x, y, weights)
    assert objective(ours) == pytest.approx(objective(peer), rel=0.01)
    assert objective(LinearSVM(**options).fit(x, y)) > 1.02 * objective(peer)
    assert objective(LinearSVM(**options).fit(x, y, weights / 3)) > 1.01 * objective(peer)


def test_strong_regularization_leaves_the_class_of_most_weight(rng):
    x, y = table(rng, 300)
    model = LinearSVM(strength=1e7, random_state=0).fit(x, y, np.where(y == 1, 5.0, 1.0))
    np.testing.assert_allclose(model.decision_function(x), [[-1, 1, -1]] * 300, atol=0.05)


def test_coordinates_are_those_of_the_weighted_loss(rng):
    x = (rng.normal(size=(50, 4)) * [1, 2, 3, 4] + 7).astype(np.float32)
    weights = rng.exponential(size=50)
    weights /= weights.mean()
    coordinates = Coordinates(lambda rows: x[rows], 50, 4, 0.5, 0.1, weights.astype(np.float32))
    expected = 0.5 * np.cov(x.T, bias=True, aweights=weights) + 0.1 * np.eye(4)
    np.testing.assert_allclose(coordinates.lower @ coordinates.lower.T, expected, atol=2e-3)
    np.testing.assert_allclose(coordinates.mean, np.average(x, 0, weights), rtol=1e-5)


def test_images_are_drawn_as_often_as_they_weigh():
    rng = np.random.default_rng(0)
    drawn = np.bincount(draw_by_weight(np.array([1.0, 0.5, 2.5, 4.0]), rng), minlength=4)
    assert drawn.sum() == 4
    weights = rng.exponential(size=50)
    counts = np.array([np.bincount(draw_by_weight(weights, rng), minlength=50) for _ in range(2000)])
    expected = 50 * weights / weights.sum()
    assert np.abs(counts - expected).max() < 1
    np.testing.assert_allclose(counts.mean(0), expected, atol=0.05)


def test_codes_have_weights(rng):
    x, y = table(rng, 400)
    weights = rng.random(400) * (np.arange(400) % 5 > 0)
    quantizer = ProductQuantizer(group_size=2, bits=4, rng=0).fit(x)
    codes = quantizer.encode(x)
    on_codes = LinearSVM(quantizer, epochs=3, random_state=0).fit(codes, y, weights)
    on_features = LinearSVM(epochs=3, random_state=0).fit(quantizer.decode(codes), y, weights)
    np.testing.assert_allclose(on_codes.coef_, on_features.coef_, atol=1e-6)


def test_the_perceptron_steps_as_far_as_weights_say():
    x = np.concatenate([np.eye(200), -np.eye(200)[:1]])
    y = np.append(np.ones(200), 0)
    weights = np.append(np.linspace(0.5, 1.5, 200), 1.0)
    model = Perceptron(learning_rate=0.5, epochs=1, random_state=0).fit(x, y, weights)
    visited = np.random.default_rng(np.random.RandomState(0).randint(1 << 31)).permutation(201)
    coef, intercept = np.zeros((2, 200)), np.zeros(2)
    for i in visited:
        error = (y[i] == [0, 1]) - (coef @ x[i] + intercept > 0).astype(float)
        coef += 0.5 * weights[i] / weights.mean() * np.outer(error, x[i])
        intercept += 0.5 * weights[i] / weights.mean() * error
    np.testing.assert_allclose(model.coef_, coef, rtol=1e-12)
    np.testing.assert_allclose(model.intercept_, intercept, rtol=1e-12)


@pytest.mark.parametrize(
    "model",
    [LinearClassifier(optimizer="adam", epochs=3, random_state=0), LinearSVM(epochs=2, random_state=0)],
)
def test_rows_of_a_function_have_weights(rng, model):
    x, y = table(rng, 300)
    weights = rng.random(300) * (np.arange(300) % 4 > 0)
    from_rows = clone(model).fit_rows(lambda batch: x[batch], y, 6, weights)
    np.testing.assert_array_equal(from_rows.coef_, clone(model).fit(x, y, weights).coef_)


@each
def test_pipelines_pass_weights_on(rng, model):
    x, y = table(rng, 200)
    weights = rng.exponential(size=200)
    name = type(model).__name__.lower()
    scaled = StandardScaler().fit_transform(x)
    expected = clone(model).fit(scaled, y, weights).predict(scaled)
    pipeline = make_pipeline(StandardScaler(), clone(model)).fit(x, y, **{f"{name}__sample_weight": weights})
    np.testing.assert_array_equal(pipeline.predict(x), expected)
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        routed = make_pipeline(scaler, clone(model).set_fit_request(sample_weight=True))
        np.testing.assert_array_equal(routed.fit(x, y, sample_weight=weights).predict(x), expected)


@each
def test_boosting_takes_every_classifier(rng, model):
    x = rng.normal(size=(240, 6)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(int) + (x[:, 2] > 0.4)
    model = clone(model)
    if "strength" in inspect.signature(type(model)).parameters:
        model.set_params(strength=1e-3)  # the weights sum to 1
    boosted = AdaBoostClassifier(model, n_estimators=5, random_state=0).fit(x, y)
    assert len(boosted.estimators_) > 1
    assert boosted.score(x, y) > 0.6


def test_fusions_weigh_in_pipelines(rng):
    images = rng.integers(0, 256, (150, 4, 4, 3), np.uint8)
    y = np.arange(150) % 3
    weights = rng.random(150) * (np.arange(150) % 5 > 0)
    kept = weights > 0
    parts = [make_pipeline(RawPixels(), LinearClassifier()), make_pipeline(RawPixels(), RidgeClassifier())]
    fused = LateFusion(parts, weights="equal").fit(images, y, weights)
    names = ("linearclassifier", "ridgeclassifier")
    fits = [
        clone(part).fit(images[kept], y[kept], **{f"{name}__sample_weight": weights[kept]})
        for part, name in zip(parts, names, strict=True)
    ]
    expected = np.mean([part.decision_function(images) for part in fits], 0)
    np.testing.assert_allclose(fused.decision_function(images), expected, rtol=1e-6)
    flat = images.reshape(150, -1) / 255
    search = GridSearchCV(RidgeClassifier([1.0]), {"strengths": [[1.0], [10.0]]}, cv=2)
    assert LateFusion([search]).fit(flat, y, weights).decision_function(flat).shape == (150, 3)
    with pytest.raises(TypeError, match="sample_weight must be a parameter of the fit of all classifiers"):
        LateFusion([KNeighborsClassifier()]).fit(flat, y, weights)
    pixels = make_pipeline(RawPixels(), KNeighborsClassifier())
    counts = rng.integers(0, 3, 50)  # of few images, integers repeat images for any classifier
    weighted = LateFusion([pixels]).fit(images[:50], y[:50], counts)
    assert weighted.classifiers_[0][-1].n_samples_fit_ == counts.sum()


def test_every_classifier_has_the_parameter():
    for name in (*imfeat.learn.__all__, "LateFusion"):
        kind = getattr(imfeat.learn, name, LateFusion)
        if hasattr(kind, "fit"):
            assert "sample_weight" in inspect.signature(kind.fit).parameters, name
        for method in ("partial_fit", "fit_rows"):
            if inspect.isclass(kind) and method in vars(kind):
                assert "sample_weight" in inspect.signature(getattr(kind, method)).parameters, name
