"""Conversion of paths and URLs, and reading of files."""

import os
import stat
from urllib.parse import unquote, urlsplit


def shown(path: str) -> str:
    """Return a path as text; bytes that are not valid UTF-8 become ``\\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def absolute(source: str | os.PathLike[str]) -> str:
    """Return the absolute path of a source.

    Raises
    ------
    ValueError
        If it is empty, which would be the current folder.
    """
    if not os.fspath(source):
        raise ValueError("source is empty: expected the path of a folder or file; the current folder is '.'")
    return os.path.abspath(os.path.expanduser(os.fspath(source)))


def as_path(text: str, folder: str) -> str:
    """Return a path relative to a folder, also of a ``file://`` URL.

    Raises
    ------
    ValueError
        If it is a URL of another kind.
    """
    scheme, separator, _ = text.partition("://")
    if separator and scheme.isalnum():
        url = urlsplit(text)
        if scheme.lower() != "file" or url.netloc not in ("", "localhost"):
            raise ValueError(f"a URL of {scheme}://{url.netloc}, expected a path; download the images first")
        return unquote(url.path, errors="surrogateescape")
    return os.path.join(folder, text)


def read_file(most_bytes: int, path: str) -> bytes:
    """Return the bytes of a file."""
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
