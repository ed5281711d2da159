"""What a comparison comes to, in words.

The best of several is the one with the highest accuracy on the validation part; the test set only says how
good it is.
"""

from collections.abc import Iterable

import numpy as np

from imfeat._backend import Array
from imfeat.compare.cells import Cell
from imfeat.compare.classifiers import CLASSIFIERS
from imfeat.compare.statistics import interval, mcnemar
from imfeat.recipes import parse

Pair = tuple[str, str]  # a feature and a classifier


def in_words(cells: Iterable[Cell], labels: Array) -> list[str]:
    """Return sentences about the best linear classifier, the best MLP on pixels, and MLPs on features.

    ``labels`` are those of the test images.
    """
    pairs: dict[Pair, list[Cell]] = {}
    for cell in cells:
        pairs.setdefault((cell.record.feature, cell.record.classifier), []).append(cell)
    linear = best_of(pair for pair in pairs.items() if kind_of(pair[0]) == "linear")
    mlps = {pair: group for pair, group in pairs.items() if kind_of(pair) == "mlp"}
    on_pixels = best_of(pair for pair in mlps.items() if parse(pair[0][0]).is_pixels)
    sentences = []
    if linear is not None:
        sentences.append(_reaches(linear, pairs[linear]))
        if on_pixels is not None:
            sentences.append(_than(on_pixels, linear, pairs))
        same = best_of(pair for pair in mlps.items() if pair[0][0] == linear[0])
        if same is not None:
            sentences.append(_adds(same, linear, pairs, labels))
    best = best_of(mlps.items())
    if best is not None and best != on_pixels and (linear is None or best[0] != linear[0]):
        sentences.append(_reaches(best, pairs[best]).replace(" reaches ", ", the best MLP, reaches ", 1))
        if linear is not None:
            sentences.append(_compared(best, linear, pairs, labels))
    overall = best_of(pairs.items())
    if overall is not None and kind_of(overall) == "other":
        sentences.append(_reaches(overall, pairs[overall]))
    return sentences


def kind_of(pair: Pair) -> str:
    """Return ``"linear"``, ``"mlp"`` or ``"other"``, by the classifier of a pair."""
    return CLASSIFIERS[pair[1]].kind


def best_of(pairs: Iterable[tuple[Pair, list[Cell]]]) -> Pair | None:
    """Return the pair with the highest mean validation accuracy; of several, the first."""
    found = {pair: mean(group, "validation_accuracy") for pair, group in pairs}
    return max(found, key=found.__getitem__) if found else None


def mean(group: list[Cell], name: str) -> float:
    """Return the mean over seeds of a number of the records."""
    return float(np.mean([getattr(cell.record, name) for cell in group]))


def name_of(pair: Pair) -> str:
    """Return what a pair is called in a sentence."""
    return f"{parse(pair[0]).title} with {CLASSIFIERS[pair[1]].title or pair[1]}"


def p_value(first: list[Cell], second: list[Cell], labels: Array) -> float:
    """Return McNemar's p-value for two pairs, the largest over their seeds."""
    by_seed = {cell.record.seed: cell for cell in second}
    pairs = [(cell, by_seed[cell.record.seed]) for cell in first if cell.record.seed in by_seed]
    return max(mcnemar(a.predicted == labels, b.predicted == labels) for a, b in pairs)


def p_text(p: float) -> str:
    """Return a p-value as text."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _reaches(pair: Pair, group: list[Cell]) -> str:
    accuracy = mean(group, "test_accuracy")
    low, high = interval(accuracy, len(group[0].predicted))
    text = name_of(pair)
    return f"{text[0].upper()}{text[1:]} reaches {accuracy:.3f} (95 % interval {low:.3f} to {high:.3f})."


def _than(on_pixels: Pair, linear: Pair, pairs: dict[Pair, list[Cell]]) -> str:
    reached, accuracy = (mean(pairs[pair], "test_accuracy") for pair in (on_pixels, linear))
    points = 100 * (accuracy - reached)
    verdict = (
        f"{abs(points):.1f} points {'less' if points > 0 else 'more'}" if round(points, 1) else "the same"
    )
    return f"The best MLP on pixels ({parse(on_pixels[0]).title}, {on_pixels[1]}) reaches {reached:.3f}, {verdict}."


def _adds(same: Pair, linear: Pair, pairs: dict[Pair, list[Cell]], labels: Array) -> str:
    verb, rest = _difference(same, linear, pairs, labels)
    return f"An MLP ({same[1]}) on the same feature {verb} {rest}"


def _compared(best: Pair, linear: Pair, pairs: dict[Pair, list[Cell]], labels: Array) -> str:
    verb, rest = _difference(best, linear, pairs, labels)
    return f"Against the best linear classifier it {verb} {rest}"


def _difference(other: Pair, linear: Pair, pairs: dict[Pair, list[Cell]], labels: Array) -> tuple[str, str]:
    points = 100 * (mean(pairs[other], "test_accuracy") - mean(pairs[linear], "test_accuracy"))
    p = p_value(pairs[other], pairs[linear], labels)
    times = mean(pairs[other], "train_seconds") / max(mean(pairs[linear], "train_seconds"), 1e-9)
    cost = f"takes {times:.{1 if times < 10 else 0}f} times the training time"
    return (
        "adds" if points >= 0 else "loses",
        f"{abs(points):.1f} points (McNemar's test: {p_text(p)}) and {cost}.",
    )
