"""The documentation site: ``python -m sphinx -W docs docs/_build`` writes it to docs/_build."""

import shutil
from pathlib import Path

import imfeat

HERE = Path(__file__).parent
# Sphinx reads one folder only
shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", dirs_exist_ok=True)

project = "imfeat"
copyright = "the authors of imfeat; BSD-3-Clause"
release = imfeat.__version__
html_theme = "furo"
html_title = "imfeat"
html_static_path = ["static"]
html_css_files = ["tables.css"]
html_show_sphinx = False

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx.ext.mathjax",
]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # tests/test_notebooks.py executes them and compares
default_role = "py:obj"
extlinks = {"doi": ("https://doi.org/%s", "doi:%s")}
autodoc_typehints = "none"  # the docstrings tell types, shapes and ranges
autosummary_generate = False
numpydoc_show_class_members = False
