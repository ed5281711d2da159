"""The images of a source, in an order that depends on names alone."""

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from imfeat.sources._archives import ARCHIVES, in_archive
from imfeat.sources._columns import NoImagesError
from imfeat.sources._item import Item, LeaveOut
from imfeat.sources._lists import LISTS, in_list
from imfeat.sources._names import HEAD, HIDDEN, LINK_UPWARD, NO_IMAGES, SIDECAR, reason_to_leave_out
from imfeat.sources._paths import shown
from imfeat.sources._tables import TABLES, in_table

EXPECTED = "a folder, a glob, a list (.txt), a Parquet file, a tar or a zip"


def find(source: str, column: str | None = None, leave_out: LeaveOut | None = None) -> Iterator[Item]:
    """Yield the images of a source in an order that depends on names alone.

    Parameters
    ----------
    source : str
        A folder (with all folders below it, also by symbolic links), a glob, a list (.txt, a path a line,
        relative to it), a Parquet file with paths or bytes, or an archive of images: a tar, compressed or
        not, or a zip.  Archives and Parquet files that a folder, glob or list names are opened as well.
    column : str, optional
        Column of a Parquet file, with paths or bytes, or a field of one, as ``"image.bytes"``; by default
        by type and name.
    leave_out : function, optional
        Called with the name of each file that is clearly no image, and the reason: hidden files, those of
        operating systems, sidecars such as ``.json``, and Parquet files without images.

    Raises
    ------
    FileNotFoundError
        If there is no such source.
    ValueError
        If it is a Parquet file without a column of images, or a file that is clearly no source.
    """
    finder = _Finder(column, leave_out or (lambda name, reason: None))
    path = Path(source).expanduser()
    if source and path.is_dir():
        finder.root = os.fspath(path)
        yield from finder.walk(finder.root)
    elif source and (path.exists() or path.is_symlink()):
        yield from finder.open(os.fspath(path))
    elif glob.has_magic(source):
        yield from finder.match(os.path.expanduser(source))
    else:
        raise FileNotFoundError(f"no source {source!r}: expected {EXPECTED}")


class _Finder:
    def __init__(self, column: str | None, leave_out: LeaveOut) -> None:
        self.column = column
        self.leave_out = leave_out
        self.root: str | None = None  # the folder that is walked

    def walk(
        self, folder: str, parts: tuple[str, ...] = (), above: tuple[tuple[int, int], ...] = ()
    ) -> Iterator[Item]:
        """Yield the images below a folder; ``parts`` name it below the source."""
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            status = os.stat(folder)
        except OSError:  # a row that says so, when it is read
            yield Item(shown(folder), "file", (folder,))
            return
        above = (*above, (status.st_dev, status.st_ino))
        for entry in entries:
            below = (*parts, entry.name)
            if not _is_folder(entry):
                yield from self._unless_left_out(entry.path, below)
            elif reason_to_leave_out((*below, "")):
                self._leave_out_below(entry.path, below)
            elif entry.is_symlink() and _identity(entry.path) in above:
                self.leave_out(shown(entry.path), LINK_UPWARD)
            else:
                yield from self.walk(entry.path, below, above)

    def match(self, pattern: str) -> Iterator[Item]:
        """Yield the images that a glob names."""
        for path in sorted(glob.iglob(pattern, recursive=True)):
            if not os.path.isdir(path):
                yield from self._unless_left_out(path, (os.path.basename(path),))

    def open(self, path: str) -> Iterator[Item]:
        """Yield the images in the file that is the source."""
        name = path.lower()
        if name.endswith(LISTS):
            for line in in_list(path):
                yield from [line] if isinstance(line, Item) else self._expand(line)
        elif name.endswith(TABLES):
            yield from in_table(path, self.column)
        elif reason_to_leave_out(("", os.path.basename(name)), lambda: _head(path)) == SIDECAR:
            raise ValueError(f"{path} is neither an image nor a source of images: expected {EXPECTED}")
        else:
            yield from self._expand(path)

    def _unless_left_out(self, path: str, parts: tuple[str, ...]) -> Iterator[Item]:
        if reason := reason_to_leave_out(parts, lambda: _head(path)):
            self.leave_out(shown(path), reason)
        else:
            yield from self._expand(path)

    def _expand(self, path: str) -> Iterator[Item]:
        """Yield the images in a file that holds several, or the file."""
        name = path.lower()
        if name.endswith(ARCHIVES):
            yield from in_archive(path, self.leave_out)
        elif name.endswith(TABLES):
            try:
                yield from (item for item in in_table(path, self.column) if not self._is_walked(item))
            except NoImagesError:
                self.leave_out(shown(path), NO_IMAGES)
        else:
            yield Item(shown(path), "file", (path,))

    def _is_walked(self, item: Item) -> bool:
        """Tell whether a path in a table is that of a file below the source, which has a row already."""
        if self.root is None or item.kind != "file":
            return False
        path = os.path.realpath(item.location[0])
        return path.startswith(os.path.join(os.path.realpath(self.root), "")) and os.path.isfile(path)

    def _leave_out_below(self, folder: str, parts: tuple[str, ...]) -> None:
        for path, _, names in os.walk(folder):
            for name in sorted(names):
                self.leave_out(shown(os.path.join(path, name)), reason_to_leave_out((*parts, name)) or HIDDEN)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _head(path: str) -> bytes:
    """Return the first bytes of a regular file, or none."""
    try:
        if os.path.isfile(path):
            with open(path, "rb") as file:
                return file.read(HEAD)
    except OSError:
        pass
    return b""
