"""The chart: a row a job, a dot a size and number of threads, imfeat's rate over the fastest exact peer's."""

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.goals import level_of, median_ratio
from benchmarks.images import SIZES
from benchmarks.instructions import TITLES

GRAY = "#808080"  # is read on white and on black
COLORS = {1: "#3b8ed0", 2: "#e07b39"}
SHAPES = ("o", "^", "s", "D")
OWN_SIZE = "P"
WIDTH, ROW, MARGIN = 9.0, 0.19, 1.5  # inches
SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "imfeat", "font.size": 8, "font.family": "sans-serif"}


def alternative_text(rows):
    """Return the chart in words."""
    medians = [
        f"{TITLES[level]}: median {median_ratio([r for r in rows if level_of(r) == level]):.1f}"
        for level in dict.fromkeys(map(level_of, with_peer(rows)))
    ]
    return f"Speed-up of imfeat over the fastest exact peer, by job ({'; '.join(medians)})"


def with_peer(rows):
    return [row for row in rows if row["times_fastest_peer"] is not None]


def draw(rows, path):
    """Draw rows of all instruction sets side by side; return whether there was something to draw."""
    rows = with_peer(rows)
    if not rows:
        return False
    names = list(dict.fromkeys(row["job"] for row in rows))
    levels = list(dict.fromkeys(map(level_of, rows)))
    with matplotlib.rc_context(SETTINGS):
        figure = Figure((WIDTH, ROW * len(names) + MARGIN), layout="constrained")
        panels = figure.subplots(1, len(levels), sharex=True, sharey=True, squeeze=False)[0]
        for panel, level in zip(panels, levels, strict=True):
            plot(panel, [row for row in rows if level_of(row) == level], names)
            panel.set_title(TITLES[level], color=GRAY)
        legend = figure.legend(handles=keys(rows), loc="outside lower center", ncols=4, frameon=False)
        for text in legend.get_texts():
            text.set_color(GRAY)
        figure.savefig(path, transparent=True, metadata={"Date": None})
    return True


def plot(panel, rows, names):
    for row in rows:
        panel.plot(
            row["times_fastest_peer"],
            names.index(row["job"]) + (0.15 if row["threads"] > 1 else -0.15),
            shape(row),
            color=color(row["threads"]),
            markersize=4,
            markeredgewidth=0,
        )
    panel.set_xscale("log")
    panel.axvline(1, color=GRAY, linewidth=1)
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.xaxis.set_major_formatter("{x:g}")
    panel.set_xlabel("speed-up over the fastest exact peer", color=GRAY)
    panel.tick_params(colors=GRAY, which="both")
    panel.grid(axis="both", color=GRAY, alpha=0.25, linewidth=0.5)
    for spine in panel.spines.values():
        spine.set_visible(False)


def shape(row):
    sizes = list(SIZES)
    return SHAPES[sizes.index(row["size"])] if row["size"] in sizes else OWN_SIZE


def color(n_threads):
    return COLORS.get(n_threads, GRAY)


def keys(rows):
    """Return what the legend explains: colours and shapes that occur."""
    threads = sorted({row["threads"] for row in rows})
    shapes = {shape(row) for row in rows}
    titles = dict(zip(SHAPES, SIZES, strict=True)) | {OWN_SIZE: "a size of its own"}
    dots = [(color(n), "o", f"{n} thread{'s' * (n > 1)}") for n in threads]
    dots += [(GRAY, mark, title) for mark, title in titles.items() if mark in shapes]
    return [Line2D([], [], color=c, marker=m, linestyle="", label=title) for c, m, title in dots]
