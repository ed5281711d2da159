"""Plots that the notebooks share.  Importing this module sets the style of their figures."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image, display

import imfeat
from imfeat.learn import decision_regions

WIDTH = 9.5  # of all figures, in inches
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # for colour-blind readers, too
MARKERS = ("o", "^")

plt.rcParams.update(
    {
        "figure.dpi": 110,
        "figure.figsize": (WIDTH, 3.2),
        "figure.constrained_layout.use": True,
        "axes.prop_cycle": plt.cycler(color=COLORS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": "medium",
        "font.size": 10,
        "image.cmap": "gray",
        "legend.frameon": False,
    }
)


def show_photos() -> None:
    """Show the current figure as JPEG, which takes a tenth of the bytes of PNG for photographs."""
    data = io.BytesIO()
    plt.savefig(data, format="jpeg", pil_kwargs={"quality": 85, "optimize": True})
    plt.close()
    display(Image(data.getvalue(), format="jpeg"))


def row(images: Sequence[np.ndarray], titles: Sequence[str], **options: Any) -> None:
    """Show images in a row, gray ones from black (0) to white (255 or 1); options are those of `imshow`."""
    width = WIDTH / len(images)
    height = max(width * image.shape[0] / image.shape[1] for image in images) + 0.3
    _, axes = plt.subplots(1, len(images), figsize=(WIDTH, height), squeeze=False)
    for ax, image, title in zip(axes[0], images, titles, strict=True):
        ax.imshow(image, **{"vmin": 0, "vmax": 255 if image.dtype == np.uint8 else 1} | options)
        ax.set_title(title)
        ax.axis("off")
    show_photos()


def stretched(image: np.ndarray) -> np.ndarray:
    """Return an image with its smallest value at 0 and its largest at 1."""
    return (image - image.min()) / max(np.ptp(image), 1e-6)


def tiles(images: Sequence[np.ndarray], columns: int, title: str, names: Sequence[str] = ()) -> None:
    """Show small images, uint8 or in [0, 1], in a grid."""
    rows, rows_of_names = (-(-len(of) // columns) for of in (images, names))
    height = rows * WIDTH / columns + 0.25 * rows_of_names + 0.4
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, height), squeeze=False)
    for ax, image in zip(axes.flat, images, strict=False):
        ax.imshow(image, vmin=0, vmax=255 if image.dtype == np.uint8 else 1)
    for ax, name in zip(axes.flat, names, strict=False):
        ax.set_title(name, fontsize=9)
    for ax in axes.flat:
        ax.axis("off")
    figure.suptitle(title, fontsize="medium")
    show_photos()


def hue_image(hue: np.ndarray) -> np.ndarray:
    """Return an RGB image of hues in [0, 1), with full saturation and value."""
    return imfeat.hsv_to_rgb(np.stack([hue, np.ones_like(hue), np.ones_like(hue)], axis=-1))


def draw_points(ax: plt.Axes, points: np.ndarray, labels: np.ndarray) -> None:
    """Draw the points of two classes."""
    for k, (color, marker) in enumerate(zip(COLORS, MARKERS, strict=False)):
        ax.scatter(*points[labels == k].T, 20, color, marker=marker, edgecolors="white", linewidths=0.3)


def draw_regions(ax: plt.Axes, model: Any, points: np.ndarray, labels: np.ndarray, title: str) -> None:
    """Draw the points of two classes and the regions that a model assigns to each class."""
    x, y, classes = decision_regions(model, points)
    ax.contourf(x, y, classes, levels=(-0.5, 0.5, 1.5), colors=COLORS[:2], alpha=0.25)
    draw_points(ax, points, labels)
    ax.set_title(title)
