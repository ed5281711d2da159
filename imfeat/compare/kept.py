"""The models of a comparison, kept in memory or in the folder of the run."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imfeat._environment import COMPARE_PACKAGES, versions
from imfeat.compare.cells import Pair, Record, stem_of
from imfeat.compare.statistics import interval
from imfeat.models import ImageClassifier, load_model, save_model

FOLDER = "models"  # in the folder of a run, beside BEST
BEST = "model.safetensors"
KEEPS = ("best", "all")


class Models:
    """The models of a comparison, one for each feature and classifier, with the first seed.

    Parameters
    ----------
    folder : path or None
        Folder of the run, in which each model is a file; without it, models stay in memory.
    settings : mapping
        Parameters of `ImageClassifier` that all models share.
    about : mapping
        What all models say about themselves, as the data set.
    """

    def __init__(
        self,
        folder: Path | None = None,
        settings: Mapping[str, Any] | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.settings = dict(settings or {})
        self.about = dict(about or {})
        self.reasons: dict[Pair, str] = {}  # why a model has no file
        self._in_memory: dict[Pair, ImageClassifier] = {}

    def put(self, record: Record, pipeline: Any, n_train: int, n_test: int) -> None:
        """Keep the pipeline of a record."""
        about = self.about | describe(record, n_train, n_test)
        model = ImageClassifier(pipeline, temperature=record.temperature, about=about, **self.settings)
        pair = record.feature, record.classifier
        if self.folder is None:
            self._in_memory[pair] = model
            return
        path = self._path(pair, record.seed)
        path.parent.mkdir(exist_ok=True)
        try:
            save_model(path, model)
        except TypeError as error:
            self.reasons[pair] = str(error)

    def get(self, pair: Pair, seed: int) -> ImageClassifier:
        """Return a model.

        Raises
        ------
        FileNotFoundError
            If it was not kept.
        """
        if pair in self._in_memory:
            return self._in_memory[pair]
        if self.folder is not None:
            for path in (self._path(pair, seed), self.folder / BEST):
                if path.exists():
                    model: ImageClassifier = load_model(path)
                    if is_of(model, pair):
                        return model
        reason = self.reasons.get(pair, 'run the comparison with keep="all"')
        raise FileNotFoundError(f"the model of {pair[0]} with {pair[1]} was not kept: {reason}")

    def finish(self, best: Pair, seed: int, keep: str) -> None:
        """Move the file of the best model beside the results, and delete those that are not to be kept."""
        if self.folder is None:
            return
        folder = self.folder / FOLDER
        if (path := self._path(best, seed)).exists():
            target = self.folder / BEST
            if keep == "all":
                target.write_bytes(path.read_bytes())
            else:
                os.replace(path, target)
        if keep != "all" and folder.exists():
            for path in folder.glob("*.safetensors"):
                path.unlink()
            folder.rmdir()

    def _path(self, pair: Pair, seed: int) -> Path:
        assert self.folder is not None
        return self.folder / FOLDER / f"{stem_of(*pair, seed)}.safetensors"


def describe(record: Record, n_train: int, n_test: int) -> dict[str, Any]:
    """Return what a model says about itself: what it was made of, and how well it did."""
    return {
        "feature": record.feature,
        "classifier": record.classifier,
        "seed": record.seed,
        "strength": record.strength,
        "n_train": n_train,
        "n_test": n_test,
        "accuracy": record.test_accuracy,
        "interval": list(interval(record.test_accuracy, n_test)),
        "calibration_error": record.calibration_error,
        "versions": versions(COMPARE_PACKAGES),
    }


def is_of(model: ImageClassifier, pair: Pair) -> bool:
    """Test whether a model is that of a feature and a classifier."""
    about = model.about or {}
    return (about.get("feature"), about.get("classifier")) == pair
