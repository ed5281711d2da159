"""Files that are complete or absent, and folders that one run at a time writes to."""

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LOCK_TIMEOUT = 2  # seconds, in which the workers of a killed run end


@contextmanager
def complete(path: Path) -> Iterator[Path]:
    """Yield the name of a file to write, which is renamed to ``path`` when it is complete and on disk."""
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")
    try:
        yield unfinished
        with open(unfinished, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_json(path: Path, content: Any) -> None:
    """Write JSON to a file that is complete or absent."""
    write_text(path, json.dumps(content, indent=1) + "\n")


def make_folder(path: Path) -> Path:
    """Make a folder for results, with those above it, and return it.

    Raises
    ------
    NotADirectoryError
        If it, or one above it, is a file.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        file = next(part for part in (path, *path.parents) if part.exists())
        raise NotADirectoryError(f"{file} is a file, not a folder for results; take another path") from None
    return path


def write_text(path: Path, text: str) -> None:
    """Write text in UTF-8 to a file that is complete or absent."""
    with complete(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """Return the content of a file of JSON, None if the file is absent or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_unfinished(folder: Path) -> None:
    """Delete the unfinished files of writers that were killed."""
    for path in folder.rglob(".*.*"):
        path.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder against other runs; the lock of a killed run is released.

    Raises
    ------
    BlockingIOError
        If another run holds the lock.
    """
    import filelock

    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=LOCK_TIMEOUT)
    except filelock.Timeout:
        raise BlockingIOError(
            f"another run writes to {folder}: wait for it, or choose another folder"
        ) from None
    try:
        yield
    finally:
        lock.release()
