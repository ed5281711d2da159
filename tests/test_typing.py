"""Types of options: those of docstrings and of run time, and what mypy says to a wrong one."""

import ast
import inspect
import os
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Literal, Union, get_args, get_origin, get_type_hints

import pytest
from imfeat_kernels.cpu import glcm as glcm_kernels

import imfeat
from imfeat._kmeans import STARTS
from imfeat._sums import Start
from imfeat.glcm import Property
from imfeat.learn import ACTIVATIONS, LOSSES, OPTIMIZERS, SCHEDULES
from imfeat.learn.activations import ActivationName
from imfeat.learn.losses import PENALTIES, LossName, PenaltyName
from imfeat.learn.optimizers import OptimizerName
from imfeat.learn.schedules import ScheduleName
from tests.test_doctests import PUBLIC

OPTION = re.compile(r"^(\w+) : (\{.*?\})", re.MULTILINE)  # as in ``norm : {"l1", None}``
CHOICES = {
    f"{name}({match[1]})": (value, match[1], ast.literal_eval(match[2]))
    for name, value in PUBLIC.items()
    for match in OPTION.finditer(inspect.getdoc(value))
}
NAMES = (
    (ActivationName, ACTIVATIONS),
    (LossName, LOSSES),
    (OptimizerName, OPTIMIZERS),
    (PenaltyName, PENALTIES),
    (Property, glcm_kernels.PROPERTIES),
    (ScheduleName, SCHEDULES),
    (Start, STARTS),
)
SNIPPET = """\
import imfeat
import numpy as np

image = np.zeros((64, 64, 3), np.uint8)
imfeat.hog(image, norm="l2", interpolation="trilinear", channel_axis=None)
imfeat.hog(image, norm="L2")  # wrong
imfeat.hog(image, norm=None)
imfeat.HOG(norm="l3")  # wrong
imfeat.color_histogram(image, space="hsl")  # wrong
imfeat.ColorHistogram(space="rgb", norm="hellinger", device="gpu")  # wrong
imfeat.haralick(image, properties=("contrast", "asm"))  # wrong
imfeat.haralick(image, properties=["contrast", "ASM"])
imfeat.rgb_to_hsv(image, dtype="uint16")  # wrong
imfeat.resize(image, 32, resample="nearest")  # wrong
imfeat.learn_codebook(image, 8, start="kmeans++")  # wrong
imfeat.learn_codebook(image, 8, start=np.zeros((8, 3)))
imfeat.learn.LinearClassifier("squared_hinge", optimizer=imfeat.learn.Adam(0.1), class_weight="balanced")
imfeat.learn.LinearClassifier("log_loss")  # wrong
imfeat.learn.MLPClassifier(optimizer="lbfgs", activation="swish")  # wrong
imfeat.extract.run("photos", "hog", "out", size="max-512", format="csv")  # wrong
imfeat.datasets.load("photos", fit="pad")  # wrong
imfeat.compare.run(keep="none")  # wrong
"""


def literals(hint):
    """Return the options in a type."""
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    if get_origin(hint) in (Union, types.UnionType):
        return set().union(*map(literals, get_args(hint)))
    return {None} if hint is types.NoneType else set()


@pytest.mark.parametrize("choice", CHOICES)
def test_types_are_the_options_of_docstrings(choice):
    value, option, documented = CHOICES[choice]
    hints = get_type_hints(value.__init__ if inspect.isclass(value) else inspect.unwrap(value))
    assert literals(hints[option]) - {None} == documented - {None}
    assert None not in documented or None in literals(hints[option])


@pytest.mark.parametrize(("names", "table"), NAMES)
def test_types_are_the_names_in_tables(names, table):
    assert get_args(names) == tuple(table)


@pytest.mark.slow
def test_mypy_refuses_wrong_options(tmp_path):
    path = tmp_path / "snippet.py"
    path.write_text(SNIPPET)
    root = Path(imfeat.__file__).parents[1]
    process = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", root / "pyproject.toml", path],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": f"{root}{os.pathsep}{root / 'kernels'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    refused = {int(line) for line in re.findall(r"snippet\.py:(\d+): error", process.stdout)}
    wrong = {k for k, line in enumerate(SNIPPET.splitlines(), 1) if line.endswith("# wrong")}
    assert refused == wrong, process.stdout + process.stderr
