"""Readers of the bytes of one image: a file, a member of an archive, a row of a Parquet file."""

import bz2
import gzip
import lzma
import os
import tarfile
import threading
import zipfile
from collections.abc import Callable
from functools import lru_cache
from typing import Any, BinaryIO

from imfeat.sources._paths import read_file
from imfeat.sources._rows import read_row

COMPRESSIONS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
    b"\x5d\0\0": lzma.open,
}

_one_at_a_time = threading.Lock()  # through streams that are shared


def open_packed(path: str) -> tuple[BinaryIO, str]:
    """Open a tar, compressed or not, and return its content and the kind of its members."""
    with open(path, "rb") as file:
        start = file.read(8)
    for magic, unpack in COMPRESSIONS.items():
        if start.startswith(magic):
            return unpack(path), "packed"
    return open(path, "rb"), "tar"


def _read_member(most_bytes: int, path: str, offset: int, n_bytes: int) -> bytes:
    _check_size(n_bytes, most_bytes)
    with open(path, "rb") as file:
        return _read_part(file, offset, n_bytes)


def _read_packed_member(most_bytes: int, path: str, offset: int, n_bytes: int) -> bytes:
    _check_size(n_bytes, most_bytes)
    with _one_at_a_time:
        try:
            return _read_part(_stream(os.getpid(), path), offset, n_bytes)
        except Exception as error:
            _stream.cache_clear()
            raise OSError(f"{type(error).__name__}: {error}") from error


@lru_cache(1)
def _stream(process: int, path: str) -> BinaryIO:
    """Return the content of a compressed tar, which the following members of it are read from as well."""
    return open_packed(path)[0]


def _read_part(file: BinaryIO, offset: int, n_bytes: int) -> bytes:
    file.seek(offset)
    content = file.read(n_bytes)
    if len(content) < n_bytes:
        raise OSError(f"the tar ends after {len(content):,} of {n_bytes:,} bytes")
    return content


def _read_sparse_member(most_bytes: int, path: str, offset: int) -> bytes:
    file, _ = open_packed(path)
    with file:
        file.seek(offset)
        with tarfile.open(fileobj=file, mode="r:", errors="surrogateescape") as tar:
            member = tar.next()
            content = None if member is None else tar.extractfile(member)
            if member is None or content is None:
                raise OSError("the tar has changed")
            _check_size(member.size, most_bytes)
            return content.read()


def _read_zip_member(most_bytes: int, path: str, name: str, offset: int) -> bytes:
    with _one_at_a_time:
        archive = _archive(os.getpid(), path)
        member = archive.getinfo(name)
        if member.header_offset != offset:  # another of the same name
            member = next(info for info in archive.infolist() if info.header_offset == offset)
    _check_size(member.file_size, most_bytes)
    try:
        with archive.open(member) as file:
            content = file.read(most_bytes + 1)
    except Exception as error:  # encrypted, damaged, or of a compression that isn't known
        raise OSError(f"{type(error).__name__}: {error}") from error
    _check_size(len(content), most_bytes)
    return content


@lru_cache(1)
def _archive(process: int, path: str) -> zipfile.ZipFile:
    """Return a zip, of which the list of members is read once by each process."""
    return zipfile.ZipFile(path)


def _check_size(n_bytes: int, most_bytes: int) -> None:
    if n_bytes > most_bytes:
        raise ValueError(f"{n_bytes:,} bytes, more than {most_bytes:,}")


def _read_damaged(most_bytes: int, reason: str) -> bytes:
    raise OSError(reason)


READERS: dict[str, Callable[..., bytes]] = {
    "file": read_file,
    "tar": _read_member,
    "packed": _read_packed_member,
    "sparse": _read_sparse_member,
    "zip": _read_zip_member,
    "parquet": read_row,
    "damaged": _read_damaged,
}
IN_ORDER = ("packed", "parquet")
