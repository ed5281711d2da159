"""The documentation site builds without warnings, has every public name, and needs no network."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest
from browser import Browser, find_chromium
from sphinx.util.inventory import InventoryFile

import imfeat

ROOT = Path(__file__).parents[1]
PACKAGES = ("compare", "datasets", "estimators", "extract", "learn", "models", "recipes")
MODULES = (imfeat, *(getattr(imfeat, name) for name in PACKAGES))
NAMES = {
    f"{module.__name__}.{name}"
    for module in MODULES
    for name in module.__all__
    if getattr(module, name) not in MODULES
}
for package in (imfeat.estimators, imfeat.models):  # whose names have one page each
    NAMES -= {f"imfeat.{name}" for name in package.__all__}

LOADED = re.compile(r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']((?:https?:)?//[^"']+)""")
STYLES = re.compile(r"""<link\b[^>]*\bhref=["']((?:https?:)?//[^"']+)""")
LATEX = re.compile(r"\\\(|\\\[|\\frac|\\sqrt|\\sum|\\operatorname|\$\$")
LABELS = re.compile(r">\[R[0-9a-f]{8,}-\w+\]<")  # of references, which numpydoc makes unique
CODE = re.compile(r"<(pre|code|script|style)\b.*?</\1>", re.DOTALL)
CHROMIUM = find_chromium()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "docs", str(folder / "html")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.mark.slow
def test_every_public_name_is_in_the_site(site):
    found = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="").data
    documented = {name for kind, names in found.items() if kind.startswith("py:") for name in names}
    assert documented >= NAMES


@pytest.mark.slow
def test_notebooks_and_figures_are_pages_with_pictures_and_tables(site):
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert "<img" in (site / "notebooks" / f"{path.stem}.html").read_text()
    for page in ("accuracy", "speed"):
        assert "<table" in (site / f"{page}.html").read_text()


def pages(site):
    return [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]


@pytest.mark.slow
def test_pages_of_features_open_with_a_figure_and_its_code(site):
    for path in sorted((ROOT / "docs" / "features").glob("[!i]*.md")):
        opening = (site / "features" / f"{path.stem}.html").read_text().split("<h2>")[0]
        assert opening.index('<div class="highlight-ipython3') < opening.index('<img alt="')


@pytest.mark.slow
def test_recipes_of_the_gallery_have_pictures(site):
    for path in (ROOT / "docs" / "examples").glob("plot_*.py"):
        page = (site / "gallery" / f"{path.stem}.html").read_text()
        assert path.stem == "plot_dataloader" or "sphx-glr-single-img" in page, path


@pytest.mark.slow
def test_pages_load_nothing_from_outside_and_show_no_latex_and_no_labels(site):
    found = {}
    for path in pages(site):
        text = path.read_text()
        outside = LOADED.findall(text) + STYLES.findall(text)
        latex = LATEX.findall(CODE.sub("", text)) + LABELS.findall(text)
        if outside or latex:
            found[path.name] = outside, latex
    assert found == {}


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: install one, or set CHROMIUM to its path")
def test_pages_fit_in_windows_of_all_widths(site):
    with Browser(CHROMIUM) as tab:
        for path, width, scheme in itertools.product(pages(site), (390, 1280), ("light", "dark")):
            tab.open(path, width, scheme)
            assert tab.evaluate("document.documentElement.scrollWidth") == width, path
            loaded = (
                "[...document.images].filter((i) => i.loading != 'lazy').every((i) => i.naturalWidth > 0)"
            )
            assert tab.evaluate(loaded), path
            outside = [address for address in tab.requests if not address.startswith(("data:", "file:"))]
            assert outside == [], path
