"""The experiment: its protocol, its records, its report."""

import html
import io
import json
import shutil
import subprocess
import warnings
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pictures import as_file, crop
from PIL import Image
from rich.console import Console
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from imfeat import _small, compare
from imfeat.cli import main
from imfeat.compare import (
    answer,
    cache,
    cells,
    classifiers,
    environment,
    experiment,
    feature_run,
    methods,
    page,
    report,
    running,
    statistics,
    tables,
    training,
    tuning,
    workspace,
)
from imfeat.datasets import DataSet, ImageSet
from imfeat.learn import LinearClassifier, RidgeClassifier, RidgeProducts, RidgeSums
from imfeat.recipes import COMPARED, RECIPES, parse

SEEDS = 2
WITH_WEIGHTS = ("softmax", "softmax(optimizer='adam')", "svm", "ridge", "l2svm", "mlp", "mlp2")


def make_set(n, rng):
    """Images of three classes that differ in colour and in texture, but for noise."""
    labels = rng.permutation(np.arange(n) % 3)
    images = rng.uniform(0, 200, (n, 16, 16, 3))
    images[..., 0] += 30 * (labels == 0)[:, None, None]
    stripes = 40 * (np.arange(16) % 4 < 2)
    images += np.where((labels == 1)[:, None, None], stripes, stripes[:, None])[..., None]
    return ImageSet(np.minimum(images, 255).astype(np.uint8), labels.astype(np.int64), ("a", "b", "c"))


