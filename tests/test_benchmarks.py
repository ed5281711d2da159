"""The benchmarks run, on small images, and judge what they measure rightly."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import (
    chart,
    check,
    contestants,
    floors,
    goals,
    images,
    inputs,
    instructions,
    jobs,
    peers,
    races,
    single,
    tables,
    timing,
    worker,
)

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
    level = instructions.level_of_machine()
    assert [entry["level"] for entry in found["sets"]] == [level]
    for row in found["races"]:
        assert row["imfeat"] > 0
        assert row["instructions"] == level
        assert not row["failed"]
        assert f"#### {row['job']}" in page


@pytest.mark.slow
def test_the_short_benchmark_fills_the_other_tables(short_run):
    _, found = short_run
    assert {row["job"] for row in found["single"]} == set(jobs.ALL)
    of_kernels = {row["job"]: row["microseconds"].get(contestants.KERNELS) for row in found["single"]}
    assert None not in of_kernels.values()
    assert all(time > 0 for time in of_kernels.values())
    (first,) = found["first calls"]
    assert first["empty_cache"] > first["full_cache"] > 0
    (start,) = found["cold"]
    assert start["heavy_imports"] == []
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
        assert f"#### {row['job']}" in page


A_PART = {"sgemm"}  # does only that of the job
OWN_START = {"superkmeans"}  # learns from a start of its own, so that its words are others


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


def inertia(vectors, codebook):
    return ((vectors[:, None] - codebook) ** 2).sum(-1).min(1).sum()


@pytest.fixture(scope="module")
def libraries():
    found, _ = contestants.find()
    yield found
    for entry in found.values():
        entry.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", EXACT)
def test_peers_compute_the_same(name, libraries):
    taken = jobs.FIXED[name].take(True)
    ours = result_of(name, libraries[contestants.OURS], taken)
    for library, entry in libraries.items():
        # scikit-image's Fisher vectors have other parts and signs.
        if name not in entry.jobs or library in A_PART | {"scikit-image"}:
            continue
        theirs = result_of(name, entry, taken).reshape(ours.shape)
        if library in OWN_START:
            assert inertia(taken, theirs) < 1.02 * inertia(taken, ours)
            continue
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
    row = races.row("hog", where, with_quartiles(rates), ["Close"], 10, 1e10)
    return row | {"failed": {}, "arithmetic": 100.0, "instructions": "avx512"} | changes


def with_quartiles(rates):
    return {library: (0.99 * rate, rate, 1.01 * rate) for library, rate in rates.items()}


def test_a_row_compares_with_the_fastest_exact_peer_and_with_a_copy():
    row = a_row()
    assert row["fastest_peer"] == "OpenCV 5"
    assert row["times_fastest_peer"] == 2
    assert row["times_copy_floor"] == pytest.approx(0.6)  # a copy of 10 bytes a pixel takes 1 ns


def test_a_row_without_peers_has_no_ratio():
    row = races.row("hog", ("x", "tiny", 1), with_quartiles({"imfeat": 1.0, "Close": 2.0}), ["Close"], 1, 1e9)
    assert row["fastest_peer"] is None
    assert row["times_fastest_peer"] is None


@pytest.mark.parametrize(
    ("of", "expected"),
    [("fastest peer", 2), ("OpenCV", 2), ("OpenCV 4", 3), ("copy floor", 0.6), ("faiss", None)],
)
def test_a_goal_is_a_ratio_to_what_it_names(of, expected):
    assert goals.ratio(jobs.Goal(1, of), a_row()) == (expected and pytest.approx(expected))


def test_goals_are_judged_by_their_worst_row():
    rows = [a_row(), a_row(where=("64 of 512x512", "large", 2), peers={"OpenCV 5": 60.0})]
    (one, two) = [found for found in goals.judge(rows) if found["job"] == "hog"]
    assert one["goal"] == "8 x OpenCV"
    assert (one["large"], one["tiny"], one["met"]) == (2, None, False)
    assert one["misses"] == ["64 of 512x512 at 1: 2.00"]
    assert two["met"] is None  # scikit-image did not take part
    assert "not measured" in "\n".join(tables.goals([two]))


@pytest.mark.parametrize(("level", "figure"), [("avx512", 3), ("avx2", 2), ("other", 2)])
def test_a_goal_may_have_another_figure_without_avx512(level, figure):
    goal, row = jobs.Goal(3, "OpenCV", avx2=2), a_row(instructions=level)
    assert goals.times(goal, row) == figure
    assert goals.judged("hog", goal, [row], level)["met"] is (figure == 2)
    assert goals.times(jobs.Goal(3, "OpenCV"), row) == 3


def test_instruction_sets_are_judged_apart():
    rows = [a_row(), a_row(instructions="avx2", imfeat=60.0)]
    (wide, narrow) = [found for found in goals.judge(rows) if found["goal"] == "8 x OpenCV"]
    assert (wide["instructions"], wide["large"]) == ("avx512", 2)
    assert (narrow["instructions"], narrow["large"]) == ("avx2", 0.2)


def test_two_threads_are_compared_with_one_and_with_arithmetic():
    rows = [a_row(), a_row(where=("64 of 512x512", "large", 2), imfeat=660.0, arithmetic=180.0)]
    goals.add_speedups(rows)
    assert rows[1]["times_one_thread"] == pytest.approx(1.1)
    assert rows[1]["arithmetic_speedup"] == pytest.approx(1.8)
    assert goals.ratio(jobs.Goal(1.6, "one thread"), rows[1]) == rows[1]["times_one_thread"]
    assert goals.weak_speedups(rows) == [rows[1]]
    assert "| 1.10 | 1.80 | 0.61 |" in "\n".join(tables.weak([rows[1]]))
    rows[1]["times_copy_floor"] = 0.9
    assert goals.weak_speedups(rows) == []


def test_rows_behind_a_peer_are_listed():
    rows = [a_row(), a_row(job="hsv_to_rgb, float32", times_fastest_peer=0.5)]
    assert goals.behind(rows) == [rows[1]]
    assert goals.median_ratio(rows) == 1.25
    page = "\n".join(tables.behind(rows))
    assert "| hsv_to_rgb, float32 | 64 of 512x512 | 1 | 0.50 | OpenCV 5 |" in page
    assert "without an exact peer: none" in page


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
    (process,) = (entry.process for entry in remote.workers.values())
    remote.close()
    assert process.returncode == 0


def test_a_library_that_ends_its_process_is_started_again():
    remote = contestants.Remote(OPENCV)
    remote.workers[None].process.kill()
    with pytest.raises(RuntimeError, match="ended"):
        remote.workers[None].ask(do="facts")
    assert remote.prepare("rgb_to_gray, uint8", images.cut(2, 32, 32), 1)(1) > 0
    remote.close()


def test_a_library_may_read_its_number_of_threads_as_it_starts():
    remote = contestants.Remote(OPENCV)
    remote.threads_variable = "NUMBER_OF_THREADS"
    one, two = remote.worker(1), remote.worker(2)
    assert remote.worker(1) is one
    for n, process in ((1, one.process), (2, two.process)):
        variables = Path(f"/proc/{process.pid}/environ")
        assert not variables.exists() or f"NUMBER_OF_THREADS={n}".encode() in variables.read_bytes()
    remote.close()


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
    found, missing = contestants.find(str(tmp_path / "python"))
    for entry in found.values():
        entry.close()
    assert "No such file" in missing["OpenCV 5"]


def test_peers_know_only_jobs_of_the_table():
    found, _ = peers.load()
    assert {"OpenCV 4", "Pillow", "scikit-image", "NumPy"} <= set(found)
    for module in found.values():
        assert set(module.JOBS) <= set(jobs.EVERY)
        assert set(getattr(module, "APPROXIMATE", ())) <= set(module.JOBS)


FEATURES = {"avx512": {"avx512bw": True, "avx2": True}, "avx2": {"avx2": True}, "other": {}}


@pytest.mark.parametrize("level", FEATURES)
def test_native_means_what_the_machine_has(level):
    assert instructions.level_of_machine(FEATURES[level]) == level
    assert instructions.levels(["native"], level) == [level]


def test_avx2_is_measured_once_where_it_is_native():
    assert instructions.levels(["native", "avx2"], "avx512") == ["avx512", "avx2"]
    assert instructions.levels(["native", "avx2"], "avx2") == ["avx2"]
    assert instructions.levels(["native", "avx2"], "other") == ["other"]
    with pytest.raises(ValueError, match="sse"):
        instructions.levels(["sse"], "avx2")


def test_only_what_is_not_native_is_limited(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    monkeypatch.setenv("OPENBLAS_L2_SIZE", "1")
    native = instructions.environment("avx512", "avx512")
    assert not {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "NUMBA_CPU_NAME"} & set(native)
    limited = instructions.environment("avx2", "avx512")
    assert (limited["OPENBLAS_CORETYPE"], limited["NUMBA_CPU_NAME"]) == ("Haswell", "znver3")
    assert "OPENBLAS_L2_SIZE" not in limited


def test_libraries_say_that_they_were_limited():
    script = (
        "import json; from benchmarks import contestants, instructions;"
        "print(json.dumps(instructions.reports(contestants.find()[0])))"
    )
    env = instructions.environment("avx2", "avx512")
    if instructions.level_of_machine() == "other":
        pytest.skip("has no AVX2")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=env, check=True, capture_output=True, text=True
    )
    said, exceeding = json.loads(done.stdout.splitlines()[-1])
    assert said["imfeat"][0] == "znver3"
    assert not set(exceeding) & {"imfeat", "NumPy", "OpenCV 4", "BLAS", "faiss", "PyTorch"}


@pytest.mark.parametrize(
    ("names", "wide"),
    [(["AVX2", "Haswell", "Zen"], False), (["AVX512F"], True), (["SkylakeX"], True), (["X86_V4"], True)],
)
def test_reports_of_more_than_avx2_are_seen(names, wide):
    assert any(map(instructions.is_wide, names)) is wide


@pytest.mark.parametrize(("n_read", "n_written"), [(300_000, 1_200_000), (300_000, 1000), (70_000, 70_000)])
def test_the_fresh_copy_reads_and_writes_all(n_read, n_written):
    target = np.zeros(n_written, np.uint8)
    floors.copy(np.ones(n_read, np.uint8), target)
    assert target.all()
    assert floors.fresh_copy(n_read, n_written, 2, 1).seconds(1) > 0


def of_a_page(**changes):
    about = {"machine": "one", "processor": "znver3"}
    return about, {"races": [a_row(instructions="avx2", **changes)], "encodings": []}


@pytest.mark.parametrize(("imfeat", "status"), [(600.0, 0), (560.0, 0), (500.0, 1)])
def test_a_check_fails_where_a_ratio_fell_by_more_than_chance(tmp_path, capsys, imfeat, status):
    about, results = of_a_page()
    (tmp_path / "page.json").write_text(json.dumps(about | results))
    assert check.compare(*of_a_page(imfeat=imfeat), tmp_path) == status
    assert ("fell" in capsys.readouterr().out) == bool(status)


def test_a_check_takes_peers_of_both(tmp_path, capsys):
    about, results = of_a_page(peers={"OpenCV 4": 200.0, "Elsewhere": 5000.0})
    (tmp_path / "page.json").write_text(json.dumps(about | results))
    assert check.compare(*of_a_page(), tmp_path) == 0
    assert "3.00" in capsys.readouterr().out
    other = ({"machine": "two", "processor": "znver5"}, of_a_page(peers={"Here": 9e9})[1])
    assert check.compare(*other, tmp_path) == 0
    text = capsys.readouterr().out
    assert "made on znver3, this is znver5" in text
    assert "none in common" in text


def test_a_check_prefers_the_same_instruction_set():
    old, new = a_row(imfeat=1.0), a_row(instructions="avx2", imfeat=2.0)
    page = {"races": [old, new]}
    assert check.before(a_row(instructions="avx2"), page, "avx2") is new
    assert check.before(a_row(), page, "avx512") is old


def test_rows_without_a_spread_may_fall_by_a_default():
    old = a_row()
    del old["quartiles"]
    assert check.tolerance(a_row(), old, ["OpenCV 5"]) == check.UNKNOWN


def test_the_check_names_jobs_of_the_table():
    assert set(check.SETTINGS["jobs"]) <= set(jobs.ALL)
    assert set(check.SETTINGS["fixed"]) <= set(jobs.FIXED)
    assert check.SIZE in images.SIZES


def test_the_chart_has_a_row_a_job_and_a_panel_an_instruction_set(tmp_path):
    rows = [a_row(), a_row(instructions="avx2"), a_row(job="hog, trilinear"), a_row(times_fastest_peer=None)]
    assert chart.draw(rows, tmp_path / "chart.svg")
    text = (tmp_path / "chart.svg").read_text()
    assert [text.count(f">{word}<") for word in ("AVX-512", "AVX2", "hog", "hog, trilinear")] == [1, 1, 1, 1]
    assert not chart.draw(rows[-1:], tmp_path / "chart.svg")
    assert "AVX-512: median 2.0; AVX2: median 2.0" in chart.alternative_text(rows)


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


def test_ratios_are_quoted_and_charts_drawn(tmp_path):
    from benchmarks import front, readme

    (tmp_path / "two.json").write_text(json.dumps({"races": [a_row()], "date": "2026-11-28"}))
    found = readme.quoted("Before\n<!-- speed two -->\nold\n<!-- end -->\nafter\n", tmp_path)
    assert "| job | AVX-512, 2026-11-28 |" in found
    assert "old" not in found
    assert readme.quoted(found, tmp_path) == found
    for page in readme.PAGES:
        text = page.read_text(encoding="utf-8")
        assert readme.quoted(text, readme.RESULTS) == text
    charts = [(name, front.draw_accuracy, shown) for name, shown in front.CHARTS.items()]
    charts += [("readme-speed", front.draw_speed, ()), ("accuracy-recipes", front.draw_recipes, ())]
    for name, draw, shown in charts:
        draw(readme.RESULTS, tmp_path / "chart.svg", *shown)
        shown, committed = (
            re.findall(r">([^<>]+)</text>", path.read_text())
            for path in (tmp_path / "chart.svg", readme.RESULTS / f"{name}.svg")
        )
        assert shown == committed


def test_the_page_of_ingredients_is_that_of_its_results():
    from benchmarks import ablation
    from imfeat import recipes

    found = json.loads((ablation.RESULTS / "ablation.json").read_text())
    assert ablation.page(found) == (ablation.RESULTS / "ablation.md").read_text()
    assert [row["step"] for row in found["rows"]] == [*ablation.STEPS, ablation.KERNEL]
    for expression in ablation.STEPS.values():
        assert recipes.parse(expression).name.replace(" ", "") == expression.replace(" ", "")


def test_a_folder_of_classes_is_split_at_random(tmp_path):
    from benchmarks import split

    for name, n in (("ant", 9), ("bass", 5), (split.BACKGROUND, 4)):
        for k in range(n):
            path = tmp_path / "all" / name / f"{k}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{name} {k}")
    arguments = [str(tmp_path / "all"), str(tmp_path / "out"), "--train", "4", "--test", "3"]
    assert CliRunner().invoke(split.main, arguments).exit_code == 0
    found = {
        p.name: {c.name: {f.name for f in c.iterdir()} for c in p.iterdir()}
        for p in (tmp_path / "out").iterdir()
    }
    assert {part: {c: len(files) for c, files in classes.items()} for part, classes in found.items()} == {
        "train": {"ant": 4, "bass": 4},
        "test": {"ant": 3, "bass": 1},
    }
    assert not any(found["train"][name] & found["test"][name] for name in ("ant", "bass"))
