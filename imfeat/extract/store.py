"""Finished shards on disk: files of features, and a receipt with their lengths and checksums."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import quote

import numpy as np

from imfeat._backend import Array
from imfeat._files import complete, read_json, sha256, write_json
from imfeat.extract.images import Row
from imfeat.extract.ragged import Ragged, names_beside

Format: TypeAlias = Literal["parquet", "npy"]
FORMATS: tuple[Format, ...] = get_args(Format)
COLUMNS = ("path", "n_bytes", "sha256", "error")


def write_shard(
    folder: Path, shard: int, key: str, rows: list[Row], features: Mapping[str, Array | Ragged], kind: str
) -> dict[str, Any]:
    """Write the rows and features of a shard, then a receipt, which says that they are complete.

    Parameters
    ----------
    folder : Path
    shard : int
    key : str
        Key of the plan.
    rows : list of Row
    features : mapping of str to array of shape (n, n_features), float32, or Ragged
        NaN in the rows that have an error.
    kind : {"parquet", "npy"}

    Returns
    -------
    dict
        The receipt: shard, key, rows, errors, and length and SHA-256 of each file.
    """
    write = _write_parquet if kind == "parquet" else _write_npy
    files = write(folder / "shards", f"{shard:06}", rows, features)
    return write_receipt(folder, shard, key, rows, files)


def write_receipt(
    folder: Path, shard: int, key: str, rows: list[Row], files: list[Path], **more: Any
) -> dict[str, Any]:
    """Write the receipt of a shard, whose files are complete, and return it."""
    receipt = {
        "shard": shard,
        "key": key,
        "n_rows": len(rows),
        "n_errors": sum(row.error is not None for row in rows),
        "files": {path.name: [path.stat().st_size, sha256(path)] for path in files},
        **more,
    }
    write_json(folder / "receipts" / f"{shard:06}.json", receipt)
    return receipt


def find_receipt(folder: Path, shard: int, key: str, *, verify: bool = False) -> dict[str, Any] | None:
    """Return the receipt of a shard, None if it is absent, of another plan, or does not match its files.

    Lengths of files are compared, and checksums if ``verify``.
    """
    receipt = read_json(folder / "receipts" / f"{shard:06}.json")
    if not isinstance(receipt, dict) or receipt.get("key") != key:
        return None
    for name, (n_bytes, digest) in receipt["files"].items():
        path = folder / "shards" / name
        if not path.is_file() or path.stat().st_size != n_bytes or (verify and sha256(path) != digest):
            return None
    return receipt


def npy_name(stem: str, column: str) -> str:
    """Return the name of the file of a column of a shard."""
    return f"{stem}.{file_name(column)}.npy"


def file_name(column: str) -> str:
    """Return a column as part of the name of a file."""
    return quote(column, safe="+(),='[] ")


def column_types() -> tuple[Any, ...]:
    """Return the pyarrow types of `COLUMNS`."""
    import pyarrow as pa

    return pa.string(), pa.int64(), pa.string(), pa.string()


def _write_npy(
    folder: Path, stem: str, rows: list[Row], features: Mapping[str, Array | Ragged]
) -> list[Path]:
    paths = []
    for name, values in features.items():
        path = folder / npy_name(stem, name)
        paths.append(path)
        if isinstance(values, Ragged):
            values.write_values(path)
            for beside, array in zip(names_beside(name), (values.shapes, values.offsets), strict=True):
                paths.append(folder / npy_name(stem, beside))
                _save_array(paths[-1], array)
        else:
            _save_array(path, values)
    paths.append(folder / f"{stem}.rows.jsonl")
    with complete(paths[-1]) as unfinished:
        unfinished.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="ascii")
    return paths


def _save_array(path: Path, array: Array) -> None:
    with complete(path) as unfinished, open(unfinished, "wb") as file:
        np.save(file, array, allow_pickle=False)


def _write_parquet(
    folder: Path, stem: str, rows: list[Row], features: Mapping[str, Array | Ragged]
) -> list[Path]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: _as_column([getattr(row, name) for row in rows], name) for name in COLUMNS}
    failed = np.array([row.error is not None for row in rows])
    validity = _bits(~failed)
    for name, values in features.items():
        if isinstance(values, Ragged):
            columns[name], columns[names_beside(name)[0]] = values.as_columns()
            continue
        flat = np.ascontiguousarray(values, np.float32).reshape(-1)
        flat = pa.Array.from_buffers(pa.float32(), len(flat), [None, pa.py_buffer(flat)])
        kind = pa.list_(pa.float32(), values.shape[1])
        # `FixedSizeListArray.from_arrays` would import pyarrow.compute first.
        columns[name] = pa.Array.from_buffers(kind, len(rows), [validity], children=[flat])
    path = folder / f"{stem}.parquet"
    with complete(path) as unfinished:
        # Values of features hardly repeat: dictionaries and compression would cost time and gain little.
        pq.write_table(pa.table(columns), unfinished, compression="none", use_dictionary=False)
    return [path]


def _as_column(values: list[Any], name: str) -> Any:
    """Return strings or integers, and None, as an array; `pyarrow.array` would import pandas first."""
    import pyarrow as pa

    kind = column_types()[COLUMNS.index(name)]
    is_valid = np.array([value is not None for value in values])
    validity = None if is_valid.all() else _bits(is_valid)
    if kind == pa.int64():
        data = np.array([value or 0 for value in values], np.int64)
        return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(data)])
    texts = [(value or "").encode() for value in values]
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    return pa.Array.from_buffers(
        kind, len(values), [validity, pa.py_buffer(ends), pa.py_buffer(b"".join(texts))]
    )


def _bits(values: Array) -> Any:
    """Return truth values as a buffer of pyarrow."""
    import pyarrow as pa

    return pa.py_buffer(np.packbits(values, bitorder="little"))
