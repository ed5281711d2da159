"""What an experiment leaves behind: a table, an answer in words, a file with every number, a page."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from imfeat._backend import Array
from imfeat.compare.cells import Cell, Record, Store
from imfeat.compare.statistics import interval

COLUMNS = ("feature", "classifier", "test", "train", "length", "feature s", "train s")
MORE_COLUMNS = (
    "95 % interval",
    "validation",
    "strength",
    "tune s",
    "predict s",
    "images/s",
    "model MB",
    "B/image",
)
CELLS = "cells"  # the folder beside the results that keeps what a page shows of each cell


PROTOCOL = (
    "The interval is Wilson's, for another draw of test images. The strength of the regularization is the "
    "one of at most five tried that is best on the validation part, the last tenth (of up to 10,000 training "
    "images fifth) of each class; validation accuracy is that of the classifier that learned from the rest. "
    "Images/s are test images, from pixels to classes; bytes are those of the parameters, and those kept for "
    "the feature of an image."
)


@dataclass(frozen=True)
class Result:
    """The records of an experiment, and what is needed to judge and to repeat it.

    Attributes
    ----------
    records : tuple of Record
        One for each feature, seed and classifier.
    versions, machine, settings : dict
        As they are written to ``results.json``.
    git_revision : str or None
    date : str
        When the experiment began, ISO 8601.
    skipped : tuple of (path, reason)
        Image files that could not be read.
    seconds : float
        From the command to the last record, loading included.
    peak_bytes : int or None
        The most memory held.
    answer : tuple of str
        What it comes to, in sentences.
    cells : tuple of Cell
        The records with what a page shows of them; not in ``results.json``.
    test_labels : array of shape (n_test,)
    test_images : array of shape (n_test, height, width, 3) or None
        None if the result was read from a folder.
    """

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
    cells: tuple[Cell, ...] = field(default=(), compare=False, repr=False)
    test_labels: Array | None = field(default=None, compare=False, repr=False)
    test_images: Array | None = field(default=None, compare=False, repr=False)

    @classmethod
    def read(cls, folder: Path | str) -> "Result":
        """Return the result that was written to a folder."""
        found = json.loads((Path(folder) / "results.json").read_text(encoding="utf-8"))
        found["records"] = tuple(Record(**record) for record in found["records"])
        found["skipped"] = tuple((path, reason) for path, reason in found["skipped"])
        found["answer"] = tuple(found.get("answer", ()))
        store = Store(Path(folder) / CELLS)
        cells = [store.get(r.feature, r.classifier, r.seed) for r in found["records"]]
        return cls(**found, cells=tuple(cell for cell in cells if cell is not None))

    def write(self, folder: Path | str) -> None:
        """Write ``results.json``, ``results.md`` and ``report.html``, making the folder."""
        from imfeat.compare import page

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        written = {f.name: getattr(self, f.name) for f in fields(self) if f.compare}
        written["records"] = [asdict(record) for record in self.records]
        text = json.dumps(written, indent=1, ensure_ascii=False)
        (folder / "results.json").write_text(text + "\n", encoding="utf-8")
        (folder / "results.md").write_text(as_markdown(self), encoding="utf-8")
        (folder / "report.html").write_text(page.as_html(self), encoding="utf-8")


def groups(result: Result) -> dict[tuple[str, str], list[Record]]:
    """Return the records of all seeds for each feature and classifier."""
    found: dict[tuple[str, str], list[Record]] = {}
    for record in result.records:
        found.setdefault((record.feature, record.classifier), []).append(record)
    return found


def rows(result: Result) -> list[tuple[str, ...]]:
    """Return a row of text for each feature and classifier, as in `COLUMNS`."""
    return [(*names, *_numbers(records)) for names, records in groups(result).items()]


def more_rows(result: Result) -> list[tuple[str, ...]]:
    """Return the further numbers of each row, as in `MORE_COLUMNS`."""
    n_test = result.settings["n_test"]
    return [_more_numbers(records, n_test) for records in groups(result).values()]


def caption(result: Result) -> str:
    """Say in a sentence what the numbers are."""
    s = result.settings
    height, width = s["image_size"]
    over = f"mean ± standard deviation over {len(s['seeds'])} seeds" if len(s["seeds"]) > 1 else "one seed"
    return (
        f"{s['source']}: {s['n_train']:,} training and {s['n_test']:,} test images of {height} x {width} "
        f"pixels, {len(s['class_names'])} classes. Accuracy is {over}; seconds are means: for the features "
        f"of all images, and for training, once the strength is chosen.{_cost(result)}"
    )


def _cost(result: Result) -> str:
    if result.seconds is None:
        return ""
    memory = f" and at most {result.peak_bytes / 1e9:.1f} GB of memory" if result.peak_bytes else ""
    return f" All of it took {result.seconds:.0f} s{memory}."


def as_table(result: Result) -> Table:
    """Return the table for a terminal."""
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        caption=caption(result),
        caption_justify="left",
    )
    for i, column in enumerate(COLUMNS):
        table.add_column(column, justify="left" if i < 2 else "right", no_wrap=i > 0, overflow="fold")
    best = best_row(result)
    previous = None
    for i, row in enumerate(rows(result)):
        if previous not in (None, row[0]):
            table.add_section()
        previous = row[0]
        table.add_row(*row, style="bold" if i == best else None)
    return table


def as_markdown(result: Result) -> str:
    """Return the table as Markdown, the best test accuracy in bold."""
    lines = [" | ".join(COLUMNS), " | ".join(["---"] * 2 + ["---:"] * (len(COLUMNS) - 2))]
    best = best_row(result)
    for i, row in enumerate(rows(result)):
        cells = [f"**{cell}**" if (i, c) == (best, 2) else cell for c, cell in enumerate(row)]
        lines.append(" | ".join(cells))
    machine, versions = result.machine, result.versions
    where = f"{machine['processor']}, {machine['threads']} threads; imfeat {versions['imfeat']}, "
    where += f"scikit-learn {versions['scikit-learn']}, Python {versions['python']}; {result.date[:10]}."
    parts = ["\n".join(f"| {line} |" for line in lines), caption(result), where]
    if result.answer:
        parts.insert(0, " ".join(result.answer))
    names = [" | ".join(row[:2]) for row in rows(result)]
    more = [" | ".join((*COLUMNS[:2], *MORE_COLUMNS)), " | ".join(["---"] * 2 + ["---:"] * len(MORE_COLUMNS))]
    more += [f"{name} | {' | '.join(row)}" for name, row in zip(names, more_rows(result), strict=True)]
    parts.append("\n".join(f"| {line} |" for line in more))
    parts.append(PROTOCOL)
    if result.skipped:
        parts.append("\n".join(f"{'- ' if i else ''}{line}" for i, line in enumerate(skipped_lines(result))))
    return "\n\n".join(parts) + "\n"


def skipped_lines(result: Result) -> list[str]:
    """Say how many image files were skipped, then which and why; nothing if none were."""
    if not result.skipped:
        return []
    head = f"Image files that could not be read and were skipped: {len(result.skipped)}"
    return [head, *(f"{path}: {reason}" for path, reason in result.skipped)]


def best_row(result: Result) -> int:
    """Return which row has the best mean test accuracy."""
    return int(np.argmax([float(row[2].split()[0]) for row in rows(result)]))


def _numbers(records: list[Record]) -> tuple[str, ...]:
    def mean(field: str) -> float:
        return float(np.mean([getattr(record, field) for record in records]))

    return (
        _with_spread([record.test_accuracy for record in records]),
        f"{mean('train_accuracy'):.3f}",
        f"{records[0].n_features:,}",
        f"{mean('feature_seconds'):.1f}",
        f"{mean('train_seconds'):.1f}",
    )


def _more_numbers(records: list[Record], n_test: int) -> tuple[str, ...]:
    def mean(name: str) -> float:
        return float(np.mean([getattr(record, name) for record in records]))

    low, high = interval(mean("test_accuracy"), n_test)
    seconds = mean("test_feature_seconds") + mean("predict_seconds")
    return (
        f"{low:.3f} to {high:.3f}",
        f"{mean('validation_accuracy'):.3f}",
        f"{records[0].strength:g}",
        f"{mean('tune_seconds'):.1f}",
        f"{mean('predict_seconds'):.2f}",
        f"{n_test / seconds:,.0f}" if seconds else "",
        f"{records[0].model_bytes / 1e6:.2f}",
        f"{records[0].feature_bytes:,}",
    )


def _with_spread(values: list[float]) -> str:
    mean = f"{np.mean(values):.3f}"
    return f"{mean} ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else mean
