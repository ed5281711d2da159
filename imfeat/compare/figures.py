"""Figures of a report, drawn by matplotlib as SVG with a caption.

Black becomes the colour of the text of the page, and `COLORS` become the variables ``--color-0``, ... of its
style, so that figures are readable in light and dark.  Text stays text.
"""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

from imfeat._backend import Array
from imfeat.compare.answer import recommended
from imfeat.compare.cells import Cell, Pair, by_pair, mean
from imfeat.compare.confidence import reliability
from imfeat.compare.measurements import Measurements

COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#999999")  # Okabe and Ito's
TEXT = "#000000"
BEST = "★ "  # before the name of the row that is best on the validation images
BETWEEN = "#808080"  # of text, on a light page and on a dark one
MARKERS = "osD^vPX<>*hp"
MOST_CURVES = 12
MOST_CLASSES_WITH_NAMES = 20
MOST_CLASSES_WITH_NUMBERS = 10

Captioned = tuple[str, str]  # an SVG and its caption


def cost_figures(result: Measurements) -> list[Captioned]:
    """Draw the accuracy against the training time, and against the rate of predictions."""
    training = {}
    prediction = {}
    for pair, records in by_pair(result.records).items():
        accuracy = mean(records, "test_accuracy")
        seconds = float(np.mean([r.feature_seconds + r.train_seconds for r in records]))
        training[pair] = seconds, accuracy
        seconds = float(np.mean([r.test_feature_seconds + r.predict_seconds for r in records]))
        if seconds:
            prediction[pair] = result.settings["n_test"] / seconds, accuracy
    best = recommended(result.records)
    note = "The ring marks the row that is best on the validation images; no row is better and cheaper than "
    note += "those on the dashed line."
    return [
        (
            _scatter(training, best, -1, "seconds to compute the feature and to train"),
            f"Further up and to the left is better. {note}",
        ),
        (
            _scatter(prediction, best, 1, "images a second"),
            f"Further up and to the right is better. {note}",
        ),
    ]


def _scatter(points: dict[Pair, tuple[float, float]], best: Pair, direction: int, label: str) -> str:
    """Draw points (x, test accuracy); ``direction`` is the sign of what is better along x."""
    figure, axes = new_figure(height=4)
    features = list(dict.fromkeys(feature for feature, _ in points))
    classifiers = list(dict.fromkeys(classifier for _, classifier in points))
    for (feature, classifier), (x, y) in points.items():
        k = features.index(feature)
        marker = MARKERS[classifiers.index(classifier) % len(MARKERS)]
        fill = "full" if k < len(COLORS) else "none"
        axes.plot(x, y, marker, color=COLORS[k % len(COLORS)], markersize=6, fillstyle=fill)
    front = on_front([(direction * x, y) for x, y in points.values()])
    line = sorted(point for point, is_on in zip(points.values(), front, strict=True) if is_on)
    axes.plot(*zip(*line, strict=True), "--", color=TEXT, linewidth=0.8, alpha=0.6, zorder=1)
    if best in points:
        axes.plot(*points[best], "o", color=TEXT, markersize=13, fillstyle="none", markeredgewidth=1.5)
    for k, feature in enumerate(features):
        fill = "full" if k < len(COLORS) else "none"
        axes.plot([], [], "o", color=COLORS[k % len(COLORS)], fillstyle=fill, label=shortened(feature))
    for k, classifier in enumerate(classifiers):
        axes.plot([], [], MARKERS[k % len(MARKERS)], color=TEXT, label=shortened(classifier))
    axes.set(xscale="log", xlabel=label, ylabel="test accuracy")
    axes.margins(x=0.1, y=0.1)
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=2)
    return svg_of(figure)


def on_front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Tell for each point whether no other is at least as good in both coordinates, and better in one."""
    return [
        not any(other != point and other[0] >= point[0] and other[1] >= point[1] for other in points)
        for point in points
    ]


def shortened(name: str, most: int = 28) -> str:
    """Return a name that fits into a legend."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def curve_figures(result: Measurements) -> list[Captioned]:
    """Draw the losses of the classifiers that have a history, for the first seed."""
    seed = result.records[0].seed
    cells = [cell for cell in result.cells if cell.history.get("loss") and cell.record.seed == seed]
    figures = []
    for classifier in dict.fromkeys(cell.record.classifier for cell in cells):
        figure, axes = new_figure()
        for k, cell in enumerate([c for c in cells if c.record.classifier == classifier][:MOST_CURVES]):
            losses = cell.history["loss"]
            style = "-" if k < len(COLORS) else "--"
            epochs = np.arange(1, len(losses) + 1)
            axes.plot(
                epochs, losses, style, color=COLORS[k % len(COLORS)], label=shortened(cell.record.feature)
            )
        axes.set(xlabel="epoch or iteration", ylabel="training loss", title=classifier)
        axes.set_yscale("log")
        axes.legend(fontsize=8, frameon=False)
        caption = f"The loss of {classifier} on the training images, penalty included."
        figures.append((svg_of(figure), caption))
    return figures


