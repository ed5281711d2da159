"""The report of a comparison as one self-contained HTML page."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import jinja2
import numpy as np
from PIL import Image

from imfeat._backend import Array
from imfeat.compare import report
from imfeat.compare.answer import best_of, kind_of
from imfeat.compare.cells import Cell, by_pair
from imfeat.compare.figures import confusion_figures, cost_figures, curve_figures
from imfeat.compare.flip_figures import shift_figures, size_figures
from imfeat.compare.measurements import Measurements

N_WORST = 12

Picture = tuple[str, str]  # the address and the label of an image
Gallery = tuple[str, list[Picture]]  # a note and pictures


def as_html(result: Measurements) -> str:
    """Return the page."""
    loader = jinja2.PackageLoader("imfeat.compare", "")
    environment = jinja2.Environment(loader=loader, autoescape=True, keep_trailing_newline=True)
    cells = best_cells(result)
    labels = result.test_labels
    class_names = result.settings["class_names"]
    rows = zip(report.rows(result), report.more_rows(result), strict=True)
    return environment.get_template("report.html.jinja").render(
        title=f"imfeat compare: {result.settings['source']}",
        answer=result.answer,
        columns=(*report.COLUMNS, *report.MORE_COLUMNS),
        rows=[(*row, *more) for row, more in rows],
        best_row=report.best_row(result),
        notes=(report.caption(result), report.PROTOCOL, *report.skipped_lines(result)),
        costs=cost_figures(result),
        flips=report.flip_tables(result),
        sizes=size_figures(result),
        shifts=shift_figures(result),
        curves=curve_figures(result),
        confusions=[] if labels is None else confusion_figures(cells, labels, class_names),
        mistakes=_mistakes(result, cells),
        templates=_templates(result),
        settings=_settings(result),
    )


def best_cells(result: Measurements) -> list[Cell]:
    """Return the cells, with the first seed, of the best classifier of each kind."""
    pairs = by_pair(result.cells)
    kinds = ("linear", "mlp", "other")
    best = [best_of(item for item in pairs.items() if kind_of(item[0]) == kind) for kind in kinds]
    return [pairs[pair][0] for pair in best if pair is not None]


def _mistakes(result: Measurements, cells: Sequence[Cell]) -> list[Gallery]:
    """Return the test images with the largest margins of a wrong class."""
    images = result.test_images
    labels = result.test_labels
    if images is None or labels is None:
        return []
    names = result.settings["class_names"]
    galleries = []
    for cell in cells:
        wrong = np.flatnonzero(cell.predicted != labels)
        worst = wrong[np.argsort(-cell.margins[wrong], kind="stable")[:N_WORST]]
        pictures = [
            (_png(images[i]), f"{names[labels[i]]}, predicted: {names[cell.predicted[i]]}") for i in worst
        ]
        galleries.append((f"{_name(cell)}: the surest of its {len(wrong)} mistakes.", pictures))
    return galleries


def _templates(result: Measurements) -> list[Gallery]:
    """Return the weights as images: one per class of linear classifiers, and the largest of hidden units."""
    seed = result.records[0].seed
    names = result.settings["class_names"]
    galleries = []
    for cell in result.cells:
        n = len(cell.templates)
        if not n or cell.record.seed != seed:
            continue
        is_linear = kind_of((cell.record.feature, cell.record.classifier)) == "linear"
        labels = names if is_linear and n == len(names) else [f"unit {k + 1}" for k in range(n)]
        galleries.append((_name(cell), [(_png(t), s) for t, s in zip(cell.templates, labels, strict=True)]))
    return galleries


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


def _name(cell: Cell) -> str:
    return f"{cell.record.feature}, {cell.record.classifier}"


def _png(pixels: Array) -> str:
    """Return an image as the address of its PNG, at most 128 pixels a side."""
    out = io.BytesIO()
    image = Image.fromarray(pixels)
    image.thumbnail((128, 128))
    image.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
