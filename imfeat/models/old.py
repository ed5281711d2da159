"""Models of files of versions 1 and 2: one kind, its options, and arrays."""

from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_words
from imfeat.mixture import Mixture
from imfeat.models.header import FITS, as_shape
from imfeat.quantizer import ProductQuantizer
from imfeat.whitening import Whitening

LOCALS = ("DenseSIFT", "LocalColor")


def make(kind: str, options: dict[str, Any], arrays: dict[str, Array]) -> Any:
    """Return a model of a kind that was checked."""
    if kind == "codebook":
        return as_words(arrays["codebook"])
    if kind in FITS:
        fits: dict[str, Any] = {
            "Whitening": Whitening,
            "Mixture": Mixture,
            "ProductQuantizer": ProductQuantizer,
        }
        return fits[kind].from_arrays(options, arrays)
    return _make_transformer(kind, options, arrays)


def _make_transformer(kind: str, options: dict[str, Any], arrays: dict[str, Array]) -> Any:
    from imfeat import estimators

    options = {name: _as_tuple(value) for name, value in options.items()}
    shape = options.pop("image_shape")
    transformer = getattr(estimators, kind)
    of_parts = {name: options.pop(name) for name in transformer.learned if name in options}
    local = options.get("local")
    if local is not None:
        if local["kind"] not in LOCALS:
            raise ValueError(f"unknown local descriptors {local['kind']!r}")
        local_options = {name: value for name, value in local.items() if name != "kind"}
        options["local"] = getattr(estimators, local["kind"])(**local_options)
    parts = {
        name: _part(part, name, of_parts.get(name, {}), arrays) for name, part in transformer.learned.items()
    }
    return transformer(**options).restore(None if shape is None else as_shape(shape), parts)


def _part(kind: Any, name: str, options: dict[str, Any], arrays: dict[str, Array]) -> Any:
    if kind is np.ndarray:
        return arrays.get(name)
    group = {key.partition(".")[2]: array for key, array in arrays.items() if key.startswith(f"{name}.")}
    return kind.from_arrays(options, group) if group else None


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
