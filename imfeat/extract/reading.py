"""Reading of the files of finished shards, of both formats."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat.extract.ragged import lists_of, names_beside, read_arrays, read_lists, shape_lists_of
from imfeat.extract.store import COLUMNS, npy_name


class Reader:
    """Reads the files that `imfeat.extract.store.write_shard` wrote.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    kind : {"parquet", "npy"}
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder / "shards"
        self.kind = kind

    def rows(self, shard: int) -> list[dict[str, Any]]:
        """Return path, n_bytes, sha256 and error of each image."""
        if self.kind == "npy":
            text = (self.folder / f"{shard:06}.rows.jsonl").read_text(encoding="ascii")
            return list(map(json.loads, text.splitlines()))
        rows: list[dict[str, Any]] = self.table(shard, list(COLUMNS)).to_pylist()
        return rows

    def matrix(self, name: str, shard: int) -> Array:
        """Return a feature of fixed length, (n, n_features) float32; a memory map of ``.npy``."""
        if self.kind == "npy":
            return self._map(name, shard)
        column = self.table(shard, [name])[name].combine_chunks()
        values = column.values.to_numpy(zero_copy_only=False).reshape(len(column), -1)
        failed = column.is_null().to_numpy(zero_copy_only=False)
        return np.where(failed[:, None], np.float32("nan"), values) if failed.any() else values

    def arrays(self, name: str, shard: int) -> list[Array | None]:
        """Return a feature whose length depends on the image: for each an array of its shape, or None."""
        shape, offsets = names_beside(name)
        if self.kind == "npy":
            return read_arrays(*(self._map(column, shard) for column in (name, offsets, shape)))
        table = self.table(shard, [name, shape])
        return read_lists(table[name], table[shape])

    def ragged_columns(self, name: str, n_shards: int) -> dict[str, Any]:
        """Return what `arrays` returns for all shards of ``.npy`` as columns of pyarrow."""
        shape, _ = names_beside(name)
        arrays = (array for shard in range(n_shards) for array in self.arrays(name, shard))
        vectors = (None if array is None else array.reshape(-1) for array in arrays)
        shapes = np.concatenate([self._map(shape, shard) for shard in range(n_shards)])
        return {name: lists_of(vectors), shape: shape_lists_of(shapes)}

    def table(self, shard: int, columns: list[str] | None = None) -> Any:
        """Return columns of a Parquet file, by default all."""
        import pyarrow.parquet as pq

        return pq.read_table(self.folder / f"{shard:06}.parquet", columns=columns)

    def _map(self, name: str, shard: int) -> Array:
        path = self.folder / npy_name(f"{shard:06}", name)
        mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        return mapped
