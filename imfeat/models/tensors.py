"""Files in the format of safetensors: arrays, and a header of imfeat among their metadata.

All lengths and checksums are checked before an array is used.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

import imfeat
from imfeat._backend import Array
from imfeat._files import complete
from imfeat.models.header import (
    DTYPES,
    MAX_HEADER_BYTES,
    SCHEMA,
    check_finite,
    check_kind,
    count,
    digest,
)

VERSION = 3
KEYS = {
    2: {"schema", "version", "kind", "options", "sha256"},
    3: {"schema", "version", "imfeat", "model", "fortran", "sha256"},
}


class NewerVersionError(ValueError):
    """The file was written by a newer version of imfeat."""


def write(path: Path, model: dict[str, Any], arrays: dict[str, Array]) -> None:
    """Write a tree of components and its arrays.

    Arrays in Fortran's order are written transposed, and read as they were, since products of matrices
    depend on their order in the last bit.
    """
    from safetensors.numpy import save

    fortran = sorted(name for name, array in arrays.items() if _is_fortran(array))
    stored = {name: (a.T if name in fortran else a).copy("C") for name, a in arrays.items()}
    header = {
        "schema": SCHEMA,
        "version": VERSION,
        "imfeat": imfeat.__version__,
        "model": model,
        "fortran": fortran,
        "sha256": {name: digest(array.tobytes()) for name, array in stored.items()},
    }
    content = save(stored, {"imfeat": json.dumps(header)})
    if int.from_bytes(content[:8], "little") > MAX_HEADER_BYTES - 8:
        raise ValueError(f"the options of the model take more than {MAX_HEADER_BYTES:,} bytes")
    with complete(path) as unfinished:
        unfinished.write_bytes(content)


def _is_fortran(array: Array) -> bool:
    """Tell whether rows are next to each other in memory, also in a part of an array."""
    return array.ndim > 1 and not array.flags.c_contiguous and array.strides[0] < array.strides[-1]


def read(start: bytes, path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the header and the arrays of a file, of which ``start`` are the first bytes."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    n_bytes = int.from_bytes(start[:8], "little")
    if len(start) < 8 or n_bytes > len(start) - 8:
        raise ValueError("no header, or one of too many bytes")
    tensors = json.loads(start[8 : 8 + n_bytes])
    header = json.loads(tensors.pop("__metadata__")["imfeat"])
    _check_header(header)
    if set(tensors) != set(header["sha256"]):
        raise ValueError(f"arrays {sorted(set(tensors) ^ set(header['sha256']))} are unknown or missing")
    sizes = [
        math.prod(map(count, tensor["shape"])) * np.dtype(DTYPES[tensor["dtype"]]).itemsize
        for tensor in tensors.values()
    ]
    if path.stat().st_size != 8 + n_bytes + sum(sizes):
        raise ValueError("another length than the header says")
    try:
        arrays = load(path.read_bytes())
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    for name, array in arrays.items():
        if digest(array.tobytes()) != header["sha256"][name]:
            raise ValueError(f"{name} has another checksum")
        check_finite(name, array)
        # A copy, which may be written to
        arrays[name] = array.T.copy("F") if name in header.get("fortran", ()) else array.copy()
    return header, arrays


def _check_header(header: Any) -> None:
    if not isinstance(header, dict) or header["schema"] != SCHEMA:
        raise ValueError("a header of something else")
    version = header["version"]
    if type(version) is int and version > VERSION:
        raise NewerVersionError(
            f"was saved by a newer version of imfeat ({header.get('imfeat', 'unknown')}, format {version}); "
            f"this is {imfeat.__version__}, which reads formats up to {VERSION}: upgrade imfeat"
        )
    if version not in KEYS or set(header) != KEYS[version]:
        raise ValueError(f"a header of version {version!r} with {', '.join(header)}")
    if version == 2:
        check_kind(header["kind"])
