"""The experiment: its protocol, its records, its report."""

import io
import json
import shutil
import subprocess
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from imfeat import compare
from imfeat.compare import classifiers, environment, experiment, features, report, tables, wide
from imfeat.datasets import DataSet, ImageSet
from imfeat.learn import RidgeClassifier, RidgeProducts, RidgeSums

SEEDS = 2


def make_set(n, rng):
    """Images of three classes that differ in colour and in texture, but for noise."""
    labels = rng.permutation(np.arange(n) % 3)
    images = rng.uniform(0, 200, (n, 16, 16, 3))
    images[..., 0] += 30 * (labels == 0)[:, None, None]
    stripes = 40 * (np.arange(16) % 4 < 2)
    images += np.where((labels == 1)[:, None, None], stripes, stripes[:, None])[..., None]
    return ImageSet(np.minimum(images, 255).astype(np.uint8), labels.astype(np.int64), ("a", "b", "c"))


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Learn a short codebook from few patches, and train for the fixed number of epochs."""
    build = features.FEATURES["words"].build
    words = replace(
        features.FEATURES["words"],
        build=lambda *arguments: build(*arguments).set_params(n_words=25, n_patches=1000),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(features.FEATURES, "words", words)
        patch.setattr(classifiers, "SVM_STEPS", 0)
        patch.setattr(classifiers, "MLP_STEPS", 0)
        yield


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    return DataSet(make_set(90, rng), make_set(60, rng))


@pytest.fixture(scope="module")
def source(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "toys.npz"
    (x_train, y_train), (x_test, y_test) = ((part.images, part.labels) for part in data)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


@pytest.fixture(scope="module")
def result(source):
    return compare.run(source, n_seeds=SEEDS)


def one_result(**accuracies):
    """Return a made-up result: for each feature the test accuracies of its seeds."""
    records = tuple(
        compare.Record(name, "svm", seed, value, 0.75, 0.5, 10.0, None, 1234, 1.5, 9.0, 0.25, 0.1)
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
    names = features.DEFAULT
    assert cells == {(f, c, s) for f in names for c in ("logistic", "svm", "mlp") for s in range(SEEDS)}
    assert len(cells) == len(result.records)


def test_records_are_complete(result):
    lengths = {"raw": 768, "equalized": 768, "color": 512, "hog": 3 * 3 * 36, "words": 100}
    lengths["hog+color"] = lengths["hog"] + lengths["color"]
    for record in result.records:
        for accuracy in (record.test_accuracy, record.train_accuracy, record.validation_accuracy):
            assert 0 <= accuracy <= 1
        assert record.test_accuracy * 60 == pytest.approx(round(record.test_accuracy * 60))
        assert record.n_features == lengths[record.feature]
        assert record.strength in classifiers.CLASSIFIERS[record.classifier].strengths
        assert (record.converged is None) == (record.classifier != "logistic")
        for seconds in (record.feature_seconds, record.tune_seconds, record.train_seconds):
            assert 0 < seconds < 60


def test_features_tell_the_classes_apart(result):
    accuracies = [r.test_accuracy for r in result.records if r.feature in ("hog+color", "words")]
    assert np.mean(accuracies) > 0.6


def test_the_numbers_are_those_of_plain_scikit_learn(result, data):
    (record,) = (r for r in result.records if (r.feature, r.classifier, r.seed) == ("raw", "logistic", 0))
    model = LogisticRegression(C=1 / record.strength, tol=1e-3, max_iter=200)
    model = make_pipeline(StandardScaler(), model)
    model.fit(data.train.images.reshape(90, -1) / 255, data.train.labels)
    expected = model.score(data.test.images.reshape(60, -1) / 255, data.test.labels)
    assert record.test_accuracy == pytest.approx(expected, abs=1.5 / 60)


def test_test_labels_and_images_decide_nothing(data, monkeypatch):
    fitted = []

    def spy(*arguments):
        model, converged = classifiers.fit(*arguments)
        fitted.append((arguments[1], model.coef_))
        return model, converged

    def spied(test):
        fitted.clear()
        names = ("hog", "color"), ("logistic", "svm")
        records = tuple(experiment.run_cells(DataSet(data.train, test), *names, (0, 1), lambda text: None))
        return records, list(fitted)

    monkeypatch.setattr(experiment, "fit", spy)
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
        cells = experiment.run_cells(data, ("raw",), ("svm", "mlp"), seeds, lambda text: None)
        return [(r.strength, r.validation_accuracy, r.train_accuracy, r.test_accuracy) for r in cells]

    assert accuracies((0, 1)) == accuracies((0, 1))
    both = accuracies((0, 1))
    assert both[:2] != both[2:]


@pytest.mark.parametrize("name", classifiers.CLASSIFIERS)
def test_seeds_change_the_classifiers_that_say_so(data, name):
    x = experiment.compute_features("color", data, 0).train
    models = [classifiers.fit(name, 100.0, x, data.train.labels, seed)[0] for seed in (0, 0, 1)]
    first, same, other = (model.coefs_[0] if name == "mlp" else model.coef_ for model in models)
    np.testing.assert_array_equal(first, same)
    assert np.array_equal(first, other) != classifiers.CLASSIFIERS[name].seeded


def test_the_strength_that_validates_best_is_chosen_and_used(data, monkeypatch):
    asked = []

    class Scored:
        """Finds class 0 or 1 only, so that it is right on a third of the images, or class 2 on none."""

        def __init__(self, found):
            self.decision_function = lambda features: np.tile(np.eye(4)[found, :3], (len(features), 1))

    def fit_scored(name, strength, features, labels, seed):
        asked.append((strength, len(labels)))
        return Scored({10_000: 0, 1_000: 3, 100: 0}[strength]), None

    monkeypatch.setattr(experiment, "fit", fit_scored)
    monkeypatch.setattr(experiment, "accuracy", lambda scores, labels, classes: 0.9 if scores[0, 0] else 0.2)
    (record,) = experiment.run_cells(data, ("color",), ("svm",), (0,), lambda text: None)
    assert record.strength == 10_000  # of two that are as good, the stronger one
    assert record.validation_accuracy == 0.9
    assert asked == [(10_000, 72), (1_000, 72), (100, 72), (10_000, 90)]


def test_words_are_learned_anew_for_each_seed(data):
    first, same, other = (experiment.compute_features("words", data, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.test, same.test)
    assert not np.array_equal(first.test, other.test)


def test_what_no_seed_changes_is_computed_once(data, monkeypatch):
    computed, trained = [], []
    monkeypatch.setattr(
        experiment,
        "compute_features",
        lambda *a, f=experiment.compute_features: computed.append(a[0]) or f(*a),
    )
    monkeypatch.setattr(experiment, "fit", lambda *a, f=experiment.fit: trained.append(a[0]) or f(*a))
    records = list(
        experiment.run_cells(data, ("color", "words"), ("logistic", "svm"), (0, 1, 2), lambda text: None)
    )
    assert computed == ["color", "words", "words", "words"]
    # three strengths each, then: logistic regression on colours once, all others three times
    assert trained.count("logistic") == 3 + 1 + 3 + 3
    assert trained.count("svm") == 3 + 3 + 3 + 3
    first, second = (r for r in records if (r.feature, r.classifier) == ("color", "logistic") and r.seed < 2)
    assert second == replace(first, seed=1)


def test_features_are_standardized_by_the_training_images(data):
    computed = experiment.compute_features("hog", data, 0)
    np.testing.assert_allclose(computed.train.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(computed.train.std(0), 1, atol=1e-3)
    assert abs(computed.test.mean()) > 1e-5
    assert computed.train.dtype == computed.test.dtype == np.float32


def test_large_features_are_kept_in_half_of_the_memory(data, monkeypatch):
    whole = experiment.compute_features("hog+color", data, 0)
    monkeypatch.setattr(tables, "MOST_BYTES", 1000)
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(tables, "IMAGES_AT_ONCE", 11)
    half = experiment.compute_features("hog+color", data, 0)
    for one, other in ((whole.train, half.train), (whole.test, half.test)):
        assert other.halves.dtype == np.uint16
        assert other.shape == one.shape
        np.testing.assert_allclose(other[:], one, atol=0.05)
        np.testing.assert_array_equal(other[[3, 1]], other[:][[3, 1]])
        np.testing.assert_array_equal(other.take(np.array([3, 1]))[:], other[:][[3, 1]])
    for name in ("ridge", "l2svm", "mlp"):
        models = [classifiers.fit(name, 30.0, x.train, data.train.labels, 0)[0] for x in (whole, half)]
        scores = [
            classifiers.accuracy(classifiers.scores_of(m, x.test), data.test.labels, np.arange(3))
            for m, x in zip(models, (whole, half), strict=True)
        ]
        assert scores[0] == pytest.approx(scores[1], abs=0.1 if name == "mlp" else 0.02)


def test_wide_features_give_the_same_classifiers_part_by_part(data, monkeypatch):
    cells = data, ("hog+color",), ("ridge", "l2svm", "svm"), (0, 1), lambda text: None
    monkeypatch.setattr(classifiers.RidgeSums, "solve_squared_hinge", converged(RidgeSums))
    monkeypatch.setattr(wide.RidgeProducts, "solve_squared_hinge", converged(RidgeProducts))
    expected = list(experiment.run_cells(*cells))
    monkeypatch.setattr(experiment, "MOST_COLUMNS", 0)
    monkeypatch.setattr(tables, "COLUMNS_AT_ONCE", 100)
    found = {(r.classifier, r.seed): r for r in experiment.run_cells(*cells)}
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


def test_ridge_climbs_to_the_best_strength(data, monkeypatch):
    x, y = experiment.compute_features("color", data, 0).train, data.train.labels
    tried = []
    monkeypatch.setattr(experiment, "solved_model", lambda name, sums, strength, *_: strength)
    hill = {10_000: 0.1, 3_000: 0.8, 1_000: 0.9, 300: 0.7, 100: 0.95, 30: 0.99, 10: 1.0}
    monkeypatch.setattr(experiment, "scores_of", lambda model, _: tried.append(model) or hill[model])
    monkeypatch.setattr(experiment, "accuracy", lambda scores, *_: scores)
    choice = experiment.choose_in_closed_form("ridge", x, y, 0)
    assert (choice.strength, choice.validation_accuracy) == (1_000, 0.9)
    assert set(tried) == {300, 1_000, 3_000}
    assert choice.sums.n_images == 81
    np.testing.assert_array_equal(np.bincount(y[choice.left]), [3, 3, 3])


def test_ridge_is_trained_on_all_training_images(data):
    (record,) = experiment.run_cells(data, ("color",), ("ridge",), (0,), lambda text: None)
    computed = experiment.compute_features("color", data, 0)
    model = RidgeClassifier([record.strength]).fit(computed.train, data.train.labels)
    assert record.test_accuracy == pytest.approx(model.score(computed.test, data.test.labels))
    assert record.converged is None
    again = list(experiment.run_cells(data, ("color",), ("ridge",), (0, 1), lambda text: None))
    assert again[1] == replace(again[0], seed=1)


def few_components(monkeypatch):
    monkeypatch.setattr(features, "SCALES", (0.5, 0.75))
    monkeypatch.setitem(experiment.SMALL, "n_components", 2)
    build = features._fisher
    monkeypatch.setattr(
        features, "_fisher", lambda *a, **o: build(*a, **o).set_params(n_pca=4, n_descriptors=2000)
    )


def test_fusion_is_the_mean_of_the_scores_of_its_parts(data, monkeypatch):
    few_components(monkeypatch)
    names = ("fusion-3", "fisher-color-3"), ("svm",)
    records = list(experiment.run_cells(data, *names, (0, 1), lambda text: None))
    found = {(r.feature, r.seed): r for r in records}
    assert list(dict.fromkeys(r.feature for r in records)) == ["fisher-sift-3", "fisher-color-3", "fusion-3"]
    parts, whole = [found["fisher-sift-3", 1], found["fisher-color-3", 1]], found["fusion-3", 1]
    assert whole.n_features == 2 * parts[0].n_features == 2 * 4 * 2 * 3 * 4
    assert whole.train_seconds == pytest.approx(sum(p.train_seconds for p in parts))
    tables_of = [experiment.compute_features(p.feature, data, 1) for p in parts]
    assert all(isinstance(t.train, tables.CodedTable) for t in tables_of)
    models = [
        classifiers.fit("svm", p.strength, t.train, data.train.labels, 1)[0]
        for p, t in zip(parts, tables_of, strict=True)
    ]
    scores = [m.decision_function(t.test[:]) for m, t in zip(models, tables_of, strict=True)]
    found = np.mean(scores, 0).argmax(1)
    assert whole.test_accuracy == pytest.approx((found == data.test.labels).mean())


def test_a_run_describes_a_fusion(source, monkeypatch):
    few_components(monkeypatch)
    result = compare.run(source, features=["fusion-3"], classifiers=["svm"], n_seeds=1)
    assert (
        result.settings["features"]["fusion-3"]
        == "the mean of the scores of fisher-sift-3 and fisher-color-3"
    )
    assert [record.feature for record in result.records][-1] == "fusion-3"
    assert result.seconds > 0


def test_coded_features_have_a_mean_square_of_1(data, monkeypatch):
    few_components(monkeypatch)
    table = experiment.compute_features("fisher-color-3", data, 0).train
    assert table.codes.dtype == np.uint8
    assert table.shape == (90, 4 * 2 * 3 * 4)
    assert np.square(table[:]).mean() == pytest.approx(1, abs=0.3)
    np.testing.assert_array_equal(table.take(np.array([5, 2]))[:], table[:][[5, 2]])


def test_features_side_by_side(data):
    x = data.train.images
    union = features.build_feature("uoctti+patches-9-4x4+color", (16, 16), 3).fit(x).transform(x[:5])
    parts = [
        features.build_feature(n, (16, 16), 3).fit(x).transform(x[:5])
        for n in ("uoctti", "patches-9-4x4", "color")
    ]
    np.testing.assert_array_equal(union, np.concatenate(parts, 1))
    assert parts[1].shape[1] == 9 * 2 * 9
    turned = features.build_feature("uoctti", (16, 16), 0).fit(x).transform(x[:5, :, ::-1])
    np.testing.assert_allclose(turned, parts[0], atol=1e-6)
    assert features.is_seeded("hog+patches-9")
    assert not features.is_seeded("hog+color")
    for name in ("gist", "fisher-sift+hog", "patches-", "patches-9-4x5", "hog+", ""):
        assert not features.is_feature(name)


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=60).filter(lambda x: len(set(x)) < len(x)),
    st.integers(0, 9),
)
def test_every_class_with_two_images_is_validated(labels, seed):
    labels = np.array(labels)
    training, validation = experiment.split_for_validation(labels, seed)
    assert sorted([*training, *validation]) == list(range(len(labels)))
    for label in np.unique(labels):
        n, n_validation = (labels == label).sum(), (labels[validation] == label).sum()
        assert n_validation == (max(1, round(n * 0.2)) if n > 1 else 0)
    np.testing.assert_array_equal(training, experiment.split_for_validation(labels, seed)[0])


def test_tuning_takes_a_part_of_a_large_training_set():
    labels = np.repeat([0, 1, 2], [40_000, 9_000, 1_000])
    training, validation = experiment.split_for_validation(labels, 0)
    np.testing.assert_array_equal(np.bincount(labels[training]), [6_400, 1_440, 160])
    np.testing.assert_array_equal(np.bincount(labels[validation]), [1_600, 360, 40])
    assert not set(training) & set(validation)


def test_classes_of_one_image_cannot_be_validated():
    with pytest.raises(ValueError, match="no class has two training images"):
        experiment.split_for_validation(np.arange(5), 0)


def test_a_strength_is_the_weight_of_the_squares(rng):
    x, y = rng.normal(size=(400, 5)).astype(np.float32), rng.integers(0, 2, 400)
    strength = 50.0
    model, converged = classifiers.fit("logistic", strength, x, y, 0)
    probabilities = model.predict_proba(x)[:, 1]
    np.testing.assert_allclose(x.T @ (probabilities - y) + strength * model.coef_[0], 0, atol=0.4)
    assert converged is True
    svm = classifiers.CLASSIFIERS["svm"].build(strength, x.shape, 0)
    assert svm.alpha * 400 == strength
    mlp = classifiers.CLASSIFIERS["mlp"].build(strength, x.shape, 0)
    assert mlp.alpha / mlp.batch_size * 400 == pytest.approx(strength)


def test_small_training_sets_get_more_epochs(monkeypatch):
    monkeypatch.setattr(classifiers, "SVM_STEPS", 40_000)
    monkeypatch.setattr(classifiers, "MLP_STEPS", 400)
    for n_images, svm_epochs, mlp_epochs in (
        (50_000, 10, 20),
        (4000, 10, 20),
        (1000, 40, 80),
        (150, 266, 400),
    ):
        svm, mlp = (classifiers.CLASSIFIERS[name].build(1.0, (n_images, 9), 0) for name in ("svm", "mlp"))
        assert svm.max_iter == svm_epochs
        assert svm.average == n_images * svm_epochs // 2
        assert mlp.max_iter == mlp.n_iter_no_change == mlp_epochs


@pytest.mark.parametrize("name", classifiers.CLASSIFIERS)
def test_strengths_go_from_strong_to_weak(name):
    strengths = classifiers.CLASSIFIERS[name].strengths
    assert len(strengths) == (7 if name in classifiers.CLOSED_FORM else 3)
    assert list(strengths) == sorted(strengths, reverse=True)


@pytest.mark.parametrize("name", classifiers.CLASSIFIERS)
def test_more_strength_means_smaller_weights(name, data):
    x = experiment.compute_features("color", data, 0).train
    sizes = []
    for strength in (1e5, 1.0):
        model, _ = classifiers.fit(name, strength, x, data.train.labels, 0)
        weights = model.coefs_ if name == "mlp" else [model.coef_]
        sizes.append(sum((part**2).sum() for part in weights))
    assert sizes[0] < 0.9 * sizes[1]


def test_not_converging_is_recorded_in_silence_and_other_warnings_heard(monkeypatch, data):
    class Noisy(LogisticRegression):
        def fit(self, x, y):
            warnings.warn("something else", UserWarning, stacklevel=2)
            return super().fit(x, y)

    kind = classifiers.Classifier((1.0,), lambda *_: Noisy(max_iter=1), has_stopping_rule=True)
    monkeypatch.setitem(classifiers.CLASSIFIERS, "noisy", kind)
    x = data.train.images.reshape(90, -1) / 255
    with pytest.warns(UserWarning, match="something else") as caught:
        _, converged = classifiers.fit("noisy", 1.0, x, data.train.labels, 0)
    assert converged is False
    assert not [w for w in caught if issubclass(w.category, ConvergenceWarning)]


def test_cells_follow_the_size_of_the_images():
    for side, cell_size, stride in ((32, 4, 1), (63, 4, 1), (64, 8, 2), (200, 8, 2)):
        assert features.build_feature("hog", (side, 300), 0).cell_size == cell_size
        assert features.build_feature("words", (300, side), 7).stride == stride
    assert features.build_feature("words", (32, 32), 7).random_state == 7


def test_hog_and_color_are_side_by_side(data):
    images = data.test.images
    both, hog, color = (
        features.build_feature(name, (16, 16), 0).fit_transform(images)
        for name in ("hog+color", "hog", "color")
    )
    np.testing.assert_array_equal(both, np.concatenate([hog, color], 1))


def test_groups_and_repetitions_become_single_classifiers():
    assert classifiers.expand_groups(["linear", "mlp", "svm"]) == ("logistic", "svm", "mlp")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": ["raw", "gist"]}, "unknown feature 'gist'; choose among raw, equalized, color, hog"),
        ({"features": []}, "no feature given"),
        (
            {"classifiers": ["forest"]},
            "unknown classifier 'forest'; choose among logistic, svm, ridge, l2svm, mlp, linear",
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
    assert written["settings"]["features"]["hog"] == "HOG(cell_size=4, interpolation='trilinear')"
    assert written["settings"]["n_train"] == 90
    assert "<function equalize_value>" in written["settings"]["features"]["equalized"]
    with Image.open(tmp_path / "new" / "folder" / "accuracy.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 300


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


def test_the_plot_shows_every_mean(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    bars = []
    bar = Axes.bar
    monkeypatch.setattr(Axes, "bar", lambda *a, **k: bars.append(a[2]) or bar(*a, **k))
    report.draw(one_result(color=[0.5, 0.7], hog=[0.25]), tmp_path / "plot.png")
    np.testing.assert_allclose(bars, [[0.6, 0.25]])


def test_broken_files_are_named_and_skipped(tmp_path, data):
    for i, (image, label) in enumerate(zip(data.train.images, data.train.labels, strict=True)):
        folder = tmp_path / "pictures" / "abc"[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{i:03}.png")
    (tmp_path / "pictures" / "a" / "bad.png").write_bytes(b"not a picture")
    result = compare.run(tmp_path / "pictures", features=["color"], classifiers=["svm"], n_seeds=1, size=16)
    ((path, reason),) = result.skipped
    assert path.endswith("bad.png")
    assert result.settings["n_train"] + result.settings["n_test"] == 90
    assert report.skipped_lines(result) == [
        "Image files that could not be read and were skipped: 1",
        f"{path}: {reason}",
    ]
    assert "skipped: 1\n- " in report.as_markdown(result)
    assert report.skipped_lines(one_result(color=[1.0])) == []


def test_progress_is_shown_on_terminals_only(source, capsys, monkeypatch):
    options = {"features": ["color"], "classifiers": ["svm"], "n_seeds": 1}
    compare.run(source, **options)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    compare.run(source, **options)
    out, err = capsys.readouterr()
    assert out == ""
    assert "color, svm, seed 0" in err


@pytest.mark.parametrize(
    ("simulated", "available", "error", "words"),
    [
        (1, True, None, "Numba simulates CUDA"),
        (0, False, "Error at driver init: \n\nNo library.\nTry another. ", "no CUDA driver: No library"),
        (0, False, None, "not NVVM"),
        (0, True, None, "a CUDA driver and 2 GPU(s)"),
    ],
)
def test_the_reason_why_cuda_is_not_usable_is_given(monkeypatch, simulated, available, error, words):
    from numba import config, cuda

    monkeypatch.setattr(config, "ENABLE_CUDASIM", simulated)
    monkeypatch.setattr(cuda, "is_available", lambda: available)
    monkeypatch.setattr(cuda, "cuda_error", lambda: error, raising=False)
    monkeypatch.setattr(cuda, "gpus", ["one", "two"])
    assert environment.cuda_status().startswith("not usable: imfeat")
    assert words in environment.cuda_status()


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
