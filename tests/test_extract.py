"""Features of image files: every source, both formats, and runs that are disturbed."""

import dataclasses
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rich.console
from click.testing import CliRunner
from pictures import as_file, bytes_of, crop, decoded, write_folder
from PIL import Image

import imfeat
from imfeat import _files, _progress, extract
from imfeat.cli import main, shared
from imfeat.extract import images as reading
from imfeat.extract import schedule, worker
from imfeat.extract.plan import Plan
from imfeat.recipes import parse
from imfeat.sources import find

FEATURES = ["hog", "color"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """21 images in three classes, and one broken file."""
    root = tmp_path_factory.mktemp("images")
    write_folder(root, 21)
    (root / "class1" / "0004b.jpg").write_bytes(as_file(crop(4), "JPEG")[:300])
    return root


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    return extract.run(folder, FEATURES, tmp_path_factory.mktemp("run") / "out", size=32, shard_size=5)


def test_features_are_those_of_the_images(folder, run):
    paths = sorted(folder.rglob("*.jpg"))
    assert [row["path"] for row in run.rows()] == [str(path) for path in paths]
    broken = [path.name == "0004b.jpg" for path in paths]
    images = np.stack([decoded(path, 32) for path, bad in zip(paths, broken, strict=True) if not bad])
    for name in FEATURES:
        expected = parse(name).transformer((32, 32)).fit_transform(images)
        np.testing.assert_allclose(run[name][~np.array(broken)], expected, atol=0.02)
        assert np.isnan(run[name][broken]).all()
    assert run.n_errors == 1
    assert [row["path"] for row in run.errors()] == [str(paths[broken.index(True)])]
    assert len(run) == 22


def test_rows_tell_what_is_known_of_a_file(folder, run):
    frame = run.frame()
    assert isinstance(frame, pd.DataFrame)
    for row in frame.itertuples():
        content = Path(row.path).read_bytes()
        assert (row.n_bytes, row.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    (bad,) = frame[frame["error"].notna()].itertuples()
    assert bad.path.endswith("0004b.jpg")
    assert bad.error.startswith("OSError: ")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_have_labels_and_features(run, library):
    pytest.importorskip(library)
    frame = run.frame(library, features=True)
    assert list(frame.columns) == ["path", "n_bytes", "sha256", "error", *FEATURES, "label"]
    assert list(frame["label"]) == [Path(row["path"]).parent.name for row in run.rows()]
    assert set(run.labels) == {"class0", "class1", "class2"}
    for values, expected in zip(frame["hog"], run["hog"], strict=True):
        if values is None:
            assert np.isnan(expected).all()
        else:
            np.testing.assert_array_equal(np.asarray(values), expected)
    assert list(run.frame(library).columns) == ["path", "n_bytes", "sha256", "error", "label"]
    with pytest.raises(ValueError, match="library must be"):
        run.frame("arrow")


def test_both_formats_hold_the_same(folder, run, tmp_path):
    arrays = extract.run(folder, FEATURES, tmp_path / "npy", size=32, shard_size=5, format="npy")
    assert arrays.rows() == run.rows()
    for name in FEATURES:
        np.testing.assert_array_equal(arrays[name], run[name])
    assert arrays.table().equals(run.table())
    assert isinstance(next(arrays.shards("hog")), np.memmap)
    one = extract.run(folder, ["color"], tmp_path / "one", size=32, format="npy")
    assert isinstance(one["color"], np.memmap)


@pytest.mark.parametrize("format", ["parquet", "npy"])
def test_a_feature_of_all_shards_is_mapped(folder, tmp_path, format):
    run = extract.run(folder, FEATURES, tmp_path / "out", size=32, shard_size=5, format=format)
    mapped = run.mapped("hog")
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, run["hog"])
    (path,) = (tmp_path / "out" / "arrays").iterdir()
    before = path.stat().st_mtime_ns
    np.testing.assert_array_equal(extract.open(tmp_path / "out").mapped("hog"), mapped)
    assert path.stat().st_mtime_ns == before


def test_shards_are_plain_parquet(run):
    table = pq.read_table(run.folder / "shards" / "000000.parquet")
    assert table.schema.field("hog").type == pa.list_(pa.float32(), run.names["hog"])
    assert table.column_names == ["path", "n_bytes", "sha256", "error", *FEATURES]
    column = pd.read_parquet(run.folder / "shards")["color"]
    assert np.stack(column.dropna()).shape == (21, 512)


@pytest.mark.parametrize("format", ["parquet", "npy"])
def test_features_with_options_are_columns_of_their_names(folder, tmp_path, format):
    wanted = "hog(cell_size=16, norm='l1'), color( bins = 16, space='rgb')+raw,gray"
    run = extract.run(folder, wanted, tmp_path / "out", size=32, format=format)
    names = ["hog(cell_size=16, norm='l1')", "color(bins=16, space='rgb')+raw", "gray"]
    assert list(run.names) == names
    images = np.stack([decoded(folder / "class0" / "0000.jpg", 32)])
    for name in names:
        expected = parse(name).function((32, 32))(images)
        np.testing.assert_array_equal(run[name][:1], expected)
        assert run.names[name] == expected.shape[1]
    np.testing.assert_array_equal(run["hog"], run[names[0]])
    expressions = {name: column["expression"] for name, column in run.settings["features"].items()}
    assert expressions == {
        names[0]: "HOG(cell_size=16, norm='l1')",
        names[1]: "ColorHistogram(bins=16, space='rgb') + RawPixels()",
        "gray": "ColorHistogram(space='gray', bins=256)",
    }
    np.testing.assert_array_equal(run.transformer("hog").transform(images), run["hog"][:1])
    with pytest.raises(KeyError, match="no feature 'uoctti'; there are hog"):
        run["uoctti"]
    both = extract.run(folder, "hog(cell_size=16), hog(cell_size=8)", tmp_path / "both", size=32)
    with pytest.raises(KeyError, match="several features 'hog'"):
        both.transformer("hog")


@pytest.mark.slow
def test_features_that_learn_are_learned_from_the_same_images(folder, tmp_path):
    features = ["palette(n_colors=8)", "words(n_words=9)", "hog"]
    run = extract.run(folder, features, tmp_path / "a", size=32, shard_size=7, n_workers=2)
    assert run.names["words(n_words=9)"] == 36
    images = np.stack([decoded(folder / "class0" / "0000.jpg", 32)])
    for name in features:
        transformer = run.transformer(name)
        np.testing.assert_array_equal(transformer.transform(images), run[name][:1])
    assert run.transformer("palette").palette_.dtype == np.uint8
    model = extract.codebook(
        folder, "words(n_words=9)", tmp_path / "words.safetensors", size=32, shard_size=7
    )
    np.testing.assert_array_equal(model.codebook_, run.transformer("words").codebook_)
    again = extract.run(folder, features, tmp_path / "b", size=32, shard_size=7, n_workers=1)
    assert bytes_of(again.folder) == bytes_of(run.folder)
    for name in ("models", "manifest.json"):
        path = tmp_path / "a" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    extract.resume(tmp_path / "a")
    assert bytes_of(tmp_path / "a") == bytes_of(again.folder)


def test_shards_are_written_without_pandas(tmp_path):
    """Importing it would take each worker as long as its first shard."""
    code = f"""
import sys
from pathlib import Path
import numpy as np
from imfeat.extract.images import Row
from imfeat.extract.store import write_shard
rows = [Row("größe.jpg", None, None, "no such file"), Row("b", 2**40, "ab", None), Row("", 0, "", None)]
Path({str(tmp_path)!r}, "shards").mkdir()
Path({str(tmp_path)!r}, "receipts").mkdir()
features = {{"x": np.arange(6, dtype=np.float32).reshape(3, 2)}}
write_shard(Path({str(tmp_path)!r}), 0, "key", rows, features, "parquet")
print("pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    table = pq.read_table(tmp_path / "shards" / "000000.parquet")
    assert table.to_pydict() == {
        "path": ["größe.jpg", "b", ""],
        "n_bytes": [None, 2**40, 0],
        "sha256": [None, "ab", ""],
        "error": ["no such file", None, None],
        "x": [None, [2, 3], [4, 5]],
    }


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Four JPEGs that are larger than what is wanted of them."""
    root = tmp_path_factory.mktemp("photos")
    for k in range(4):
        (root / f"{k}.jpg").write_bytes(as_file(crop(k, 200), "JPEG", quality=95))
    return root


def by_draft(path, size):
    """Return a JPEG as Pillow decodes it at 1/4 and scales it."""
    with Image.open(path) as image:
        image.draft("RGB", (50, 50))
        assert image.size == (50, 50)
        return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def test_fast_decoding_is_a_setting_that_resumes_with_itself_alone(photos, tmp_path):
    how = {"size": 40, "format": "npy"}
    fast = extract.run(photos, ["raw"], tmp_path / "fast", **how, decode="fast")
    exact = extract.run(photos, ["raw"], tmp_path / "exact", **how)
    images = np.stack([by_draft(path, 40) for path in sorted(photos.glob("*.jpg"))])
    np.testing.assert_array_equal(fast["raw"], imfeat.raw_pixels(images))
    assert 0 < np.abs(exact["raw"] - fast["raw"]).mean() < 0.05
    assert fast.settings["decode"] == "fast"
    assert "simplejpeg" in fast.settings["versions"]
    assert "decode" not in exact.settings  # so that plans of before there was a choice are those of exact
    assert "simplejpeg" not in exact.settings["versions"]
    before = bytes_of(fast.folder)
    for folder, decode in ((fast.folder, "exact"), (exact.folder, "fast")):
        with pytest.raises(ValueError, match="holds a run with decode="):
            extract.run(photos, ["raw"], folder, **how, decode=decode, resume=True)
    (fast.folder / "manifest.json").unlink()
    (fast.folder / "receipts" / "000000.json").unlink()
    extract.resume(fast.folder)
    assert bytes_of(fast.folder) == before
    with pytest.raises(ValueError, match="decode must be one of 'exact', 'fast', got 'quick'"):
        extract.run(photos, ["raw"], tmp_path / "new", decode="quick")


def test_features_learn_from_images_that_are_decoded_as_wanted(photos, tmp_path):
    how = {"size": 40, "decode": "fast"}
    run = extract.run(photos, ["palette(n_colors=4)"], tmp_path / "run", **how)
    fast = extract.codebook(photos, "palette(n_colors=4)", tmp_path / "fast.safetensors", **how)
    exact = extract.codebook(photos, "palette(n_colors=4)", tmp_path / "exact.safetensors", size=40)
    np.testing.assert_array_equal(run.transformer("palette").palette_, fast.palette_)
    assert (fast.palette_ != exact.palette_).any()


def test_a_column_whose_recipe_changed_is_not_remade(folder, run, monkeypatch):
    from imfeat import recipes

    changed = dataclasses.replace(recipes.RECIPES["hog"], options={"cell_size": 4})
    monkeypatch.setitem(recipes.RECIPES, "hog", changed)
    with pytest.raises(ValueError, match=r"'hog' was HOG\(\), and is HOG\(cell_size=4\)"):
        run.transformer("hog")


def as_tar(paths, path):
    with tarfile.open(path, "w") as tar:
        for k, source in enumerate(paths):
            info = tarfile.TarInfo(f"../{k:03}.jpg" if k % 2 else f"{k:03}.jpg")  # is read, never unpacked
            info.size = source.stat().st_size
            tar.addfile(info, io.BytesIO(source.read_bytes()))
            about = tarfile.TarInfo(f"{k:03}.json")
            about.size = 2
            tar.addfile(about, io.BytesIO(b"{}"))


def as_parquet(paths, path, how):
    contents = [source.read_bytes() for source in paths]
    names = [os.path.relpath(source, path.parent) for source in paths]
    columns = {
        "bytes": {"id": list(range(len(paths))), "bytes": contents},
        "paths": {"path": names, "label": ["x"] * len(paths)},
        "struct": {"image": [{"bytes": content, "path": "a.jpg"} for content in contents]},
        "named": {"a": ["text"] * len(paths), "b": names},
    }[how]
    pq.write_table(pa.table(columns), path, row_group_size=4)


def test_a_run_resumed_with_another_source_is_refused(folder, run, tmp_path):
    shutil.copytree(run.folder, tmp_path / "out")
    before = bytes_of(tmp_path / "out")
    others = [tmp_path, "--size", 32, "--shard-size", 5], [folder, "--size", 32, "--shard-size", 6]
    for other in others:
        arguments = command(*other, "--out", tmp_path / "out", "--resume")
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
        assert done.returncode == 2
        assert "holds a run with" in done.stderr
    assert bytes_of(tmp_path / "out") == before


def test_a_plan_that_was_killed_leaves_no_list(folder, run, tmp_path):
    (tmp_path / "out" / "plan").mkdir(parents=True)
    (tmp_path / "out" / "plan" / "000099.jsonl").write_text("[]")
    extract.run(folder, FEATURES, tmp_path / "out", size=32, shard_size=5)
    assert bytes_of(tmp_path / "out") == bytes_of(run.folder)


@pytest.mark.parametrize("kind", ["glob", "list", "tar", "bytes", "paths", "struct", "named", "nested"])
def test_every_source_gives_the_same_features(folder, run, tmp_path, kind):
    paths, source, options = sorted(folder.rglob("*.jpg")), tmp_path / "source", {}
    if kind == "glob":
        source = f"{folder}/**/*.jpg"
    elif kind == "list":
        source = tmp_path / "list.txt"
        source.write_text("".join(f"{os.path.relpath(path, tmp_path)}\n" for path in paths))
    elif kind == "tar":
        source = tmp_path / "a.tar"
        as_tar(paths, source)
    elif kind == "nested":
        source.mkdir()
        as_tar(paths[:10], source / "a.tar")
        as_parquet(paths[10:], source / "b.parquet", "bytes")
    else:
        source = tmp_path / "a.parquet"
        as_parquet(paths, source, kind)
        options = {"column": "b"} if kind == "named" else {}
    found = extract.run(source, ["color"], tmp_path / "out", size=32, shard_size=9, **options)
    np.testing.assert_array_equal(found["color"], run["color"])
    assert [row["sha256"] for row in found.rows()] == [row["sha256"] for row in run.rows()]


def test_the_number_of_workers_changes_no_byte(folder, run, tmp_path):
    for n_workers in (1, 3):
        out = tmp_path / str(n_workers)
        extract.run(folder, FEATURES, out, size=32, shard_size=5, n_workers=n_workers)
        assert bytes_of(out) == bytes_of(run.folder)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"source": "nowhere"}, FileNotFoundError, "no source .*nowhere"),
        ({"features": ["hogg"]}, ValueError, "unknown feature 'hogg'; choose among raw.*or give a file"),
        ({"features": ["hog(cells=3)"]}, ValueError, "unknown option 'cells'"),
        ({"features": ["fusion"]}, ValueError, "extract its members: fisher-sift, fisher-color"),
        ({"features": ["hog+words"]}, ValueError, "columns of their own: hog, words"),
        ({"features": []}, ValueError, "at least one"),
        ({"size": 0}, ValueError, "size must be"),
        ({"size": 4}, ValueError, "cell|block|small"),
        ({"fit": "pad"}, ValueError, "fit must be one of 'crop', 'stretch'"),
        ({"format": "csv"}, ValueError, "format must be one of 'parquet', 'npy'"),
        ({"shard_size": 0}, ValueError, "shard_size must be at least 1"),
        ({"n_workers": 0}, ValueError, "n_workers must be at least 1"),
        ({"scheduler": "dask"}, ValueError, "scheduler must be 'local' or an address"),
        ({"source": ""}, ValueError, "source is empty"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(folder, tmp_path, options, error, message):
    wanted = {"source": folder, "features": FEATURES, "size": 32} | options
    with pytest.raises(error, match=message):
        extract.run(wanted.pop("source"), wanted.pop("features"), tmp_path / "out", **wanted)
    assert not (tmp_path / "out" / "plan.json").exists()


def test_an_empty_source_is_an_error(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no images in"):
        extract.run(tmp_path / "empty", FEATURES, tmp_path / "out")


def test_a_parquet_file_without_images_says_what_it_has(tmp_path):
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"no column of bytes.*one of a, b"):
        extract.run(tmp_path / "a.parquet", FEATURES, tmp_path / "out")


def test_runs_are_not_mixed(folder, run, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(run.folder, out)
    with pytest.raises(FileExistsError, match="holds a run already"):
        extract.run(folder, FEATURES, out, size=32, shard_size=5)
    for other in ({"size": 48}, {"shard_size": 6}, {"fit": "stretch"}, {"format": "npy"}):
        with pytest.raises(ValueError, match="holds a run with"):
            extract.run(folder, FEATURES, out, resume=True, **{"size": 32, "shard_size": 5} | other)
    with pytest.raises(ValueError, match="holds a run with features="):
        extract.run(folder, ["color"], out, resume=True, size=32, shard_size=5)
    assert bytes_of(out) == bytes_of(run.folder)


def test_two_runs_at_once_are_refused(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(_files, "LOCK_TIMEOUT", 0)
    (tmp_path / "out").mkdir()
    with _files.locked(tmp_path / "out"), pytest.raises(BlockingIOError, match="another run writes to"):
        extract.run(folder, FEATURES, tmp_path / "out", size=32)


def test_a_damaged_shard_is_found_and_computed_again(folder, run, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(run.folder, out)
    path = out / "shards" / "000002.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"000002\.parquet is missing or damaged; resume"):
        extract.open(out)
    extract.resume(out)
    assert bytes_of(out) == bytes_of(run.folder)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="missing or damaged"):
        extract.open(out, verify=True)
    extract.resume(out)
    assert bytes_of(out) == bytes_of(run.folder)


def test_an_unfinished_run_says_so(run, tmp_path):
    shutil.copytree(run.folder, tmp_path / "out")
    (tmp_path / "out" / "manifest.json").unlink()
    with pytest.raises(FileNotFoundError, match="interrupted: resume it"):
        extract.open(tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="no finished run"):
        extract.open(tmp_path)


def test_a_task_may_be_done_twice(run):
    plan = Plan(run.folder)
    before = bytes_of(run.folder)
    path = run.folder / "receipts" / "000001.json"
    receipt = json.loads(path.read_text())
    path.unlink()
    assert worker.extract_shard(str(run.folder), 1) == receipt
    assert worker.extract_shard(str(run.folder), 1) == receipt
    assert plan.key == receipt["key"]
    assert bytes_of(run.folder) == before


def command(*arguments):
    return [sys.executable, "-c", "from imfeat.cli import main; main()", "extract", *map(str, arguments)]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """200 images and what an undisturbed run makes of them."""
    root = tmp_path_factory.mktemp("many")
    write_folder(root / "images", 200, kind="PNG")
    found = extract.run(root / "images", FEATURES, root / "out", size=32, shard_size=4)
    return root / "images", bytes_of(found.folder)


def assert_no_workers_are_left(group):
    for _ in range(50):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("workers wait for a driver that was killed")


SLOW = [pytest.param(whom, marks=pytest.mark.slow) for whom in ("all", "worker")]


@pytest.mark.parametrize("whom", ["driver", *SLOW])
def test_killed_at_any_moment_nothing_is_lost(many, tmp_path, whom):
    images, expected = many
    out, chance = tmp_path / "out", random.Random(whom)
    begin = command(images, "--out", out, "--size", 32, "--shard-size", 4)
    go_on = command("--out", out, "--resume")
    for _ in range(2):
        process = subprocess.Popen(
            go_on if (out / "plan.json").exists() else begin,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        enough = len(list(out.glob("receipts/*.json"))) + chance.randint(0, 12)
        while process.poll() is None and len(list(out.glob("receipts/*.json"))) < enough:
            time.sleep(0.001)
        if whom == "worker":
            subprocess.run(["pkill", "-9", "-P", str(process.pid)], check=False)
            assert process.wait(timeout=120) == 0
            break
        (os.kill if whom == "driver" else os.killpg)(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
        assert_no_workers_are_left(process.pid)
    if whom != "worker":
        done = subprocess.run(
            go_on if (out / "plan.json").exists() else begin, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
    assert bytes_of(out) == expected


def test_an_interrupted_run_says_how_to_go_on(many, tmp_path):
    images, expected = many
    out = tmp_path / "out"
    process = subprocess.Popen(
        command(images, "--out", out, "--size", 32, "--shard-size", 4),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not list(out.glob("receipts/*.json")):
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    if process.returncode:  # else it was done before
        assert said == f"Error: interrupted; continue with: imfeat extract --out {out} --resume\n"
        assert process.returncode == 2
    extract.resume(out)
    assert bytes_of(out) == expected


def die_or_count(folder, shard):
    """Kill this process, unless there are two others' marks."""
    marks = os.path.join(folder, str(shard))
    with open(marks, "a") as file:
        file.write("x")
    if shard == 3 and os.path.getsize(marks) < 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return shard


def always_die(shard):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_is_replaced(tmp_path):
    import functools

    results = schedule.Processes(2).run(functools.partial(die_or_count, str(tmp_path)), range(12))
    assert sorted(results) == [(shard, shard) for shard in range(12)]
    with pytest.raises(RuntimeError, match=r"processes died 3 times in a row.*shards \[0, 1\]"):
        list(schedule.Processes(1).run(always_die, range(2)))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting a small disk takes root")
def test_a_full_disk_loses_nothing(many, tmp_path):
    images, expected = many
    out = tmp_path / "disk"
    out.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", out], capture_output=True
    ).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(OSError, match="No space left"):
            extract.run(images, FEATURES, out, size=32, shard_size=4)
        assert list((out / "shards").glob("*.parquet"))
        subprocess.run(["mount", "-o", "remount,size=50m", out], check=True)
        extract.resume(out)
        assert bytes_of(out) == expected
    finally:
        subprocess.run(["umount", out], check=True)


def kill_after(pid, receipts, n):
    """Kill a process when there are so many receipts."""
    while len(list(receipts.glob("*.json"))) < n:
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_dask_workers_one_of_which_dies_give_the_same_bytes(many, tmp_path):
    distributed = pytest.importorskip("distributed")
    images, expected = many
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        workers = [worker.process.pid for worker in cluster.workers.values()]
        killer = threading.Thread(target=kill_after, args=(workers[0], tmp_path / "out" / "receipts", 5))
        killer.start()
        extract.run(images, FEATURES, tmp_path / "out", size=32, shard_size=4, scheduler=address)
        killer.join()
        one = extract.codebook(images, "words", tmp_path / "dask.npz", size=32, scheduler=address)
    assert bytes_of(tmp_path / "out") == expected
    extract.codebook(images, "words", tmp_path / "local.npz", size=32)
    assert (tmp_path / "dask.npz").read_bytes() == (tmp_path / "local.npz").read_bytes()
    assert one.codebook_.shape == (400, 108)


def test_the_command_line_does_the_same(folder, run, tmp_path):
    out = tmp_path / "out"
    arguments = command(folder, "--out", out, "--size", 32, "--shard-size", 5)
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    first, error, written, code = done.stdout.splitlines()
    assert re.fullmatch(r"22 images, 1 with errors in [\d.]+ s: \d+ images/s", first)
    assert error.startswith(f"  {folder / 'class1' / '0004b.jpg'}: OSError: ")
    assert written == f"Written to {out / 'shards'}: hog (324 numbers), color (512 numbers)"
    names = {}
    exec(code.removeprefix("Open them in Python: "), names)
    assert names["features"]["hog"].shape == (22, 324)
    assert done.stderr == ""
    assert bytes_of(out) == bytes_of(run.folder)
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "holds a run already" in done.stderr
    assert imfeat.extract.open(out)["hog"].shape == run["hog"].shape


def test_the_command_line_counts_errors_by_reason(tmp_path):
    photo = as_file(crop(1), "JPEG")
    for k, length in enumerate((300, 310, 320)):
        (tmp_path / f"{k}.jpg").write_bytes(photo[:length])
    (tmp_path / "7.jpg").write_bytes(b"no image")
    (tmp_path / "8.jpg").write_bytes(photo)
    out = tmp_path / "out"
    for resumed in (False, True):
        how = ["--out", str(out), "--resume", *([] if resumed else [str(tmp_path), "--features", "color"])]
        done = CliRunner().invoke(main, ["extract", *how])
        lines = done.output.splitlines()
        assert re.fullmatch(
            "5 images, 4 with errors" + ("" if resumed else r" in .* s: .* images/s"), lines[0]
        )
        assert lines[1].startswith(f"  {tmp_path / '0.jpg'} and 2 more: OSError: ")
        assert lines[2].startswith(f"  {tmp_path / '7.jpg'}: not a readable image")


def test_only_some_reasons_are_printed(capsys):
    rows = [{"path": f"{k}.jpg", "error": f"reason {chr(97 + k % 8)}, {k} bytes"} for k in range(9)]
    shared._print_errors(rows)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  0.jpg and 1 more: reason a, 0 bytes"
    assert lines[-2:] == ["  4.jpg: reason e, 4 bytes", "  and 3 more reasons: errors() in Python"]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_bar_tells_rate_and_time_left_on_terminals_only(monkeypatch, is_terminal):
    file = io.StringIO()
    environ = {"TERM": "xterm"}
    terminal = rich.console.Console(file=file, force_terminal=is_terminal, width=100, _environ=environ)
    monkeypatch.setattr(schedule, "console", lambda: terminal)
    monkeypatch.setattr(schedule, "has_terminal", lambda: is_terminal)
    results = [(0, 5), (2, 2), (1, 5)]
    assert list(schedule.with_bar(iter(results), 12, True, "images", lambda n: n)) == results
    if is_terminal:
        assert re.search(r"images .*12/12.* [\d,]+/s .*0:00:00", file.getvalue())
    else:
        assert file.getvalue() == ""


def threads_of(shard):
    return imfeat.get_num_threads(), reading._threads._max_workers


def test_workers_share_the_cores_if_there_are_fewer_shards():
    assert dict(schedule.Processes(6).run(threads_of, range(2))) == {0: (3, 3), 1: (3, 3)}


def test_images_are_the_same_in_threads(folder, tmp_path):
    with tarfile.open(tmp_path / "packed.tar.gz", "w:gz") as archive:
        archive.add(folder, "images")
    for source in (folder, tmp_path / "packed.tar.gz"):
        items = list(find(str(source)))
        rows, images, indices = reading.read_images(items, (24, 24), "crop")
        assert len(rows) == len(indices) + 1 == 22
        try:
            reading.decode_in_threads(3)
            in_threads = reading.read_images(items, (24, 24), "crop")
        finally:
            reading.decode_in_threads(1)
        assert in_threads[0] == rows
        np.testing.assert_array_equal(in_threads[1], images)
        assert in_threads[2] == indices


def test_images_of_their_own_size_are_the_same_in_threads(folder, tmp_path):
    with tarfile.open(tmp_path / "packed.tar.gz", "w:gz") as archive:
        archive.add(folder, "images")
    for source in (folder, tmp_path / "packed.tar.gz"):
        items = list(find(str(source)))
        expected = list(reading.read_batches(items, "max-40", "crop"))
        try:
            reading.decode_in_threads(3)
            in_threads = list(reading.read_batches(items, "max-40", "crop"))
        finally:
            reading.decode_in_threads(1)
        for (rows, groups), (other_rows, other_groups) in zip(in_threads, expected, strict=True):
            assert rows == other_rows
            for (indices, images), (other_indices, others) in zip(groups, other_groups, strict=True):
                assert indices == other_indices
                np.testing.assert_array_equal(images, others)


def test_a_batch_for_a_gpu_is_larger_but_not_of_large_images(monkeypatch):
    monkeypatch.setattr(reading, "read_images", lambda items, *_: ([None] * len(items), None, []))

    def lengths(*how):
        return [len(rows) for rows, _ in reading.read_batches(list(range(300)), *how)]

    assert lengths((64, 64), "crop", "exact")[:2] == [32, 32]
    assert lengths((64, 64), "crop", "exact", "cuda") == [256, 44]
    assert lengths((512, 512), "crop", "exact", "cuda")[0] == 64
    assert lengths((2048, 2048), "crop", "exact", "cuda")[0] == 32


def test_bars_are_for_terminals_and_notebooks(monkeypatch):
    class ZMQInteractiveShell:
        """As in a notebook."""

    ipython = pytest.importorskip("IPython")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not _progress.has_terminal()
    monkeypatch.setattr(ipython, "get_ipython", ZMQInteractiveShell)
    assert _progress.has_terminal()
