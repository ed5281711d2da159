"""Figures of a report, drawn by matplotlib as SVG with a caption."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

from imfeat._backend import Array
from imfeat.compare.cells import Cell, by_pair, mean
from imfeat.compare.measurements import Measurements

COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#999999")  # Okabe and Ito's
MARKERS = "osD^vPX"
MOST_CURVES = 12
MOST_CLASSES_WITH_NAMES = 20
MOST_CLASSES_WITH_NUMBERS = 10

Captioned = tuple[str, str]  # an SVG and its caption


def cost_figures(result: Measurements) -> list[Captioned]:
    """Draw the accuracy against the training time, and against the rate of predictions."""
    training = []
    prediction = []
    for (feature, classifier), records in by_pair(result.records).items():
        accuracy = mean(records, "test_accuracy")
        seconds = float(np.mean([r.feature_seconds + r.train_seconds for r in records]))
        training.append((feature, classifier, seconds, accuracy))
        seconds = float(np.mean([r.test_feature_seconds + r.predict_seconds for r in records]))
        rate = result.settings["n_test"] / seconds if seconds else np.nan
        prediction.append((feature, classifier, rate, accuracy))
    return [
        (
            _scatter(training, "seconds to compute the feature and to train"),
            "Further up and to the left is better.",
        ),
        (_scatter(prediction, "images a second"), "Further up and to the right is better."),
    ]


def _scatter(points: Sequence[tuple[str, str, float, float]], label: str) -> str:
    """Draw points (feature, classifier, x, test accuracy)."""
    figure, axes = new_figure()
    classifiers = dict.fromkeys(classifier for _, classifier, _, _ in points)
    styles: dict[str, dict[str, Any]] = {
        classifier: {"color": COLORS[k % len(COLORS)], "marker": MARKERS[k % len(MARKERS)], "linestyle": ""}
        for k, classifier in enumerate(classifiers)
    }
    for feature, classifier, x, y in points:
        axes.plot(x, y, markersize=6, **styles[classifier])
        axes.annotate(feature, (x, y), xytext=(5, 3), textcoords="offset points", fontsize=7)
    for classifier, style in styles.items():
        axes.plot([], [], label=classifier, **style)
    axes.set(xscale="log", xlabel=label, ylabel="test accuracy")
    axes.margins(x=0.15)
    axes.legend(fontsize=8, frameon=False)
    return svg_of(figure)


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
            axes.plot(epochs, losses, style, color=COLORS[k % len(COLORS)], label=cell.record.feature)
        axes.set(xlabel="epoch or iteration", ylabel="training loss", title=classifier)
        axes.set_yscale("log")
        axes.legend(fontsize=8, frameon=False)
        caption = f"The loss of {classifier} on the training images, penalty included."
        figures.append((svg_of(figure), caption))
    return figures


def confusion_figures(cells: Sequence[Cell], labels: Array, class_names: Sequence[str]) -> list[Captioned]:
    """Draw the shares of predicted classes among the test images of each class."""
    n = len(class_names)
    figures = []
    for cell in cells:
        shares = confusion_matrix(labels, cell.predicted, labels=range(n), normalize="true")
        figure, axes = new_figure(height=4.2)
        axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
        if n <= MOST_CLASSES_WITH_NAMES:
            axes.set_xticks(range(n), class_names, rotation=90, fontsize=7)
            axes.set_yticks(range(n), class_names, fontsize=7)
        if n <= MOST_CLASSES_WITH_NUMBERS:
            for i, j in np.ndindex(n, n):
                color = "black" if shares[i, j] > 0.5 else "white"
                text = f"{100 * shares[i, j]:.0f}"
                axes.text(j, i, text, ha="center", va="center", fontsize=6, color=color)
        axes.set(xlabel="predicted", ylabel="true", title=f"{cell.record.feature}, {cell.record.classifier}")
        caption = "Of the images of a class (row), the percentage that each class was found for."
        figures.append((svg_of(figure), caption))
    return figures


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
    """Return a figure as SVG."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
