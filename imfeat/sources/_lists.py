"""Lists of paths, one a line."""

import codecs
import os
from collections.abc import Iterator

from imfeat.sources._item import Item
from imfeat.sources._paths import as_path, shown

LISTS = (".txt", ".lst", ".list")
SEPARATORS = "\t,; "  # between a path and a label
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def in_list(path: str) -> Iterator[str | Item]:
    """Yield the paths in a list, or for a line that can't be one, a row that says so.

    Empty lines and those that begin with ``#`` are comments.  Where a line names no file, but does without
    what follows its last tab, comma, semicolon or space, as in ``a.jpg 3``, that is a label.
    """
    with open(path, "rb") as file:
        mark = file.read(3)
    encoding = next((name for start, name in MARKS.items() if mark.startswith(start)), "utf-8")
    folder = os.path.dirname(path)
    with open(path, encoding=encoding, errors="surrogateescape") as file:
        for line in file:
            text = line.rstrip("\r\n")
            if text.strip() and not (text.startswith("#") and not os.path.exists(os.path.join(folder, text))):
                yield _path_of_line(text, folder)


def _path_of_line(line: str, folder: str) -> str | Item:
    try:
        path = as_path(line, folder)
        if any(separator in line for separator in SEPARATORS) and not os.path.exists(path):
            return _without_label(line, folder) or path
        return path
    except ValueError as error:
        return Item(shown(line), "damaged", (str(error),))


def _without_label(line: str, folder: str) -> str | None:
    """Return the longest part of a line before a separator that names something, or None."""
    stripped = line.strip()
    ends = [k for k, letter in enumerate(stripped) if letter in SEPARATORS]
    for end in [len(stripped), *reversed(ends)]:
        name = stripped[:end].strip().strip("\"'")
        if name and os.path.exists(path := as_path(name, folder)):
            return path
    return None
