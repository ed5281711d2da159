"""Reading of model files of version 1: uncompressed ``.npz`` with a header."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from imfeat._backend import Array
from imfeat.models.header import MAX_HEADER_BYTES, SCHEMA, check_kind, count, digest

VERSION = 1
MAX_NPY_HEADER = 1 << 10  # bytes of an array before its numbers


def read(file: BinaryIO) -> tuple[str, dict[str, Any], dict[str, Array]]:
    """Return kind, options and arrays; lengths and checksums are checked before an array is read."""
    with zipfile.ZipFile(file) as archive:
        header = _read_header(archive)
        return header["kind"], header["options"], _read_arrays(archive, header["arrays"])


def _read_header(file: zipfile.ZipFile) -> dict[str, Any]:
    members = {info.filename: info for info in file.infolist()}
    if len(members) != len(file.infolist()):
        raise ValueError("members of the same name")
    for info in members.values():
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise ValueError(f"{info.filename!r} is compressed")
    if members["header.json"].file_size > MAX_HEADER_BYTES:
        raise ValueError("a header of too many bytes")
    header = json.loads(file.read("header.json"))
    if set(header) != {"schema", "version", "kind", "options", "arrays"} or header["schema"] != SCHEMA:
        raise ValueError("a header of something else")
    if header["version"] != VERSION:
        raise ValueError(f"version {header['version']!r}, and this imfeat reads version {VERSION}")
    check_kind(header["kind"])
    expected_members = {"header.json", *(f"{name}.npy" for name in header["arrays"])}
    if set(members) != expected_members:
        raise ValueError(f"members {sorted(set(members) ^ expected_members)} are unknown or missing")
    for name, array in header["arrays"].items():
        n_numbers = int(np.prod([count(n) for n in array["shape"]], dtype=object)) if array["shape"] else 1
        extra = members[f"{name}.npy"].file_size - 4 * n_numbers
        if array["dtype"] != "float32" or not 0 < extra <= MAX_NPY_HEADER:
            raise ValueError(f"{name} has another length than its shape {array['shape']}")
    return dict(header)


def _read_arrays(file: zipfile.ZipFile, headers: Mapping[str, Any]) -> dict[str, Array]:
    arrays = {}
    for name, expected in headers.items():
        content = file.read(f"{name}.npy")
        if digest(content) != expected["sha256"]:
            raise ValueError(f"{name} has another checksum")
        array = np.load(io.BytesIO(content), allow_pickle=False)
        if array.dtype != np.float32 or list(array.shape) != expected["shape"]:
            raise ValueError(f"{name} is of {array.dtype} and {array.shape}, not as the header says")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds numbers that are not finite")
        arrays[name] = array
    return arrays
