"""Features that were extracted, opened as arrays or tables."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imfeat._backend import Array
from imfeat._files import read_json, sha256
from imfeat.extract.store import COLUMNS, column_types

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def open(out: str | os.PathLike[str], *, verify: bool = False) -> "Features":
    """Open what `run` wrote.

    Parameters
    ----------
    out : str or path
        The folder.
    verify : bool
        Read all files and compare their checksums, not only their lengths.

    Raises
    ------
    FileNotFoundError
        If the folder holds no finished run.
    ValueError
        If a file is missing or damaged.
    """
    folder = Path(out)
    manifest = read_json(folder / "manifest.json")
    if manifest is None:
        begun = ", but one that was interrupted: resume it" if (folder / "plan.json").exists() else ""
        raise FileNotFoundError(f"{folder} holds no finished run{begun}")
    with (folder / "manifest.jsonl").open(encoding="ascii") as file:
        receipts = [json.loads(line) for line in file]
    for receipt in receipts:
        for name, (n_bytes, digest) in receipt["files"].items():
            path = folder / "shards" / name
            same = path.is_file() and path.stat().st_size == n_bytes
            if not same or (verify and sha256(path) != digest):
                raise ValueError(f"{path} is missing or damaged; resume the run to compute it again")
    return Features(folder, manifest, receipts)


class Features:
    """Features of images on disk, and what is known of each image.

    Attributes
    ----------
    names : dict of str to int
        The features, and how many numbers each has.
    settings : dict
        What they were computed with.
    n_errors : int
        Images that couldn't be read.
    shard_sizes : list of int
        Images of each shard.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], receipts: list[dict[str, Any]]) -> None:
        self.folder = folder
        self.names: dict[str, int] = manifest["features"]
        self.settings: dict[str, Any] = manifest["settings"]
        self.n_errors: int = manifest["n_errors"]
        self.shard_sizes: list[int] = [receipt["n_rows"] for receipt in receipts]
        self._with_errors = [receipt["shard"] for receipt in receipts if receipt["n_errors"]]

    @property
    def n_shards(self) -> int:
        """How many shards there are."""
        return len(self.shard_sizes)

    def __len__(self) -> int:
        return sum(self.shard_sizes)

    def __repr__(self) -> str:
        features = ", ".join(f"{name} ({n})" for name, n in self.names.items())
        return f"<Features: {len(self)} images, {self.n_errors} with errors; {features}>"

    def __getitem__(self, name: str) -> Array:
        """Return a feature of all images (n_images, n_features) float32, NaN for those with an error.

        Of a single shard of ``.npy`` it is a memory map.
        """
        parts = self.shards(name)
        if self.n_shards == 1:
            return next(parts)
        out = np.empty((len(self), self.names[name]), np.float32)
        first = 0
        for part in parts:
            out[first : first + len(part)] = part
            first += len(part)
        return out

    def shards(self, name: str) -> Iterator[Array]:
        """Yield a feature shard by shard, (n, n_features) float32: memory maps of ``.npy``."""
        if name not in self.names:
            raise KeyError(f"no feature {name!r}; there are {', '.join(self.names)}")
        for shard in range(self.n_shards):
            yield self.shard(name, shard)

    def shard(self, name: str, shard: int) -> Array:
        """Return a feature of the images of one shard, (n, n_features) float32."""
        if self.settings["format"] == "npy":
            path = self.folder / "shards" / f"{shard:06}.{name}.npy"
            found: Array = np.load(path, mmap_mode="r", allow_pickle=False)
            return found
        column = self._read(shard, [name])[name].combine_chunks()
        values = column.values.to_numpy(zero_copy_only=False).reshape(len(column), -1)
        failed = column.is_null().to_numpy(zero_copy_only=False)
        return np.where(failed[:, None], np.float32("nan"), values) if failed.any() else values

    def table(self) -> "pa.Table":
        """Return paths, sizes, checksums, errors and features as a table of pyarrow."""
        import pyarrow as pa

        if self.settings["format"] == "parquet":
            return pa.concat_tables(self._read(shard) for shard in range(self.n_shards))
        rows = self.rows()
        columns = {
            name: pa.array([row[name] for row in rows], kind)
            for name, kind in zip(COLUMNS, column_types(), strict=True)
        }
        for name, length in self.names.items():
            flat = pa.array(np.ascontiguousarray(self[name]).reshape(-1))
            failed = pa.array([row["error"] is not None for row in rows])
            columns[name] = pa.FixedSizeListArray.from_arrays(flat, length, mask=failed)
        return pa.table(columns)

    def frame(self) -> "pd.DataFrame":
        """Return paths, sizes, checksums and errors as a data frame of pandas, a row an image."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=list(COLUMNS))

    def rows(self) -> list[dict[str, Any]]:
        """Return path, n_bytes, sha256 and error of each image."""
        return [row for shard in range(self.n_shards) for row in self._rows(shard)]

    def errors(self) -> Iterator[dict[str, Any]]:
        """Yield path, n_bytes, sha256 and error of the images that couldn't be read."""
        for shard in self._with_errors:
            yield from (row for row in self._rows(shard) if row["error"] is not None)

    def _rows(self, shard: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]]
        if self.settings["format"] == "npy":
            text = (self.folder / "shards" / f"{shard:06}.rows.jsonl").read_text(encoding="ascii")
            found = list(map(json.loads, text.splitlines()))
        else:
            found = self._read(shard, list(COLUMNS)).to_pylist()
        return found

    def _read(self, shard: int, columns: list[str] | None = None) -> Any:
        import pyarrow.parquet as pq

        return pq.read_table(self.folder / "shards" / f"{shard:06}.parquet", columns=columns)
