"""The models of a comparison, kept in memory or in the folder of the run."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from imfeat._environment import COMPARE_PACKAGES, versions
from imfeat._files import write_json
from imfeat.compare.answer import name_of
from imfeat.compare.cells import Pair, Record, stem_of
from imfeat.compare.statistics import interval
from imfeat.models import ImageClassifier, load_model, save_model

FOLDER = "models"  # in the folder of a run, beside BEST
BEST = "model.safetensors"
REASONS = "not-kept.json"  # in the folder of a run: why models have no file
Keep: TypeAlias = Literal["best", "all"]
KEEPS: tuple[Keep, ...] = get_args(Keep)


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
        self._in_memory: dict[Pair, ImageClassifier] = {}
        self._reasons: dict[Pair, str] = {}
        if folder is not None and (path := folder / REASONS).exists():
            triples = json.loads(path.read_text(encoding="utf-8"))
            self._reasons = {(feature, classifier): reason for feature, classifier, reason in triples}

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
            self.leave_out(pair, str(error).partition(".  ")[0])  # without what could be saved

    def leave_out(self, pair: Pair, reason: str) -> None:
        """Remember why a model is not kept."""
        self._reasons[pair] = reason
        if self.folder is not None:
            write_json(self.folder / REASONS, [[*pair, reason] for pair, reason in self._reasons.items()])

    def has(self, pair: Pair, seed: int) -> bool:
        """Tell whether a model was kept."""
        return pair in self._in_memory or self._file_of(pair, seed) is not None

    def get(self, pair: Pair, seed: int) -> ImageClassifier:
        """Return a model.

        Raises
        ------
        FileNotFoundError
            If it was not kept.
        """
        if pair in self._in_memory:
            return self._in_memory[pair]
        if (path := self._file_of(pair, seed)) is not None:
            model: ImageClassifier = load_model(path)
            return model
        reason = self._reasons.get(pair, 'run the comparison with keep="all"')
        raise FileNotFoundError(f"the model of {pair[0]} with {pair[1]} was not kept: {reason}")

    def finish(self, ranked: Sequence[Pair], seed: int, keep: str) -> list[str]:
        """Move the file of the best model beside the results, and delete those that are not to be kept.

        Parameters
        ----------
        ranked : sequence of (feature, classifier)
            The best first.  The first one whose model could be kept counts.
        seed : int
        keep : {"best", "all"}

        Returns
        -------
        list of str
            A sentence if that is not the best one.
        """
        kept = next((pair for pair in ranked if self.has(pair, seed)), None)
        if self.folder is not None:
            self._move(self.folder, kept, seed, keep)
        if kept == ranked[0]:
            return []
        reason = self._reasons.get(ranked[0], "its cells are of a run that kept none")
        instead = "none is" if kept is None else f"that of {name_of(kept)}, the best of the others, is"
        return [f"The model of {name_of(ranked[0])} is not kept ({reason}); {instead}."]

    def _move(self, run: Path, kept: Pair | None, seed: int, keep: str) -> None:
        folder = run / FOLDER
        if kept is not None and (path := self._path(kept, seed)).exists():
            target = run / BEST
            if keep == "all":
                target.write_bytes(path.read_bytes())
            else:
                os.replace(path, target)
        if keep != "all" and folder.exists():
            for path in folder.glob("*.safetensors"):
                path.unlink()
            folder.rmdir()

    def _file_of(self, pair: Pair, seed: int) -> Path | None:
        """Return the file of a model, if there is one."""
        if self.folder is None:
            return None
        if (path := self._path(pair, seed)).exists():
            return path
        best = self.folder / BEST
        return best if best.exists() and is_of(load_model(best), pair) else None

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
        **({"weights": record.weights} if record.weights else {}),
        "versions": versions(COMPARE_PACKAGES),
    }


def is_of(model: ImageClassifier, pair: Pair) -> bool:
    """Test whether a model is that of a feature and a classifier."""
    about = model.about or {}
    return (about.get("feature"), about.get("classifier")) == pair
