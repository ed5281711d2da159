"""Extracted features, opened as arrays or tables."""

import json
import os
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array
from imfeat._check import one_of
from imfeat._files import complete, read_json, sha256
from imfeat.decoding import as_size
from imfeat.extract.features import transformer_of
from imfeat.extract.reading import Reader
from imfeat.extract.store import COLUMNS, column_types, file_name

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Library: TypeAlias = Literal["pandas", "polars"]
LIBRARIES: tuple[Library, ...] = get_args(Library)
MANIFEST = "manifest.json"
ARRAYS = "arrays"  # folder of a run for whole features, which `Features.mapped` writes


def open(out: str | os.PathLike[str], *, verify: bool = False) -> "Features":
    """Open the features that `run` wrote.

    Parameters
    ----------
    out : str or path
        Folder of the run.
    verify : bool
        Read all files and compare their checksums, not only their lengths.

    Returns
    -------
    Features

    Raises
    ------
    FileNotFoundError
        If the folder holds no finished run.
    ValueError
        If a file is missing or damaged.

    Examples
    --------
    >>> import tempfile
    >>> import imfeat
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (80, 60), "black").save(f"{folder}/0.png")
    ...     Image.new("RGB", (80, 60), "red").save(f"{folder}/1.png")
    ...     _ = imfeat.extract.run(f"{folder}/*.png", "color", f"{folder}/out", n_workers=1)
    ...     features = imfeat.extract.open(f"{folder}/out", verify=True)
    ...     features.names
    {'color': 512}
    """
    folder = Path(out)
    manifest = read_json(folder / MANIFEST)
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
    """Features of images on disk, with a row about each image.

    Columns are called as features were named, for example ``"hog(cell_size=16)"``; the name of the recipe
    alone, ``"hog"``, is enough where it is unambiguous.

    Attributes
    ----------
    names : dict of str to int or None
        Columns, and the length of the features in each; None where it depends on the size of an image.
    settings : dict
        Settings of the run; ``settings["features"]`` has the full expression of each column.
    n_errors : int
        Number of images that could not be read.
    left_out : dict of str to int
        Number of files that are clearly not images, by reason; ``left_out.jsonl`` in the folder names them.
    shard_sizes : list of int
        Number of images of each shard.

    Examples
    --------
    >>> import tempfile
    >>> import imfeat
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (80, 60), "black").save(f"{folder}/0.png")
    ...     Image.new("RGB", (80, 60), "red").save(f"{folder}/1.png")
    ...     features = imfeat.extract.run(f"{folder}/*.png", "color", f"{folder}/out", n_workers=1)
    ...     len(features), features["color"].shape
    ...     [row["error"] for row in features.rows()]
    ...     sum(len(shard) for shard in features.shards("color"))
    (2, (2, 512))
    [None, None]
    2
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], receipts: list[dict[str, Any]]) -> None:
        self.folder = folder
        self.names: dict[str, int | None] = manifest["features"]
        self.settings: dict[str, Any] = manifest["settings"]
        self.n_errors: int = manifest["n_errors"]
        self.left_out: dict[str, int] = manifest.get("left_out", {})
        self.shard_sizes: list[int] = [receipt["n_rows"] for receipt in receipts]
        self._reader = Reader(folder, self.settings["format"])
        self._with_errors = [receipt["shard"] for receipt in receipts if receipt["n_errors"]]

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        return len(self.shard_sizes)

    def __len__(self) -> int:
        return sum(self.shard_sizes)

    def __repr__(self) -> str:
        features = ", ".join(f"{name} ({n or 'by size'})" for name, n in self.names.items())
        return f"<Features: {len(self)} images, {self.n_errors} with errors; {features}>"

    def __getitem__(self, name: str) -> Any:
        """Return a feature of all images (n_images, n_features) float32, NaN for those with an error.

        A feature of a single shard in ``.npy`` is a memory map.  Where the number of features depends on the
        size of an image it is a list of all that `arrays` yields.
        """
        name = self.column(name)
        length = self.names[name]
        if length is None:
            return list(self.arrays(name))
        shards = self.shards(name)
        if self.n_shards == 1:
            return next(shards)
        out = np.empty((len(self), length), np.float32)
        first = 0
        for values in shards:
            out[first : first + len(values)] = values
            first += len(values)
        return out

    def mapped(self, name: str) -> Array:
        """Return a feature of all images (n_images, n_features) as a memory map, for more than memory holds.

        The first call copies the shards into one file of the folder, ``arrays/<column>.npy``.

        Examples
        --------
        >>> import tempfile
        >>> import imfeat
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (80, 60), "black").save(f"{folder}/0.png")
        ...     Image.new("RGB", (80, 60), "red").save(f"{folder}/1.png")
        ...     features = imfeat.extract.run(f"{folder}/*.png", "color", f"{folder}/out", n_workers=1)
        ...     type(features.mapped("color")).__name__, features.mapped("color").shape
        ('memmap', (2, 512))
        """
        name = self.column(name)
        path = self.folder / ARRAYS / f"{file_name(name)}.npy"
        if not path.exists() or path.stat().st_mtime < (self.folder / MANIFEST).stat().st_mtime:
            path.parent.mkdir(exist_ok=True)
            shape = len(self), self.length(name)
            with complete(path) as unfinished:
                out = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.float32, shape=shape)
                first = 0
                for values in self.shards(name):
                    out[first : first + len(values)] = values
                    first += len(values)
                out.flush()
                del out  # closes the file, which is renamed now
        mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        return mapped

    def arrays(self, name: str) -> Iterator[Array | None]:
        """Yield a feature image by image, shard by shard.

        Yields
        ------
        array of shape (n_rows, n_cols, n_channels), float32, or None
            Of features whose number depends on the size of an image: the blocks of HoG, the cells of UoCTTI
            or the pixels; None for an image with an error.  Of other features vectors (n_features,), NaN for
            an image with an error.
        """
        name = self.column(name)
        read = self._reader.arrays if self.names[name] is None else self._reader.matrix
        for shard in range(self.n_shards):
            yield from read(name, shard)

    def column(self, name: str) -> str:
        """Return the full name of a column.

        Raises
        ------
        KeyError
            If there is no such column, or several.
        """
        columns = [column for column in self.names if name in (column, column.partition("(")[0])]
        if name in self.names or len(columns) == 1:
            return name if name in self.names else columns[0]
        problem = "several features" if columns else "no feature"
        raise KeyError(f"{problem} {name!r}; there are {', '.join(self.names)}")

    def transformer(self, name: str) -> Any:
        """Return the fitted transformer that computed a column, for images of the size of the run.

        After a run on images of their own size it takes RGB images of all sizes, those of a call of one size.

        Raises
        ------
        KeyError
            If there is no such column.
        ValueError
            If this version of imfeat means another feature by its name, or the file of its model is damaged.

        Examples
        --------
        >>> import tempfile
        >>> import imfeat
        >>> import numpy as np
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (80, 60), "black").save(f"{folder}/0.png")
        ...     Image.new("RGB", (80, 60), "red").save(f"{folder}/1.png")
        ...     features = imfeat.extract.run(f"{folder}/*.png", "color", f"{folder}/out", n_workers=1)
        ...     transformer = features.transformer("color")
        ...     transformer.transform(np.zeros((1, 64, 64, 3), np.uint8)).shape  # of the size of the run
        (1, 512)
        """
        column = self.column(name)
        settings = self.settings["features"][column]
        return transformer_of(settings, as_size(self.settings["size"]), self.folder)

    def shards(self, name: str) -> Iterator[Array]:
        """Yield a feature shard by shard, (n, n_features) float32: memory maps of ``.npy``.

        Raises
        ------
        KeyError, ValueError
            If there is no such column, or its length depends on the size of an image; see `arrays`.
        """
        name = self.column(name)
        for shard in range(self.n_shards):
            yield self.shard(name, shard)

    def shard(self, name: str, shard: int) -> Array:
        """Return a feature of the images of one shard, (n, n_features) float32; see `shards`."""
        name = self.column(name)
        self.length(name)
        return self._reader.matrix(name, shard)

    def length(self, name: str) -> int:
        """Return the number of features of each image.

        Raises
        ------
        KeyError
            If there is no such column.
        ValueError
            If the number depends on the size of an image.
        """
        name = self.column(name)
        length = self.names[name]
        if length is None:
            raise ValueError(
                f"the length of feature {name!r} depends on the size of an image; "
                f"take arrays({name!r}), or extract it with a size in pixels"
            )
        return length

    def table(self) -> "pa.Table":
        """Return paths, sizes, checksums, errors and features as a table of pyarrow."""
        import pyarrow as pa

        if self.settings["format"] == "parquet":
            return pa.concat_tables(self._reader.table(shard) for shard in range(self.n_shards))
        rows = self.rows()
        columns = {
            name: pa.array([row[name] for row in rows], kind)
            for name, kind in zip(COLUMNS, column_types(), strict=True)
        }
        for name, length in self.names.items():
            if length is None:
                columns |= self._reader.ragged_columns(name, self.n_shards)
                continue
            flat = pa.array(np.ascontiguousarray(self[name]).reshape(-1))
            failed = pa.array([row["error"] is not None for row in rows])
            columns[name] = pa.FixedSizeListArray.from_arrays(flat, length, mask=failed)
        return pa.table(columns)

    @property
    def labels(self) -> Array:
        """Name of the folder that each image lies in, (n_images,) str: its class, in a folder a class."""
        paths = [row["path"] for row in self.rows()]
        return np.array([PurePath(path).parent.name for path in paths], dtype=np.str_)

    def frame(self, library: Library = "pandas", *, features: bool = False) -> "pd.DataFrame | pl.DataFrame":
        """Return paths, sizes, checksums, errors and `labels` as a data frame, a row an image.

        Parameters
        ----------
        library : {"pandas", "polars"}
        features : bool
            Add the features, a column of lists each, as in `table`; for arrays see `imfeat.extract.Features`.

        Examples
        --------
        >>> import tempfile
        >>> import imfeat
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (80, 60), "black").save(f"{folder}/0.png")
        ...     Image.new("RGB", (80, 60), "red").save(f"{folder}/1.png")
        ...     features = imfeat.extract.run(f"{folder}/*.png", "color", f"{folder}/out", n_workers=1)
        ...     frame = features.frame()
        >>> frame.columns.tolist()
        ['path', 'n_bytes', 'sha256', 'error', 'label']
        """
        one_of(library, "library", LIBRARIES)
        rows = {"label": self.labels.tolist()}
        if features:
            table = self.table()
            rows = {name: table[name] for name in table.column_names} | rows
        else:
            rows = {name: [row[name] for row in self.rows()] for name in COLUMNS} | rows
        if library == "polars":
            import polars as pl

            return pl.DataFrame(rows)
        import pandas as pd

        return pd.DataFrame(
            {
                name: column if isinstance(column, list) else column.to_pandas()
                for name, column in rows.items()
            }
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return path, n_bytes, sha256 and error of each image."""
        return [row for shard in range(self.n_shards) for row in self._reader.rows(shard)]

    def errors(self) -> Iterator[dict[str, Any]]:
        """Yield path, n_bytes, sha256 and error of the images that could not be read."""
        for shard in self._with_errors:
            yield from (row for row in self._reader.rows(shard) if row["error"] is not None)
