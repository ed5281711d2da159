"""The notebooks run, print what is committed, and have wide figures and short cells."""

import base64
import io
import re
from pathlib import Path

import nbformat
import numpy as np
import PIL.Image
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_BYTES = 1_000_000
MOST_LINES = 15  # of a cell
LEAST_WIDTH = 900  # pixels of a figure
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


def figures(notebook):
    """Return the sizes of the figures of a notebook, (width, height)."""
    shown = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    encoded = [data[kind] for data in shown for kind in ("image/png", "image/jpeg") if kind in data]
    return [PIL.Image.open(io.BytesIO(base64.b64decode(figure))).size for figure in encoded]


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


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_wide_figures_and_short_cells(path):
    assert path.stat().st_size < MOST_BYTES
    notebook = nbformat.read(path, as_version=4)
    assert len(figures(notebook)) >= 3
    assert min(width for width, _ in figures(notebook)) >= LEAST_WIDTH
    lines = {
        cell.source: len(cell.source.splitlines()) for cell in notebook.cells if cell.cell_type == "code"
    }
    assert max(lines.values()) <= MOST_LINES, max(lines, key=lines.get)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of Jupyter's own processes
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_prints_what_it_printed(path, monkeypatch):
    # Threads of BLAS and those of tests in the other process would wait for each other.
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    notebook = nbformat.read(path, as_version=4)
    expected_figures = figures(notebook)
    expected = printed(notebook)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    ).execute()
    for actual, text in zip(printed(notebook), expected, strict=True):
        assert_same(actual, text)
    assert len(figures(notebook)) == len(expected_figures)
