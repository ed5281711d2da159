"""Reports of an experiment as text: tables for the terminal and in Markdown, and notes."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from rich import box
from rich.console import JustifyMethod
from rich.table import Table

from imfeat.compare.answer import recommended, weights_text
from imfeat.compare.cells import Record, by_pair, mean
from imfeat.compare.flips import lost, records_by_size, size_name
from imfeat.compare.measurements import Measurements
from imfeat.compare.statistics import interval

NotedTable: TypeAlias = tuple[str, tuple[str, ...], list[tuple[str, ...]]]  # a note, columns and rows

COLUMNS = ("feature", "classifier", "test", "train", "length", "feature s", "train s")
MORE_COLUMNS = (
    "95 % interval",
    "balanced",
    "macro F1",
    "validation",
    "strength",
    "tune s",
    "predict s",
    "images/s",
    "model MB",
    "B/image",
)
PROTOCOL = (
    "Intervals are Wilson's, for another draw of test images. The strength of the regularization is "
    "chosen from at most five values on the validation part: the last tenth of each class, or fifth for "
    "up to 10,000 training images. For knn the number of neighbours is chosen, for hist-gradient-boosting "
    "the learning rate, for kernel-ridge also the width of the kernel. Validation accuracy is that of the "
    "classifier trained without the validation part. Images/s counts test images, from pixels to classes. "
    "Model MB is the size of the parameters, B/image that of the stored feature of an image. Balanced "
    "accuracy and macro F1 are means over the classes."
)


def rows(result: Measurements) -> list[tuple[str, ...]]:
    """Return a row of text for each feature and classifier, as in `COLUMNS`."""
    return [(*names, *_numbers(records)) for names, records in by_pair(result.records).items()]


def more_rows(result: Measurements) -> list[tuple[str, ...]]:
    """Return the further numbers of each row, as in `MORE_COLUMNS`."""
    n_test = result.settings["n_test"]
    return [_more_numbers(records, n_test) for records in by_pair(result.records).values()]


def caption(result: Measurements) -> str:
    """Return a caption that describes the numbers."""
    s = result.settings
    height, width = s["image_size"]
    chosen = f" ({s['size_reason']})" if "size_reason" in s else ""
    gray = " All images are gray: no feature of colour takes part." if s.get("gray") else ""
    gray += " Features were computed on a GPU." if s.get("device") == "cuda" else ""
    numbers = f"{s['n_train']:,} training and {s['n_test']:,} test images"
    if "folds" in s:
        numbers = f"{s['n_test']:,} images, each tested once in {s['folds']} folds,"
    images = f"{numbers} of {height} x {width} pixels{chosen}"
    return (
        f"{s['source']}: {images}, {len(s['class_names'])} classes.{gray} Accuracy is {_spread(result)}. "
        f"Seconds are means: for the features of all images, and for training with the chosen strength."
        f"{_cost(result)}"
    )


def _spread(result: Measurements) -> str:
    n_seeds = len(result.settings["seeds"])
    return f"mean ± standard deviation over {n_seeds} seeds" if n_seeds > 1 else "of one seed"


def _cost(result: Measurements) -> str:
    if result.seconds is None:
        return ""
    memory = f" and at most {result.peak_bytes / 1e9:.1f} GB of memory" if result.peak_bytes else ""
    return f" The run took {result.seconds:.0f} s{memory}."


def as_table(result: Measurements) -> Table:
    """Return the table for a terminal."""
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        caption=caption(result),
        caption_justify="left",
    )
    for i, column in enumerate(COLUMNS):
        justify: JustifyMethod = "left" if i < 2 else "right"
        # options of classifiers may take several lines, their names and numbers not
        names = [row[1].partition("(")[0] for row in rows(result)] if i == 1 else []
        least = max(map(len, (column, *names)))
        table.add_column(column, justify=justify, no_wrap=i > 1, overflow="fold", min_width=least)
    best = best_row(result)
    previous = None
    for i, row in enumerate(rows(result)):
        if previous not in (None, row[0]):
            table.add_section()
        previous = row[0]
        table.add_row(*row, style="bold" if i == best else None)
    return table


def as_markdown(result: Measurements) -> str:
    """Return the table as Markdown, the test accuracy of the recommended row in bold."""
    best = best_row(result)
    lines = [
        [f"**{cell}**" if (i, c) == (best, 2) else cell for c, cell in enumerate(row)]
        for i, row in enumerate(rows(result))
    ]
    machine = result.machine
    versions = result.versions
    environment = f"{machine['processor']}, {machine['threads']} threads; imfeat {versions['imfeat']}, "
    environment += (
        f"scikit-learn {versions['scikit-learn']}, Python {versions['python']}; {result.date[:10]}."
    )
    paragraphs = [markdown(COLUMNS, lines), caption(result), environment]
    if result.answer:
        paragraphs.insert(0, " ".join(result.answer))
    more = [(*row[:2], *others) for row, others in zip(rows(result), more_rows(result), strict=True)]
    paragraphs.append(markdown((*COLUMNS[:2], *MORE_COLUMNS), more))
    paragraphs.append(PROTOCOL)
    tables = weight_tables(result) + flip_tables(result)
    paragraphs += [f"{note}\n\n{markdown(columns, lines)}" for note, columns, lines in tables]
    if warnings := warning_lines(result):
        paragraphs.append("\n- ".join(warnings))
    if skipped := skipped_lines(result):
        paragraphs.append("\n- ".join(skipped))
    return "\n\n".join(paragraphs) + "\n"


def warning_lines(result: Measurements) -> list[str]:
    """Return lines about the data set that affect how far the numbers can be trusted."""
    if warnings := result.settings.get("warnings"):
        return ["Warnings about the data:", *warnings]
    return []


def skipped_lines(result: Measurements) -> list[str]:
    """Return lines about files that could not be read, with reasons, and those that were left out."""
    lines = []
    if result.skipped:
        lines.append(f"Image files that could not be read and were skipped: {len(result.skipped)}")
        lines += [f"{path}: {reason}" for path, reason in result.skipped]
    if left_out := result.settings.get("left_out"):
        counts = ", ".join(f"{n:,} {reason}" for reason, n in left_out.items())
        lines.append(f"Files that are clearly not images were left out: {counts}")
    return lines


def best_row(result: Measurements) -> int:
    """Return the index of the row with the best mean validation accuracy, which the answer recommends."""
    return list(by_pair(result.records)).index(recommended(result.records))


def flip_tables(result: Measurements) -> list[NotedTable]:
    """Return tables of fewer training images and of changed images."""
    tables: list[NotedTable] = []
    pairs = by_pair(result.records)
    if result.part_records:
        groups = {
            n: by_pair(part) for n, part in records_by_size(result.records, result.part_records).items()
        }
        columns = (*COLUMNS[:2], *map(size_name, groups))
        lines = [(*pair, *(_accuracy(group.get(pair)) for group in groups.values())) for pair in pairs]
        tables.append((f"Test accuracy by the number of training images, {_spread(result)}.", columns, lines))
    if shifts := result.settings.get("shifts"):
        columns = (*COLUMNS[:2], "unchanged", *shifts)
        lines = [
            (*pair, _accuracy(group), *(_lost(group, shift) for shift in shifts))
            for pair, group in pairs.items()
        ]
        note = "Points of test accuracy lost on changed test images, at three strengths from weak to strong."
        tables.append((note, columns, lines))
    return tables


def weight_tables(result: Measurements) -> list[NotedTable]:
    """Return a table of the weights of fusions, if there are any."""
    lines = [
        (*pair, text) for pair, group in by_pair(result.records).items() if (text := weights_text(group))
    ]
    note = (
        "Weights of the members of fusions: they minimize the log loss on the validation images, of scores "
        "that are divided by the temperature of their member."
    )
    return [(note, (*COLUMNS[:2], "weights"), list(lines))] if lines else []


def markdown(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown, the first two columns to the left."""
    head = ["---"] * 2 + ["---:"] * (len(columns) - 2)
    return "\n".join(f"| {' | '.join(line)} |" for line in (columns, head, *lines))


