"""Learners on arrays that are not on the host, with an array API that refuses silent copies."""

import array_api_strict as xp
import numpy as np
import pytest
from array_api_strict._array_object import Device

from benchmarks.gpu.smoke import difference, learner_calls
from imfeat.learn import LinearClassifier, LinearSVM, MLPClassifier, RidgeClassifier
from imfeat.learn._device_table import to_host

ELSEWHERE = Device("device1")
CLASSIFIERS = {
    "ridge": RidgeClassifier((30, 3)),
    "softmax": LinearClassifier(strength=10, tol=1e-6),
    "squared_hinge": LinearClassifier("squared_hinge", strength=10, tol=1e-6, class_weight="balanced"),
    "lasso": LinearClassifier(penalty="l1", strength=5, epochs=1000, tol=1e-4),
}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, 600)
    features = rng.normal(size=(600, 30)).astype(np.float32) + 5
    features[np.arange(600), labels] += 1.5
    return features, labels


def elsewhere(array):
    return xp.asarray(array, device=ELSEWHERE)


def same(found, expected, **tolerance):
    assert found.device == ELSEWHERE
    np.testing.assert_allclose(to_host(found), expected, **tolerance)


def test_the_stand_in_refuses_what_a_gpu_refuses(table):
    with pytest.raises(RuntimeError, match=r"Can't convert array on the .* device to a NumPy"):
        np.asarray(elsewhere(table[0]))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_learn_on_a_gpu_what_they_learn_on_the_host(table, name, weighted):
    features, labels = table
    weights = np.random.default_rng(0).integers(0, 3, len(labels)) if weighted else None
    host, device = (type(CLASSIFIERS[name])(**CLASSIFIERS[name].get_params()) for _ in range(2))
    host.fit(features[:500], labels[:500], sample_weight=None if weights is None else weights[:500])
    device.fit(
        elsewhere(features[:500]),
        elsewhere(labels[:500]),
        sample_weight=None if weights is None else weights[:500],
    )
    np.testing.assert_allclose(device.coef_, host.coef_, atol=2e-4)
    np.testing.assert_allclose(device.intercept_, host.intercept_, atol=2e-3)
    test = elsewhere(features[500:])
    same(device.predict(test), host.predict(features[500:]))
    same(device.decision_function(test), host.decision_function(features[500:]), atol=2e-3)
    if name == "softmax":
        same(device.predict_proba(test), host.predict_proba(features[500:]), atol=1e-3)
        same(device.predict_log_proba(test), host.predict_log_proba(features[500:]), atol=5e-3)
    np.testing.assert_array_equal(device.predict(features[500:]), host.predict(features[500:]))


def test_two_classes_and_names(table):
    features, labels = table
    names = np.array(["cat", "dog"])[labels % 2]
    host = RidgeClassifier((3,)).fit(features, names)
    device = RidgeClassifier((3,)).fit(elsewhere(features), names)
    same(device.decision_function(elsewhere(features)), host.decision_function(features), atol=1e-4)
    np.testing.assert_array_equal(device.predict(elsewhere(features)), host.predict(features))


def test_an_mlp_that_learned_on_the_host_describes_features_on_a_gpu(table):
    features, labels = table
    model = MLPClassifier((16,), epochs=3, n_iter_no_change=None, random_state=0).fit(features, labels)
    same(model.predict_proba(elsewhere(features)), model.predict_proba(features), atol=1e-5)


def test_batches_on_a_gpu_add_up(table, monkeypatch):
    features, labels = table
    monkeypatch.setattr("imfeat.learn.ridge_sums.ROWS_AT_ONCE", 64)
    monkeypatch.setattr("imfeat.learn.precondition.ROWS_AT_ONCE", 64)
    monkeypatch.setattr("imfeat.learn.descent.DEVICE_ROWS_AT_ONCE", 64)
    for model in (RidgeClassifier((3,)), LinearClassifier(strength=10, tol=1e-6)):
        expected = model.fit(features, labels).coef_
        np.testing.assert_allclose(model.fit(elsewhere(features), labels).coef_, expected, atol=2e-4)


@pytest.mark.parametrize("model", [LinearSVM(), MLPClassifier(), LinearClassifier(optimizer="adam")])
def test_learners_in_steps_say_that_they_need_the_host(table, model):
    features, labels = table
    with pytest.raises(TypeError, match=r"computes on the CPU here, got X on a GPU; .*X\.cpu\(\) of PyTorch"):
        model.fit(elsewhere(features), labels)


def test_what_is_wrong_about_features_is_told(table):
    features, labels = table
    with pytest.raises(ValueError, match="X contains NaN or infinity"):
        RidgeClassifier().fit(elsewhere(np.where(features > 7, np.nan, features)), labels)
    with pytest.raises(ValueError, match=r"X must have the shape \(n, n_features\), got \(30,\)"):
        RidgeClassifier().fit(elsewhere(features[0]), labels)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        RidgeClassifier().fit(elsewhere(features), labels[:-1])
    with pytest.raises(TypeError, match="X must be an array of numbers, got"):
        RidgeClassifier().fit(elsewhere(features > 0), labels)
    model = RidgeClassifier().fit(elsewhere(features), labels)
    with pytest.raises(ValueError, match="X has 29 features, but RidgeClassifier is expecting 30 features"):
        model.predict(elsewhere(features[:, 1:]))


@pytest.mark.parametrize("name", learner_calls())
def test_what_is_compared_on_a_card_agrees(name):
    call, tolerance = learner_calls()[name]
    found = call(elsewhere)
    assert found.device == ELSEWHERE
    assert difference(to_host(found), call(np.asarray)) < tolerance