def confusion_figures(cells: Sequence[Cell], labels: Array, class_names: Sequence[str]) -> list[Captioned]:
    """Draw the shares of predicted classes among the test images of each class; the best cell is first."""
    n = len(class_names)
    figures = []
    for k, cell in enumerate(cells):
        shares = confusion_matrix(labels, cell.predicted, labels=range(n), normalize="true")
        figure, axes = new_figure(height=4.2)
        axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
        if n <= MOST_CLASSES_WITH_NAMES:
            axes.set_xticks(range(n), class_names, rotation=90, fontsize=7)
            axes.set_yticks(range(n), class_names, fontsize=7)
        if n <= MOST_CLASSES_WITH_NUMBERS:
            for i, j in np.ndindex(n, n):
                color = "#010101" if shares[i, j] > 0.5 else "#ffffff"
                text = f"{100 * shares[i, j]:.0f}"
                axes.text(j, i, text, ha="center", va="center", fontsize=6, color=color)
        axes.set(xlabel="predicted", ylabel="true", title=_title(cell, is_best=k == 0))
        caption = "Of the images of a class (row), the percentage that each class was found for."
        figures.append((svg_of(figure), caption))
    return figures


def reliability_figures(cells: Sequence[Cell], labels: Array) -> list[Captioned]:
    """Draw the share of right answers against the probability of the found class; the best cell is first."""
    figures = []
    for k, cell in enumerate(cells):
        if not len(cell.probabilities):
            continue
        confidences = cell.probabilities[:, 0]
        means, shares, counts = reliability(confidences, cell.predicted == labels)
        figure, axes = new_figure(height=3.6)
        axes.plot([0, 1], [0, 1], "--", color=TEXT, linewidth=0.8)
        axes.plot(means, shares, color=COLORS[0], linewidth=1)
        axes.scatter(means, shares, s=10 + 150 * counts / counts.max(), color=COLORS[0], linewidths=0)
        axes.set(
            xlabel="probability of the found class",
            ylabel="share that is right",
            title=_title(cell, is_best=k == 0),
            xlim=(0, 1.02),
            ylim=(0, 1.05),
        )
        error = cell.record.calibration_error
        text = "" if error is None else f"Expected calibration error {error:.3f}. "
        text += f"Points are tenths of probability, larger with more of the {len(labels):,} test images; on "
        text += f"the dashed line probabilities are right. Temperature {cell.record.temperature:.3g}."
        figures.append((svg_of(figure), text))
    return figures


def _title(cell: Cell, *, is_best: bool) -> str:
    name = shortened(f"{cell.record.feature}, {cell.record.classifier}", 48)
    return f"{BEST}{name}" if is_best else name


def new_figure(
    height: float = 3.2, width: float = 4.6, panels: tuple[int, int] = (1, 1), *, shared: bool = False
) -> tuple[Figure, Any]:
    """Return a figure and its axes, an array of axes if there are several panels (rows, columns)."""
    figure = Figure(figsize=(width, height), layout="constrained")  # not pyplot, whose state is the caller's
    FigureCanvasAgg(figure)
    axes = figure.subplots(*panels, sharex=shared, sharey=shared)
    for panel in np.ravel(axes):
        panel.spines[["top", "right"]].set_visible(False)
    return figure, axes


def svg_of(figure: Figure) -> str:
    """Return a figure as SVG without a background, in the colours of the page."""
    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "imfeat"}):
        figure.savefig(out, format="svg", metadata={"Date": None}, transparent=True)
    text = out.getvalue().replace(TEXT, "currentColor")
    for k, color in enumerate(COLORS):
        text = text.replace(color, f"var(--color-{k})")
    return text[text.index("<svg") :].replace("<svg ", '<svg fill="currentColor" role="img" ', 1)


def standalone(svg: str) -> str:
    """Return a figure as a file of its own, in colours that are readable on light and on dark pages."""
    for k, color in enumerate(COLORS):
        svg = svg.replace(f"var(--color-{k})", color)
    return svg.replace("currentColor", BETWEEN)
