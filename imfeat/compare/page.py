"""The report of a comparison as one page that needs nothing else: tables, and pictures by matplotlib."""

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from imfeat._backend import Array
from imfeat.compare import report
from imfeat.compare.answer import best_of, kind_of
from imfeat.compare.cells import Cell

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1rem; color: #222; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.answer { background: #eef4fb; border-left: 4px solid #0072b2; padding: .75rem 1rem; font-size: 1.05rem; }
.answer p { margin: .25rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; }
th, td { padding: .25rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #ddd; }
th { border-bottom: 2px solid #888; } td:nth-child(-n+2), th:nth-child(-n+2) { text-align: left; }
tr.best td { font-weight: 600; background: #eef4fb; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1rem; }
figure { margin: 0; } figure svg { width: 100%; height: auto; } figcaption { font-size: .85rem; color: #444; }
.pictures { display: flex; flex-wrap: wrap; gap: .5rem; } .pictures figure { width: 5.5rem; }
.pictures img { width: 100%; image-rendering: pixelated; display: block; }
.pictures figcaption { font-size: .7rem; line-height: 1.2; } dl { font-size: .85rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
.note { font-size: .85rem; color: #444; }
"""
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#999999")  # Okabe and Ito's
MARKERS = "osD^vPX"
N_WORST = 12
MOST_CURVES = 12
MOST_CLASSES_WITH_NAMES = 20


def as_html(result: "report.Result") -> str:
    """Return the page."""
    title = html.escape(f"imfeat compare: {result.settings['source']}")
    sections = [
        f"<h1>{title}</h1>",
        _answer(result),
        _section("Accuracy", _accuracy_table(result)),
        _section("Accuracy against cost", _figures(_cost_figures(result))),
        _section("Learning curves", _figures(_curve_figures(result))),
        _section("Confusion", _figures(_confusion_figures(result))),
        _section("Worst mistakes", _worst(result)),
        _section("First-layer templates", _templates(result)),
        _section("Settings", _settings(result)),
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    body = "\n".join(section for section in sections if section)
    return f'<!doctype html>\n<html lang="en"><head>{head}<title>{title}</title>' + (
        f"<style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _section(title: str, content: str) -> str:
    return f"<h2>{title}</h2>\n{content}" if content else ""


def _answer(result: "report.Result") -> str:
    if not result.answer:
        return ""
    return (
        '<div class="answer">' + "".join(f"<p>{html.escape(line)}</p>" for line in result.answer) + "</div>"
    )


def _accuracy_table(result: "report.Result") -> str:
    best = report.best_row(result)
    both = zip(report.rows(result), report.more_rows(result), strict=True)
    lines = [(*row, *more) for row, more in both]
    head = "".join(f"<th>{html.escape(name)}</th>" for name in (*report.COLUMNS, *report.MORE_COLUMNS))
    body = ""
    for i, line in enumerate(lines):
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in line)
        body += f"<tr{' class=best' * (i == best)}>{cells}</tr>"
    table = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    notes = (report.caption(result), report.PROTOCOL, *report.skipped_lines(result))
    return table + "".join(f'<p class="note">{html.escape(note)}</p>' for note in notes)


def _cost_figures(result: "report.Result") -> list[tuple[str, str]]:
    found = []
    kinds = list(dict.fromkeys(record.classifier for record in result.records))
    for what, label in (
        ("train", "seconds to compute the feature and to train"),
        ("images", "images a second"),
    ):
        figure, axes = _new_figure()
        for (feature, classifier), records in report.groups(result).items():
            k = kinds.index(classifier)
            y = float(np.mean([r.test_accuracy for r in records]))
            if what == "train":
                x = float(np.mean([r.feature_seconds + r.train_seconds for r in records]))
            else:
                seconds = float(np.mean([r.test_feature_seconds + r.predict_seconds for r in records]))
                x = result.settings["n_test"] / seconds if seconds else np.nan
            style = {"color": COLORS[k % len(COLORS)], "marker": MARKERS[k % len(MARKERS)]}
            axes.plot(x, y, linestyle="", markersize=6, **style)
            axes.annotate(feature, (x, y), xytext=(5, 3), textcoords="offset points", fontsize=7)
        for k, kind in enumerate(kinds):
            style = {"color": COLORS[k % len(COLORS)], "marker": MARKERS[k % len(MARKERS)]}
            axes.plot([], [], linestyle="", label=kind, **style)
        axes.set(xscale="log", xlabel=label, ylabel="test accuracy")
        axes.margins(x=0.15)
        axes.legend(fontsize=8, frameon=False)
        better = "left" if what == "train" else "right"
        found.append((_svg(figure), f"Further up and to the {better} is better."))
    return found


def _curve_figures(result: "report.Result") -> list[tuple[str, str]]:
    """Draw the losses of the classifiers that have a history, those of the first seed."""
    seed = result.records[0].seed
    some = [cell for cell in result.cells if cell.history.get("loss") and cell.record.seed == seed]
    found = []
    for classifier in dict.fromkeys(cell.record.classifier for cell in some):
        figure, axes = _new_figure()
        for k, cell in enumerate([c for c in some if c.record.classifier == classifier][:MOST_CURVES]):
            losses = cell.history["loss"]
            color, style = COLORS[k % len(COLORS)], "-" if k < len(COLORS) else "--"
            axes.plot(np.arange(1, len(losses) + 1), losses, style, color=color, label=cell.record.feature)
        axes.set(xlabel="epoch or iteration", ylabel="training loss", title=classifier)
        axes.set_yscale("log")
        axes.legend(fontsize=8, frameon=False)
        found.append((_svg(figure), f"The loss of {classifier} on the training images, penalty included."))
    return found


def _best_cells(result: "report.Result") -> list[Cell]:
    """Return the cells, of the first seed, of the best classifier of each kind."""
    pairs: dict[tuple[str, str], list[Cell]] = {}
    for cell in result.cells:
        pairs.setdefault((cell.record.feature, cell.record.classifier), []).append(cell)
    kinds = ("linear", "mlp", "other")
    found = [best_of(p for p in pairs.items() if kind_of(p[0]) == kind) for kind in kinds]
    return [pairs[pair][0] for pair in found if pair is not None]


def _name(cell: Cell) -> str:
    return f"{cell.record.feature}, {cell.record.classifier}"


def _confusion_figures(result: "report.Result") -> list[tuple[str, str]]:
    if result.test_labels is None:
        return []
    names, found = result.settings["class_names"], []
    for cell in _best_cells(result):
        n = len(names)
        counts = np.zeros((n, n))
        np.add.at(counts, (result.test_labels, cell.predicted), 1)
        shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
        figure, axes = _new_figure(height=4.2)
        axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
        if n <= MOST_CLASSES_WITH_NAMES:
            axes.set_xticks(range(n), names, rotation=90, fontsize=7)
            axes.set_yticks(range(n), names, fontsize=7)
        if n <= 10:
            for i, j in np.ndindex(n, n):
                color = "black" if shares[i, j] > 0.5 else "white"
                axes.text(
                    j, i, f"{100 * shares[i, j]:.0f}", ha="center", va="center", fontsize=6, color=color
                )
        axes.set(xlabel="found", ylabel="is", title=_name(cell))
        found.append(
            (_svg(figure), "Of the images of a class (row), the percentage that each class was found for.")
        )
    return found


def _worst(result: "report.Result") -> str:
    if result.test_images is None or result.test_labels is None or not result.cells:
        return ""
    names, parts = result.settings["class_names"], []
    for cell in _best_cells(result):
        wrong = np.flatnonzero(cell.predicted != result.test_labels)
        worst = wrong[np.argsort(-cell.margins[wrong], kind="stable")[:N_WORST]]
        pictures = [
            (result.test_images[i], f"{names[result.test_labels[i]]}, found: {names[cell.predicted[i]]}")
            for i in worst
        ]
        parts.append(
            f'<p class="note">{html.escape(_name(cell))}: the surest of its {len(wrong)} mistakes.</p>'
        )
        parts.append(_pictures(pictures))
    return "\n".join(parts)


def _templates(result: "report.Result") -> str:
    """Show weights as pictures: one a class of linear classifiers, the largest of hidden units."""
    seed = result.records[0].seed
    names, parts = result.settings["class_names"], []
    for cell in result.cells:
        if not len(cell.templates) or cell.record.seed != seed:
            continue
        of_classes = len(cell.templates) == len(names)
        linear = kind_of((cell.record.feature, cell.record.classifier)) == "linear"
        labels = names if of_classes and linear else [f"unit {k + 1}" for k in range(len(cell.templates))]
        parts.append(f'<p class="note">{html.escape(_name(cell))}</p>')
        parts.append(_pictures(list(zip(cell.templates, labels, strict=True))))
    return "\n".join(parts)


def _settings(result: "report.Result") -> str:
    about: dict[str, Any] = {"date": result.date, "revision": result.git_revision}
    about |= result.machine | result.versions | result.settings
    lines = []
    for name, value in about.items():
        text = (
            ", ".join(map(str, value))
            if isinstance(value, Sequence) and not isinstance(value, str)
            else value
        )
        if isinstance(value, dict):
            text = "; ".join(f"{key}: {part}" for key, part in value.items())
        lines.append(f"<dt>{html.escape(str(name))}</dt><dd>{html.escape(str(text))}</dd>")
    return f"<dl>{''.join(lines)}</dl>"


def _new_figure(height: float = 3.2) -> tuple[Figure, Any]:
    figure = Figure(figsize=(4.6, height), layout="constrained")  # not pyplot, whose state is the caller's
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]


def _figures(figures: Iterable[tuple[str, str]]) -> str:
    parts = [f"<figure>{svg}<figcaption>{html.escape(text)}</figcaption></figure>" for svg, text in figures]
    return f'<div class="figures">{"".join(parts)}</div>' if parts else ""


def _pictures(pictures: Iterable[tuple[Array, str]]) -> str:
    parts = []
    for pixels, text in pictures:
        label = html.escape(text)
        parts.append(
            f'<figure><img src="{_png(pixels)}" alt="{label}"><figcaption>{label}</figcaption></figure>'
        )
    return f'<div class="pictures">{"".join(parts)}</div>'


def _png(pixels: Array) -> str:
    out = io.BytesIO()
    picture = Image.fromarray(pixels)
    picture.thumbnail((128, 128))
    picture.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
