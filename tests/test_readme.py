"""The README and the first page of the documentation: their links, figures, Python and commands."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from imfeat.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MOST_LINES = 120


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def accuracy(name, feature, classifier):
    records = json.loads((ROOT / f"benchmarks/results/compare-{name}.json").read_text())["records"]
    found = [r["test_accuracy"] for r in records if (r["feature"], r["classifier"]) == (feature, classifier)]
    return f"{sum(found) / len(found):.3f}".lstrip("0")


def test_it_is_short_and_its_links_lead_somewhere():
    assert len(README.splitlines()) <= MOST_LINES
    for target in re.findall(r"\]\(([^)#]+)", README):
        assert (ROOT / target).exists(), target


def test_its_figures_are_those_of_the_results():
    wide = "two-layer-4000+two-layer-2000-3x3+patches-2000+mirrored-uoctti+tuned-color"
    mirrored = [f"fisher-{name}(mirror=True)" for name in ("sift", "color", "opponent")]
    for figure in (
        accuracy("cifar10", "dalal-triggs+tuned-color", "softmax"),
        accuracy("cifar10", "raw", "mlp"),
        accuracy("cifar10-patches-800", "patches-800", "ridge"),
        accuracy("cifar10-two-layer-wide", wide, "ridge"),
        accuracy("cifar10-two-layer-wide-kernel", wide, "kernel-ridge"),
        accuracy("flowers17-mirrored", f"fusion({', '.join(mirrored)})", "svm"),
    ):
        assert re.search(rf"(?:\D|\b0){re.escape(figure)}\b", README), figure


def test_its_table_is_that_of_the_results():
    rows = [line for line in README.splitlines() if re.match(r"\| (CIFAR|Flowers|Caltech)", line)]
    assert len(rows) >= 6
    result = json.loads((ROOT / "benchmarks/results/compare-flowers17-mirrored.json").read_text())
    (row,) = (row for row in rows if "Flowers" in row)
    assert f"{result['peak_bytes'] / 1e9:.1f} GB" in row
    assert accuracy("flowers17-mirrored", re.search("`(fusion.*?)`", row)[1], "svm") in row


def test_its_python_runs():
    (code,) = blocks(README, "python")
    names = {}
    *others, last = code.strip().splitlines()
    exec("\n".join(others), names)
    assert 0.65 < eval(last, names) < 1


@pytest.mark.slow
def test_the_python_of_the_first_page_runs():
    names = {}
    for code in blocks((ROOT / "docs/getting_started.md").read_text(encoding="utf-8"), "python"):
        exec(code, names)
    assert names["vector"].shape == (65536,)


@pytest.mark.slow
def test_its_commands_run(tmp_path, monkeypatch):
    from skimage import data

    from imfeat.resize import resize

    for name in ("astronaut", "coffee"):
        image = getattr(data, name)()
        for i in range(12):
            target = tmp_path / "path/to/folder" / name / f"{i}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            save(resize(image[20 * i : 20 * i + 150, 20 * i : 20 * i + 150], 64), target)
    shutil.copytree(tmp_path / "path/to/folder/coffee", tmp_path / "path/to/other/images")
    monkeypatch.chdir(tmp_path)
    lines = [line for block in blocks(README, "sh") for line in block.splitlines()]
    table = re.findall(r"^\| `(imfeat .*?)` \|", README, re.MULTILINE)
    words = {"FOLDER": "path/to/folder", "MODEL": "m.safetensors", "IMAGES": "path/to/other/images"}
    for line in (*[line for line in lines if line.startswith("imfeat ")], *table):
        arguments = [words.get(word, word) for word in shlex.split(line)[1:]]
        if "--out" in arguments and arguments[0] in ("compare", "extract") and line in table:
            arguments[-1] = f"out-{arguments[0]}"
        arguments = ["out.csv" if word == "FILE" else word for word in arguments]
        if arguments[0] == "compare":  # the same command, on fewer features
            arguments += ["--features", "color", "--classifiers", "ridge", "--size", "32"]
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, (line, done.output)


def save(image, path):
    from PIL import Image

    Image.fromarray(image).save(path)
