"""The result of an experiment, written to and read from a folder."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from sklearn.pipeline import Pipeline

from imfeat._files import write_text
from imfeat.compare.answer import recommended
from imfeat.compare.cells import Record, Store, by_pair
from imfeat.compare.flip_figures import figure_files
from imfeat.compare.kept import Models
from imfeat.compare.measurements import Measurements
from imfeat.compare.page import as_html
from imfeat.compare.report import as_markdown

CELLS = "cells"  # the folder beside the results with the cells


@dataclass(frozen=True)
class Result(Measurements):
    """The records of an experiment, and the information needed to judge and to repeat it.

    Attributes
    ----------
    records : tuple of Record
        One for each feature, seed and classifier.
    versions, machine, settings : dict
        Contents of ``results.json``.
    git_revision : str or None
    date : str
        Start of the experiment, ISO 8601.
    skipped : tuple of (path, reason)
        Image files that could not be read.
    seconds : float
        Duration from the command to the last record, loading included.
    peak_bytes : int or None
        Peak memory.
    answer : tuple of str
        The answer, in sentences.
    part_records : tuple of Record
        Records with fewer training images.
    cells : tuple of Cell
        Records with the predictions that a page shows; not in ``results.json``.
    models : Models
        Models that were kept, see `best` and `pipeline`; not in ``results.json``.
    test_labels : array of shape (n_test,)
    test_images : array of shape (n_test, height, width, 3) or None
        None if the result was read from a folder.
    test_paths : tuple of str
        Files of the test images below the source; empty if they are not in files.

    Examples
    --------
    Written to a folder and read again:

    >>> import tempfile
    >>> import imfeat
    >>> import numpy as np
    >>> images = np.zeros((40, 32, 32, 3), np.uint8)
    >>> images[20:] = [255, 0, 0]
    >>> pairs = list(zip(images, ["dark"] * 20 + ["red"] * 20))
    >>> data = {"train": pairs[::2], "test": pairs[1::2]}
    >>> result = imfeat.compare.run(data, features="color", classifiers="ridge", n_seeds=1, cache=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result.write(folder)
    ...     loaded = imfeat.compare.Result.read(folder)
    >>> loaded.records == result.records
    True
    """

    def best(self) -> Pipeline:
        """Return the pipeline that is best on the validation images, fitted to all training images.

        Returns
        -------
        sklearn.pipeline.Pipeline
            It takes images (n, height, width, 3), uint8, of the size of those of the comparison, and predicts
            labels, indices into the names of the classes.

        Raises
        ------
        FileNotFoundError
            If the model was not kept; the error says why.
        """
        return self.pipeline(*recommended(self.records))

    def pipeline(self, feature: str, classifier: str) -> Pipeline:
        """Return the pipeline of a feature and a classifier, with the first seed; see `best`.

        Raises
        ------
        KeyError
            If there is no such feature or classifier in the comparison.
        FileNotFoundError
            If the model was not kept; ``keep="all"`` keeps all.

        Examples
        --------
        >>> import imfeat
        >>> import numpy as np
        >>> images = np.zeros((40, 32, 32, 3), np.uint8)
        >>> images[20:] = [255, 0, 0]
        >>> pairs = list(zip(images, ["dark"] * 20 + ["red"] * 20))
        >>> data = {"train": pairs[::2], "test": pairs[1::2]}
        >>> result = imfeat.compare.run(
        ...     data, features="color, raw", classifiers="ridge", n_seeds=1, keep="all", cache=False
        ... )
        >>> result.pipeline("raw", "ridge").predict(images[19:21])
        array([0, 1])
        """
        pairs = by_pair(self.records)
        if (feature, classifier) not in pairs:
            names = ", ".join(f"{pair[0]} with {pair[1]}" for pair in pairs)
            raise KeyError(f"there is no {feature} with {classifier}; there are {names}")
        return self.models.get((feature, classifier), self.records[0].seed).pipeline

    @classmethod
    def read(cls, folder: Path | str) -> "Result":
        """Return the result that was written to a folder."""
        content = json.loads((Path(folder) / "results.json").read_text(encoding="utf-8"))
        content["records"] = tuple(Record(**record) for record in content["records"])
        content["part_records"] = tuple(Record(**record) for record in content.get("part_records", ()))
        content["skipped"] = tuple((path, reason) for path, reason in content["skipped"])
        content["answer"] = tuple(content.get("answer", ()))
        store = Store(Path(folder) / CELLS)
        cells = [store.get(r.feature, r.classifier, r.seed) for r in content["records"]]
        kept = tuple(cell for cell in cells if cell is not None)
        return cls(**content, cells=kept, models=Models(Path(folder)))

    def write(self, folder: Path | str) -> None:
        """Write ``results.json``, ``results.md``, ``report.html`` and figures, making the folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        content = {f.name: getattr(self, f.name) for f in fields(self) if f.compare}
        content["records"] = [asdict(record) for record in self.records]
        content["part_records"] = [asdict(record) for record in self.part_records]
        write_text(folder / "results.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        write_text(folder / "results.md", as_markdown(self))
        write_text(folder / "report.html", as_html(self))
        for name, svg in figure_files(self).items():
            write_text(folder / name, svg)
