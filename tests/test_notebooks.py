"""The notebooks run, top to bottom, and print what they printed when they were committed."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_BYTES = 1_000_000
NUMBER = re.compile(r"(?<![A-Za-z_])-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
TIMES = re.compile(r"takes \S+ times the training time")  # differs from run to run
TINY = 1e-3  # below, numbers are errors of rounding


def printed(notebook):
    """Return what each cell of a notebook prints."""
    texts = []
    for cell in notebook.cells:
        streams = [output for output in cell.get("outputs", []) if output.output_type == "stream"]
        assert all(output.name == "stdout" for output in streams), streams
        texts.append(TIMES.sub("", "".join(output.text for output in streams)))
    return texts


def assert_same(actual, expected):
    """Compare two texts: the words exactly, the numbers as far as other processors round otherwise."""
    assert NUMBER.sub("#", actual).split() == NUMBER.sub("#", expected).split()
    numbers, wanted = (
        np.array([float(number.replace(",", "")) for number in NUMBER.findall(text)])
        for text in (actual, expected)
    )
    tiny = np.abs(wanted) < TINY
    assert (np.abs(numbers[tiny]) < TINY).all(), (actual, expected)
    np.testing.assert_allclose(numbers[~tiny], wanted[~tiny], rtol=0.1, atol=0.03, err_msg=actual)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [("right for 0.55", "right for 0.65"), ("off by 2e-02", "off by 1e-06"), ("convex: 7", "concave: 7")],
)
def test_other_outputs_are_found(actual, expected):
    assert_same(expected, expected)
    with pytest.raises(AssertionError):
        assert_same(actual, expected)


def test_the_folder_has_what_its_table_says():
    named = re.findall(r"\((\w+\.ipynb)\)", Path(FOLDER, "README.md").read_text())
    assert sorted(set(named)) == [path.name for path in NOTEBOOKS]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of Jupyter's own processes
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_prints_what_it_printed(path, monkeypatch):
    # Threads of BLAS and those of tests in the other process would wait for each other.
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert path.stat().st_size < MOST_BYTES
    notebook = nbformat.read(path, as_version=4)
    expected = printed(notebook)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    ).execute()
    for actual, text in zip(printed(notebook), expected, strict=True):
        assert_same(actual, text)
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in shown)
