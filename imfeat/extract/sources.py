"""Sources of images: folders, globs, lists, Parquet files and tar archives."""

import glob
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imfeat.extract.readers import READERS

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")  # in tars
LISTS = (".txt", ".lst", ".list")
BYTES_COLUMNS = ("bytes", "image", "img", "jpg", "png", "content", "data")
PATH_COLUMNS = ("path", "file", "file_name", "filename", "image_path", "file_path", "image")
ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Item:
    """An image that was found, not yet read.

    Attributes
    ----------
    name : str
        Name in results: the path of a file, or container and member, as ``a.tar/cat.jpg``.
    kind : {"file", "tar", "parquet", "damaged"}
    place : tuple
        Of a file its path; of a member of a tar the path, offset and length; of a row of a Parquet file
        the path, row group, row in it, and the column.  Of a damaged container the reason.
    """

    name: str
    kind: str
    place: tuple[Any, ...]

    def as_line(self) -> str:
        """Return it as one line of JSON, which `from_line` reads."""
        return json.dumps([self.name, self.kind, *self.place])

    @classmethod
    def from_line(cls, line: str) -> "Item":
        """Return what `as_line` wrote."""
        name, kind, *place = json.loads(line)
        return cls(name, kind, tuple(place))

    def read(self, most_bytes: int) -> bytes:
        """Return its bytes.

        Raises
        ------
        OSError
            If it can't be read.
        ValueError
            If it is no regular file, or has more than ``most_bytes`` bytes.
        """
        return READERS[self.kind](most_bytes, *self.place)


def find(source: str, column: str | None = None) -> Iterator[Item]:
    """Yield the images of a source in an order that depends on names alone.

    Parameters
    ----------
    source : str
        A folder (searched with all folders below it; hidden files are left out), a glob, a list (.txt, a
        path a line, relative to it), a Parquet file with paths or bytes, or a tar of images.  Tars and
        Parquet files that a folder, glob or list names are opened as well.
    column : str, optional
        Column of a Parquet file, with paths or bytes; by default names by type and name.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        yield from _walk(os.fspath(path), column)
    elif path.exists() or path.is_symlink():
        yield from _expand(os.fspath(path), column, lists=True)
    elif glob.has_magic(source):
        names = sorted(glob.iglob(os.path.expanduser(source), recursive=True))
        for name in names:
            if not os.path.isdir(name):
                yield from _expand(name, column)
    else:
        raise FileNotFoundError(
            f"no source {source!r}: expected a folder, a glob, a list (.txt), a Parquet file or a tar"
        )


def _walk(folder: str, column: str | None) -> Iterator[Item]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:  # a row that says so, when it is read
        yield Item(shown(folder), "file", (folder,))
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, column)
        else:
            yield from _expand(entry.path, column)


def _expand(path: str, column: str | None, *, lists: bool = False) -> Iterator[Item]:
    """Yield the images in a file that holds several, or the file."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix == ".parquet":
        yield from _or_row(path, _in_parquet(path, column))
    elif suffix == ".tar":
        yield from _or_row(path, _in_tar(path))
    elif lists and suffix in LISTS:
        yield from _in_list(path, column)
    else:
        yield Item(shown(path), "file", (path,))


def _or_row(path: str, members: Iterator[Item]) -> Iterator[Item]:
    """Yield the images in a file, and if it is damaged from somewhere on, a row that says so."""
    try:
        yield from members
    except (OSError, EOFError, tarfile.TarError) as error:
        yield Item(shown(path), "damaged", (f"{type(error).__name__}: {error}",))


def _in_list(path: str, column: str | None) -> Iterator[Item]:
    folder = os.path.dirname(path)
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            if name := line.rstrip("\r\n"):
                yield from _expand(os.path.join(folder, name), column)


def _in_tar(path: str) -> Iterator[Item]:
    with tarfile.open(path, "r:", errors="surrogateescape") as tar:
        for member in tar:
            if member.isfile() and member.name.lower().endswith(SUFFIXES):
                position = (path, member.offset_data, member.size)
                yield Item(shown(f"{path}/{member.name}"), "tar", position)
            tar.members = []  # type: ignore[attr-defined]  # or it would keep all of them
        # Python takes a damaged header for the end, which is a block of zeros.
        assert tar.fileobj is not None
        tar.fileobj.seek(tar.offset)
        if tar.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("a damaged header, or an end that is missing")


def _in_parquet(path: str, column: str | None) -> Iterator[Item]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:  # which is a ValueError, as is a column that isn't there
        raise OSError(str(error)) from error
    with file:
        column = _column(file.schema_arrow, column, path)
        holds_paths = "string" in str(file.schema_arrow.field(column.split(".")[0]).type).split("<")[0]
        for group in range(file.num_row_groups):
            for row in range(file.metadata.row_group(group).num_rows):
                if not holds_paths:
                    yield Item(shown(f"{path}/{group}/{row}"), "parquet", (path, group, row, column))
            if holds_paths:
                for name in file.read_row_group(group, columns=[column])[column].to_pylist():
                    path_of_image = os.path.join(os.path.dirname(path), name or "")
                    yield Item(shown(path_of_image), "file", (path_of_image,))


def _column(schema: Any, column: str | None, path: str) -> Any:
    """Return the column of a Parquet file that holds images or their paths."""
    import pyarrow as pa

    if column is not None:
        if column.split(".")[0] not in schema.names:
            raise ValueError(f"{path} has no column {column!r}; it has {', '.join(schema.names)}")
        return column
    for name in (*BYTES_COLUMNS, *schema.names):
        if name in schema.names:
            kind = schema.field(name).type
            if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
                return name
            if pa.types.is_struct(kind) and "bytes" in [field.name for field in kind]:
                return f"{name}.bytes"
    for name in PATH_COLUMNS:
        if name in schema.names and "string" in str(schema.field(name).type):
            return name
    raise ValueError(
        f"{path} has no column of bytes, and none of paths that is called {', '.join(PATH_COLUMNS)}; "
        f"say which one it is: column=..., one of {', '.join(schema.names)}"
    )


def shown(path: str) -> str:
    """Return a path as text that can be written as UTF-8: bytes that are none become ``\\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
