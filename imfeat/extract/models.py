"""Files of models: arrays and a header, and nothing that is executed.

A file is in the format of safetensors.  Its metadata names the schema, the kind of model, its options and the
SHA-256 of each array.  All lengths are checked before an array is read.
"""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_words
from imfeat._files import complete
from imfeat.extract import models_npz
from imfeat.extract.models_header import (
    FITS,
    KINDS,
    LOCALS,
    MAX_HEADER_BYTES,
    MAX_NUMBERS,
    SCHEMA,
    TRANSFORMERS,
    check_kind,
    count,
    digest,
)
from imfeat.mixture import Mixture
from imfeat.quantizer import ProductQuantizer
from imfeat.whitening import Whitening

VERSION = 2
ITEM_SIZES = {"F32": 4, "U8": 1}  # bytes of each dtype that files hold
# NumPy, safetensors, zipfile and json each raise errors of their own for damaged files.
DAMAGE = (
    *(ArithmeticError, EOFError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError),
    zipfile.BadZipFile,
)


def save_model(path: str | os.PathLike[str], model: Any) -> None:
    """Write a fitted model to a file, which `load_model` reads.

    Parameters
    ----------
    path : str or path
        Usually ends in ``.safetensors``; `safetensors.numpy.load_file` reads its arrays.
    model : fitted model
        A `Whitening`, `Mixture` or `ProductQuantizer`; a codebook, an array (n_words, d) float32; or one of
        the transformers `BagOfVisualWords`, `PatchFeatures`, `VLAD`, `FisherVector` and `PaletteHistogram`.

    Raises
    ------
    TypeError
        If the model is of another type.
    """
    from safetensors.numpy import save

    kind = "codebook" if isinstance(model, np.ndarray) else type(model).__name__
    if kind not in KINDS:
        raise TypeError(f"model must be one of {', '.join(KINDS)}, got {kind}")
    options = {} if kind == "codebook" else model.options()
    arrays = {"codebook": as_words(model)} if kind == "codebook" else model.to_arrays()
    if kind in TRANSFORMERS:
        options["image_shape"] = list(model.image_shape_) if hasattr(model, "image_shape_") else None
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    digests = {name: digest(array.tobytes()) for name, array in arrays.items()}
    header = {"schema": SCHEMA, "version": VERSION, "kind": kind, "options": options, "sha256": digests}
    with complete(Path(path)) as unfinished:
        unfinished.write_bytes(save(arrays, {"imfeat": json.dumps(header)}))


def load_model(path: str | os.PathLike[str]) -> Any:
    """Read a model that `save_model` wrote, also with earlier versions of imfeat.

    Returns
    -------
    fitted model
        Model of the type that was saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or holds something else.  Nothing of it is executed, and nothing is read before
        its length is checked.
    """
    try:
        with open(path, "rb") as file:
            is_npz = file.read(2) == b"PK"
            file.seek(0)
            kind, options, arrays = (
                models_npz.read(file) if is_npz else _read(file.read(MAX_HEADER_BYTES), Path(path))
            )
        return _make(kind, options, arrays)
    except FileNotFoundError:
        raise
    except DAMAGE as error:
        raise ValueError(f"{os.fspath(path)} is no intact model of imfeat: {error}") from error


def _read(start: bytes, path: Path) -> tuple[str, dict[str, Any], dict[str, Array]]:
    """Return kind, options and arrays of a file, of which ``start`` are the first bytes."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    n_bytes = int.from_bytes(start[:8], "little")
    if len(start) < 8 or n_bytes > len(start) - 8:
        raise ValueError("no header, or one of too many bytes")
    tensors = json.loads(start[8 : 8 + n_bytes])
    header = json.loads(tensors.pop("__metadata__")["imfeat"])
    if set(header) != {"schema", "version", "kind", "options", "sha256"} or header["schema"] != SCHEMA:
        raise ValueError("a header of something else")
    if header["version"] != VERSION:
        raise ValueError(f"version {header['version']!r}, and this imfeat reads versions up to {VERSION}")
    check_kind(header["kind"])
    if set(tensors) != set(header["sha256"]):
        raise ValueError(f"arrays {sorted(set(tensors) ^ set(header['sha256']))} are unknown or missing")
    n_numbers = [
        int(np.prod([count(n) for n in tensor["shape"]], dtype=object)) for tensor in tensors.values()
    ]
    sizes = [n * ITEM_SIZES[tensor["dtype"]] for n, tensor in zip(n_numbers, tensors.values(), strict=True)]
    if path.stat().st_size != 8 + n_bytes + sum(sizes):
        raise ValueError("another length than the header says")
    try:
        arrays = load(path.read_bytes())
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    for name, array in arrays.items():
        if digest(array.tobytes()) != header["sha256"][name]:
            raise ValueError(f"{name} has another checksum")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds numbers that are not finite")
    return header["kind"], header["options"], arrays


def _make(kind: str, options: dict[str, Any], arrays: dict[str, Array]) -> Any:
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
    if shape is not None and not _is_shape(shape):
        raise ValueError(f"images of the shape {shape}")
    transformer = getattr(estimators, kind)
    of_learned = {name: options.pop(name) for name in transformer.learned if name in options}
    local = options.get("local")
    if local is not None:
        if local["kind"] not in LOCALS:
            raise ValueError(f"unknown local descriptors {local['kind']!r}")
        local_options = {name: value for name, value in local.items() if name != "kind"}
        options["local"] = getattr(estimators, local["kind"])(**local_options)
    return transformer(**options).restore(shape, of_learned, arrays)


def _is_shape(shape: Any) -> bool:
    return 2 <= len(shape) <= 3 and np.prod([count(n) for n in shape], dtype=object) <= MAX_NUMBERS


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
