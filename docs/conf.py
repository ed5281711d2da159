"""The documentation site: ``python -m sphinx -W docs docs/_build`` writes it to docs/_build."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import imfeat

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import generated  # noqa: E402

os.environ["MATPLOTLIBRC"] = str(HERE / "matplotlibrc")  # for the code of pages, too
# Sphinx reads one folder only
shutil.copytree(
    HERE.parent / "notebooks",
    HERE / "notebooks",
    ignore=shutil.ignore_patterns("*.py", "__*"),
    dirs_exist_ok=True,
)

generated.write()

project = "imfeat"
copyright = "the authors of imfeat; BSD-3-Clause"
release = imfeat.__version__
html_theme = "furo"
html_title = "imfeat"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "rendering",
]
html_math_renderer = "mathml"
exclude_patterns = [
    "_build",
    "examples",
    "gallery/*.ipynb",
    "gallery/*.json",
    "sg_execution_times.rst",
    "generated",
    "**.ipynb_checkpoints",
]
myst_enable_extensions = ["amsmath", "attrs_block", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # tests/test_notebooks.py executes notebooks; pages with code ask for "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
copybutton_prompt_text = ">>> "
copybutton_only_copy_prompt_lines = True
default_role = "py:obj"
extlinks = {"doi": ("https://doi.org/%s", "doi:%s")}
autodoc_typehints = "none"  # the docstrings tell types, shapes and ranges
autosummary_generate = False
numpydoc_show_class_members = False
# An example that needs PyTorch is shown, and is run where PyTorch is installed.
runs = r"plot_" if importlib.util.find_spec("torch") else r"plot_(?!dataloader)"
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": runs,
    "abort_on_example_error": True,
    "default_thumb_file": str(HERE / "features.png"),
    "download_all_examples": False,
    "min_reported_time": 1e6,
    "plot_gallery": True,
    "remove_config_comments": True,
    "reset_modules": (),
    "run_stale_examples": True,
    "show_memory": False,
    "show_signature": False,
    "within_subsection_order": "FileNameSortKey",
    "write_computation_times": False,
}
