"""The cells of an experiment, one for each feature, classifier and seed, and the folder that stores them."""

import copy
import hashlib
import json
import time
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, TypeAlias, TypeVar
from urllib.parse import quote

import numpy as np

from imfeat._backend import Array
from imfeat._files import complete, make_folder

MOST_LETTERS = 200  # of the name of a file
ELAPSED = "seconds.txt"  # in a folder of cells: seconds of the run so far

Pair: TypeAlias = tuple[str, str]  # a feature and a classifier
Key: TypeAlias = tuple[str, str, int, str]  # a feature, a classifier, a seed and a part of the store


@dataclass(frozen=True)
class Record:
    """The results of one feature with one classifier and one seed.

    ``feature_seconds`` are the seconds to fit the feature and to compute it for all images,
    ``test_feature_seconds`` those to compute it for the test images, ``tune_seconds`` those of the
    choice of the strength, which all seeds share, ``train_seconds`` those of the training with this
    strength, and ``predict_seconds`` those of the predictions for the test images.  ``converged`` is
    None for classifiers without a stopping rule.  ``feature_bytes`` are the bytes of the feature of an
    image, and ``model_bytes`` those of the parameters of the classifier.  ``strength`` is the value of
    another parameter for classifiers without a strength, and ``gamma`` is the width of a kernel.  For a
    fusion, seconds, bytes and numbers of features are sums over its members, and the strength is that of the
    first one; ``weights`` are those of its members, by their names, which are chosen on the validation
    images.  They are empty for other features, and for fusions of earlier versions, whose weights are equal.

    ``n_train`` is the number of training images, 0 for all of them.  Probabilities are the softmax of scores
    divided by ``temperature``, which is fitted to the validation images, and ``calibration_error`` is their
    expected calibration error on the test images.  ``shifts`` are the accuracies on changed test images, by
    the name of the change, one a strength.  ``balanced_accuracy``, the mean recall, and ``macro_f1`` count
    all classes alike on the test images.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> images = np.zeros((40, 32, 32, 3), np.uint8)
    >>> images[20:] = [255, 0, 0]
    >>> pairs = list(zip(images, ["dark"] * 20 + ["red"] * 20))
    >>> data = {"train": pairs[::2], "test": pairs[1::2]}
    >>> result = imfeat.compare.run(data, features="color", classifiers="ridge", n_seeds=1, cache=False)
    >>> record = result.records[0]
    >>> record.test_accuracy, record.n_features, record.seed
    (1.0, 512, 0)
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
    gamma: float | None = None
    n_train: int = 0
    temperature: float = 1.0
    calibration_error: float | None = None
    shifts: dict[str, list[float]] = field(default_factory=dict)
    balanced_accuracy: float | None = None
    macro_f1: float | None = None
    weights: dict[str, float] = field(default_factory=dict)


SUMMED = (
    *("n_features", "feature_seconds", "tune_seconds", "train_seconds", "predict_seconds"),
    *("test_feature_seconds", "feature_bytes", "model_bytes"),
)  # over the members of a fusion


@dataclass(frozen=True, eq=False)
class Cell:
    """A record, with the predictions, history and weights that a report shows.

    Attributes
    ----------
    record : Record
    predicted : array of shape (n_test,), int32
        Index of the predicted class.
    margins : array of shape (n_test,), float32
        Score of the predicted class less the score of the true class.
    history : dict of lists
        Training history of the classifier, by epoch; empty if it has none.
    templates : array of shape (n, height, width, 3), uint8
        First-layer weights as images; empty for features other than pixels.
    probabilities : array of shape (n_test, 2), float32
        Calibrated probabilities of the found class and of the true class of each test image; empty in cells
        of before there were any.
    explained : dict of arrays (n_classes, height, width, 3), uint8
        A picture for each class of what a linear model has learned, by its kind; see explained.py.
    scores : dict of arrays (n, n_classes)
        Scores of the ``train``, ``validation`` and ``test`` images, for a fusion; else empty.
    """

    record: Record
    predicted: Array
    margins: Array
    history: dict[str, list[float]] = field(default_factory=dict)
    templates: Array = field(default_factory=lambda: np.empty((0, 0, 0, 3), np.uint8))
    probabilities: Array = field(default_factory=lambda: np.empty((0, 2), np.float32))
    explained: dict[str, Array] = field(default_factory=dict)
    scores: dict[str, Array] = field(default_factory=dict)


Item = TypeVar("Item", Record, Cell)


def by_pair(items: Iterable[Item]) -> dict[Pair, list[Item]]:
    """Group records, or cells, of all seeds by feature and classifier, in order of first appearance."""
    groups: dict[Pair, list[Item]] = {}
    for item in items:
        record = item.record if isinstance(item, Cell) else item
        groups.setdefault((record.feature, record.classifier), []).append(item)
    return groups


def mean(items: Iterable[Item], field: str) -> float:
    """Return the mean of a field of records, or of the records of cells."""
    records = [item.record if isinstance(item, Cell) else item for item in items]
    return float(np.mean([getattr(record, field) for record in records]))


def mean_weights(records: Sequence[Record]) -> dict[str, float]:
    """Return the mean weights of the members of a fusion, none if a record has none."""
    if not all(record.weights for record in records):
        return {}
    return {name: float(np.mean([r.weights[name] for r in records])) for name in records[0].weights}


class Store:
    """Cells that are done, in memory and, optionally, in a folder with a file for each cell.

    ``start`` is the start of the run, by `time.perf_counter`.  Files are complete or absent, so that a run
    that was killed at any moment can be resumed.
    """

    def __init__(self, folder: Path | None = None, start: float | None = None) -> None:
        self.folder = folder
        self.cells: dict[Key, Cell] = {}
        self.name = ""
        self._start = time.perf_counter() if start is None else start
        self._before = 0.0
        if folder is not None:
            make_folder(folder)
            if (path := folder / ELAPSED).exists():
                self._before = float(path.read_text())

    def seconds(self) -> float:
        """Return the seconds of the run so far, without interruptions."""
        return self._before + time.perf_counter() - self._start

    def part(self, name: str) -> "Store":
        """Return a store of cells that learn from some of the images, in the same memory and a folder below.

        The part that has no name is that of all images.
        """
        store = copy.copy(self)
        store.name = name
        return store

    def get(self, feature: str, classifier: str, seed: int) -> Cell | None:
        """Return a cell, or None if it is not done or its file is damaged."""
        key = feature, classifier, seed, self.name
        if key not in self.cells and self.folder is not None and (path := self._path(key)).exists():
            try:
                self.cells[key] = _read(path)
            except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
                return None
        return self.cells.get(key)

    def put(self, cell: Cell) -> Cell:
        """Store a cell, and return it."""
        key = cell.record.feature, cell.record.classifier, cell.record.seed, self.name
        self.cells[key] = cell
        if self.folder is not None:
            path = self._path(key)
            path.parent.mkdir(exist_ok=True)
            with complete(path) as unfinished, unfinished.open("wb") as file:
                _write(cell, file)
            with complete(self.folder / ELAPSED) as unfinished:
                unfinished.write_text(f"{self.seconds():.3f}")
        return cell

    def _path(self, key: Key) -> Path:
        assert self.folder is not None
        feature, classifier, seed, name = key
        folder = self.folder / name if name else self.folder
        return folder / f"{stem_of(feature, classifier, seed)}.npz"


def stem_of(feature: str, classifier: str, seed: int) -> str:
    """Return the name of the files of a cell, without its ending."""
    name = "--".join(quote(str(part), safe="+") for part in (feature, classifier, seed))
    if len(name) <= MOST_LETTERS:  # file systems end at 255
        return name
    return f"{name[:MOST_LETTERS]}-{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"


def _write(cell: Cell, file: IO[bytes]) -> None:
    metadata = json.dumps({"record": asdict(cell.record), "history": cell.history})
    arrays = {name: getattr(cell, name) for name in ("predicted", "margins", "templates", "probabilities")}
    named = {
        f"{group}_{name}": values
        for group in ("scores", "explained")
        for name, values in getattr(cell, group).items()
    }
    np.savez(file, allow_pickle=False, about=np.array(metadata), **arrays, **named)


def _read(path: Path) -> Cell:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        metadata = json.loads(str(arrays["about"]))
        groups: dict[str, dict[str, Array]] = {"scores": {}, "explained": {}}
        for name in arrays.files:
            group, _, rest = name.partition("_")
            if group in groups:
                groups[group][rest] = arrays[name]
        record = Record(**metadata["record"])
        cell = Cell(record, arrays["predicted"], arrays["margins"], metadata["history"], arrays["templates"])
        if "probabilities" in arrays.files:
            cell = replace(cell, probabilities=arrays["probabilities"])
        return replace(cell, scores=groups["scores"], explained=groups["explained"])
