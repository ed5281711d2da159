"""The columns of a run: features by recipe or by model file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from imfeat._backend import Array
from imfeat._expressions import split_list
from imfeat._feature import Feature
from imfeat._files import sha256
from imfeat.extract.models import load_model
from imfeat.extract.store import COLUMNS, file_name
from imfeat.recipes import parse

Extractor: TypeAlias = Callable[[Array], Array]
Size: TypeAlias = tuple[int, int]

MODELS = "models"  # folder of a run that keeps what was learned for it


def describe(features: str | Sequence[str], size: Size) -> dict[str, dict[str, str | None]]:
    """Return the settings of each column.

    They are the ``feature`` as the caller names it, the ``expression`` of its transformer, the ``model`` that
    computes it (the path of a file, or relative to the folder of the run), and the ``sha256`` of a file.

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
        names.append(column)
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


def build(columns: dict[str, Any], size: Size, folder: Path) -> dict[str, Extractor]:
    """Return the function that computes each column."""
    return {name: extractor_of(settings, size, folder) for name, settings in columns.items()}


def extractor_of(settings: dict[str, Any], size: Size, folder: Path) -> Extractor:
    """Return the function that computes a column."""
    if settings["model"] is None:
        return parse(settings["feature"]).function(size)
    extractor: Extractor = transformer_of(settings, size, folder).transform
    return extractor


def transformer_of(settings: dict[str, Any], size: Size, folder: Path) -> Any:
    """Return the fitted transformer of a column."""
    if settings["model"] is None:
        feature = parse(settings["feature"])
        before = settings["expression"]
        now = feature.expression(size)
        if now != before:
            raise ValueError(f"{feature.name!r} was {before}, and is {now} in this version of imfeat")
        return feature.fitted(size)
    return load_model(folder / settings["model"])  # an absolute path stays


def _of_recipe(item: str, size: Size) -> tuple[str, dict[str, str | None]]:
    try:
        feature = parse(item)
    except ValueError as error:
        raise ValueError(f"{error}; or give a file that imfeat codebook wrote") from error
    _check_extractable(feature)
    feature.check(size)
    path = f"{MODELS}/{file_name(feature.name)}.safetensors" if feature.learned else None
    settings = {
        "feature": feature.name,
        "expression": feature.expression(size),
        "model": path,
        "sha256": None,
    }
    return feature.name, settings


def _check_extractable(feature: Feature) -> None:
    if feature.fused:
        members = ", ".join(member.name for member in feature.fused)
        raise ValueError(f"{feature.name!r} averages scores of classifiers; extract its members: {members}")
    if feature.learned and len(feature.terms) > 1:
        members = ", ".join(term.text for term in feature.terms)
        raise ValueError(
            f"{feature.name!r} must be learned part by part; extract columns of their own: {members}"
        )


def _of_file(item: str, size: Size) -> tuple[str, dict[str, str | None]]:
    path = Path(item).resolve()
    model = load_model(path)
    shape = getattr(model, "image_shape_", None)
    if shape != (*size, 3):
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
