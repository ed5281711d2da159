"""The columns of a run: features by recipe or by model file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from imfeat._backend import Array
from imfeat._check import to_host
from imfeat._device import Device, to_device
from imfeat._expressions import split_list
from imfeat._feature import Feature
from imfeat._files import sha256
from imfeat._recipe import Shape
from imfeat.decoding import ImageSize
from imfeat.extract.ragged import names_beside
from imfeat.extract.sizes import trial_size, tuning_size
from imfeat.extract.store import COLUMNS, file_name
from imfeat.models.files import load_model
from imfeat.recipes import parse

Extractor: TypeAlias = Callable[[Array], Array]
GridShape: TypeAlias = Callable[[Shape], Shape]

MODELS = "models"  # folder of a run that keeps what was learned for it


class Column(NamedTuple):
    """What computes a column.

    Attributes
    ----------
    extract : function of a batch of images
    grid_shape : function of the shape of an image, or None
        Shape of its features, where their number depends on the size of the image.
    n_features : int or None
        Their number, where all images have the same.
    """

    extract: Extractor
    grid_shape: GridShape | None
    n_features: int | None


def describe(features: str | Sequence[str], size: ImageSize) -> dict[str, dict[str, str | None]]:
    """Return the settings of each column.

    They are the ``feature`` as the caller names it, the ``expression`` of its transformer, the ``model`` that
    computes it (the path of a file, or relative to the folder of the run), and the ``sha256`` of a file.
    Where the number of features depends on the size of an image, ``shape`` names the column of their shapes.

    Raises
    ------
    ValueError
        If there is no such feature, or none is given, or two columns have one name.
    """
    items = split_list(features) if isinstance(features, str) else [str(item).strip() for item in features]
    if not items:
        raise ValueError("features must be at least one, got none")
    columns: dict[str, dict[str, str | None]] = {}
    names = list(COLUMNS)
    for item in dict.fromkeys(items):
        column, settings = _of_file(item, size) if Path(item).is_file() else _of_recipe(item, size)
        names += [column, *(names_beside(column) if "shape" in settings else ())]
        columns[column] = settings
    if len(set(names)) < len(names):
        raise ValueError(
            f"features and columns must have names of their own, got {', '.join(names)}; rename a file"
        )
    return columns


def learned(columns: dict[str, Any], folder: Path) -> dict[str, tuple[str, Path]]:
    """Return, by column, the features that a run learns by itself and the files that keep them."""
    return {
        name: (settings["feature"], folder / settings["model"])
        for name, settings in columns.items()
        if settings["model"] is not None and settings["sha256"] is None
    }


def build(
    columns: dict[str, Any], size: ImageSize, folder: Path, device: Device = "cpu"
) -> dict[str, Column]:
    """Return what computes each column."""
    extractors = {name: extractor_of(settings, size, folder) for name, settings in columns.items()}
    # This also compiles the kernels, or loads them to the GPU.
    features = compute(extractors, np.zeros((1, *trial_size(size), 3), np.uint8), device)
    built = {}
    for name, settings in columns.items():
        has_grid = "shape" in settings
        grid_shape = parse(settings["feature"]).terms[0].grid_shape(tuning_size(size)) if has_grid else None
        built[name] = Column(extractors[name], grid_shape, None if has_grid else features[name].shape[1])
    return built


def compute(extractors: dict[str, Extractor], images: Array, device: Device = "cpu") -> dict[str, Array]:
    """Return each feature (n, n_features) of images, which are copied to the GPU once for ``"cuda"``.

    Raises
    ------
    ValueError
        If the images are too small for a feature.
    """
    features = {}
    there = to_device(images) if device == "cuda" else images
    for name, extract in extractors.items():
        try:
            features[name] = to_host(extract(there))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return features


def extractor_of(settings: dict[str, Any], size: ImageSize, folder: Path) -> Extractor:
    """Return the function that computes a column."""
    if settings["model"] is None:
        feature = parse(settings["feature"])
        return (
            feature.function_of_any_size(tuning_size(size))
            if isinstance(size, str)
            else feature.function(size)
        )
    extractor: Extractor = transformer_of(settings, size, folder).transform
    return extractor


def transformer_of(settings: dict[str, Any], size: ImageSize, folder: Path) -> Any:
    """Return the transformer of a column, fitted unless it takes images of all sizes without."""
    if settings["model"] is not None:
        return load_model(folder / settings["model"])  # an absolute path stays
    feature = parse(settings["feature"])
    before = settings["expression"]
    now = feature.expression(tuning_size(size))
    if now != before:
        raise ValueError(f"{feature.name!r} was {before}, and is {now} in this version of imfeat")
    return feature.transformer(tuning_size(size)) if isinstance(size, str) else feature.fitted(size)


def _of_recipe(item: str, size: ImageSize) -> tuple[str, dict[str, str | None]]:
    try:
        feature = parse(item)
    except ValueError as error:
        raise ValueError(f"{error}; or give a file that imfeat codebook wrote") from error
    _check_extractable(feature)
    if isinstance(size, str):
        _check_takes_all_sizes(feature, size)
    feature.check(trial_size(size))
    path = f"{MODELS}/{file_name(feature.name)}.safetensors" if feature.learned else None
    settings = {
        "feature": feature.name,
        "expression": feature.expression(tuning_size(size)),
        "model": path,
        "sha256": None,
    }
    if isinstance(size, str) and feature.has_grid:
        settings["shape"], _ = names_beside(feature.name)
    return feature.name, settings


def _check_extractable(feature: Feature) -> None:
    if feature.fused:
        members = ", ".join(member.name for member in feature.fused)
        raise ValueError(f"{feature.name!r} adds scores of classifiers; extract its members: {members}")
    if feature.learned and len(feature.terms) > 1:
        members = ", ".join(term.text for term in feature.terms)
        raise ValueError(
            f"{feature.name!r} must be learned part by part; extract columns of their own: {members}"
        )


def _check_takes_all_sizes(feature: Feature, size: str) -> None:
    if feature.is_registered:
        raise ValueError(
            f"{feature.name!r} is a registered feature, which takes images of one size, not size={size!r}; "
            "give a number of pixels"
        )
    if len(feature.terms) > 1 and feature.has_grid:
        members = ", ".join(term.text for term in feature.terms)
        (first, *_) = (term.text for term in feature.terms if term.has_grid)
        raise ValueError(
            f"{feature.name!r} can't stand side by side with size={size!r}, as {first!r} has more numbers "
            f"for larger images; extract columns of their own: {members}"
        )


def _of_file(item: str, size: ImageSize) -> tuple[str, dict[str, str | None]]:
    path = Path(item).resolve()
    model = load_model(path)
    shape = getattr(model, "image_shape_", None)
    takes_all_sizes = shape is None and getattr(model, "learns", False)
    if isinstance(size, str) and not takes_all_sizes:
        raise ValueError(
            f"{path} describes images of the shape {shape}, not of their own size: learn it with "
            f"size={size!r}"
        )
    if not takes_all_sizes and shape != (*size, 3):
        raise ValueError(
            f"{path} describes images of the shape {shape}, not {(*size, 3)}: give the size that it was "
            "learned with"
        )
    expression = " ".join(repr(model).split())
    settings: dict[str, str | None] = {
        "feature": str(path),
        "expression": expression,
        "model": str(path),
        "sha256": sha256(path),
    }
    return path.stem, settings
