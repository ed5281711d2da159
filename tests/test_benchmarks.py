"""The benchmarks run, on small images, and judge what they measure rightly."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import contestants, goals, images, inputs, jobs, peers, races, single, tables, timing, worker

ROOT = Path(__file__).parents[1]
OPENCV = "benchmarks.peers.opencv"


@pytest.fixture(scope="module")
def short_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    command = [sys.executable, "-m", "benchmarks", "--short", "--out", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    (page,), (data,) = folder.glob("*.md"), folder.glob("*.json")
    return page.read_text(), json.loads(data.read_text())


@pytest.mark.slow
def test_the_short_benchmark_times_every_job(short_run):
    page, found = short_run
    assert {row["job"] for row in found["races"]} == set(jobs.ALL)
    assert len(found["races"]) == races.n_rows(list(jobs.ALL), images.SHORT_SIZES, [1, 2])
    for row in found["races"]:
        assert row["imfeat"] > 0
        assert not row["failed"]
        assert f"### {row['job']}" in page


@pytest.mark.slow
def test_the_short_benchmark_fills_the_other_tables(short_run):
    _, found = short_run
    assert {row["job"] for row in found["single"]} == set(jobs.ALL)
    of_kernels = {row["job"]: row["microseconds"].get(contestants.KERNELS) for row in found["single"]}
    assert {job for job, time in of_kernels.items() if time is None} == {"equalize, uint16"}  # NumPy's
    assert all(time is None or time > 0 for time in of_kernels.values())
    (first,) = found["first calls"]
    assert first["empty_cache"] > first["full_cache"] > 0
    assert found["cold"]["heavy_imports"] == []
    if sys.platform == "linux":
        memory, fused = found["memory"]
        assert memory["output"] == 4 * memory["input"]
        assert fused["met"]


@pytest.mark.slow
def test_the_short_benchmark_times_jobs_of_one_size(short_run):
    page, found = short_run
    assert [(row["job"], row["threads"]) for row in found["encodings"]] == [
        (name, n) for name in jobs.FIXED for n in (1, 2)
    ]
    for row in found["encodings"]:
        assert not row["failed"]
        assert f"### {row['job']}" in page


A_PART = {"sgemm"}  # does only that of the job


def result_of(name, entry, taken):
    """Return the result of a job as one array."""
    result = entry.jobs[name](taken, 1)()
    result = getattr(result, "means_", getattr(result, "means", result))
    if isinstance(result, tuple):
        result = result[1]  # means of (weights, means, variances), descriptors of (positions, descriptors)
    return np.asarray(result)


EXACT = [
    "assign, 1024 words",
    "learn_codebook, 256 words",
    "learn_mixture, 64 components",
    "fisher_vector, 64 components",
    "vlad, 64 words",
    "dense_patches, 6x6, 1 of 512x512",
    "patch_features, 800 words, triangle",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", EXACT)
def test_peers_compute_the_same(name):
    found, _ = contestants.find()
    taken = jobs.FIXED[name].take(True)
    ours = result_of(name, found[contestants.OURS], taken)
    for library, entry in found.items():
        # scikit-image's Fisher vectors have other parts and signs.
        if name not in entry.jobs or library in A_PART | {"scikit-image"}:
            continue
        theirs = result_of(name, entry, taken).reshape(ours.shape)
        error = np.linalg.norm(theirs - ours) / np.linalg.norm(ours)
        assert error < 2e-3, library


@pytest.mark.slow
def test_missing_libraries_are_said(short_run):
    page, found = short_run
    assert "OpenCV 5" in found["missing"]
    (line,) = [line for line in page.splitlines() if line.startswith("- Missing: ")]
    assert all(library in line for library in found["missing"])


def test_a_library_that_cannot_be_imported_is_missing():
    found, missing = peers.load({"NumPy": "numpy", "Nonesuch": "nonesuch"})
    assert list(found) == ["NumPy"]
    assert "nonesuch" in missing["Nonesuch"]


def a_row(**changes):
    where = changes.pop("where", ("64 of 512x512", "large", 1))
    rates = {
        "imfeat": 600.0,
        "imfeat, new output": 500.0,
        "OpenCV 4": 200.0,
        "OpenCV 5": 300.0,
        "Close": 900.0,
    }
    row = races.row("hog", where, rates, ["Close"], 10, 1e10)
    return row | {"failed": {}} | changes


def test_a_row_compares_with_the_fastest_exact_peer_and_with_a_copy():
    row = a_row()
    assert row["fastest_peer"] == "OpenCV 5"
    assert row["times_fastest_peer"] == 2
    assert row["times_copy_floor"] == pytest.approx(0.6)  # a copy of 10 bytes a pixel takes 1 ns


def test_a_row_without_peers_has_no_ratio():
    row = races.row("hog", ("x", "tiny", 1), {"imfeat": 1.0, "Close": 2.0}, ["Close"], 1, 1e9)
    assert row["fastest_peer"] is None
    assert row["times_fastest_peer"] is None


@pytest.mark.parametrize(
    ("of", "expected"),
    [("fastest peer", 2), ("OpenCV", 2), ("OpenCV 4", 3), ("copy floor", 0.6), ("faiss", None)],
)
def test_a_goal_is_a_ratio_to_what_it_names(of, expected):
    assert goals.ratio(jobs.Goal(1, of), a_row()) == (expected and pytest.approx(expected))


def test_goals_are_judged_by_their_worst_row():
    rows = [a_row(), a_row(where=("1 of 4096x4096", "large", 1), peers={"OpenCV 5": 60.0})]
    (one, two, _) = [found for found in goals.judge(rows) if found["job"] == "hog"]
    assert one["goal"] == "7 x OpenCV, 1 thread"
    assert (one["large"], one["tiny"], one["met"]) == (2, None, False)
    assert one["misses"] == ["64 of 512x512 at 1: 2.00"]
    assert two["met"] is None  # no row at two threads
    assert "not measured" in "\n".join(tables.goals([two], []))


def test_two_threads_are_compared_with_one():
    rows = [a_row(), a_row(where=("64 of 512x512", "large", 2), imfeat=660.0)]
    goals.add_speedups(rows)
    assert rows[1]["times_one_thread"] == pytest.approx(1.1)
    assert goals.weak_speedups(rows) == [rows[1]]
    rows[1]["times_copy_floor"] = 0.9
    assert goals.weak_speedups(rows) == []


def test_a_race_returns_medians():
    seconds = iter([9.0, 3.0, 1.0, 2.0])
    slow = timing.Contestant("slow", lambda n: next(seconds), 1)
    assert timing.race([slow], 3) == {"slow": 2.0}


@pytest.mark.parametrize("n_threads", [1, 2])
def test_one_image_is_counted_in_strips(n_threads, monkeypatch):
    monkeypatch.setattr(timing, "STRIP_SIZE", 100)
    image = np.random.default_rng(0).integers(0, 256, (1, 40, 8), np.uint8)
    count = timing.each_counted(lambda part: np.bincount(part.ravel(), minlength=256), image, n_threads)
    np.testing.assert_array_equal(count(), np.bincount(image.ravel(), minlength=256))


def test_a_worker_of_another_python_does_jobs():
    remote = contestants.Remote(OPENCV, sys.executable)
    seconds = remote.prepare("rgb_to_gray, uint8", images.cut(2, 32, 32), 1)
    assert 0 < seconds(3) < 1
    with pytest.raises(RuntimeError, match="nonesuch"):
        remote.prepare("nonesuch", images.cut(1, 32, 32), 1)
    remote.worker.close()
    assert remote.worker.process.returncode == 0


def test_a_worker_needs_neither_imfeat_nor_click():
    script = f"import sys, benchmarks.worker, {OPENCV}; print({{'imfeat', 'click'}} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "set()"


def test_a_worker_that_cannot_import_its_library_says_so():
    with pytest.raises(RuntimeError, match="nonesuch"):
        worker.Worker("benchmarks.peers.nonesuch")


def test_a_python_that_is_not_there_is_missing(tmp_path):
    _, missing = contestants.find(str(tmp_path / "python"))
    assert "No such file" in missing["OpenCV 5"]


def test_peers_know_only_jobs_of_the_table():
    found, _ = peers.load()
    assert {"OpenCV 4", "Pillow", "scikit-image", "NumPy"} <= set(found)
    for module in found.values():
        assert set(module.JOBS) <= set(jobs.EVERY)
        assert set(getattr(module, "APPROXIMATE", ())) <= set(module.JOBS)


def test_kernels_are_those_that_a_call_ran():
    image = images.cut(1, 32, 32)[0]
    replay = single.kernels_of(jobs.Job("rgb_to_hsv").call(image))
    assert replay is not None
    assert replay() is None
    assert single.kernels_of(lambda: image.sum()) is None


def test_inputs_keep_the_pixels():
    batch = images.cut(6, 32, 48)
    assert inputs.sheet(batch).shape == (9, 1024, 3)
    strips = inputs.strips(inputs.sheet(batch), 2048)
    np.testing.assert_array_equal(np.concatenate(strips).ravel(), batch.ravel())
    assert len(images.some(batch, 4000)) == 2
    assert images.some(batch[:1], 400).shape == (1, 20, 20, 3)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("n", [1, 5])
def test_a_function_is_mapped_over_all_pieces(n, n_threads):
    out = np.zeros((n, 2))
    timing.each(lambda piece, result: np.multiply(piece, 2, out=result), np.ones((n, 2)), n_threads, out)()
    assert (out == 2).all()


def test_the_readme_quotes_results(tmp_path):
    from benchmarks import readme

    (tmp_path / "one.md").write_text("In words.\n\n| a |\n| --- |\n| 1 |\n\nMore.\n\n| b |\n")
    text = "Before\n<!-- table one -->\nold\n<!-- end -->\nafter\n"
    found = readme.quoted(text, tmp_path)
    assert (
        found == "Before\n<!-- table one -->\n\n> In words.\n\n| a |\n| --- |\n| 1 |\n\n<!-- end -->\nafter\n"
    )
    assert readme.quoted(found, tmp_path) == found
    text = readme.README.read_text()
    assert readme.quoted(text, readme.RESULTS) == text
