"""Readers of the bytes of one image: a file, a member of a tar, a row of a Parquet file."""

import os
import stat
from collections.abc import Callable
from functools import lru_cache
from typing import Any


def _read_file(most_bytes: int, path: str) -> bytes:
    # without O_NONBLOCK, opening a pipe would wait for ever
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError("a folder")
        if not stat.S_ISREG(mode):
            raise ValueError("not a regular file")
        n_bytes = os.fstat(descriptor).st_size
        content = file.read(most_bytes + 1) if n_bytes <= most_bytes else b""
        if max(n_bytes, len(content)) > most_bytes:  # it may grow while it is read
            raise ValueError(f"{max(n_bytes, len(content)):,} bytes, more than {most_bytes:,}")
        return content


def _read_member(most_bytes: int, path: str, offset: int, n_bytes: int) -> bytes:
    if n_bytes > most_bytes:
        raise ValueError(f"{n_bytes:,} bytes, more than {most_bytes:,}")
    with open(path, "rb") as file:
        file.seek(offset)
        content = file.read(n_bytes)
    if len(content) < n_bytes:
        raise OSError(f"the tar ends after {len(content):,} of {n_bytes:,} bytes")
    return content


def _read_row(most_bytes: int, path: str, group: int, row: int, column: str) -> bytes:
    value = _row_group(path, group, column)[row].as_py()
    if value is None:
        raise ValueError("null")
    if len(value) > most_bytes:
        raise ValueError(f"{len(value):,} bytes, more than {most_bytes:,}")
    return bytes(value)


@lru_cache(1)
def _row_group(path: str, group: int, column: str) -> Any:
    """Return a column of a row group, which is read once for all of its rows."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        table = file.read_row_group(group, columns=[column])
    values = table[column.split(".")[0]].combine_chunks()
    return values.field("bytes") if column.endswith(".bytes") else values


def _read_damaged(most_bytes: int, reason: str) -> bytes:
    raise OSError(reason)


READERS: dict[str, Callable[..., bytes]] = {
    "file": _read_file,
    "tar": _read_member,
    "parquet": _read_row,
    "damaged": _read_damaged,
}
