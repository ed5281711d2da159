"""What is settled before a comparison runs: size, features, settings, and the request in its folder."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from imfeat._backend import Array
from imfeat._feature import Feature
from imfeat._files import write_json
from imfeat._recipe import Term
from imfeat.compare.classifiers import MOST_TRIED, classifier_of
from imfeat.compare.concerns import concerns_about
from imfeat.compare.kept import Models
from imfeat.compare.shifts import shifts_for
from imfeat.compare.tuning import LARGE_VALIDATION_SHARE, MAX_TUNING_IMAGES, VALIDATION_SHARE
from imfeat.datasets import DataSet, suggest_size
from imfeat.datasets.sizes import SIDES
from imfeat.decoding import Decode
from imfeat.recipes import COMPARED, RECIPES, parse
from imfeat.sources import absolute

REQUEST = "request.json"  # the arguments of a run, for resume
IN_MEMORY = "data sets in memory"  # stands for them among the arguments

Source: TypeAlias = str | os.PathLike[str] | Mapping[str, Iterable[Any]]


def size_for(
    source: Source, size: int | None, features: tuple[Feature, ...]
) -> tuple[int | None, str | None]:
    """Return the size of the images, and the reason if it was not given."""
    if size is not None or (suggested := suggest_size(source)) is None:
        return size, None
    side, reason = suggested
    for larger in (*(other for other in SIDES if other > side), None):
        if larger is None or all(_suits(feature, side) for feature in features):
            return side, reason
        side, reason = larger, f"a feature needs that, {reason}"
    return None, None


def _suits(feature: Feature, side: int) -> bool:
    try:
        feature.check((side, side))
    except ValueError:
        return False
    return True


def data_warnings(data: DataSet, folds: Array | None) -> list[str]:
    """Return warnings about a data set."""
    if folds is not None:
        paths = [*data.train.paths]
        return concerns_about(data.train.images, data.train.labels, folds, data.train.class_names, paths)
    paths = [*data.train.paths, *data.test.paths]
    images = np.concatenate([data.train.images, data.test.images])
    labels = np.concatenate([data.train.labels, data.test.labels])
    parts = np.repeat([0, 1], [len(data.train), len(data.test)])
    return concerns_about(images, labels, parts, data.train.class_names, paths)


def without_colors(features: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """Return the features that describe gray images: of the default ones; refuse others."""
    colored = [feature.name for feature in features if feature.colored]
    if colored and tuple(feature.name for feature in features) != COMPARED:
        names = [name for name, recipe in RECIPES.items() if not Feature((Term(name, recipe, {}),)).colored]
        raise ValueError(
            f"{colored[0]!r} needs colour, and all images of the data set are gray; choose among "
            f"{', '.join(names)}"
        )
    return tuple(feature for feature in features if not feature.colored)


def source_name(source: Source) -> str:
    """Return what a source is called among the arguments of a run."""
    if isinstance(source, Mapping):
        return IN_MEMORY
    return str(source) if str(source) in ("photos", "cifar10") else absolute(source)


def without_defaults(**settings: Any) -> dict[str, Any]:
    """Return settings other than the defaults, so that folders of before there was a choice still match."""
    defaults: tuple[Any, ...] = ("exact", [], {}, False, "best", "cpu", None)
    return {name: value for name, value in settings.items() if value not in defaults}


def as_train_sizes(train_sizes: Sequence[int | str], labels: Array) -> tuple[int, ...]:
    """Return numbers of training images below all of them, in rising order, each once."""
    n_least = 2 * len(np.unique(labels))
    numbers: set[int] = set()
    for size in train_sizes:
        if size == "all":
            continue
        if not isinstance(size, Integral) or size < n_least:
            raise ValueError(
                f"train_sizes must be 'all' or at least {n_least}, two images of each class, got {size!r}"
            )
        numbers.add(int(size))
    return tuple(sorted(number for number in numbers if number < len(labels)))


def models_of(folder: str | os.PathLike[str] | None, source: Source, data: DataSet, decode: Decode) -> Models:
    """Return the models of a run, none so far, with what all of them share."""
    height, width = data.train.images.shape[1:3]
    names = [data.train.class_names[label] for label in np.unique(data.train.labels)]
    settings = {"size": (height, width), "decode": decode, "class_names": names}
    about = {"data": os.path.basename(os.path.abspath(source_name(source)))}
    return Models(None if folder is None else Path(folder), settings, about)


def strengths(data: DataSet, *, shifts: bool) -> dict[str, list[float]]:
    """Return the strengths of the changes of the test images, by their names."""
    shape = data.test.images.shape[1:]
    shape = (*shape[:2], 1) if data.test.is_gray else shape
    of_shape = shifts_for(shape) if shifts else ()
    return {shift.name: list(shift.strengths_for(shape)) for shift in of_shape}


def claim(folder: Path, request: dict[str, Any]) -> None:
    """Write the arguments of a run to its folder, and refuse the folder of a run with other arguments."""
    path = folder / REQUEST
    if path.exists() and (existing := json.loads(path.read_text(encoding="utf-8"))) != request:
        names = ", ".join(name for name in {**request, **existing} if existing.get(name) != request.get(name))
        raise FileExistsError(f"{folder} holds a run of other {names}; take another folder")
    write_json(path, request)


def settings_of(
    source: Source,
    data: DataSet,
    features: tuple[str, ...],
    classifiers: tuple[str, ...],
    seeds: tuple[int, ...],
    is_gray: bool,
    n_folds: int,
) -> dict[str, Any]:
    """Return the settings of a run, as in its results."""
    n_train, height, width, _ = data.train.images.shape
    if n_folds:
        n_train = round(n_train * (1 - 1 / n_folds))
    return {
        "source": os.path.basename(os.path.abspath(source_name(source))),
        "n_train": n_train,
        "n_test": len(data.test),
        "image_size": [height, width],
        **({"gray": True} if is_gray else {}),
        **({"folds": n_folds} if n_folds else {}),
        "class_names": list(data.train.class_names),
        "left_out": dict(sorted(Counter(reason for _, reason in data.train.left_out).items())),
        "seeds": list(seeds),
        "features": {name: parse(name).expression((height, width)) for name in features},
        "strengths": {name: list(classifier_of(name).strengths) for name in classifiers},
        "most_strengths_tried": MOST_TRIED,
        "max_tuning_images": MAX_TUNING_IMAGES,
        "validation_share": LARGE_VALIDATION_SHARE if n_train > MAX_TUNING_IMAGES else VALIDATION_SHARE,
    }
