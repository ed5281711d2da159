"""The documentation site: ``python -m sphinx -W docs docs/_build`` writes it to docs/_build."""

import shutil
from pathlib import Path

import imfeat
from imfeat import recipes
from imfeat.compare.classifiers import CLASSIFIERS

HERE = Path(__file__).parent
# Sphinx reads one folder only
shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", dirs_exist_ok=True)

# The page of recipes is made from the table of recipes.
rows = [f"| `{name}` | {title} | `{expression}` |" for name, title, expression in recipes.listing()]
head = ["| name | feature | transformer, for images of 224 x 224 pixels |", "| --- | --- | --- |"]
(HERE / "recipes_table.md").write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")

# The table of classifiers is made from theirs.
rows = [
    f"| `{name}` | {c.title} | `{c.expression(c.strengths[len(c.strengths) // 2], 10_000)}` |"
    for name, c in CLASSIFIERS.items()
]
head = ["| name | classifier | in Python, for 10,000 images and the first strength that is tried |"]
text = "\n".join([*head, "| --- | --- | --- |", *rows]) + "\n"
(HERE / "classifiers_table.md").write_text(text, encoding="utf-8")

# The list of transformers is that of the package.
classes = [f".. autoclass:: {name}" for name in imfeat.estimators.__all__]
block = ["```{eval-rst}", ".. currentmodule:: imfeat.estimators", *classes, "```"]
(HERE / "estimators_list.md").write_text("\n".join(block) + "\n", encoding="utf-8")

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
exclude_patterns = [
    "_build",
    "recipes_table.md",
    "classifiers_table.md",
    "estimators_list.md",
    "**.ipynb_checkpoints",
]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # tests/test_notebooks.py executes them and compares
default_role = "py:obj"
extlinks = {"doi": ("https://doi.org/%s", "doi:%s")}
autodoc_typehints = "none"  # the docstrings tell types, shapes and ranges
autosummary_generate = False
numpydoc_show_class_members = False
