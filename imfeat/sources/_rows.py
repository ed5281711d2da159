"""Rows of Parquet files, which are read in order, a batch at a time."""

import os
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from imfeat.sources._columns import field_of
from imfeat.sources._paths import as_path, read_file

BATCH_BYTES = 16 << 20
BUFFER_BYTES = 1 << 20

_one_at_a_time = threading.Lock()


def read_row(most_bytes: int, path: str, group: int, row: int, column: str) -> bytes:
    """Return the bytes in a row of a Parquet file; where they are null beside a path, of the file there."""
    with _one_at_a_time:
        content, path_of_image = _rows(os.getpid(), path, group, column).read(row)
    if content is not None:
        if len(content) > most_bytes:
            raise ValueError(f"{len(content):,} bytes, more than {most_bytes:,}")
        return bytes(content)
    if not path_of_image:
        raise ValueError("null")
    return read_file(most_bytes, as_path(path_of_image, os.path.dirname(path)))


@lru_cache(1)
def _rows(process: int, path: str, group: int, column: str) -> "_Rows":
    """Return the rows of a row group, which the following rows of it are read from as well."""
    return _Rows(path, group, column)


class _Rows:
    """A column of a row group, of which one batch is in memory at a time."""

    def __init__(self, path: str, group: int, column: str) -> None:
        import pyarrow.parquet as pq

        # Without a buffer, a whole column of the group would be read before the first batch of it.
        self.file = pq.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False)
        self.group = group
        self.column = column
        folder = column.removesuffix("bytes")
        of_group = self.file.metadata.row_group(group)
        columns = [of_group.column(k) for k in range(of_group.num_columns)]
        names = [chunk.path_in_schema for chunk in columns]
        self.path_column = f"{folder}path" if folder != column and f"{folder}path" in names else None
        n_bytes = sum(chunk.total_uncompressed_size for chunk in columns if chunk.path_in_schema == column)
        self.batch_size = int(min(max(BATCH_BYTES * of_group.num_rows // max(n_bytes, 1), 1), 1024))
        self._begin()

    def _begin(self) -> None:
        columns = [self.column, *([self.path_column] if self.path_column else [])]
        self.batches: Iterator[Any] = self.file.iter_batches(
            self.batch_size, row_groups=[self.group], columns=columns
        )
        self.first = self.end = 0

    def read(self, row: int) -> tuple[Any, str | None]:
        """Return the bytes in a row and the path beside them, each None where there is none."""
        if row < self.first:
            self._begin()
        while row >= self.end:
            batch = next(self.batches)
            self.first, self.end = self.end, self.end + len(batch)
            self.values = field_of(batch, self.column)
            self.paths = field_of(batch, self.path_column) if self.path_column else None
        at = row - self.first
        return self.values[at].as_py(), None if self.paths is None else self.paths[at].as_py()
