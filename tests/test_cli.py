"""The command line, through click's own runner."""

import json
import re
import shlex
import subprocess
import sys
import time

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import imfeat
from imfeat.cli import main
from imfeat.compare.classifiers import CLASSIFIERS, GROUPS
from imfeat.recipes import COMPARED, RECIPES


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMFEAT_CACHE", str(tmp_path / "cache"))


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    images = (rng.uniform(0, 150, (40, 8, 8, 3)) + 80 * labels[:, None, None, None]).astype(np.uint8)
    path = tmp_path_factory.mktemp("data") / "tones.npz"
    np.savez(path, x_train=images[:20], y_train=labels[:20], x_test=images[20:], y_test=labels[20:])
    return path


QUICK = ("--features", "raw,color", "--classifiers", "linear", "--seeds", 1)


def test_compare_prints_the_table_and_writes_the_files(source, tmp_path):
    done = call("compare", "--data", source, *QUICK, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    files = {"results.json", "results.md", "report.html", "request.json", "model.safetensors"}
    assert names == files | {"cells"}
    records = json.loads((tmp_path / "out" / "results.json").read_text())["records"]
    cells = [(r["feature"], r["classifier"]) for r in records]
    assert cells == [(f, c) for f in ("raw", "color") for c in ("softmax", "svm", "ridge")]
    for record in records:
        assert f"{record['test_accuracy']:.3f}" in done.output
    assert "tones.npz: 20 training and 20 test images" in done.output
    assert f"Written to {tmp_path / 'out'}" in done.output


@pytest.mark.slow
def test_results_go_to_a_folder_of_their_own_by_default(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("compare", "--data", source, *QUICK).exit_code == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("tones.npz-20")
    assert (folder / "results.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "no/such/folder"), "no source 'no/such/folder'"),
        (("--data", "foto"), "no source 'foto'"),
        (
            ("--features", "raw,gist"),
            "unknown feature 'gist'; choose among raw, equalize, equalized, color, channels, gray",
        ),
        (("--features", ","), "no feature given"),
        (
            ("--features", "hog(cells=4)"),
            "unknown option 'cells' of feature 'hog'; its options are cell_size",
        ),
        (
            ("--classifiers", "forest"),
            "unknown classifier 'forest'; choose among softmax, svm, ridge, l2svm, mlp, mlp2, kernel-ridge",
        ),
        (("--features", "uoctti(mirror=1)"), "uoctti(mirror=1): mirror must be True or False, got 1"),
        (("--size", "32"), "size is for folders of image files"),
    ],
)
def test_wrong_calls_end_with_one_line(arguments, message):
    done = call("compare", *arguments)
    assert done.exit_code == 2
    assert done.output.count("\n") == 1
    assert done.output.startswith("Error: ")
    assert message in done.output
    assert isinstance(done.exception, SystemExit)


def test_the_table_is_printed_even_if_it_cannot_be_written(source, tmp_path):
    (tmp_path / "out" / "results.json").mkdir(parents=True)
    done = call("compare", "--data", source, *QUICK, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "tones.npz: 20 training" in done.output
    assert "Error: [Errno 21] Is a directory" in done.output
    (tmp_path / "file").touch()
    done = call("compare", "--data", source, *QUICK, "--out", tmp_path / "file")
    assert "file is a file, not a folder for results" in done.output


def test_settings_come_from_a_file_and_flags_win(source, tmp_path):
    config = tmp_path / "mine.toml"
    config.write_text(
        f'data = "{source.as_posix()}"\nfeatures = ["raw", "color(bins=(2, 2, 2))"]\n'
        'classifiers = "ridge"\nseeds = 2\n'
    )
    done = call("compare", "--config", config, "--seeds", 1, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    records = json.loads((tmp_path / "out" / "results.json").read_text())["records"]
    assert [(r["feature"], r["classifier"], r["seed"]) for r in records] == [
        ("raw", "ridge", 0),
        ("color(bins=(2, 2, 2))", "ridge", 0),
    ]
    for text, message in (("gist = 1", "unknown setting 'gist'"), ("data =", "can't read")):
        config.write_text(text)
        done = call("compare", "--config", config)
        assert done.exit_code == 2
        assert message in done.output


def test_everything_there_is_is_listed():
    lines = call("compare", "--list").output.splitlines()
    names = [line.split()[0] for line in lines if line.startswith("  ")]
    for name in (*RECIPES, *CLASSIFIERS, *GROUPS, "photos", "cifar10"):
        assert name in names


@pytest.mark.slow
def test_a_run_goes_on_where_it_was_killed(source, tmp_path):
    """After SIGKILL among the cells, what comes out is what would have come out, but for times."""
    what = ("--features", "raw,dalal-triggs,color,words", "--classifiers", "linear,mlp", "--seeds", 2)
    whole = call("compare", "--data", source, *what, "--out", tmp_path / "whole")
    assert whole.exit_code == 0, whole.output
    arguments = ["compare", "--data", source, *what, "--out", tmp_path / "killed"]
    code = "import sys; from imfeat.cli import main; main(sys.argv[1:])"
    running = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.DEVNULL)
    cells = tmp_path / "killed" / "cells"
    while running.poll() is None and (not cells.exists() or len(list(cells.glob("*.npz"))) < 5):
        time.sleep(0.01)
    running.kill()
    running.wait()
    n_done, spent = len(list(cells.glob("*.npz"))), float((cells / "seconds.txt").read_text())
    assert 5 <= n_done < 32
    damaged = sorted(cells.glob("*.npz"))[0]
    damaged.write_bytes(damaged.read_bytes()[:100])
    again = call("compare", "--resume", tmp_path / "killed")
    assert again.exit_code == 0, again.output
    seconds = json.loads((tmp_path / "killed" / "results.json").read_text())["seconds"]
    assert seconds > spent > 0  # what was done before it was killed counts
    assert without_times(tmp_path / "killed") == without_times(tmp_path / "whole")
    other = call("compare", "--data", source, *QUICK, "--out", tmp_path / "killed")
    assert other.exit_code == 2
    assert "holds a run of other features, classifiers, n_seeds" in other.output
    nothing = call("compare", "--resume", tmp_path / "nothing")
    assert nothing.exit_code == 2
    assert "holds no run to resume" in nothing.output


def without_times(folder):
    """Return what is in results.json but for times, and what is found by how long things took."""
    found = json.loads((folder / "results.json").read_text())
    for name in ("date", "seconds", "peak_bytes"):
        del found[name]
    found["answer"] = [line.split(" and takes ")[0] for line in found["answer"]]
    for record in found["records"]:
        for name in list(record):
            if name.endswith("_seconds"):
                del record[name]
    return found


@pytest.mark.parametrize("arguments", [("--seeds", "0"), ("--size", "none"), ("--gist",)])
def test_wrong_options_are_clicks_to_refuse(arguments):
    assert call("compare", *arguments).exit_code == 2


def test_images_too_small_for_a_feature_end_with_one_line(source):
    tiny = source.parent / "tiny.npz"
    images, labels = np.zeros((8, 4, 4, 3), np.uint8), np.arange(8) % 2
    np.savez(tiny, x_train=images, y_train=labels, x_test=images, y_test=labels)
    done = call("compare", "--data", tiny, "--features", "raw,hog")
    assert done.exit_code == 2
    assert "smaller than a block" in done.output
    assert done.output.count("\n") == 1


@pytest.mark.slow
def test_skipped_files_are_named(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(20):
        folder = tmp_path / "pictures" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).save(folder / f"{i}.png")
    (tmp_path / "pictures" / "b" / "empty.jpg").touch()
    (tmp_path / "pictures" / "a" / "text.png").write_text("text")
    done = call("compare", "--data", tmp_path / "pictures", "--size", 8, *QUICK, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "could not be read and were skipped: 2\n" in done.output
    for name in ("empty.jpg", "text.png"):
        assert f"{name}: not a readable image" in done.output


def test_info_tells_versions_threads_and_why_not_cuda():
    done = call("info")
    assert done.exit_code == 0
    facts = dict(line.split(None, 1) for line in done.output.splitlines())
    assert facts["imfeat"] == imfeat.__version__
    assert facts["numpy"] == np.__version__
    assert facts["python"] == ".".join(map(str, sys.version_info[:3]))
    assert int(facts["threads"]) == imfeat.get_num_threads()
    assert facts["CUDA"].startswith(("usable", "not usable: "))


@pytest.mark.slow
def test_info_warm_compiles_every_kernel():
    """What is not in the cache yet, and a later process compiles nothing."""
    code = "from imfeat.cli import main; main()"
    first, later = (
        subprocess.run(
            [sys.executable, "-c", code, "info", "--warm"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    )
    rows = [line.split() for line in first.splitlines() if re.match(r" +\d+\.\d s  \w+\.\w+$", line)]
    assert [float(row[0]) for row in rows] == sorted((float(row[0]) for row in rows), reverse=True)
    assert later.splitlines()[-1] == "Every kernel is compiled and cached."
    assert " s  " not in later


def test_cases_of_warm_run_every_kernel():
    code = """
import sys
from imfeat import warm
from imfeat_kernels import cpu

assert sorted(k for group in warm.groups() for k in group) == list(range(len(warm.cases())))
for indices in warm.groups():
    warm.compile_cases(indices)
loaded = [getattr(cpu, name) for name in cpu.__all__]  # and with them those that begin with _
modules = [module for name, module in sys.modules.items() if name.startswith("imfeat_kernels.cpu.")]
bodies = [body for module in modules for body in vars(module).values() if hasattr(body, "overloads")]
missing = [body.__name__ for body in bodies if body.targetoptions.get("nogil") and not body.overloads]
print(len(bodies) > 50, missing)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"


def test_version():
    assert call("--version").output == f"imfeat, version {imfeat.__version__}\n"


def test_help_names_every_choice():
    text = " ".join(call("compare", "--help").output.split()).replace("- ", "-")
    assert ",".join(COMPARED) in text.replace(" ", "")
    for name in (*CLASSIFIERS, *GROUPS):
        assert name in text


@pytest.mark.parametrize("name", [None, *main.commands])
def test_help_has_examples_that_parse(name):
    text = call(*([name] if name else []), "--help").output
    lines = re.findall(r"^    imfeat (.+)$", text.partition("Examples:")[2], re.MULTILINE)
    assert lines
    for line in lines:
        command, *arguments = shlex.split(line)
        assert name in (None, command)
        parser = main.commands[command].make_parser(click.Context(main.commands[command]))
        parser.parse_args(arguments)  # raises an error for an unknown option or a missing value


def test_help_is_quick():
    code = "import sys, imfeat.cli; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"numpy", "sklearn", "numba", "matplotlib", "rich"} & set(loaded.split())
