"""Learning in the space that training images span gives the classifiers of all features."""

import numpy as np
import pytest
from test_compare import make_set

from imfeat import compare
from imfeat.compare import classifiers, feature_run, span
from imfeat.compare.classifiers import classifier_of
from imfeat.compare.training import scores_of

N, N_FEATURES = 60, 400


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(3)
    features = rng.normal(size=(N, N_FEATURES)) + np.arange(N)[:, None] % 3 * rng.normal(size=N_FEATURES)
    features -= features.mean(0)  # as standardized: one image depends on the others
    return features.astype(np.float32)


@pytest.fixture(scope="module")
def labels():
    return np.arange(N) % 3


def test_coordinates_keep_products_and_distances(table):
    coordinates = span.SpanTable(table)
    assert coordinates.shape == (N, N - 1)  # the mean is 0
    np.testing.assert_allclose(coordinates[:] @ coordinates[:].T, table @ table.T, atol=2e-3)
    np.testing.assert_allclose(coordinates.directions.T @ coordinates.directions, np.eye(N - 1), atol=1e-5)
    np.testing.assert_allclose(table @ coordinates.directions, coordinates[:], atol=1e-3)
    deviations = coordinates[:].std(0)
    assert deviations.max() < 4 * deviations.min()  # eigenvectors have those of the largest and the smallest


@pytest.mark.parametrize("name", ["softmax", "svm", "ridge", "l2svm", "logreg"])
def test_linear_classifiers_are_those_of_all_features(table, labels, name):
    coordinates = span.SpanTable(table)
    rows = np.arange(N)
    strength = 30.0
    classifier = classifier_of(name)
    assert classifier.in_span
    expected, _ = classifier.trainer(table, labels, rows, 0).train(strength)
    found, _ = classifier.trainer(coordinates, labels, rows, 0).train(strength)
    tests = np.random.default_rng(4).normal(size=(50, N_FEATURES)).astype(np.float32)
    scale = np.abs(scores_of(expected, tests)).max()
    np.testing.assert_allclose(
        scores_of(coordinates.expand(found), tests), scores_of(expected, tests), atol=0.01 * scale
    )


def test_a_network_has_the_objective_and_the_initial_weights_of_all_features(table, labels, monkeypatch):
    monkeypatch.setattr(classifiers, "MLP_STEPS", 0)
    coordinates = span.SpanTable(table)
    model = classifier_of("mlp").build(30.0, N, 0)
    model._fan_in = N_FEATURES
    network = model._make_network(N - 1, 3, np.random.default_rng(0))
    assert network.layers[0].weights.std() == pytest.approx((2 / N_FEATURES) ** 0.5, rel=0.05)
    found, _ = classifier_of("mlp").trainer(coordinates, labels, np.arange(N), 0).train(30.0)
    expanded = coordinates.expand(found)
    assert expanded.network_.layers[0].weights.shape == (N_FEATURES, 256)
    norms = [np.linalg.norm(model.network_.layers[0].weights) for model in (found, expanded)]
    assert norms[1] == pytest.approx(norms[0], rel=1e-4)
    np.testing.assert_allclose(scores_of(expanded, table), scores_of(found, coordinates), atol=1e-3)


@pytest.mark.parametrize(
    "name", ["softmax(penalty='l1')", "mlp(augment='flip')", "hist-gradient-boosting", "knn"]
)
def test_other_classifiers_learn_from_features(name):
    assert not classifier_of(name).in_span


def test_a_comparison_learns_in_the_span_of_few_images(monkeypatch):
    rng = np.random.default_rng(5)
    train, test = make_set(60, rng), make_set(45, rng)
    sets = {
        name: [(image, label) for image, label in zip(part.images, part.labels.tolist(), strict=True)]
        for name, part in (("train", train), ("test", test))
    }
    how = {"features": ["raw"], "classifiers": ["ridge", "softmax"], "n_seeds": 1, "cache": False}
    monkeypatch.setattr(feature_run, "SpanTable", _Counted)
    found = compare.run(sets, **how)
    monkeypatch.setattr(feature_run, "pays", lambda table: False)
    expected = compare.run(sets, **how)
    assert _Counted.n == 1
    for old, new in zip(expected.records, found.records, strict=True):
        assert (old.test_accuracy, old.strength) == (new.test_accuracy, new.strength)
    for pair in (("raw", "ridge"), ("raw", "softmax")):
        images = test.images
        np.testing.assert_array_equal(
            found.pipeline(*pair).predict(images), expected.pipeline(*pair).predict(images)
        )


class _Counted(span.SpanTable):
    n = 0

    def __init__(self, table):
        _Counted.n += 1
        super().__init__(table)
