"""Figures of accuracy by the number of training images, and on changed test images."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from imfeat.compare.answer import best_of, recommended
from imfeat.compare.cells import Pair, Record, by_pair
from imfeat.compare.figures import (
    BEST,
    COLORS,
    MARKERS,
    Captioned,
    new_figure,
    shortened,
    standalone,
    svg_of,
)
from imfeat.compare.flips import records_by_size
from imfeat.compare.measurements import Measurements

N_COLUMNS = 4  # of panels in a file


def figure_files(result: Measurements) -> dict[str, str]:
    """Return the figures as files beside the results: SVG by file name."""
    classifiers = dict.fromkeys(record.classifier for record in result.records)
    sizes = zip(classifiers, size_figures(result), strict=False)
    files = {f"train-sizes-{quote(classifier)}.svg": standalone(svg) for classifier, (svg, _) in sizes}
    panels = [standalone(svg) for svg, _ in shift_figures(result)]
    return files | ({"shifts.svg": side_by_side(panels)} if panels else {})


def side_by_side(panels: Sequence[str]) -> str:
    """Return one SVG of several of the same size, `N_COLUMNS` in a row."""
    sizes = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', panels[0])
    assert sizes is not None
    width, height = map(float, sizes.groups())
    n_rows = -(-len(panels) // N_COLUMNS)
    placed = [
        panel.replace("<svg ", f'<svg x="{k % N_COLUMNS * width}pt" y="{k // N_COLUMNS * height}pt" ', 1)
        for k, panel in enumerate(panels)
    ]
    size = f'width="{N_COLUMNS * width}pt" height="{n_rows * height}pt"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(placed)}</svg>'


def size_figures(result: Measurements) -> list[Captioned]:
    """Draw the test accuracy against the number of training images, a figure for each classifier."""
    if not result.part_records:
        return []
    by_size = records_by_size(result.records, result.part_records)
    sizes = [n or result.settings["n_train"] for n in by_size]
    groups = [by_pair(records) for records in by_size.values()]
    pairs = list(groups[-1])
    styles = _styles([feature for feature, _ in pairs])
    best = recommended(result.records)
    figures = []
    for classifier in dict.fromkeys(classifier for _, classifier in pairs):
        figure, axes = new_figure()
        for pair in pairs:
            if pair[1] == classifier:
                label = f"{BEST if pair == best else ''}{shortened(pair[0])}"
                width = 2.5 if pair == best else 1.5
                accuracies = [group[pair] for group in groups]
                _band(axes, sizes, accuracies, label=label, linewidth=width, **styles[pair[0]])
        axes.set(xscale="log", xlabel="training images", ylabel="test accuracy", title=classifier)
        axes.legend(fontsize=7, frameon=False)
        caption = "Mean over seeds, each with training images of its own; the band is a standard deviation."
        figures.append((svg_of(figure), caption))
    return figures


def shift_figures(result: Measurements) -> list[Captioned]:
    """Draw the test accuracy against the strength of each change, a figure for each and a legend."""
    shifts = result.settings.get("shifts", {})
    pairs = {pair: group for pair, group in by_pair(result.records).items() if group[0].shifts}
    if not shifts or not pairs:
        return []
    chosen = _best_of_features(pairs)
    styles = _styles([feature for feature, _ in chosen])
    best = recommended(result.records)
    curves = {
        pair: {
            shift: np.mean([[r.test_accuracy, *r.shifts[shift]] for r in pairs[pair] if r.shifts], 0)
            for shift in shifts
        }
        for pair in chosen
    }
    top = max(curve.max() for of_shifts in curves.values() for curve in of_shifts.values())
    figures = []
    for shift in shifts:
        figure, axes = new_figure(height=2, width=2.5)
        for pair in chosen:
            axes.plot(range(4), curves[pair][shift], markersize=3, **styles[pair[0]])
        axes.set_title(shift, fontsize=9)
        axes.set_xticks(range(4), ["none", "weak", "middle", "strong"], fontsize=8)
        axes.tick_params(axis="y", labelsize=8)
        axes.set_ylim(0, 1.05 * top)
        figures.append((svg_of(figure), ""))
    figure, axes = new_figure(height=2, width=2.5)
    axes.set_axis_off()
    for pair in chosen:
        label = f"{BEST if pair == best else ''}{shortened(', '.join(pair), 30)}"
        axes.plot([], [], label=label, **styles[pair[0]])
    axes.legend(fontsize=8, frameon=False, loc="center", borderaxespad=0)
    return [*figures, (svg_of(figure), "")]


def _best_of_features(pairs: dict[Pair, list[Record]]) -> list[Pair]:
    best = []
    for feature in dict.fromkeys(feature for feature, _ in pairs):
        pair = best_of(item for item in pairs.items() if item[0][0] == feature)
        assert pair is not None
        best.append(pair)
    return best


def _styles(features: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {
        feature: {"color": COLORS[k % len(COLORS)], "marker": MARKERS[k % len(MARKERS)]}
        for k, feature in enumerate(dict.fromkeys(features))
    }


def _band(
    axes: Any, sizes: Sequence[int], groups: Sequence[Sequence[Record]], *, color: str, **style: Any
) -> None:
    """Draw means over seeds, and a band of a standard deviation."""
    accuracies = [[record.test_accuracy for record in records] for records in groups]
    means = np.array([np.mean(values) for values in accuracies])
    deviations = np.array([np.std(values, ddof=1) if len(values) > 1 else 0 for values in accuracies])
    axes.plot(sizes, means, markersize=4, color=color, **style)
    axes.fill_between(sizes, means - deviations, means + deviations, color=color, alpha=0.2, linewidth=0)
