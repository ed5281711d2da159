"""The benchmark of whole commands: fair peers, and tables of what was measured."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import as_file, crop, decoded, write_folder

import imfeat
from benchmarks.extraction import commands, inputs, page, peers, races

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("images"), 6)


@pytest.mark.parametrize(("name", "tolerance"), [("pillow", 0), ("simplejpeg", 0), ("opencv", 5)])
def test_peers_decode_and_scale_the_same_pixels(paths, name, tolerance):
    scaled = peers.PEERS[name][0](20)(paths[0].read_bytes())
    scaled = scaled[..., ::-1] if name == "opencv" else scaled
    difference = np.abs(scaled.astype(int) - decoded(paths[0], 20))
    assert difference.mean() <= tolerance  # OpenCV averages areas


def test_peers_read_folders_and_tars_alike(paths, tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "N_SMALL", 9)
    monkeypatch.setattr(inputs, "SMALL", 16)
    folder = inputs.class_folders(paths, tmp_path / "classes")
    assert len(list(folder.iterdir())) == 6
    contents = [peers.content_of(item) for item in peers.items_of(folder)]
    assert contents == [path.read_bytes() for path in paths]
    archive = inputs.shard_of_tar(paths, tmp_path / "0.tar")
    contents = [peers.content_of(item) for item in peers.items_of(archive)]
    assert len(contents) == 9
    assert len(set(contents)) == 9
    assert {peers.pillow(8)(content).shape for content in contents} == {(8, 8, 3)}


def test_features_of_scikit_image_are_those_of_imfeat(paths):
    pixels = crop(3, 64)
    gradients, colors = peers.scikit_image(as_file(pixels, "PNG"), 64)
    assert np.abs(gradients - imfeat.hog(pixels)).mean() < 3e-3  # equal magnitudes in two channels may differ
    np.testing.assert_allclose(colors, imfeat.color_histogram(pixels).ravel(), atol=1e-3)  # a pixel or two


def test_memory_is_that_of_the_largest_process(tmp_path):
    def peak_of(n_bytes):
        of_child = f"import time; x = b'1' * {n_bytes}; time.sleep(.2)"
        code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {of_child!r}])"
        return commands.measured([sys.executable, "-c", code], tmp_path, 1)["peak"]

    assert 45e6 < peak_of(50_000_000) - peak_of(0) < 55e6
    with pytest.raises(RuntimeError, match="no module"):
        commands.measured([sys.executable, "-c", "raise RuntimeError('no module')"], tmp_path, 1)


def test_goals_are_judged_and_printed():
    rates = {("pillow", 1): 100, (races.EXACT, 1): 150, ("pillow", 2): 200, (races.EXACT, 2): 180}
    rows = [
        {
            "job": "job",
            "name": name,
            "cores": cores,
            "images_per_s": rate,
            "seconds": 1,
            "peak": 7e7,
            "written": 0,
        }
        for (name, cores), rate in rates.items()
    ]
    job = races.Job("job", 8, 5, None, ("pillow", races.EXACT), {(races.EXACT, "pillow"): 1.2})
    goals = races.judge(job, rows)
    assert [goal["ratio"] for goal in goals] == [1.5, 0.9]
    lines = page.goal_lines(goals)
    assert lines[-2].endswith("| 1.2 | 1.50 | reached |")
    assert lines[-1].endswith("| 1.2 | 0.90 | **missed** |")
    assert "| 150 | 1.50 | 180 | 0.90 | 1.00 | 70 | 0 |" in page.race(rows)[-1]


@pytest.mark.slow
def test_whole_commands_are_timed(tmp_path):
    write_folder(tmp_path / "images", 10)
    command = [sys.executable, "-m", "benchmarks.extraction", "--data", tmp_path / "images", "--jobs", "few"]
    command += ["--repeats", "1", "--images", "6", "--out", tmp_path / "out"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (tmp_path / "out" / "extraction.md").read_text() + "\n"
    result = json.loads((tmp_path / "out" / "extraction.json").read_text())
    assert {(row["name"], row["cores"]) for row in result["races"]} == {
        (name, cores) for name in (races.EXACT, "pillow") for cores in races.CORES
    }
    assert all(10e6 < row["peak"] < 2e9 for row in result["races"])
    assert result["memory"][0]["images"] == 6