def _accuracy(records: list[Record] | None) -> str:
    return "" if records is None else _mean_and_deviation([record.test_accuracy for record in records])


def _lost(records: list[Record], shift: str) -> str:
    return " ".join(f"{points:.1f}" for points in lost(records, shift)) if records[0].shifts else ""


def _numbers(records: list[Record]) -> tuple[str, ...]:
    return (
        _mean_and_deviation([record.test_accuracy for record in records]),
        f"{mean(records, 'train_accuracy'):.3f}",
        f"{records[0].n_features:,}",
        f"{mean(records, 'feature_seconds'):.1f}",
        f"{mean(records, 'train_seconds'):.1f}",
    )


def _more_numbers(records: list[Record], n_test: int) -> tuple[str, ...]:
    low, high = interval(mean(records, "test_accuracy"), n_test)
    seconds = mean(records, "test_feature_seconds") + mean(records, "predict_seconds")
    return (
        f"{low:.3f} to {high:.3f}",
        _optional_mean(records, "balanced_accuracy"),
        _optional_mean(records, "macro_f1"),
        f"{mean(records, 'validation_accuracy'):.3f}",
        _parameters(records[0]),
        f"{mean(records, 'tune_seconds'):.1f}",
        f"{mean(records, 'predict_seconds'):.2f}",
        f"{n_test / seconds:,.0f}" if seconds else "",
        f"{records[0].model_bytes / 1e6:.2f}",
        f"{records[0].feature_bytes:,}",
    )


def _optional_mean(records: list[Record], field: str) -> str:
    return "" if any(getattr(record, field) is None for record in records) else f"{mean(records, field):.3f}"


def _parameters(record: Record) -> str:
    gamma = "" if record.gamma is None else f", gamma {record.gamma:g}"
    return f"{record.strength:g}{gamma}"


def _mean_and_deviation(values: list[float]) -> str:
    mean_text = f"{np.mean(values):.3f}"
    return f"{mean_text} ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else mean_text
