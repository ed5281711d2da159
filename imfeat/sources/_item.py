"""Images that were found and not yet read."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from imfeat.sources.readers import IN_ORDER, READERS

LeaveOut: TypeAlias = Callable[[str, str], None]  # called with the name of a file and the reason


@dataclass(frozen=True)
class Item:
    """An image that was found, not yet read.

    Attributes
    ----------
    name : str
        Name in results: the path of a file, or container and member, as ``a.tar/cat.jpg``.
    kind : str
        Key of the reader: ``"file"``, ``"tar"``, ``"packed"`` (a compressed tar), ``"sparse"`` (a file with
        holes in a tar), ``"zip"``, ``"parquet"`` or ``"damaged"``.
    location : tuple
        Arguments of the reader: the path of a file; the path, offset and length of a member of a tar; the
        path, row group, row and column in a Parquet file; the reason of what is damaged.
    """

    name: str
    kind: str
    location: tuple[Any, ...]

    def as_line(self) -> str:
        """Return it as one line of JSON, which `from_line` reads."""
        return json.dumps([self.name, self.kind, *self.location])

    @classmethod
    def from_line(cls, line: str) -> "Item":
        """Return what `as_line` wrote."""
        name, kind, *location = json.loads(line)
        return cls(name, kind, tuple(location))

    @property
    def is_read_in_order(self) -> bool:
        """Whether reading it after one behind it in its container starts the container again."""
        return self.kind in IN_ORDER

    def read(self, most_bytes: int) -> bytes:
        """Return its bytes.

        Raises
        ------
        OSError
            If it can't be read.
        ValueError
            If it is no regular file, or has more than ``most_bytes`` bytes.
        """
        return READERS[self.kind](most_bytes, *self.location)
