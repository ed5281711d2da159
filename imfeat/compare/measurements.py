"""The measurements of an experiment, which reports are made of."""

from dataclasses import dataclass, field
from typing import Any

from imfeat._backend import Array
from imfeat.compare.cells import Cell, Record
from imfeat.compare.kept import Models


@dataclass(frozen=True)
class Measurements:
    """The fields of a `Result`, which describes them."""

    records: tuple[Record, ...]
    versions: dict[str, str]
    machine: dict[str, str | int]
    settings: dict[str, Any]
    git_revision: str | None
    date: str
    skipped: tuple[tuple[str, str], ...]
    seconds: float | None = None
    peak_bytes: int | None = None
    answer: tuple[str, ...] = ()
    part_records: tuple[Record, ...] = ()
    cells: tuple[Cell, ...] = field(default=(), compare=False, repr=False)
    models: Models = field(default_factory=Models, compare=False, repr=False)
    test_labels: Array | None = field(default=None, compare=False, repr=False)
    test_images: Array | None = field(default=None, compare=False, repr=False)
    test_paths: tuple[str, ...] = field(default=(), compare=False, repr=False)
