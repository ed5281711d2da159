"""`imfeat predict`: classes of image files in a table, whatever the workers and the interruptions."""

import csv
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import imfeat
from imfeat import extract
from imfeat.cli import main
from imfeat.extract import prediction

RNG = np.random.default_rng(0)
LABELS = np.arange(30) % 3
IMAGES = RNG.integers(0, 256, (30, 24, 24, 3), dtype=np.uint8)
IMAGES[LABELS == 1, :12] //= 2
IMAGES[LABELS == 2, :, 12:, 0] //= 3
NAMES = ["ant", "bee, wild", "fly"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of photographs, a broken one and a text, and a model."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "photos" / "ä b").mkdir(parents=True)
    for i, image in enumerate(IMAGES[:11]):
        Image.fromarray(image).resize((40 + i, 30)).save(folder / "photos" / f"{i:02}.png")
    Image.fromarray(IMAGES[11]).save(folder / "photos" / "ä b" / "c,d.jpg")
    (folder / "photos" / "05.png").write_bytes(b"no image")
    (folder / "photos" / "notes.txt").write_text("")
    pipeline = make_pipeline(imfeat.HOG(), StandardScaler(), imfeat.learn.LinearClassifier())
    model = imfeat.ImageClassifier(pipeline.fit(IMAGES, LABELS), class_names=NAMES, temperature=3.0)
    imfeat.save_model(folder / "model.safetensors", model)
    return folder


def predict(folder, name, **options):
    how = {"shard_size": 4, "n_workers": 1} | options
    return extract.predict(folder / "model.safetensors", folder / "photos", folder / name, **how)


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_rows_are_what_the_model_says(folder):
    predictions = predict(folder, "a.csv")
    rows = read_csv(folder / "a.csv")
    model = imfeat.load_model(folder / "model.safetensors")
    assert len(predictions) == len(rows) == 12
    photos = folder / "photos"
    expected = [*(photos / f"{i:02}.png" for i in range(11)), photos / "ä b" / "c,d.jpg"]
    assert [row["path"] for row in rows] == list(map(str, expected))
    for row in rows:
        if row["path"].endswith("05.png"):
            assert row["error"].startswith("not a readable image")
            assert row["class"] == row["third_probability"] == ""
            continue
        p = model.predict_proba([row["path"]])[0]
        order = np.argsort(-p)
        assert [row[name] for name in ("class", "second", "third")] == [NAMES[k] for k in order]
        found = [float(row[name]) for name in ("probability", "second_probability", "third_probability")]
        np.testing.assert_allclose(found, p[order], atol=1e-6)
        assert row["error"] == ""
    assert predictions.n_errors == 1
    assert [row["path"] for row in predictions.errors()] == [str(folder / "photos" / "05.png")]
    assert sum(predictions.counts.values()) == 11
    assert predictions.left_out == {"text": 1} or sum(predictions.left_out.values()) == 1
    assert not (folder / "a.csv.parts").exists()


def test_parquet_has_the_same_rows(folder):
    predictions = predict(folder, "b.parquet")
    predict(folder, "b.csv")
    table = pq.read_table(folder / "b.parquet")
    expected = read_csv(folder / "b.csv")
    assert table.column_names == list(expected[0])
    for row, other in zip(table.to_pylist(), expected, strict=True):
        for name, value in row.items():
            text = "" if value is None else f"{value:.6f}" if name.endswith("probability") else value
            assert text == other[name]
    assert table["probability"].null_count == 1
    assert [row["path"] for row in predictions.errors()] == [str(folder / "photos" / "05.png")]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_do_not_depend_on_workers_and_interruptions(folder, monkeypatch, suffix):
    predict(folder, f"one.{suffix}")
    predict(folder, f"two.{suffix}", n_workers=2)
    assert (folder / f"one.{suffix}").read_bytes() == (folder / f"two.{suffix}").read_bytes()
    done = []

    def interrupted(folder, shard):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(shard)
        return predict_shard(folder, shard)

    class InProcess:
        def run(self, task, shards):
            return ((shard, task(shard)) for shard in shards)

    predict_shard = prediction.predict_shard
    monkeypatch.setattr(prediction, "find_scheduler", lambda *args: InProcess())
    monkeypatch.setattr(prediction, "predict_shard", interrupted)
    with pytest.raises(KeyboardInterrupt):
        predict(folder, f"three.{suffix}")
    parts = folder / f"three.{suffix}.parts"
    assert len(list((parts / "receipts").iterdir())) == 2
    assert not (folder / f"three.{suffix}").exists()
    monkeypatch.setattr(prediction, "predict_shard", predict_shard)
    with pytest.raises(ValueError, match="holds a run with shard_size=4, not 5"):
        predict(folder, f"three.{suffix}", shard_size=5)
    (parts / "shards" / f"000001.{suffix}").write_bytes(b"damaged")
    predict(folder, f"three.{suffix}")
    assert (folder / f"three.{suffix}").read_bytes() == (folder / f"one.{suffix}").read_bytes()
    assert not parts.exists()


def test_tables_of_two_classes_leave_the_third_empty(folder, tmp_path):
    pipeline = make_pipeline(imfeat.HOG(), imfeat.learn.RidgeClassifier())
    imfeat.save_model(tmp_path / "model", pipeline.fit(IMAGES, np.array(["x", "y"])[LABELS % 2]))
    predictions = extract.predict(tmp_path / "model", folder / "photos", tmp_path / "a.parquet", n_workers=1)
    table = pq.read_table(tmp_path / "a.parquet").to_pydict()
    assert set(table["third"]) == set(table["third_probability"]) == {None}
    assert {*table["class"], *table["second"]} == {"x", "y", None}
    assert set(predictions.counts) <= {"x", "y"}


def test_what_is_wrong_is_said(folder, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.csv or \.parquet"):
        predict(folder, "a.txt")
    predict(folder, "twice.csv")
    with pytest.raises(FileExistsError, match=r"twice\.csv exists"):
        predict(folder, "twice.csv")
    imfeat.save_model(tmp_path / "hog", imfeat.HOG().fit(IMAGES))
    with pytest.raises(ValueError, match="holds a HOG, not a classifier of images"):
        extract.predict(tmp_path / "hog", folder / "photos", tmp_path / "a.csv")
    with pytest.raises(FileNotFoundError):
        extract.predict(tmp_path / "none", folder / "photos", tmp_path / "a.csv")
    assert not list(tmp_path.glob("*.csv*"))


def test_a_model_that_changed_is_not_mixed_in(folder, tmp_path):
    for path in ("photos", "model.safetensors"):
        copy = shutil.copytree if path == "photos" else shutil.copy
        copy(folder / path, tmp_path / path)
    parts = tmp_path / "a.csv.parts"

    class Dies:
        def run(self, task, shards):
            yield 0, task(0)
            raise OSError("disk full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction, "find_scheduler", lambda *args: Dies())
        with pytest.raises(OSError, match="disk full"):
            predict(tmp_path, "a.csv")
    pipeline = make_pipeline(imfeat.LBP(), imfeat.learn.RidgeClassifier()).fit(IMAGES, LABELS)
    imfeat.save_model(tmp_path / "model.safetensors", pipeline)
    with pytest.raises(ValueError, match="has changed since"):
        prediction.predict_shard(str(parts), 1)
    with pytest.raises(ValueError, match="holds a run with sha256="):
        predict(tmp_path, "a.csv")


def test_the_command_tells_what_it_found(folder):
    arguments = [folder / "model.safetensors", folder / "photos", "--out", folder / "c.csv", "--workers", 1]
    result = CliRunner().invoke(main, ["predict", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].startswith("12 images, 1 with errors in ")
    assert lines[1].startswith(f"  {folder / 'photos' / '05.png'}: not a readable image")
    assert "left out: 1 " in lines[2]
    assert lines[3].startswith("Classes: ")
    assert lines[4] == f"Written to {folder / 'c.csv'}"
    assert (
        lines[5] == f"Open it in Python: import pandas; predictions = pandas.read_csv('{folder / 'c.csv'}')"
    )
    again = CliRunner().invoke(main, ["predict", *map(str, arguments)])
    assert again.exit_code == 2
    assert "exists; remove it" in again.output