def write_sets(data, folder):
    """Write a data set as a file that `imfeat.datasets.load` reads, and return its path."""
    path = folder / "toys.npz"
    (x_train, y_train), (x_test, y_test) = ((part.images, part.labels) for part in data)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    """Learn a short codebook from few patches, and train for the fixed number of epochs."""
    options = RECIPES["words"].options
    few = {"n_words": 25, "n_patches": 1000}
    words = replace(RECIPES["words"], options=lambda size: options(size) | few)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "words", words)
        patch.setenv("IMFEAT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(classifiers, "SVM_STEPS", 0)
        patch.setattr(classifiers, "MLP_STEPS", 0)
        yield


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    return DataSet(make_set(90, rng), make_set(60, rng))


@pytest.fixture(scope="module")
def source(data, tmp_path_factory):
    return write_sets(data, tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def result(source):
    return compare.run(source, n_seeds=SEEDS)


def run_cells(data, *what):
    """Return the records of an experiment."""
    return [cell.record for cell in experiment.run_cells(workspace.Workspace(data), *what)]


def compute_features(name, data, seed):
    return workspace.compute_tables(name, data, workspace.fit_feature(name, data, seed))


def fit(name, strength, features, labels, seed=0):
    """Return a classifier that learned from all rows."""
    rows = np.arange(len(labels))
    return classifiers.classifier_of(name).trainer(features, labels, rows, seed).train(strength)[0]


def weights_of(model):
    """Return the weights of the first layer."""
    return model.network_.layers[0].weights if hasattr(model, "network_") else model.coef_


def one_result(**accuracies):
    """Return a made-up result: for each feature the test accuracies of its seeds."""
    records = tuple(
        compare.Record(
            name, "svm", seed, value, 0.75, 0.5, 10.0, None, 1234, 1.5, 9.0, 0.25, 0.1, 0.3, 4936, 49_400
        )
        for name, values in accuracies.items()
        for seed, value in enumerate(values)
    )
    settings = {"source": "toys", "n_train": 1500, "n_test": 20, "image_size": [8, 9], "seeds": [0, 1]}
    settings["class_names"] = ["a", "b"]
    versions = {"imfeat": "0", "scikit-learn": "1", "python": "3"}
    machine = {"processor": "abacus", "threads": 2}
    return compare.Result(records, versions, machine, settings, None, "2030-01-02T03:04:05", ())


def test_there_is_a_record_for_each_combination(result):
    cells = {(r.feature, r.classifier, r.seed) for r in result.records}
    names = COMPARED
    assert cells == {
        (f, c, s) for f in names for c in ("softmax", "svm", "ridge", "mlp") for s in range(SEEDS)
    }
    assert len(cells) == len(result.records)


def test_records_are_complete(result):
    lengths = {"raw": 768, "equalized": 768, "tuned-color": 512, "dalal-triggs": 324, "words": 100}
    lengths["dalal-triggs+tuned-color"] = lengths["dalal-triggs"] + lengths["tuned-color"]
    for record in result.records:
        for accuracy in (record.test_accuracy, record.train_accuracy, record.validation_accuracy):
            assert 0 <= accuracy <= 1
        assert record.test_accuracy * 60 == pytest.approx(round(record.test_accuracy * 60))
        assert record.n_features == lengths[record.feature]
        assert record.strength in classifiers.CLASSIFIERS[record.classifier].strengths
        assert (record.converged is None) == (record.classifier != "softmax")
        for seconds in (record.feature_seconds, record.tune_seconds, record.train_seconds):
            assert 0 < seconds < 60


def test_features_tell_the_classes_apart(result):
    accuracies = [
        r.test_accuracy for r in result.records if r.feature in ("dalal-triggs+tuned-color", "words")
    ]
    assert np.mean(accuracies) > 0.6


def test_the_numbers_are_those_of_plain_scikit_learn(result, data):
    (record,) = (r for r in result.records if (r.feature, r.classifier, r.seed) == ("raw", "softmax", 0))
    model = LogisticRegression(C=1 / record.strength, tol=1e-4, max_iter=500)
    model = make_pipeline(StandardScaler(), model)
    model.fit(data.train.images.reshape(90, -1) / 255, data.train.labels)
    expected = model.score(data.test.images.reshape(60, -1) / 255, data.test.labels)
    assert record.test_accuracy == pytest.approx(expected, abs=1.5 / 60)


def test_test_labels_and_images_decide_nothing(data, monkeypatch):
    fitted = []

    train = training.RefitTrainer.train

    def spy(trainer, strength):
        model, converged = train(trainer, strength)
        fitted.append((strength, model.coef_))
        return model, converged

    def spied(test):
        fitted.clear()
        records = run_cells(
            DataSet(data.train, test), ("dalal-triggs", "tuned-color"), ("softmax", "svm"), (0, 1)
        )
        return records, list(fitted)

    monkeypatch.setattr(training.RefitTrainer, "train", spy)
    permuted = np.random.default_rng(0).permutation(60)
    records, models = spied(data.test)
    other_records, other_models = spied(replace(data.test, labels=data.test.labels[permuted]))
    assert [strength for strength, _ in models] == [strength for strength, _ in other_models]
    assert len(models) == len(other_models)
    for (_, weights), (_, other_weights) in zip(models, other_models, strict=True):
        np.testing.assert_array_equal(weights, other_weights)
    for record, other in zip(records, other_records, strict=True):
        assert record.strength == other.strength
        assert record.train_accuracy == other.train_accuracy
    assert [r.test_accuracy for r in records] != [r.test_accuracy for r in other_records]


def test_seeds_reproduce_and_differ(data):
    def accuracies(seeds):
        records = run_cells(data, ("raw",), ("svm", "mlp"), seeds)
        return [(r.strength, r.validation_accuracy, r.train_accuracy, r.test_accuracy) for r in records]

    assert accuracies((0, 1)) == accuracies((0, 1))
    both = accuracies((0, 1))
    assert both[:2] != both[2:]


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_seeds_change_the_classifiers_that_say_so(data, name):
    x = compute_features("tuned-color", data, 0).train
    models = [fit(name, 100.0, x, data.train.labels, seed) for seed in (0, 0, 1)]
    first, same, other = map(weights_of, models)
    np.testing.assert_array_equal(first, same)
    assert np.array_equal(first, other) != classifiers.classifier_of(name).seeded


def test_the_strength_that_validates_best_is_chosen_and_used(data, monkeypatch):
    asked = []
    hill = {10_000: 0.1, 3_000: 0.8, 1_000: 0.9, 300: 0.7, 100: 0.95, 30: 0.99, 30_000: 1.0}

    def train(trainer, strength):
        asked.append((strength, len(trainer.rows)))
        return strength, None

    monkeypatch.setattr(training.RefitTrainer, "train", train)
    monkeypatch.setattr(tuning, "scores_of", lambda model, *_: np.full((18, 3), hill[model]))
    monkeypatch.setattr(tuning, "accuracy", lambda scores, labels, classes: scores[0, 0])
    monkeypatch.setattr(tuning, "MAX_TUNING_IMAGES", 60)
    monkeypatch.setattr(tuning, "LARGE_VALIDATION_SHARE", 0.2)
    x = np.zeros((90, 4), np.float32)
    choice = tuning.choose("svm", x, data.train.labels, 0)
    assert (choice.strength, choice.validation_accuracy) == (1_000, 0.9)
    # the middle and its neighbours from a part of the images, the best from all but those to validate with
    assert asked == [(3_000, 60), (1_000, 60), (300, 60), (1_000, 72)]


@pytest.mark.parametrize("best", range(7))
def test_no_more_strengths_are_tried_than_allowed(best):
    tried = []
    strengths = tuple(float(k) for k in range(7))
    found = tuning.climb(strengths, lambda k: tried.append(k) or -abs(k - best))
    assert len(tried) == len(set(tried)) <= classifiers.MOST_TRIED
    assert found == best


def test_the_validation_part_is_the_end_of_each_class():
    labels = np.tile([0, 1, 1], 40)
    known, left = tuning.split(labels)
    np.testing.assert_array_equal(np.bincount(labels[left]), [8, 16])
    for label in (0, 1):
        assert known[labels[known] == label].max() < left[labels[left] == label].min()
    many = np.repeat([0, 1], [9_000, 2_000])
    known, left = tuning.split(many)
    np.testing.assert_array_equal(np.bincount(many[left]), [900, 200])
    some = tuning.draw_rows(np.arange(40_000), np.repeat([0, 1], [30_000, 10_000]), 0)
    np.testing.assert_array_equal(np.bincount(some // 30_000), [7_500, 2_500])
    assert len(set(some)) == 10_000
    with pytest.raises(ValueError, match="no class has two training images"):
        tuning.split(np.arange(5))


def test_words_are_learned_anew_for_each_seed(data):
    first, same, other = (compute_features("words", data, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.test, same.test)
    assert not np.array_equal(first.test, other.test)


def test_what_no_seed_changes_is_computed_once(data, monkeypatch):
    computed, trained = [], []
    monkeypatch.setattr(
        workspace,
        "compute_tables",
        lambda *a, f=workspace.compute_tables: computed.append(a[0]) or f(*a),
    )
    run_cell = feature_run.FeatureRun._run_cell
    monkeypatch.setattr(feature_run.FeatureRun, "_run_cell", lambda *a: trained.append(a[1]) or run_cell(*a))
    records = run_cells(data, ("tuned-color", "words"), ("softmax", "svm"), (0, 1, 2))
    assert computed == ["tuned-color", "words", "words", "words"]
    # softmax regression on colours once, all others three times
    assert trained.count("softmax") == 1 + 3
    assert trained.count("svm") == 3 + 3
    first, second = (
        r for r in records if (r.feature, r.classifier) == ("tuned-color", "softmax") and r.seed < 2
    )
    assert second == replace(first, seed=1)


def test_features_are_standardized_by_the_training_images(data):
    computed = compute_features("dalal-triggs", data, 0)
    np.testing.assert_allclose(computed.train.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(computed.train.std(0), 1, atol=1e-3)
    assert abs(computed.test.mean()) > 1e-5
    assert computed.train.dtype == computed.test.dtype == np.float32


def test_large_features_are_kept_in_half_of_the_memory(data, monkeypatch):
    whole = compute_features("dalal-triggs+tuned-color", data, 0)
    monkeypatch.setattr(tables, "MOST_BYTES", 1000)
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(tables, "IMAGES_AT_ONCE", 11)
    half = compute_features("dalal-triggs+tuned-color", data, 0)
    for one, other in ((whole.train, half.train), (whole.test, half.test)):
        assert other.halves.dtype == np.uint16
        assert other.shape == one.shape
        np.testing.assert_allclose(other[:], one, atol=0.05)
        np.testing.assert_array_equal(other[[3, 1]], other[:][[3, 1]])
        np.testing.assert_array_equal(other.take(np.array([3, 1]))[:], other[:][[3, 1]])
    for name in ("ridge", "l2svm", "softmax", "svm", "mlp"):
        models = [fit(name, 30.0, x.train, data.train.labels) for x in (whole, half)]
        scores = [
            training.accuracy(training.scores_of(m, x.test), data.test.labels, np.arange(3))
            for m, x in zip(models, (whole, half), strict=True)
        ]
        assert scores[0] == pytest.approx(scores[1], abs=0.02 if name in ("ridge", "l2svm") else 0.1)


@pytest.mark.slow
def test_wide_features_give_the_same_classifiers_part_by_part(data, monkeypatch):
    what = data, ("dalal-triggs+tuned-color",), ("ridge", "l2svm", "svm"), (0, 1)
    monkeypatch.setattr(RidgeSums, "solve_squared_hinge", converged(RidgeSums))
    monkeypatch.setattr(RidgeProducts, "solve_squared_hinge", converged(RidgeProducts))
    for name in ("ridge", "l2svm"):  # so that one image of few does not choose another
        kind = replace(classifiers.CLASSIFIERS[name], strengths=(1000.0,))
        monkeypatch.setitem(classifiers.CLASSIFIERS, name, kind)
    with monkeypatch.context() as patch:
        patch.setattr("imfeat.compare.feature_run.is_by_products", lambda *what: False)
        expected = run_cells(*what)
    monkeypatch.setattr("imfeat.compare.wide.MOST_COLUMNS", 0)
    monkeypatch.setattr(tables, "COLUMNS_AT_ONCE", 100)
    found = {(r.classifier, r.seed): r for r in run_cells(*what)}
    assert len(found) == len(expected) == 6
    for record in expected:
        other = found[record.classifier, record.seed]
        assert other.strength == record.strength
        for name in ("test_accuracy", "train_accuracy"):
            assert getattr(other, name) == pytest.approx(getattr(record, name), abs=0.001)
        assert other.validation_accuracy == pytest.approx(record.validation_accuracy, abs=0.12)
        assert other.n_features == record.n_features


def converged(kind):
    """Return the method of a class with so many iterations that it comes to an end."""
    solve = kind.solve_squared_hinge
    return lambda *arguments: solve(*arguments, n_iterations=300)


@given(st.floats(-(2.0**40), 2.0**40, width=32))
def test_upper_halves_are_the_nearest(value):
    values = np.array([value], np.float32)
    rounded = tables.as_floats(tables.upper_halves(values))
    np.testing.assert_allclose(rounded, values, rtol=2**-8, atol=1e-37)
    np.testing.assert_array_equal(tables.as_floats(tables.upper_halves(rounded)), rounded)


def test_ridge_is_validated_from_its_sums(data):
    x, y = compute_features("tuned-color", data, 0).train, data.train.labels
    choice = tuning.choose("ridge", x, y, 0)
    known, left = tuning.split(y)
    assert choice.trainer.sums.n_images == len(known) == 72
    model = RidgeClassifier([choice.strength]).fit(x[known], y[known])
    assert choice.validation_accuracy == pytest.approx(model.score(x[left], y[left]))


def test_fewer_images_than_features_are_solved_from_products_of_images(data, monkeypatch):
    source = {name: [*zip(part.images, part.labels, strict=True)] for name, part in data._asdict().items()}
    what = {"features": "raw", "classifiers": "ridge", "n_seeds": 1, "cache": False}
    with monkeypatch.context() as patch:
        patch.setattr("imfeat.compare.feature_run.is_by_products", lambda *what: False)
        result = compare.run(source, **what)
    monkeypatch.setattr("imfeat.compare.closed_form.SumsTrainer", None)
    found = compare.run(source, **what)
    (expected,), (cell,) = result.cells, found.cells
    assert cell.record.strength == expected.record.strength
    assert cell.record.test_accuracy == expected.record.test_accuracy
    assert cell.record.train_accuracy == expected.record.train_accuracy
    assert cell.record.feature_seconds > 0
    np.testing.assert_allclose(cell.templates.astype(int), expected.templates, atol=1)
    assert cell.templates.shape == (len(data.train.class_names), *data.train.images.shape[1:])


def test_ridge_is_trained_on_all_training_images(data):
    (record,) = run_cells(data, ("tuned-color",), ("ridge",), (0,))
    computed = compute_features("tuned-color", data, 0)
    model = RidgeClassifier([record.strength]).fit(computed.train, data.train.labels)
    assert record.test_accuracy == pytest.approx(model.score(computed.test, data.test.labels))
    assert record.converged is None
    again = run_cells(data, ("tuned-color",), ("ridge",), (0, 1))
    assert again[1] == replace(again[0], seed=1)


def few_components(monkeypatch):
    monkeypatch.setitem(_small.MOST, "n_components", 2)
    few = {"n_pca": 4, "n_descriptors": 2000}
    fused = [replace(RECIPES[name], options=few) for name in ("fisher-sift", "fisher-color")]
    for recipe in (*fused, replace(RECIPES["fusion"], fuses=tuple(fused))):
        monkeypatch.setitem(RECIPES, recipe.name, recipe)


@pytest.mark.slow
def test_fusion_is_the_weighted_sum_of_the_scores_of_its_members(data, monkeypatch):
    few_components(monkeypatch)
    names = ("fusion-3", "fisher-color-3"), ("svm",)
    records = run_cells(data, *names, (0, 1))
    found = {(r.feature, r.seed): r for r in records}
    assert list(dict.fromkeys(r.feature for r in records)) == ["fisher-sift-3", "fisher-color-3", "fusion-3"]
    parts, whole = [found["fisher-sift-3", 1], found["fisher-color-3", 1]], found["fusion-3", 1]
    assert whole.n_features == 2 * parts[0].n_features == 2 * 4 * 2 * 3 * 4
    assert whole.train_seconds == pytest.approx(sum(p.train_seconds for p in parts))
    tables_of = [compute_features(p.feature, data, 1) for p in parts]
    assert all(isinstance(t.train, tables.CodedTable) for t in tables_of)
    models = [
        fit("svm", p.strength, t.train, data.train.labels, 1) for p, t in zip(parts, tables_of, strict=True)
    ]
    scores = [m.decision_function(t.test[:]) for m, t in zip(models, tables_of, strict=True)]
    assert list(whole.weights) == [part.feature for part in parts]
    assert sum(whole.weights.values()) == pytest.approx(1)
    shares = [whole.weights[part.feature] / part.temperature for part in parts]
    found = np.tensordot(shares, scores, 1).argmax(1)
    assert whole.test_accuracy == pytest.approx((found == data.test.labels).mean())


def test_a_run_describes_a_fusion(source, monkeypatch):
    few_components(monkeypatch)
    result = compare.run(source, features=["fusion-3"], classifiers=["svm"], n_seeds=1)
    assert (
        result.settings["features"]["fusion-3"]
        == "the weighted sum of the scores of fisher-sift-3 and fisher-color-3"
    )
    assert [record.feature for record in result.records][-1] == "fusion-3"
    assert result.seconds > 0


def test_coded_features_have_a_mean_square_of_1(data, monkeypatch):
    few_components(monkeypatch)
    table = compute_features("fisher-color-3", data, 0).train
    assert table.codes.dtype == np.uint8
    assert table.shape == (90, 4 * 2 * 3 * 4)
    assert np.square(table[:]).mean() == pytest.approx(1, abs=0.3)
    np.testing.assert_array_equal(table.take(np.array([5, 2]))[:], table[:][[5, 2]])


def test_features_side_by_side(data):
    x = data.train.images
    union = (
        parse("mirrored-uoctti+patches-9-4x4+two-layer-9-3x3+tuned-color")
        .transformer((16, 16), 3)
        .fit(x)
        .transform(x[:5])
    )
    parts = [
        parse(n).transformer((16, 16), 3).fit(x).transform(x[:5])
        for n in ("mirrored-uoctti", "patches-9-4x4", "two-layer-9-3x3", "tuned-color")
    ]
    np.testing.assert_array_equal(union, np.concatenate(parts, 1))
    assert parts[1].shape[1] == 9 * 2 * 9
    turned = parse("mirrored-uoctti").transformer((16, 16), 0).fit(x).transform(x[:5, :, ::-1])
    np.testing.assert_allclose(turned, parts[0], atol=1e-6)
    assert parse("hog+patches-9").seeded
    assert not parse("dalal-triggs+tuned-color").seeded
    for name in ("gist", "fusion+hog", "patches-", "patches-9-4x5", "hog+", ""):
        with pytest.raises(ValueError, match="feature"):
            parse(name)


def test_a_strength_is_the_weight_of_the_squares(rng):
    x, y = rng.normal(size=(400, 5)).astype(np.float32), rng.integers(0, 2, 400)
    strength, rows = 50.0, np.arange(400)
    model, converged = classifiers.CLASSIFIERS["softmax"].trainer(x, y, rows, 0).train(strength)
    gradient = x.T @ (model.predict_proba(x) - np.eye(2)[y])
    np.testing.assert_allclose(gradient + strength * model.coef_.T, 0, atol=0.5)
    assert converged is True
    assert classifiers.CLASSIFIERS["svm"].build(strength, 400, 0).strength == strength
    assert classifiers.CLASSIFIERS["mlp"].build(strength, 400, 0).weight_decay * 400 == strength


def test_small_training_sets_get_more_epochs(monkeypatch):
    monkeypatch.setattr(classifiers, "SVM_STEPS", 50_000)
    monkeypatch.setattr(classifiers, "MLP_STEPS", 400)
    for n_images, svm_epochs, mlp_epochs in (
        (50_000, 10, 20),
        (4000, 12, 20),
        (2000, 25, 25),
        (1000, 40, 50),
        (150, 40, 200),
    ):
        svm, mlp = (classifiers.CLASSIFIERS[name].build(1.0, n_images, 0) for name in ("svm", "mlp"))
        assert (svm.epochs, mlp.epochs) == (svm_epochs, mlp_epochs)


@pytest.mark.parametrize("name", classifiers.CLASSIFIERS)
def test_strengths_go_from_strong_to_weak(name):
    strengths = classifiers.CLASSIFIERS[name].strengths
    is_rate = name == "hist-gradient-boosting"  # a smaller learning rate is the stronger regularization
    assert list(strengths) == sorted(strengths, reverse=not is_rate)


@pytest.mark.parametrize("name", [*WITH_WEIGHTS, "logreg"])
def test_more_strength_means_smaller_weights(name, data, monkeypatch):
    monkeypatch.setattr(classifiers, "MLP_STEPS", 400)
    x = compute_features("tuned-color", data, 0).train
    models = [fit(name, strength, x, data.train.labels) for strength in (1e5, 1.0)]
    sizes = [float((weights_of(model) ** 2).sum()) for model in models]
    assert sizes[0] < 0.9 * sizes[1]


def test_not_converging_is_recorded_in_silence_and_other_warnings_heard(monkeypatch, data):
    class Noisy(LinearClassifier):
        def fit(self, x, y):
            warnings.warn("something else", UserWarning, stacklevel=2)
            return super().fit(x, y)

    kind = methods.Classifier(name="noisy", estimator=Noisy(epochs=1))
    x = (data.train.images.reshape(90, -1) / 255).astype(np.float32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, converged = kind.trainer(x, data.train.labels, np.arange(90), 0).train(1.0)
    assert converged is False
    assert [str(w.message) for w in caught] == ["something else"]


def test_cells_follow_the_size_of_the_images():
    for side, cell_size, stride in ((32, 4, 1), (63, 4, 1), (64, 8, 2), (200, 8, 2)):
        assert parse("dalal-triggs").transformer((side, 300), 0).cell_size == cell_size
        assert parse("words").transformer((300, side), 7).stride == stride
    assert parse("words").transformer((32, 32), 7).random_state == 7


def test_hog_and_color_are_side_by_side(data):
    images = data.test.images
    both, hog, color = (
        parse(name).transformer((16, 16), 0).fit_transform(images)
        for name in ("dalal-triggs+tuned-color", "dalal-triggs", "tuned-color")
    )
    np.testing.assert_array_equal(both, np.concatenate([hog, color], 1))


def test_groups_and_repetitions_become_single_classifiers():
    assert classifiers.expand_groups(["linear", "mlp", "svm"]) == ("softmax", "svm", "ridge", "mlp")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"features": ["raw", "gist"]},
            "unknown feature 'gist'; choose among raw, equalize, equalized, color",
        ),
        ({"features": []}, "no feature given"),
        (
            {"classifiers": ["forest"]},
            "unknown classifier 'forest'; choose among softmax, svm, ridge, l2svm, mlp, mlp2, kernel-ridge",
        ),
        ({"n_seeds": 0}, "n_seeds must be at least 1, got 0"),
        ({"size": 32}, "size is for folders"),
    ],
)
def test_wrong_options_are_refused(source, options, message):
    with pytest.raises(ValueError, match=message):
        compare.run(source, **options)


def test_results_survive_the_disk(result, tmp_path):
    result.write(tmp_path / "new" / "folder")
    assert compare.Result.read(tmp_path / "new" / "folder") == result
    written = json.loads((tmp_path / "new" / "folder" / "results.json").read_text())
    assert {"records", "versions", "machine", "settings", "git_revision", "date"} <= written.keys()
    assert written["settings"]["features"]["dalal-triggs"] == "HOG(cell_size=4, interpolation='trilinear')"
    assert written["settings"]["n_train"] == 90
    assert written["settings"]["features"]["equalized"] == "RawPixels(equalize='value')"
    assert (tmp_path / "new" / "folder" / "report.html").exists()


def test_the_table_holds_means_and_spread():
    result = one_result(color=[0.5, 0.7], hog=[0.25, 0.25])
    assert report.rows(result) == [
        ("color", "svm", "0.600 ± 0.141", "0.750", "1,234", "1.5", "0.2"),
        ("hog", "svm", "0.250 ± 0.000", "0.750", "1,234", "1.5", "0.2"),
    ]
    markdown = report.as_markdown(result)
    assert "| color | svm | **0.600 ± 0.141** | 0.750 | 1,234 | 1.5 | 0.2 |\n" in markdown
    assert "| hog | svm | 0.250 ± 0.000 |" in markdown
    assert "toys: 1,500 training and 20 test images of 8 x 9 pixels, 2 classes" in markdown
    assert report.rows(one_result(color=[0.5]))[0][2] == "0.500"


def test_the_table_fits_a_narrow_terminal():
    result = one_result(**{"hog+color": [0.5, 0.7], "equalized": [0.1, 0.2]})
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(report.as_table(result))
    text = console.export_text()
    assert "…" not in text
    for cell in (*report.COLUMNS, *report.rows(result)[0]):
        assert cell in text


def test_options_of_classifiers_are_folded_in_a_narrow_terminal():
    result = one_result(color=[0.5, 0.7])
    name = "mlp(hidden=(256, 128), activation='tanh', optimizer='sgd', learning_rate=0.1, dropout=0.5)"
    records = tuple(replace(record, classifier=name) for record in result.records)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(report.as_table(replace(result, records=records)))
    text = console.export_text()
    for cell in (*report.COLUMNS, "color", "mlp", *report.rows(result)[0][2:]):
        assert cell in text
    assert "dropout=0.5" in "".join(text.split())


def test_broken_files_are_named_and_skipped(tmp_path, data):
    for i, (image, label) in enumerate(zip(data.train.images, data.train.labels, strict=True)):
        folder = tmp_path / "pictures" / "abc"[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{i:03}.png")
    (tmp_path / "pictures" / "a" / "bad.png").write_bytes(b"not a picture")
    result = compare.run(
        tmp_path / "pictures", features=["tuned-color"], classifiers=["svm"], size=16, folds=0, n_seeds=1
    )
    ((path, reason),) = result.skipped
    assert path.endswith("bad.png")
    assert result.settings["n_train"] + result.settings["n_test"] == 90
    assert report.skipped_lines(result) == [
        "Image files that could not be read and were skipped: 1",
        f"{path}: {reason}",
    ]
    assert "skipped: 1\n- " in report.as_markdown(result)
    assert report.skipped_lines(one_result(color=[1.0])) == []


def test_files_that_are_no_images_are_counted(tmp_path, data):
    for k, image in enumerate(data.train.images[:12]):
        path = tmp_path / "images" / f"class{k % 2}" / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        path.with_suffix(".json").write_text("{}")
    (tmp_path / "images" / "._a.png").write_bytes(b"")
    result = compare.run(
        tmp_path / "images", features="raw", classifiers=["ridge"], n_seeds=1, size=16, cache=False
    )
    assert result.settings["left_out"] == {"hidden": 1, "sidecar": 12}
    assert report.skipped_lines(result) == [
        "Files that are clearly not images were left out: 1 hidden, 12 sidecar"
    ]
    assert "left out: 1 hidden, 12 sidecar" in report.as_markdown(result)


def test_resuming_with_data_begins_what_was_not_begun(tmp_path, source):
    names = ["--features", "raw", "--classifiers", "ridge", "--seeds", "1"]
    arguments = ["compare", *names, "--resume", str(tmp_path / "run")]
    refused = CliRunner().invoke(main, arguments)
    assert "holds no run to resume" in refused.output
    for _ in range(2):
        begun = CliRunner().invoke(main, [*arguments, "--data", str(source)])
        assert begun.exit_code == 0, begun.output
    other = CliRunner().invoke(main, [*arguments, "--data", "photos"])
    assert "holds a run of other source" in other.output


def test_a_run_with_fast_decoding_goes_on_with_it(tmp_path):
    for k in range(8):
        path = tmp_path / "images" / "ab"[k % 2] / f"{k}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_file(crop(k, 64), "JPEG"))
    arguments = ["compare", "--resume", str(tmp_path / "run")]
    how = ["--features", "raw", "--classifiers", "ridge", "--seeds", "1", "--size", "16"]
    how += ["--data", str(tmp_path / "images")]
    for more in ([*how, "--decode", "fast"], []):
        begun = CliRunner().invoke(main, [*arguments, *more])
        assert begun.exit_code == 0, begun.output
        settings = json.loads((tmp_path / "run" / "results.json").read_text())["settings"]
        assert settings["decode"] == "fast"
    other = CliRunner().invoke(main, [*arguments, *how])
    assert "holds a run of other content, decode" in other.output


def test_progress_is_shown_on_terminals_only(source, capsys, monkeypatch):
    options = {"features": ["tuned-color"], "classifiers": ["svm"], "n_seeds": 1}
    compare.run(source, **options)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setattr(running, "console", lambda: Console(stderr=True))
    compare.run(source, **options)
    out, err = capsys.readouterr()
    assert out == ""
    assert "tuned-color, svm, seed 0" in err


@pytest.mark.parametrize(
    ("reason", "words"),
    [("there is no driver", "not usable: there is no driver"), (None, "usable; never yet run")],
)
def test_the_reason_why_cuda_is_not_usable_is_given(monkeypatch, reason, words):
    monkeypatch.setattr(environment, "why_unavailable", lambda: reason)
    assert environment.cuda_status().startswith(words)


def test_the_revision_is_that_of_a_checkout(monkeypatch, tmp_path):
    revision = environment.git_revision()
    assert revision is None or len(revision.removesuffix("-dirty")) == 40
    package = tmp_path / "environment" / "imfeat" / "compare"
    monkeypatch.setattr(environment, "__file__", str(package / "environment.py"))
    assert environment.git_revision() is None
    (tmp_path / "environment" / ".git").mkdir(parents=True)  # but nothing in it
    assert environment.git_revision() is None


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
def test_the_revision_is_not_that_of_the_folder_around_an_installation(monkeypatch, tmp_path):
    git = "git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "other work"], check=True)
    package = tmp_path / "imfeat" / "compare"
    monkeypatch.setattr(environment, "__file__", str(package / "environment.py"))
    assert len(environment.git_revision()) == 40
    inside = tmp_path / "packages" / "imfeat" / "compare"
    inside.mkdir(parents=True)
    monkeypatch.setattr(environment, "__file__", str(inside / "environment.py"))
    assert environment.git_revision() is None


def test_intervals_are_wilsons():
    # Wilson's interval of 8 of 10, by its formula: (p + z^2/2n -+ z sqrt(p q / n + z^2/4n^2)) / (1 + z^2/n)
    z2, n, p = 1.959964**2, 10, 0.8
    half = (z2 * (p * (1 - p) / n + z2 / (4 * n * n))) ** 0.5
    expected = [(p + z2 / (2 * n) + sign * half) / (1 + z2 / n) for sign in (-1, 1)]
    np.testing.assert_allclose(statistics.interval(0.8, 10), expected, rtol=1e-5)
    assert statistics.interval(1.0, 50)[1] == 1


def test_mcnemar_counts_where_only_one_is_right():
    first, second = np.zeros((2, 40), bool)
    first[:30], second[:20] = True, True
    second[35:37] = True  # 10 where only the first is right, 2 where only the second
    # twice the chance of at most 2 heads among 12 coins: 2 (1 + 12 + 66) / 4096
    assert statistics.mcnemar(first, second) == pytest.approx(2 * 79 / 4096)
    assert statistics.mcnemar(second, first) == pytest.approx(2 * 79 / 4096)
    assert statistics.mcnemar(first, first) == 1


def made_cell(feature, classifier, validation, right, seconds, seed=0):
    """Return a cell that finds class 0 for the first images, whose label it is, and else 1."""
    predicted = np.where(np.arange(200) < right, 0, 1).astype(np.int32)
    numbers = right / 200, 0.9, validation, 10.0, None, 9, 1.0, 1.0, seconds, 0.1, 0.1, 36, 99
    return cells.Cell(cells.Record(feature, classifier, seed, *numbers), predicted, np.zeros(200, np.float32))


def test_the_answer_is_in_words():
    labels = np.zeros(200, np.int64)
    found = [
        made_cell("hog+color", "svm", 0.7, 120, 2.0),
        made_cell("hog+color", "ridge", 0.6, 130, 1.0),  # better on the test set, but who knows that
        made_cell("raw", "mlp", 0.5, 110, 30.0),
        made_cell("hog+color", "mlp", 0.8, 140, 9.0),
        made_cell("hog+color", "mlp", 0.8, 142, 9.0, seed=1),
    ]
    best = "HoG + colour with an MLP of one hidden layer, best on the validation images, reaches 0.705 "
    best += "(95 % interval 0.638 to 0.764)."
    linear = "HoG + colour with a linear SVM, the best linear classifier, reaches 0.600 "
    linear += "(95 % interval 0.531 to 0.665)."
    assert answer.in_words(found, labels) == [
        best,
        linear,
        "The best MLP on pixels (pixels, mlp) reaches 0.550, 5.0 points less.",
        "An MLP (mlp) on the same feature adds 10.5 points (McNemar's test: p < 0.001) and takes 4.5 times "
        "the training time.",
    ]
    assert answer.in_words(found[3:], labels) == [best]
    assert answer.in_words(found[:1], labels) == [
        linear.replace("the best linear classifier", "best on the validation images")
    ]
    other = answer.in_words([*found[:3], made_cell("words", "mlp", 0.9, 118, 3.0)], labels)
    assert other[0].startswith("Visual words with an MLP of one hidden layer, best on the validation images")
    assert other[3].startswith(
        "Against the best linear classifier, visual words with an MLP of one hidden layer loses 1.0 points "
        "(McNemar's test: p = 0.500)"
    )
    assert other[4].startswith(
        "On the test images HoG + colour with ridge regression is better by 6.0 points"
    )
    assert len(other) == 5


def test_a_run_answers(result):
    titles = [parse(name).title.capitalize() for name in COMPARED]
    assert result.answer[0].split(" with ")[0].capitalize() in titles
    assert " ".join(result.answer) in report.as_markdown(result)


def test_the_page_stands_alone_and_shows_everything(result, tmp_path):
    text = page.as_html(result)
    assert "http://" not in text.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    assert text.count("<h2>") == 9
    for sentence in result.answer:
        assert sentence in html.unescape(text)
    for row in report.rows(result):
        assert f"<td>{row[0]}</td><td>{row[1]}</td><td>{row[2]}</td>" in text
    assert text.count("<img ") > 3 * 16  # templates of raw pixels, and mistakes
    result.write(tmp_path)
    again = compare.Result.read(tmp_path)
    assert len(again.cells) == 0  # without the folder of cells there are fewer pictures, but a page
    assert page.as_html(again).count("<img ") == 0


def test_names_are_text_on_the_page(result):
    settings = result.settings | {"source": "<script>alert(1)", "class_names": ["<b>", "&", "c"]}
    text = page.as_html(replace(result, settings=settings))
    assert "<script>alert" not in text
    assert "<b>" not in text
    assert "&lt;b&gt;" in text


def test_features_are_found_in_the_cache_by_content(data, tmp_path, monkeypatch):
    computed = []
    compute = workspace.compute_tables
    monkeypatch.setattr(workspace, "compute_tables", lambda *a: computed.append(a[0]) or compute(*a))

    def accuracy(data, content=None):
        content = content or cache.content_of(data.train.images, data.test.images)
        own = workspace.Workspace(data, cache=cache.Cache(tmp_path), content=content)
        cells = experiment.run_cells(own, ("words", "dalal-triggs"), ("ridge",), (0,))
        return [cell.record.test_accuracy for cell in cells]

    first = accuracy(data)
    assert accuracy(data) == first
    assert computed == ["words", "dalal-triggs"]
    turned = DataSet(replace(data.train, images=data.train.images[:, ::-1].copy()), data.test)
    accuracy(turned)
    assert computed == ["words", "dalal-triggs"] * 2
    monkeypatch.setattr(workspace, "code", lambda: "other code")
    assert accuracy(data) == first
    assert computed == ["words", "dalal-triggs"] * 3


def test_a_cache_that_can_not_be_written_is_done_without(tmp_path):
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match="features are not kept: can't write to"):
        kept = cache.Cache(tmp_path / "file" / "features")
    assert [kept.get("key", lambda: 5), kept.get("key", lambda: 6)] == [5, 6]
    kept.trim()


def test_content_is_of_bytes_shape_and_type():
    x = np.arange(12, dtype=np.uint8)
    others = [x.reshape(3, 4), x.view(np.int8), x[::-1], x[:11]]
    found = {cache.content_of(array) for array in (x, *others)}
    assert len(found) == 5
    assert cache.content_of(x.copy()) in found


@pytest.fixture
def registers():
    """Forget afterwards what was registered."""
    tables_of_names = RECIPES, classifiers.CLASSIFIERS
    before = [dict(names) for names in tables_of_names]
    yield
    for names, kept in zip(tables_of_names, before, strict=True):
        names.clear()
        names.update(kept)


def test_rows_of_ones_own(source, registers):
    mean = FunctionTransformer(lambda images: images.mean((1, 2)))
    compare.register("mean", mean, title="the mean colour")
    compare.register("near", KNeighborsClassifier(), parameter="n_neighbors", values=(9, 3, 1))
    result = compare.run(
        source, features=["mean", "mean+dalal-triggs"], classifiers=["near", "ridge"], n_seeds=1
    )
    assert [(r.feature, r.classifier) for r in result.records] == [
        (f, c) for f in ("mean", "mean+dalal-triggs") for c in ("near", "ridge")
    ]
    assert result.records[0].n_features == 3
    assert not [line for line in result.answer if "MLP" in line]
    assert classifiers.CLASSIFIERS["near"].kind == "other"
    assert result.records[0].strength in (9, 3, 1)
    assert result.records[0].test_accuracy > 0.4
    for arguments, message in (
        (("hog", mean), "the name 'hog' is taken"),
        (("a b", mean), "name must be of letters"),
        (("patches-7", mean), "is taken"),
    ):
        with pytest.raises(ValueError, match=message):
            compare.register(*arguments)
    with pytest.raises(ValueError, match="parameter must be one of"):
        compare.register("other", KNeighborsClassifier(), parameter="k", values=(1,))
    with pytest.raises(ValueError, match="give a parameter and up to 5 values"):
        compare.register("other", KNeighborsClassifier(), parameter="n_neighbors")
    with pytest.raises(TypeError, match="must have transform or predict"):
        compare.register("other", BaseEstimator())


@pytest.mark.slow
def test_every_feature_meets_every_classifier(data, monkeypatch):
    few_components(monkeypatch)
    names = ("palette", "uoctti", "soft-words", "triangle", "vlad", "fusion-3")
    small = replace(RECIPES["vlad"], options={"n_pca": 4, "n_words": 3})
    monkeypatch.setitem(RECIPES, "vlad", small)
    found = run_cells(data, names, ("softmax", "svm", "ridge", "mlp", "mlp2"), (0,))
    assert len(found) == 8 * 5
    for record in found:
        assert record.model_bytes > 0
        assert record.feature_bytes > 0
    assert np.mean([r.test_accuracy for r in found]) > 0.5
