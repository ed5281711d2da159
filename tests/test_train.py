"""`imfeat train`: one classifier, by the protocol of the comparison, for images it has not seen."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import imfeat
from imfeat import compare
from imfeat.cli import main

RNG = np.random.default_rng(0)
NAMES = ("left", "right", "top")


def photo(label, size=(40, 30)):
    """A noisy photograph that is bright on one side."""
    pixels = RNG.integers(0, 160, (*size[::-1], 3))
    half = [np.s_[:, : size[0] // 2], np.s_[:, size[0] // 2 :], np.s_[: size[1] // 2]][label]
    pixels[half] += 60
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of labelled photographs."""
    folder = tmp_path_factory.mktemp("train")
    for label, name in enumerate(NAMES):
        (folder / "photos" / name).mkdir(parents=True)
        for i in range(20):
            photo(label).save(folder / "photos" / name / f"{i:02}.png")
    (folder / "photos" / "top" / "broken.png").write_bytes(b"no image")
    (folder / "new").mkdir()
    for i in range(12):
        photo(i % 3, (50 + i, 60)).save(folder / "new" / f"{NAMES[i % 3]}-{i:02}.jpg")
    return folder


def test_a_trained_model_classifies_new_photographs(folder):
    path = folder / "model.safetensors"
    model = imfeat.train(folder / "photos", "raw+color", "ridge", size=16, fit="stretch", out=path)
    about = model.about
    assert {"feature", "classifier", "strength", "n_train", "n_test", "accuracy", "interval"} <= set(about)
    assert (about["feature"], about["classifier"], about["data"]) == ("raw+color", "ridge", "photos")
    assert (about["n_train"], about["n_test"], about["n_skipped"]) == (48, 12, 1)
    assert about["accuracy"] > 0.8
    assert about["interval"][0] <= about["accuracy"] <= about["interval"][1]
    assert model.fitting == "stretch"
    assert model.image_shape == (16, 16, 3)
    files = sorted((folder / "new").iterdir())
    loaded = imfeat.load_model(path)
    names = list(loaded.predict(files))
    assert np.mean([path.name.startswith(name) for path, name in zip(files, names, strict=True)]) > 0.8
    np.testing.assert_array_equal(loaded.predict_proba(files), model.predict_proba(files))


def test_it_is_the_cell_of_a_comparison(folder):
    result = compare.run(
        folder / "photos", features="hog", classifiers="softmax", n_seeds=1, size=16, folds=0, cache=False
    )
    model = imfeat.train(folder / "photos", "hog", size=16)
    (record,) = result.records
    assert model.about["strength"] == record.strength
    assert model.about["accuracy"] == record.test_accuracy
    assert model.temperature == record.temperature
    images = RNG.integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    expected = result.best().decision_function(images)
    np.testing.assert_array_equal(model.decision_function(images), expected)


def test_a_strength_can_be_given(folder):
    model = imfeat.train(folder / "photos", "color", "mlp(hidden=(4,))", size=8, strength=25, seed=3)
    assert model.about["strength"] == 25
    assert model.about["seed"] == 3
    assert "hidden=(4,)" in model.about["classifier"]
    again = imfeat.train(folder / "photos", "color", "mlp(hidden=(4,), strength=25)", size=8, seed=3)
    files = sorted((folder / "new").iterdir())
    np.testing.assert_array_equal(again.predict_proba(files), model.predict_proba(files))


def test_what_is_wrong_is_said(folder, tmp_path):
    with pytest.raises(ValueError, match="classifier must be one classifier, got softmax, svm, ridge"):
        imfeat.train(folder / "photos", "hog", "linear")
    with pytest.raises(ValueError, match="unknown feature 'gist'"):
        imfeat.train(folder / "photos", "gist")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        imfeat.train(folder / "photos", "hog", out=tmp_path / "none" / "model")
    with pytest.raises(FileNotFoundError, match="no source"):
        imfeat.train(tmp_path / "none", "hog")


def test_commands_from_photographs_to_classes(folder):
    model, table = folder / "cli.safetensors", folder / "classes.csv"
    arguments = [folder / "photos", "--feature", "raw", "--size", 16, "--out", model]
    result = CliRunner().invoke(main, ["train", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert (
        "ImageClassifier: raw, softmax\n  images of 16 x 16; 3 classes: left, right, top\n" in result.output
    )
    assert "Trained on 48 images with strength " in result.output
    assert "1 files could not be read, and were skipped" in result.output
    arguments = [model, folder / "new", "--out", table, "--workers", 1]
    result = CliRunner().invoke(main, ["predict", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert table.read_text().count("\n") == 13
