"""The answer of a comparison in sentences.

The best of several is the one with the highest validation accuracy.  The test set only measures it.
"""

from collections.abc import Iterable, Sequence

from imfeat._backend import Array
from imfeat.compare.cells import Cell, Item, Pair, Record, by_pair, mean, mean_weights
from imfeat.compare.classifiers import classifier_of
from imfeat.compare.statistics import interval, mcnemar
from imfeat.recipes import parse


def in_words(cells: Iterable[Cell], labels: Array) -> list[str]:
    """Return sentences about the best row, the best linear classifier, and MLPs on pixels and on features.

    ``labels`` are those of the test images.
    """
    pairs = by_pair(cells)
    best = best_of(pairs.items())
    assert best is not None, "a comparison has at least one cell"
    linear = best_of(pair for pair in pairs.items() if kind_of(pair[0]) == "linear")
    mlps = {pair: group for pair, group in pairs.items() if kind_of(pair) == "mlp"}
    on_pixels = best_of(pair for pair in mlps.items() if parse(pair[0][0]).is_pixels)
    sentences = [_reaches(best, pairs[best], ", best on the validation images,"), *_weights(pairs[best])]
    if linear is not None:
        if linear != best:
            sentences.append(_reaches(linear, pairs[linear], ", the best linear classifier,"))
            sentences += _weights(pairs[linear])
        if on_pixels is not None:
            sentences.append(_than(on_pixels, linear, pairs))
        same_feature = best_of(pair for pair in mlps.items() if pair[0][0] == linear[0])
        if same_feature is not None:
            sentences.append(_adds(same_feature, linear, pairs, labels))
    mlp = best_of(mlps.items())
    if mlp is not None and mlp != on_pixels and (linear is None or mlp[0] != linear[0]):
        if mlp != best:
            sentences.append(_reaches(mlp, pairs[mlp], ", the best MLP,"))
        if linear is not None:
            sentences.append(_compared(mlp, linear, pairs, labels))
    return sentences + _better_on_test(best, pairs)


def kind_of(pair: Pair) -> str:
    """Return ``"linear"``, ``"mlp"`` or ``"other"``, by the classifier of a pair."""
    return classifier_of(pair[1]).kind


def best_of(pairs: Iterable[tuple[Pair, list[Item]]]) -> Pair | None:
    """Return the pair with the highest mean validation accuracy; of several, the first."""
    accuracies = {pair: mean(cells, "validation_accuracy") for pair, cells in pairs}
    return max(accuracies, key=accuracies.__getitem__) if accuracies else None


def ranked(items: Iterable[Item]) -> list[Pair]:
    """Return the pairs of cells or records by their mean validation accuracy, the highest first."""
    pairs = by_pair(items)
    return sorted(pairs, key=lambda pair: -mean(pairs[pair], "validation_accuracy"))


def recommended(items: Iterable[Item]) -> Pair:
    """Return the pair with the highest mean validation accuracy among cells or records."""
    return ranked(items)[0]


def name_of(pair: Pair) -> str:
    """Return the name of a pair in a sentence."""
    return f"{parse(pair[0]).title} with {classifier_of(pair[1]).title or pair[1]}"


def p_value(first: list[Cell], second: list[Cell], labels: Array) -> float:
    """Return McNemar's p-value for two pairs, the largest over their seeds."""
    by_seed = {cell.record.seed: cell for cell in second}
    pairs = [(cell, by_seed[cell.record.seed]) for cell in first if cell.record.seed in by_seed]
    return max(mcnemar(a.predicted == labels, b.predicted == labels) for a, b in pairs)


def p_text(p: float) -> str:
    """Return a p-value as text."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _reaches(pair: Pair, cells: list[Cell], what: str) -> str:
    accuracy = mean(cells, "test_accuracy")
    low, high = interval(accuracy, len(cells[0].predicted))
    text = name_of(pair)
    return (
        f"{text[0].upper()}{text[1:]}{what} reaches {accuracy:.3f} (95 % interval {low:.3f} to {high:.3f})."
    )


def weights_text(records: Sequence[Record]) -> str:
    """Return the mean weights of the members of a fusion as text, empty for other features."""
    return ", ".join(f"{weight:.2f} {name}" for name, weight in mean_weights(records).items())


def _weights(cells: list[Cell]) -> list[str]:
    """Return a sentence about the weights of a fusion."""
    text = weights_text([cell.record for cell in cells])
    return [f"The weights of its members, chosen on the validation images, are {text}."] if text else []


def _better_on_test(best: Pair, pairs: dict[Pair, list[Cell]]) -> list[str]:
    """Say whether a row is better on the test images than the one that is best on the validation images."""
    accuracies = {pair: mean(cells, "test_accuracy") for pair, cells in pairs.items()}
    other = max(accuracies, key=accuracies.__getitem__)
    points = 100 * (accuracies[other] - accuracies[best])
    if round(points, 1) <= 0:
        return []
    return [
        f"On the test images {name_of(other)} is better by {points:.1f} points ({accuracies[other]:.3f}); "
        "the choice is made on the validation images, because the best of many rows is overestimated on the "
        "test images."
    ]


def _than(on_pixels: Pair, linear: Pair, pairs: dict[Pair, list[Cell]]) -> str:
    mlp_accuracy = mean(pairs[on_pixels], "test_accuracy")
    points = 100 * (mean(pairs[linear], "test_accuracy") - mlp_accuracy)
    sign = "less" if points > 0 else "more"
    verdict = f"{abs(points):.1f} points {sign}" if round(points, 1) else "the same"
    name = f"{parse(on_pixels[0]).title}, {on_pixels[1]}"
    return f"The best MLP on pixels ({name}) reaches {mlp_accuracy:.3f}, {verdict}."


def _adds(mlp: Pair, linear: Pair, pairs: dict[Pair, list[Cell]], labels: Array) -> str:
    return f"An MLP ({mlp[1]}) on the same feature {_difference(pairs[mlp], pairs[linear], labels)}"


def _compared(mlp: Pair, linear: Pair, pairs: dict[Pair, list[Cell]], labels: Array) -> str:
    return (
        f"Against the best linear classifier, {name_of(mlp)} {_difference(pairs[mlp], pairs[linear], labels)}"
    )


def _difference(mlp: list[Cell], linear: list[Cell], labels: Array) -> str:
    """Return the gain, or the loss, of accuracy of an MLP over a linear classifier, and its cost."""
    points = 100 * (mean(mlp, "test_accuracy") - mean(linear, "test_accuracy"))
    p = p_value(mlp, linear, labels)
    ratio = mean(mlp, "train_seconds") / max(mean(linear, "train_seconds"), 1e-9)
    verb = "adds" if points >= 0 else "loses"
    cost = f"takes {ratio:.{1 if ratio < 10 else 0}f} times the training time"
    return f"{verb} {abs(points):.1f} points (McNemar's test: {p_text(p)}) and {cost}."
