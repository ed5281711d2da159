"""The documentation site builds without warnings, and has every public name."""

import subprocess
import sys
from pathlib import Path

import pytest
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


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "docs", str(folder / "html")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
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
