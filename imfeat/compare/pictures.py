"""Pictures of a report: the surest mistakes, the least sure hits, and what models look at."""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from imfeat._backend import Array
from imfeat.compare.answer import best_of, kind_of
from imfeat.compare.cells import Cell, by_pair
from imfeat.compare.figures import BEST
from imfeat.compare.measurements import Measurements

N_PICTURES = 12  # mistakes, or hits, of a row
N_COLORS = 64  # of drawings
SMALL, MOST_PIXELS = 48, 128  # pixels of a side
NOTES = {
    "glyphs": "edges whose weight speaks for the class (left, blue) and against it (right, orange), in each "
    "cell of HoG; brightness is relative to the largest of each.",
    "words": "patches of training images: in each row those nearest to one of the five visual words that "
    "speak most for the class.",
    "colors": "the colours of bins that speak for the class (up) and against it (down), those with the "
    "largest weights, over all regions.",
    "templates": "weights of the pixels; gray is none.",
    "units": "weights of the pixels of the hidden units with the largest weights; gray is none.",
}


@dataclass(frozen=True)
class Picture:
    """The address of an image, its title, and lines below it."""

    source: str
    title: str
    lines: tuple[str, ...] = ()
    path: str = ""


@dataclass(frozen=True)
class Gallery:
    """Pictures of a row of the comparison; ``is_open`` says whether they are shown at once.

    ``size`` is ``""``, ``"large"`` or ``"broad"``.
    """

    title: str
    note: str
    pictures: list[Picture]
    is_open: bool
    size: str = ""


def mistakes(result: Measurements, cells: Sequence[Cell]) -> list[Gallery]:
    """Return the test images with the largest probabilities of a wrong class, open for the first cell."""
    galleries: list[Gallery] = []
    for cell, labels in _with_images(result, cells):
        wrong = np.flatnonzero(cell.predicted != labels)
        worst = wrong[np.argsort(-cell.probabilities[wrong, 0], kind="stable")[:N_PICTURES]]
        note = f"the surest of its {len(wrong):,} mistakes among {len(labels):,} test images."
        galleries.append(_gallery(result, cell, note, worst, is_best=not galleries))
    return galleries


def hits(result: Measurements, cells: Sequence[Cell]) -> list[Gallery]:
    """Return the right test images with the least probabilities, open for the first cell."""
    galleries: list[Gallery] = []
    for cell, labels in _with_images(result, cells):
        right = np.flatnonzero(cell.predicted == labels)
        least = right[np.argsort(cell.probabilities[right, 0], kind="stable")[:N_PICTURES]]
        note = f"the least sure of its {len(right):,} right answers."
        galleries.append(_gallery(result, cell, note, least, is_best=not galleries))
    return galleries


def _gallery(result: Measurements, cell: Cell, note: str, indices: Array, *, is_best: bool) -> Gallery:
    title = f"{BEST if is_best else ''}{_name(cell)}"
    return Gallery(title, note, _pictures(result, cell, indices), is_best)


def looks(result: Measurements) -> list[Gallery]:
    """Return pictures of the weights of models, open for the best linear model and MLP that have some."""
    seed = result.records[0].seed
    galleries: dict[tuple[str, str], list[Gallery]] = {}
    for cell in result.cells:
        if cell.record.seed != seed:
            continue
        if found := list(_looks_of(cell, result.settings["class_names"])):
            galleries[cell.record.feature, cell.record.classifier] = found
    pairs = {pair: cells for pair, cells in by_pair(result.cells).items() if pair in galleries}
    best = [best_of(item for item in pairs.items() if kind_of(item[0]) == kind) for kind in ("linear", "mlp")]
    first = [pair for pair in best if pair is not None]
    others = [pair for pair in galleries if pair not in first]
    return [
        Gallery(g.title, g.note, g.pictures, pair in first, g.size)
        for pair in (*first, *others)
        for g in galleries[pair]
    ]


def _looks_of(cell: Cell, names: Sequence[str]) -> Iterator[Gallery]:
    for kind, drawn in cell.explained.items():
        kind = kind.partition("-")[0]
        address = photograph if kind == "words" else drawing
        pictures = [Picture(address(image), name) for image, name in zip(drawn, names, strict=False)]
        yield Gallery(_name(cell), NOTES[kind], pictures, False, "broad" if kind == "glyphs" else "large")
    n = len(cell.templates)
    if n:
        is_linear = kind_of((cell.record.feature, cell.record.classifier)) == "linear"
        is_of_classes = is_linear and n == len(names)
        titles = names if is_of_classes else [f"unit {k + 1}" for k in range(n)]
        pictures = [
            Picture(photograph(image), name) for image, name in zip(cell.templates, titles, strict=True)
        ]
        yield Gallery(_name(cell), NOTES["templates" if is_linear else "units"], pictures, False)


def _with_images(result: Measurements, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Array]]:
    """Yield cells with probabilities, and the labels of the test images, if these are at hand."""
    if result.test_images is None or result.test_labels is None:
        return
    for cell in cells:
        if len(cell.probabilities):
            yield cell, result.test_labels


def _pictures(result: Measurements, cell: Cell, indices: Array) -> list[Picture]:
    images, labels, paths = result.test_images, result.test_labels, result.test_paths
    assert images is not None
    assert labels is not None
    names = result.settings["class_names"]
    pictures = []
    for i in indices.tolist():
        found, true = cell.probabilities[i].tolist()
        lines = [f"found: {names[cell.predicted[i]]} {found:.2f}"]
        if cell.predicted[i] != labels[i]:
            lines.append(f"true: {true:.2f}")
        path = paths[i] if paths else ""
        pictures.append(Picture(photograph(images[i]), names[labels[i]], tuple(lines), path))
    return pictures


def _name(cell: Cell) -> str:
    return f"{cell.record.feature}, {cell.record.classifier}"


def png(pixels: Array) -> str:
    """Return an image as the address of its PNG."""
    return _address(Image.fromarray(pixels), "PNG", optimize=True)


def drawing(pixels: Array) -> str:
    """Return an image of lines or areas as the address of a PNG of few colours."""
    few = Image.fromarray(pixels).quantize(N_COLORS, dither=Image.Dither.NONE)
    return _address(few, "PNG", optimize=True)


def photograph(pixels: Array) -> str:
    """Return an image as the address of a PNG if it is small, else of a JPEG of `MOST_PIXELS` a side."""
    if max(pixels.shape[:2]) <= SMALL:
        return png(pixels)
    image = Image.fromarray(pixels)
    image.thumbnail((MOST_PIXELS, MOST_PIXELS))
    return _address(image, "JPEG", quality=85)


def _address(image: Image.Image, kind: str, **options: Any) -> str:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(out.getvalue()).decode()}"
