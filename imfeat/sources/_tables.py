"""The images in Parquet files: columns of bytes, of paths, or of both."""

import os
from collections.abc import Iterator
from typing import Any

from imfeat._extras import how_to_install
from imfeat.sources._columns import PATHS, choose_column, field_of
from imfeat.sources._item import Item
from imfeat.sources._paths import as_path, shown

TABLES = (".parquet", ".pq")


def in_table(path: str, column: str | None) -> Iterator[Item]:
    """Yield the images of a Parquet file, and if it is damaged, a row that says so.

    Raises
    ------
    NoImagesError
        If no column holds images, or not the one that was asked for.
    ImportError
        If pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ImportError(f"{path}: pyarrow missing: {how_to_install('extract')}") from error
    try:
        with pq.ParquetFile(path) as file:
            column, kind = choose_column(file.schema_arrow, column, path)
            for group in range(file.num_row_groups):
                if kind == PATHS:
                    yield from _of_paths(file, group, column, path)
                    continue
                for row in range(file.metadata.row_group(group).num_rows):
                    yield Item(shown(f"{path}/{group}/{row}"), "parquet", (path, group, row, column))
    except (OSError, pa.ArrowException) as error:
        yield Item(shown(path), "damaged", (f"{type(error).__name__}: {error}",))


def _of_paths(file: Any, group: int, column: str, path: str) -> Iterator[Item]:
    folder = os.path.dirname(path)
    row = 0
    for batch in file.iter_batches(row_groups=[group], columns=[column]):
        for value in field_of(batch, column).to_pylist():
            name = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
            place = shown(f"{path}/{group}/{row}")
            row += 1
            if not name:
                yield Item(place, "damaged", ("no path",))
                continue
            try:
                path_of_image = as_path(name, folder)
            except ValueError as error:
                yield Item(shown(name), "damaged", (str(error),))
                continue
            yield Item(shown(path_of_image), "file", (path_of_image,))
