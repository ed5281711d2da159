"""The report of a comparison as one self-contained HTML page."""

from collections.abc import Sequence
from typing import Any

import jinja2

from imfeat.compare import pictures, report
from imfeat.compare.answer import best_of, kind_of, recommended
from imfeat.compare.cells import Cell, by_pair
from imfeat.compare.figures import confusion_figures, cost_figures, curve_figures, reliability_figures
from imfeat.compare.flip_figures import shift_figures, size_figures
from imfeat.compare.measurements import Measurements
from imfeat.compare.rebuild import lines_of_python

FURTHER = ("length", "strength", "tune s", "predict s", "model MB", "B/image")  # columns that are folded away


def as_html(result: Measurements) -> str:
    """Return the page."""
    loader = jinja2.PackageLoader("imfeat.compare", "")
    environment = jinja2.Environment(loader=loader, autoescape=True, keep_trailing_newline=True)
    cells = best_cells(result)
    labels = result.test_labels
    class_names = result.settings["class_names"]
    columns, rows = _table(result, further=False)
    further_columns, further_rows = _table(result, further=True)
    return environment.get_template("report.html.jinja").render(
        title=f"imfeat compare: {result.settings['source']}",
        answer=result.answer,
        columns=columns,
        rows=rows,
        further_columns=further_columns,
        further_rows=further_rows,
        best_row=report.best_row(result),
        caption=report.caption(result),
        warnings=report.warning_lines(result),
        skipped=report.skipped_lines(result),
        protocol=report.PROTOCOL,
        python=lines_of_python(result),
        fusions=report.weight_tables(result),
        costs=cost_figures(result),
        flips=report.flip_tables(result),
        sizes=size_figures(result),
        shifts=shift_figures(result),
        confusions=[] if labels is None else confusion_figures(cells, labels, class_names),
        mistakes=pictures.mistakes(result, cells),
        hits=pictures.hits(result, cells),
        looks=pictures.looks(result),
        reliabilities=[] if labels is None else reliability_figures(cells, labels),
        curves=curve_figures(result),
        settings=_settings(result),
    )


def best_cells(result: Measurements) -> list[Cell]:
    """Return the cells, with the first seed, of the best classifier of each kind, the best of all first."""
    pairs = by_pair(result.cells)
    if not pairs:
        return []
    kinds = ("linear", "mlp", "other")
    best = [best_of(item for item in pairs.items() if kind_of(item[0]) == kind) for kind in kinds]
    first = recommended(result.cells)
    return [pairs[pair][0] for pair in dict.fromkeys((first, *best)) if pair is not None]


def _table(result: Measurements, *, further: bool) -> tuple[list[str], list[list[str]]]:
    """Return the columns and rows of the table, or those of further numbers, with the names of the rows."""
    names = (*report.COLUMNS, *report.MORE_COLUMNS)
    first = (*report.COLUMNS[:3], "95 % interval", "validation")
    others = [name for name in names if name not in (*first, *FURTHER)]
    shown = [*first[:2], *FURTHER] if further else [*first, *others]
    places = [names.index(name) for name in shown]
    all_rows = zip(report.rows(result), report.more_rows(result), strict=True)
    return shown, [[(*row, *more)[place] for place in places] for row, more in all_rows]


def _settings(result: Measurements) -> list[tuple[str, str]]:
    settings: dict[str, Any] = {"date": result.date, "revision": result.git_revision}
    settings |= result.machine | result.versions | result.settings
    return [(name, _as_text(value)) for name, value in settings.items()]


def _as_text(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {item}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)
