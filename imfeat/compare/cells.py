"""The cells of an experiment, one for each feature, classifier and seed, and the folder that keeps them."""

import json
import time
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import quote

import numpy as np

from imfeat._backend import Array
from imfeat._files import complete

ELAPSED = "seconds.txt"  # that a folder of cells took so far


@dataclass(frozen=True)
class Record:
    """What one feature with one classifier and one seed came to.

    ``feature_seconds`` are those of the training and the test images, learning included, and
    ``test_feature_seconds`` those of the test images; ``tune_seconds`` those of the choice of the
    strength, which all seeds share; ``train_seconds`` those of the training with that strength;
    ``predict_seconds`` those of the test images.  ``converged`` is None for what is trained for a
    fixed number of epochs.  ``feature_bytes`` are kept for an image, ``model_bytes`` for the
    parameters of the classifier.  Of a fusion the seconds, bytes and numbers are those of its parts
    together, and the strength is that of the first.
    """

    feature: str
    classifier: str
    seed: int
    test_accuracy: float
    train_accuracy: float
    validation_accuracy: float
    strength: float
    converged: bool | None
    n_features: int
    feature_seconds: float
    tune_seconds: float
    train_seconds: float
    predict_seconds: float
    test_feature_seconds: float = 0.0
    feature_bytes: int = 0
    model_bytes: int = 0


SUMMED = (
    *("n_features", "feature_seconds", "tune_seconds", "train_seconds", "predict_seconds"),
    *("test_feature_seconds", "feature_bytes", "model_bytes"),
)  # over the parts of a fusion


@dataclass(frozen=True, eq=False)
class Cell:
    """A record, and what a report shows of it.

    Attributes
    ----------
    record : Record
    predicted : array of shape (n_test,), int32
        Index of the class that was found.
    margins : array of shape (n_test,), float32
        How much higher its score is than that of the right class.
    history : dict of lists
        Of the classifier, by epoch; empty if it has none.
    templates : array of shape (n, height, width, 3), uint8
        First-layer weights as pictures; none of what was not learned from pixels.
    scores : dict of arrays (n, n_classes)
        Of the ``train``, ``validation`` and ``test`` images, for a fusion; else empty.
    """

    record: Record
    predicted: Array
    margins: Array
    history: dict[str, list[float]] = field(default_factory=dict)
    templates: Array = field(default_factory=lambda: np.empty((0, 0, 0, 3), np.uint8))
    scores: dict[str, Array] = field(default_factory=dict)


class Store:
    """Cells that are done, in memory and, if there is one, in a folder, a file each.

    ``start`` is when the run began, by `time.perf_counter`.  A file appears whole or not at all, so a run
    that was killed at any moment can go on.
    """

    def __init__(self, folder: Path | None = None, start: float | None = None) -> None:
        self.folder = folder
        self.cells: dict[tuple[str, str, int], Cell] = {}
        self._start = time.perf_counter() if start is None else start
        self._before = 0.0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            if (path := folder / ELAPSED).exists():
                self._before = float(path.read_text())

    def seconds(self) -> float:
        """Return the seconds from the start to the last cell of the folder, interruptions left out."""
        return self._before + time.perf_counter() - self._start

    def get(self, feature: str, classifier: str, seed: int) -> Cell | None:
        """Return a cell that is done; None if it isn't, or its file is damaged."""
        key = feature, classifier, seed
        if key not in self.cells and self.folder is not None and (path := self._path(key)).exists():
            try:
                self.cells[key] = _read(path)
            except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
                return None
        return self.cells.get(key)

    def put(self, cell: Cell) -> Cell:
        """Keep a cell, and return it."""
        r = cell.record
        key = r.feature, r.classifier, r.seed
        self.cells[key] = cell
        if self.folder is not None:
            path = self._path(key)
            with complete(path) as unfinished, unfinished.open("wb") as file:
                _write(cell, file)
            with complete(self.folder / ELAPSED) as unfinished:
                unfinished.write_text(f"{self.seconds():.3f}")
        return cell

    def _path(self, key: tuple[str, str, int]) -> Path:
        assert self.folder is not None
        return self.folder / ("--".join(quote(str(part), safe="+") for part in key) + ".npz")


def _write(cell: Cell, file: IO[bytes]) -> None:
    about = json.dumps({"record": asdict(cell.record), "history": cell.history})
    arrays = {"predicted": cell.predicted, "margins": cell.margins, "templates": cell.templates}
    scores = {f"scores_{name}": values for name, values in cell.scores.items()}
    np.savez(file, allow_pickle=False, about=np.array(about), **arrays, **scores)


def _read(path: Path) -> Cell:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        about = json.loads(str(arrays["about"]))
        scores = {name[7:]: arrays[name] for name in arrays.files if name.startswith("scores_")}
        return Cell(
            Record(**about["record"]),
            arrays["predicted"],
            arrays["margins"],
            about["history"],
            arrays["templates"],
            scores,
        )
