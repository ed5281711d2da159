"""What was learned, in files that can be shared: arrays and a header, and nothing that is executed.

A file is an uncompressed ``.npz``: ``header.json`` names the kind of model, its options, and the shape, dtype
and SHA-256 of each array.  All of that, and the length of each member, is checked before an array is read.
"""

import functools
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_words
from imfeat._files import whole
from imfeat.mixture import Mixture
from imfeat.patches import Whitening
from imfeat.quantizer import ProductQuantizer

SCHEMA, VERSION = "imfeat-model", 1
MOST_HEADER_BYTES = 1 << 20
MOST_NUMBERS = 1 << 24  # of an image that a model describes
MOST_NPY_HEADER = 1 << 10  # of an array, before its numbers
TRANSFORMERS = ("BagOfVisualWords", "PatchFeatures", "VLAD", "FisherVector")
LOCALS = ("DenseSIFT", "LocalColor")
NOT_OPTIONS = ("random_state", "progress", "local")  # of no matter once it is learned, or kept by itself
# What reading damaged files raises; NumPy, zipfile and json each have their own.
DAMAGE = ArithmeticError, EOFError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError

Parts = tuple[dict[str, Any], dict[str, Array]]


def save_model(path: str | os.PathLike[str], model: Any) -> None:
    """Write a fitted model to a file, which `load_model` reads.

    Parameters
    ----------
    path : str or path
        Usually ends in ``.npz``.
    model : fitted model
        A `Whitening`, `Mixture` or `ProductQuantizer`; a codebook, an array (n_words, d) float32; or one of
        the transformers `BagOfVisualWords`, `PatchFeatures`, `VLAD` and `FisherVector`.

    Raises
    ------
    TypeError
        If it is of another type.
    """
    kind = "codebook" if isinstance(model, np.ndarray) else type(model).__name__
    if kind in TRANSFORMERS:
        options, arrays = _take_transformer(model)
    elif kind in SIMPLE:
        options, arrays = SIMPLE[kind][0](model)
    else:
        raise TypeError(f"model must be one of {', '.join((*SIMPLE, *TRANSFORMERS))}, got {kind}")
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
    members = {name: _as_npy(array) for name, array in arrays.items()}
    about = {
        name: {"shape": list(array.shape), "dtype": "float32", "sha256": _digest(members[name])}
        for name, array in arrays.items()
    }
    header = {"schema": SCHEMA, "version": VERSION, "kind": kind, "options": options, "arrays": about}
    with whole(Path(path)) as unfinished, zipfile.ZipFile(unfinished, "w") as file:
        # of one time, so that equal models give equal bytes
        file.writestr(zipfile.ZipInfo("header.json"), json.dumps(header, indent=1))
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), content)


def load_model(path: str | os.PathLike[str]) -> Any:
    """Read a model that `save_model` wrote.

    Returns
    -------
    fitted model
        Of the type that was saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, or something else: nothing of it is executed, and nothing is read before its length
        is known.
    """
    try:
        with open(path, "rb") as raw, zipfile.ZipFile(raw) as file:
            header = _read_header(file)
            arrays = _read_arrays(file, header["arrays"])
        options, kind = header["options"], header["kind"]
        make = functools.partial(_make_transformer, kind) if kind in TRANSFORMERS else SIMPLE[kind][1]
        return make(options, arrays)
    except FileNotFoundError:
        raise
    except (*DAMAGE, zipfile.BadZipFile) as error:
        raise ValueError(f"{os.fspath(path)} is no intact model of imfeat: {error}") from error


def _read_header(file: zipfile.ZipFile) -> dict[str, Any]:
    members = {info.filename: info for info in file.infolist()}
    if len(members) != len(file.infolist()):
        raise ValueError("members of the same name")
    for info in members.values():
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise ValueError(f"{info.filename!r} is compressed")
    if members["header.json"].file_size > MOST_HEADER_BYTES:
        raise ValueError("a header of too many bytes")
    header = json.loads(file.read("header.json"))
    if set(header) != {"schema", "version", "kind", "options", "arrays"} or header["schema"] != SCHEMA:
        raise ValueError("a header of something else")
    if header["version"] != VERSION:
        raise ValueError(f"version {header['version']!r}, and this imfeat reads version {VERSION}")
    if header["kind"] not in (*SIMPLE, *TRANSFORMERS):
        raise ValueError(f"unknown kind {header['kind']!r}")
    wanted = {"header.json", *(f"{name}.npy" for name in header["arrays"])}
    if set(members) != wanted:
        raise ValueError(f"members {sorted(set(members) ^ wanted)} are unknown or missing")
    for name, about in header["arrays"].items():
        n_numbers = int(np.prod([_count(n) for n in about["shape"]], dtype=object)) if about["shape"] else 1
        extra = members[f"{name}.npy"].file_size - 4 * n_numbers
        if about["dtype"] != "float32" or not 0 < extra <= MOST_NPY_HEADER:
            raise ValueError(f"{name} has another length than its shape {about['shape']}")
    return dict(header)


def _read_arrays(file: zipfile.ZipFile, about: Mapping[str, Any]) -> dict[str, Array]:
    arrays = {}
    for name, expected in about.items():
        content = file.read(f"{name}.npy")
        if _digest(content) != expected["sha256"]:
            raise ValueError(f"{name} has another checksum")
        array = np.load(io.BytesIO(content), allow_pickle=False)
        if array.dtype != np.float32 or list(array.shape) != expected["shape"]:
            raise ValueError(f"{name} is of {array.dtype} and {array.shape}, not as the header says")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds numbers that are not finite")
        arrays[name] = array
    return arrays


