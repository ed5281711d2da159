"""Comparisons with fewer training images and on changed test images, and the models that they keep."""

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.pipeline import Pipeline
from test_compare import make_set, write_sets

import imfeat
from imfeat import compare
from imfeat.compare import classifiers, feature_run, flips, report, shifts
from imfeat.compare.preparation import models_of
from imfeat.compare.workspace import nested_rows
from imfeat.datasets import DataSet

HOW = {"features": ["raw", "tuned-color"], "classifiers": ["ridge", "mlp"], "cache": False}


@pytest.fixture(scope="module", autouse=True)
def quick():
    with pytest.MonkeyPatch.context() as patch:
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
def folder(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    how = {"n_seeds": 2, "train_sizes": [12, 30, "all"], "shifts": True, "keep": "all"}
    compare.run(source, **HOW, **how, folder=folder).write(folder)
    return folder


@pytest.fixture(scope="module")
def result(folder):
    return compare.Result.read(folder)


@given(st.lists(st.integers(0, 3), min_size=8, max_size=60), st.integers(1, 60), st.integers(0, 9))
def test_parts_are_nested_and_balanced(labels, n, seed):
    labels = np.array(labels)
    n = min(n, len(labels))
    rows = nested_rows(labels, n, seed)
    assert len(set(rows)) == n
    assert set(nested_rows(labels, n // 2, seed)) <= set(rows)
    n_images = np.unique(labels, return_counts=True)[1]
    n_drawn = [(labels[rows] == label).sum() for label in np.unique(labels)]
    fewest = (
        min(n_drawn[k] for k in range(len(n_drawn)) if n_drawn[k] < n_images[k]) if n < len(labels) else 0
    )
    assert n == len(labels) or max(n_drawn) <= fewest + 1


def test_there_is_a_record_for_each_number_of_images(result):
    found = [(r.n_train, r.feature, r.classifier, r.seed) for r in result.part_records]
    assert len(set(found)) == len(found) == 2 * 2 * 2 * 2
    assert {record.n_train for record in result.part_records} == {12, 30}
    assert {record.n_train for record in result.records} == {0}


def test_a_part_is_a_comparison_of_its_images(data, result):
    rows = nested_rows(data.train.labels, 30, 1)
    train = {"image": data.train.images[rows], "label": data.train.labels[rows]}
    test = {"image": data.test.images, "label": data.test.labels}
    sets = {
        name: [dict(zip(part, pair, strict=True)) for pair in zip(*part.values(), strict=True)]
        for name, part in (("train", train), ("test", test))
    }
    alone = compare.run(sets, features=["tuned-color"], classifiers=["ridge"], n_seeds=1, cache=False)
    (record,) = (
        r
        for r in result.part_records
        if (r.n_train, r.feature, r.classifier, r.seed) == (30, "tuned-color", "ridge", 1)
    )
    assert record.test_accuracy == alone.records[0].test_accuracy
    assert record.strength == alone.records[0].strength


def test_accuracies_on_changed_images_are_those_of_the_kept_pipeline(data, result):
    for record in (record for record in result.records if record.seed == 0):
        pipeline = result.pipeline(record.feature, record.classifier)
        for name in ("gamma", "occlusion"):
            images = np.concatenate(list(shifts.BY_NAME[name].batches(data.test.images, 2)))
            expected = (pipeline.predict(images) == data.test.labels).mean()
            assert record.shifts[name][2] == pytest.approx(expected, abs=1e-12)


def test_a_run_is_resumed_with_its_parts_and_changes(folder, result, monkeypatch):
    for path in (*(folder / "cells").glob("raw--mlp*"), *(folder / "cells/train-30").glob("*ridge--1.npz")):
        path.unlink()
    trained = []
    one, several = feature_run.FeatureRun._run_cell, feature_run.FeatureRun._compute_wide_cells
    monkeypatch.setattr(
        feature_run.FeatureRun,
        "_run_cell",
        lambda run, name, *args: trained.append(name) or one(run, name, *args),
    )
    monkeypatch.setattr(
        feature_run.FeatureRun,
        "_compute_wide_cells",
        lambda run, names, *args: trained.extend(names) or several(run, names, *args),
    )
    again = compare.resume(folder, cache=False)
    assert sorted(trained) == ["mlp", "mlp", "ridge", "ridge"]
    for records in ("records", "part_records"):
        for old, new in zip(getattr(result, records), getattr(again, records), strict=True):
            assert (new.test_accuracy, new.shifts) == (old.test_accuracy, old.shifts)


@pytest.mark.parametrize("sizes", [[5], [0], [30, "half"], [10.5]])
def test_wrong_numbers_of_images_are_refused(source, sizes):
    with pytest.raises(ValueError, match="train_sizes must be 'all' or at least 6, two images of each class"):
        compare.run(source, **HOW, n_seeds=1, train_sizes=sizes)


def test_numbers_beyond_all_images_are_all(source):
    assert compare.as_train_sizes([500, "all", 40, 40, 20], np.arange(90) % 3) == (20, 40)


def test_the_best_pipeline_is_kept(data, folder, result):
    best = result.best()
    assert isinstance(best, Pipeline)
    feature, classifier = report.recommended(result.records)
    (record,) = (r for r in result.records if (r.feature, r.classifier, r.seed) == (feature, classifier, 0))
    assert (best.predict(data.test.images) == data.test.labels).mean() == record.test_accuracy
    model = imfeat.load_model(folder / "model.safetensors")
    assert model.about["accuracy"] == record.test_accuracy
    np.testing.assert_array_equal(
        model.predict(data.test.images), model.classes_[best.predict(data.test.images)]
    )


def test_probabilities_of_a_model_are_calibrated_on_validation_images(data, folder, result):
    model = imfeat.load_model(folder / "model.safetensors")
    logits = imfeat.models.logits_of(model.pipeline, data.test.images) / model.temperature
    weights = np.exp(logits - logits.max(1, keepdims=True))
    probabilities = model.predict_proba(data.test.images)
    np.testing.assert_allclose(probabilities, weights / weights.sum(1, keepdims=True), rtol=1e-5)
    error = imfeat.models.expected_calibration_error(probabilities, data.test.labels)
    assert model.about["calibration_error"] == pytest.approx(error, abs=1e-6)


def test_only_the_best_is_kept_by_default(source, tmp_path):
    kept = compare.run(source, **HOW, n_seeds=1, folder=tmp_path)
    assert not (tmp_path / "models").exists()
    best = report.recommended(kept.records)
    assert kept.best().steps
    other = next((r.feature, r.classifier) for r in kept.records if (r.feature, r.classifier) != best)
    with pytest.raises(FileNotFoundError, match='keep="all"'):
        kept.pipeline(*other)
    with pytest.raises(KeyError, match="there is no hog with ridge; there are raw with ridge"):
        kept.pipeline("hog", "ridge")


def test_a_model_knows_the_classes_that_it_learned(data):
    without = DataSet(data.train.at(np.flatnonzero(data.train.labels != 1)), data.test)
    assert models_of(None, "photos", without, "exact").settings["class_names"] == ["a", "c"]


def test_without_a_folder_all_pipelines_are_in_memory(source, data):
    result = compare.run(source, **HOW, n_seeds=1)
    for record in result.records:
        predicted = result.pipeline(record.feature, record.classifier).predict(data.test.images)
        assert (predicted == data.test.labels).mean() == record.test_accuracy


def test_wide_features_have_pipelines_too(source, data, monkeypatch):
    monkeypatch.setattr("imfeat.compare.wide.MOST_COLUMNS", 100)
    how = {"features": ["raw+tuned-color"], "classifiers": ["ridge", "l2svm"], "n_seeds": 1}
    result = compare.run(source, **how, cache=False, shifts=True)
    for record in result.records:
        pipeline = result.pipeline(record.feature, record.classifier)
        assert (pipeline.predict(data.test.images) == data.test.labels).mean() == record.test_accuracy
        images = np.concatenate(list(shifts.BY_NAME["gamma"].batches(data.test.images, 0)))
        assert (pipeline.predict(images) == data.test.labels).mean() == record.shifts["gamma"][0]


def test_kernels_have_pipelines_too(source, data):
    result = compare.run(
        source, features=["tuned-color"], classifiers=["kernel-ridge"], n_seeds=1, cache=False
    )
    predicted = result.best().predict(data.test.images)
    assert (predicted == data.test.labels).mean() == result.records[0].test_accuracy


def test_a_fusion_has_a_pipeline_too(source, data, tmp_path):
    how = {"features": ["fusion-2"], "classifiers": ["ridge"], "n_seeds": 2}
    result = compare.run(source, **how, cache=False, shifts=True)
    for record in (record for record in result.records if record.seed == 0):
        pipeline = result.pipeline(record.feature, record.classifier)
        assert (pipeline.predict(data.test.images) == data.test.labels).mean() == record.test_accuracy
    fused, later = (record for record in result.records if record.feature == "fusion-2")
    images = np.concatenate(list(shifts.BY_NAME["gamma"].batches(data.test.images, 0)))
    assert (pipeline.predict(images) == data.test.labels).mean() == pytest.approx(fused.shifts["gamma"][0])
    assert later.shifts == {}  # features that are learned meet changed images for the first seed only
    expected = 100 * (fused.test_accuracy - fused.shifts["gamma"][0])
    assert flips.lost([fused, later], "gamma")[0] == pytest.approx(expected)
    result.write(tmp_path)
    assert (tmp_path / "shifts.svg").exists()


def test_sentences_say_where_the_answer_flips():
    def records(n_train, **accuracies):
        names = {
            "linear": ("tuned-color", "ridge"),
            "pixels": ("raw", "mlp"),
            "features": ("tuned-color", "mlp"),
        }
        return [
            compare.Record(*names[name], 0, accuracy, 1, accuracy, 1, None, 1, 0, 0, 0, 0, n_train=n_train)
            for name, accuracy in accuracies.items()
        ]

    parts = records(50, linear=0.5, pixels=0.2, features=0.4) + records(
        200, linear=0.6, pixels=0.3, features=0.61
    )
    sentences = flips.flips_in_words(records(0, linear=0.7, pixels=0.5, features=0.8), parts)
    assert sentences == [
        "The best MLP on pixels stays behind the best linear classifier at every size (-30.0 points with 50 "
        "training images, -20.0 points with all).",
        "The best MLP on features passes the best linear classifier from 200 images on (-10.0 points with 50 "
        "training images, +10.0 points with all).",
    ]


def test_reports_show_sizes_and_changes(folder):
    text = (folder / "results.md").read_text()
    assert "| feature | classifier | 12 | 30 | all |" in text
    assert "| unchanged | gamma | brightness |" in text
    page = (folder / "report.html").read_text()
    assert "Fewer training images" in page
    assert "Changed test images" in page
    for name in ("train-sizes-ridge.svg", "train-sizes-mlp.svg", "shifts.svg"):
        svg = (folder / name).read_text()
        assert svg.startswith("<svg")
        assert "var(" not in svg  # colours of the page
        assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert svg.count("<svg") == 1 + len(shifts.SHIFTS) + 1  # panels and a legend


def test_classifiers_of_one_feature_may_standardize_it_in_other_ways(source, data):
    how = {"features": ["fisher-color-2"], "classifiers": ["ridge", "kernel-ridge"], "n_seeds": 1}
    result = compare.run(source, **how, cache=False, shifts=True)
    for record in result.records:
        pipeline = result.pipeline(record.feature, record.classifier)
        for name, accuracies in record.shifts.items():
            images = np.concatenate(list(shifts.BY_NAME[name].batches(data.test.images, 1)))
            assert (pipeline.predict(images) == data.test.labels).mean() == accuracies[1]
