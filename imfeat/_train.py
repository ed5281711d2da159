"""Training of one classifier of images, by the protocol of `imfeat compare`."""

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imfeat._check import as_count, as_number
from imfeat._device import Device
from imfeat.compare.classifiers import check, classifier_of, expand_groups, parse_classifiers
from imfeat.compare.device import check_device
from imfeat.compare.experiment import run_cells
from imfeat.compare.kept import Models
from imfeat.compare.workspace import Workspace
from imfeat.datasets import load
from imfeat.decoding import Decode, Fit
from imfeat.models import ImageClassifier, save_model
from imfeat.recipes import parse

Source = str | os.PathLike[str] | Mapping[str, Iterable[Any]]


def train(
    source: Source,
    feature: str,
    classifier: str = "softmax",
    *,
    out: str | os.PathLike[str] | None = None,
    size: int | tuple[int, int] | None = None,
    fit: Fit = "crop",
    decode: Decode = "exact",
    strength: float | None = None,
    seed: int = 0,
    device: Device = "cpu",
    announce: Callable[[str], None] = lambda step: None,
) -> ImageClassifier:
    """Train a classifier of images, measure its accuracy, and write it to a file.

    Parameters
    ----------
    source : str, path or mapping
        Labelled images; see `imfeat.datasets.load`.
    feature : str
        A recipe of `imfeat.recipes`, as ``"hog(cell_size=8)+color"``.
    classifier : str
        One of those of `imfeat.compare.run`, as ``"softmax"`` or ``"mlp(hidden=(256, 128))"``.
    out : str or path, optional
        File of the model, for `imfeat.load_model` and ``imfeat predict``.
    size, fit, decode
        As in `imfeat.datasets.load`.  The model scales and decodes images in the same way.
    strength : float, optional
        Strength of the regularization; by default it is chosen on validation images, the last of each class.
    seed : int
        Seed of all random choices.
    device : {"cpu", "cuda"}
        Device that features are computed on, as in `imfeat.compare.run`; the model computes on the CPU.
    announce : function of a str
        Called with a description of the next step.

    Returns
    -------
    ImageClassifier
        It has learned from all training images.  Its ``about`` tells its ``accuracy`` on the test images with
        a 95 % ``interval``, its ``calibration_error`` there, ``n_train`` and ``n_test``, ``strength``,
        ``data`` and ``versions``.

    Raises
    ------
    FileNotFoundError
        If there is no such source, or no folder for the file.
    TypeError, ValueError
        If a name or an option is unknown, images are too small for the feature, it is not computed on a GPU
        that was asked for, or the model can't be saved.
    CudaUnavailableError
        If CUDA was asked for and can't be used; the error says why.

    Notes
    -----
    The probabilities are calibrated on the validation images; see `imfeat.ImageClassifier`.  Where the source
    has no test images, a fifth of each class is drawn for the test, and not learned from.

    Examples
    --------
    Two classes, dark and red images:

    >>> import imfeat
    >>> import numpy as np
    >>> images = np.zeros((40, 32, 32, 3), np.uint8)
    >>> images[20:] = [255, 0, 0]
    >>> pairs = list(zip(images, ["dark"] * 20 + ["red"] * 20))
    >>> model = imfeat.train({"train": pairs[::2], "test": pairs[1::2]}, "color", "ridge")
    >>> model.predict(images[19:21]).tolist()
    ['dark', 'red']
    >>> model.about["accuracy"]
    1.0
    """
    name = parse(feature).name
    chosen = _classifier(classifier, strength)
    if out is not None and not Path(out).absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {Path(out).absolute().parent}")
    check_device(device, [parse(feature)])
    announce("images")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="skipped .* files", category=UserWarning)
        data = load(source, size=size, fit=fit, decode=decode)
    height, width = data.train.images.shape[1:3]
    parse(feature).check((height, width))
    names = [data.train.class_names[k] for k in np.unique(data.train.labels)]
    settings = {"size": (height, width), "fitting": fit, "decode": decode, "class_names": names}
    skipped = len(data.train.skipped) + len(data.test.skipped)
    models = Models(None, settings, {"data": _name_of(source), "n_skipped": skipped})
    workspace = Workspace(data, models=models, announce=announce, device=device)
    for _ in run_cells(workspace, (name,), (chosen,), (as_count(seed, "seed", least=0),)):
        pass
    model = models.get((name, chosen), seed)
    if out is not None:
        save_model(out, model)
    return model


def _classifier(text: str, strength: float | None) -> str:
    """Return the expression of one classifier, with a strength if it is given."""
    names = expand_groups(parse_classifiers(text))
    if len(names) != 1:
        raise ValueError(f"classifier must be one classifier, got {', '.join(names)}")
    name = names[0]
    if strength is not None:
        value = as_number(strength, "strength", above=0)
        inside = name.removesuffix(")").partition("(")[2]
        arguments = ", ".join(filter(None, [inside, f"strength={value:g}"]))
        (name,) = parse_classifiers(f"{name.partition('(')[0]}({arguments})")
    check(name)
    classifier_of(name)
    return name


def _name_of(source: Source) -> str:
    return "images in memory" if isinstance(source, Mapping) else Path(source).resolve().name