def _count(n: Any) -> int:
    if type(n) is not int or n < 0:
        raise ValueError(f"{n!r} in a shape")
    return n


def _as_npy(array: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _take_whitening(model: Whitening) -> Parts:
    return {"kind": model.kind, "epsilon": model.epsilon}, {"mean": model.mean_, "matrix": model.matrix_}


def _make_whitening(options: dict[str, Any], arrays: dict[str, Array]) -> Whitening:
    model = Whitening(**options)
    model.mean_, model.matrix_ = arrays["mean"], arrays["matrix"]
    if model.matrix_.shape != (model.mean_.size, model.mean_.size):
        raise ValueError(f"a matrix {model.matrix_.shape} for vectors of {model.mean_.size} numbers")
    return model


def _take_mixture(model: Mixture) -> Parts:
    return {}, {"weights": model.weights, "means": model.means, "variances": model.variances}


def _make_mixture(options: dict[str, Any], arrays: dict[str, Array]) -> Mixture:
    return Mixture(**options, **arrays)


def _take_quantizer(model: ProductQuantizer) -> Parts:
    options = {"group_size": model.group_size, "bits": model.bits, "n_parts": model.n_parts}
    return options, {"centroids": model.centroids_}


def _make_quantizer(options: dict[str, Any], arrays: dict[str, Array]) -> ProductQuantizer:
    model = ProductQuantizer(**options)
    model.centroids_ = arrays["centroids"]
    if model.centroids_.ndim != 3 or model.centroids_.shape[1:] != (2**model.bits, model.group_size):
        raise ValueError(f"centroids of the shape {model.centroids_.shape}")
    return model


def _make_codebook(options: dict[str, Any], arrays: dict[str, Array]) -> Array:
    return as_words(arrays["codebook"])


SIMPLE: dict[str, tuple[Callable[[Any], Parts], Callable[[dict[str, Any], dict[str, Array]], Any]]] = {
    "Whitening": (_take_whitening, _make_whitening),
    "Mixture": (_take_mixture, _make_mixture),
    "ProductQuantizer": (_take_quantizer, _make_quantizer),
    "codebook": (lambda model: ({}, {"codebook": as_words(model)}), _make_codebook),
}


def _take_transformer(model: Any) -> Parts:
    options = {name: value for name, value in model.get_params(deep=False).items() if name not in NOT_OPTIONS}
    options["image_shape"] = list(model.image_shape_)
    arrays: dict[str, Array] = {}
    if hasattr(model, "local_"):
        options["local"] = {"kind": type(model.local_).__name__, **model.local_.get_params()}
        arrays["pca.mean"], arrays["pca.components"] = model.pca_.mean_, model.pca_.components_
    elif model.whitening_ is not None:
        whitening, learned = _take_whitening(model.whitening_)
        options["whitening"] = whitening
        arrays |= {f"whitening.{name}": array for name, array in learned.items()}
    if hasattr(model, "mixture_"):
        arrays |= {f"mixture.{name}": array for name, array in _take_mixture(model.mixture_)[1].items()}
    else:
        arrays["codebook"] = model.codebook_
    return options, arrays


def _make_transformer(kind: str, options: dict[str, Any], arrays: dict[str, Array]) -> Any:
    from imfeat import estimators

    options = {name: _as_tuple(value) for name, value in options.items()}
    shape, local, whitening = (options.pop(name, None) for name in ("image_shape", "local", "whitening"))
    if not 2 <= len(shape) <= 3 or np.prod([_count(n) for n in shape], dtype=object) > MOST_NUMBERS:
        raise ValueError(f"images of the shape {shape}")
    if local is not None:
        if local["kind"] not in LOCALS:
            raise ValueError(f"unknown local descriptors {local['kind']!r}")
        found = {name: value for name, value in local.items() if name != "kind"}
        options["local"] = getattr(estimators, local["kind"])(**found)
    parts: dict[str, dict[str, Array]] = {}
    for name, array in arrays.items():
        group, _, part = name.partition(".")
        parts.setdefault(group, {})[part] = array
    model = getattr(estimators, kind)(**options)
    return fill(
        model,
        shape,
        whitening=None if whitening is None else _make_whitening(whitening, parts["whitening"]),
        pca=(parts["pca"]["mean"], parts["pca"]["components"]) if local is not None else None,
        learned=Mixture(**parts["mixture"]) if kind == "FisherVector" else as_words(parts["codebook"][""]),
    )


def fill(
    model: Any,
    shape: tuple[int, ...],
    *,
    whitening: Whitening | None,
    pca: tuple[Array, Array] | None,
    learned: Any,
) -> Any:
    """Give a transformer what it would have learned from images of a shape, and return it."""
    blank = np.zeros((1, *shape), np.uint8)
    if pca is not None:
        from sklearn.base import clone
        from sklearn.decomposition import PCA

        model.local_ = clone(model.local).fit(blank)
        model.pca_ = PCA(len(pca[1]))
        model.pca_.mean_, model.pca_.components_ = pca
        model.n_regions_ = sum(int(np.prod(grid)) for grid in model.grids)
    else:
        model.whitening_ = whitening
    if isinstance(learned, Mixture):
        model.mixture_ = learned
    else:
        model.codebook_ = learned
    model.image_shape_, model.n_features_in_ = shape, int(np.prod(shape))
    model.transform(blank)  # finds what doesn't fit together
    return model


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
