"""Cross-validation: folds, pooled cells, and models that learn from all images."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import imfeat
from imfeat import compare
from imfeat.cli import main
from imfeat.compare import Result, classifiers, folds, report
from imfeat.datasets import load

FEATURES = "raw, tuned-color"
CHEAP = "ridge, softmax"


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMFEAT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(classifiers, "MLP_STEPS", 0)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """36 images in three classes that differ a little in colour."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for channel, name in enumerate(("leek", "pea", "rye")):
        (root / name).mkdir()
        for k in range((12, 15, 9)[channel]):
            pixels = rng.integers(0, 200, (40, 48, 3))
            pixels[..., channel] += 3
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{k:02}.png")
    return root


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    result = compare.run(folder, features=FEATURES, classifiers=CHEAP, folder=out, folds=3)
    result.write(out)
    return SimpleNamespace(result=result, out=out)


@given(st.lists(st.integers(2, 30), min_size=2, max_size=6), st.integers(2, 8))
def test_each_class_is_in_stretches_of_equal_sizes(counts, n_folds):
    n_folds = min(n_folds, max(counts))
    labels = np.repeat(np.arange(len(counts)), counts)
    numbers = folds.fold_numbers(labels, n_folds)
    for label, count in enumerate(counts):
        of_class = numbers[labels == label]
        sizes = np.bincount(of_class, minlength=n_folds)
        assert sizes.max() - sizes.min() <= 1
        assert sizes.max() < count, "each fold leaves some to learn from"
        assert np.count_nonzero(np.diff(of_class)) == np.count_nonzero(sizes) - 1
    assert np.bincount(numbers, minlength=n_folds).all()


def test_images_come_together_in_the_order_of_their_files(folder):
    images = folds.join(load(folder, size=32))
    assert images.labels.tolist() == [0] * 12 + [1] * 15 + [2] * 9
    alone = load(folder, size=32, test_size=0.5, rng=3)
    np.testing.assert_array_equal(folds.join(alone).images, images.images)


def test_pooled_predictions_are_those_of_each_fold(run, folder):
    images = folds.join(load(folder, size=32))
    numbers = folds.fold_numbers(images.labels, 3)
    for cell in run.result.cells:
        record = cell.record
        assert record.test_accuracy == (cell.predicted == images.labels).mean()
        for k in range(3):
            path = next(
                (run.out / "cells" / f"fold-{k + 1}-of-3").glob(
                    f"{record.feature}--{record.classifier}--0.npz"
                )
            )
            with np.load(path, allow_pickle=False) as arrays:
                np.testing.assert_array_equal(arrays["predicted"], cell.predicted[numbers == k])


def test_a_fold_learns_from_the_other_folds_alone(run, folder, monkeypatch):
    seen = []
    fit = folds.Workspace.fit_feature

    def watched(self, feature, seed):
        seen.append((len(self.data.train), len(self.data.test)))
        train = {image.tobytes() for image in self.data.train.images}
        if len(self.data.test) > 1:
            assert not any(image.tobytes() in train for image in self.data.test.images)
        return fit(self, feature, seed)

    monkeypatch.setattr(folds.Workspace, "fit_feature", watched)
    compare.run(folder, features="raw", classifiers="ridge", folds=4)
    assert [n for _, n in seen[:4]] == np.bincount(
        folds.fold_numbers(np.repeat([0, 1, 2], [12, 15, 9]), 4)
    ).tolist()
    assert seen[4:] == [(36, 1)], "the model that is kept learns from all images"


def test_the_result_says_what_it_is(run):
    result = run.result
    assert result.settings["folds"] == 3
    assert result.settings["n_train"] == 24
    assert result.settings["n_test"] == 36
    assert result.settings["seeds"] == [0]
    assert "each tested once in 3 folds" in report.caption(result)
    assert "the median of the shorter sides is 40" in report.caption(result)
    assert "Bengio and Grandvalet" in result.answer[-1]
    assert any("fewer than 20 images" in line for line in report.warning_lines(result))
    assert all(record.macro_f1 is not None for record in result.records)
    assert "fewer than 20 images" in (run.out / "results.md").read_text()
    again = Result.read(run.out)
    assert again == result
    assert [cell.record for cell in again.cells] == list(result.records)


def test_the_kept_model_has_learned_from_all_images(run, folder):
    model = imfeat.load_model(run.out / "model.safetensors")
    best = max(run.result.records, key=lambda record: record.validation_accuracy)
    assert model.about["n_train"] == model.about["n_test"] == 36
    assert model.about["accuracy"] == best.test_accuracy
    assert (model.about["feature"], model.about["classifier"]) == (best.feature, best.classifier)
    images = folds.join(load(folder, size=32))
    assert (run.result.best().predict(images.images) == images.labels).mean() > best.test_accuracy


def test_a_run_goes_on_from_the_folds_it_has(run, monkeypatch):
    before = run.result.records
    lost = run.out / "cells" / "fold-2-of-3" / "raw--softmax--0.npz"
    lost.unlink()
    computed = []
    compute = compare.feature_run.FeatureRun._compute_cell

    def watched(self, name, seed):
        computed.append((self.workspace.store.name, self.feature, name))
        return compute(self, name, seed)

    monkeypatch.setattr(compare.feature_run.FeatureRun, "_compute_cell", watched)
    again = compare.resume(run.out)
    assert computed == [("fold-2-of-3", "raw", "softmax")]
    assert [record.test_accuracy for record in again.records] == [record.test_accuracy for record in before]
    assert again.settings == run.result.settings
    assert json.loads((run.out / "request.json").read_text())["folds"] == 3


def test_few_images_are_cross_validated_by_default(folder):
    data = load(folder, size=8)
    assert folds.number_of_folds(None, data, others=()) == 5
    assert folds.number_of_folds(None, data, others=("shifts=",)) == 0
    assert folds.number_of_folds(0, data, others=()) == 0
    assert folds.number_of_folds(100, data, others=()) == 15
    assert folds.number_of_folds(None, load("photos"), others=()) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "folds must be 0 or at least 2"),
        ({"folds": 3, "train_sizes": [12]}, "folds can't be combined with train_sizes="),
        ({"folds": 3, "shifts": True}, "folds can't be combined with shifts="),
        ({"folds": 3, "source": "photos"}, "folds are for a folder without test images"),
    ],
)
def test_what_does_not_go_with_folds_is_refused(folder, options, message):
    with pytest.raises(ValueError, match=message):
        compare.run(**{"source": folder, "features": "raw", "classifiers": "ridge", **options})


def test_all_models_are_kept_on_request(folder, tmp_path):
    arguments = ["compare", "--data", folder, "--features", FEATURES, "--classifiers", "ridge", "--folds", 2]
    arguments += ["--keep", "all", "--out", tmp_path / "run"]
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "run" / "models").glob("*.safetensors"))) == 2
    assert "Warnings about the data" in result.stdout
