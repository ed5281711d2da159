"""What an experiment leaves behind: a table, a file with every number, a picture."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from imfeat.compare.experiment import Record

COLUMNS = ("feature", "classifier", "test", "train", "length", "feature s", "train s")


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

    @classmethod
    def read(cls, folder: Path | str) -> "Result":
        """Return the result that was written to a folder."""
        fields = json.loads((Path(folder) / "results.json").read_text(encoding="utf-8"))
        fields["records"] = tuple(Record(**record) for record in fields["records"])
        fields["skipped"] = tuple((path, reason) for path, reason in fields["skipped"])
        return cls(**fields)

    def write(self, folder: Path | str) -> None:
        """Write ``results.json``, ``results.md`` and ``accuracy.png``, making the folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        (folder / "results.json").write_text(text + "\n", encoding="utf-8")
        (folder / "results.md").write_text(as_markdown(self), encoding="utf-8")
        draw(self, folder / "accuracy.png")


def rows(result: Result) -> list[tuple[str, ...]]:
    """Return a row of text for each feature and classifier, as in `COLUMNS`."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in result.records:
        groups.setdefault((record.feature, record.classifier), []).append(record)
    return [(*names, *_numbers(records)) for names, records in groups.items()]


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
        table.add_column(column, justify="left" if i < 2 else "right", no_wrap=True)
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


def draw(result: Result, path: Path) -> None:
    """Draw the test accuracies as bars, whiskers for the spread over seeds."""
    # not pyplot, whose state belongs to the caller
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    features = list(dict.fromkeys(record.feature for record in result.records))
    classifiers = list(dict.fromkeys(record.classifier for record in result.records))
    figure = Figure(figsize=(3 + 1.2 * len(features), 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    width = 0.8 / len(classifiers)
    for k, classifier in enumerate(classifiers):
        parts = [_accuracies(result.records, feature, classifier) for feature in features]
        x = np.arange(len(features)) + (k - (len(classifiers) - 1) / 2) * width
        spread = [np.std(part, ddof=1) if len(part) > 1 else 0 for part in parts]
        axes.bar(x, [np.mean(part) for part in parts], 0.92 * width, yerr=spread, label=classifier)
    chance = 1 / len(result.settings["class_names"])
    axes.axhline(chance, color="gray", linewidth=1, linestyle=":", label="chance")
    axes.set(ylabel="test accuracy", title=str(result.settings["source"]))
    axes.set_xticks(range(len(features)), features)
    figure.legend(loc="outside right center", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


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


def _with_spread(values: list[float]) -> str:
    mean = f"{np.mean(values):.3f}"
    return f"{mean} ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else mean


def _accuracies(records: Iterable[Record], feature: str, classifier: str) -> list[float]:
    return [r.test_accuracy for r in records if (r.feature, r.classifier) == (feature, classifier)]
