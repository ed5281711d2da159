"""Warnings about a data set: small classes, classes of very different sizes, and images in several parts."""

from collections.abc import Sequence

import numpy as np

from imfeat._backend import Array
from imfeat.compare.answer import name_of
from imfeat.compare.cells import Record, by_pair, mean
from imfeat.compare.duplicates import find_duplicates

FEW_IMAGES = 20  # of a class
UNEQUAL = 3  # ratio of the sizes of classes
SHOWN = 5


def is_unbalanced(counts: Array) -> bool:
    """Test whether the largest class has `UNEQUAL` times as many images as the smallest, or more."""
    return bool(counts.max() >= UNEQUAL * counts.min())


def concerns_about(
    images: Array, labels: Array, parts: Array, class_names: Sequence[str], paths: Sequence[str] = ()
) -> list[str]:
    """Return warnings, in sentences.

    Parameters
    ----------
    images : array of shape (n, height, width, 3), uint8
    labels : array of shape (n,), int
    parts : array of shape (n,), int
        Part of the data set, as training and test, of each image.
    class_names : sequence of str
    paths : sequence of str, optional
        Name of each image.
    """
    warnings = _about_sizes(np.bincount(labels, minlength=len(class_names)), class_names)
    same, similar = find_duplicates(images, parts)
    for pairs, how in ((same, "the same as"), (similar, "nearly the same as")):
        if len(pairs):
            warnings.append(_about_pairs(pairs, how, labels, paths))
    return warnings


def averages_in_words(records: Sequence[Record], labels: Array) -> list[str]:
    """Return a sentence if classes of very different sizes and their averages rank rows differently.

    ``labels`` are those of the test images.
    """
    pairs = by_pair(records)
    _, counts = np.unique(labels, return_counts=True)
    if not is_unbalanced(counts) or any(record.balanced_accuracy is None for record in records):
        return []
    first = max(pairs, key=lambda pair: mean(pairs[pair], "test_accuracy"))
    sentences = []
    for field, name in (("balanced_accuracy", "balanced accuracy"), ("macro_f1", "macro F1")):
        best = max(pairs, key=lambda pair: mean(pairs[pair], field))
        ahead = mean(pairs[best], field)
        behind = mean(pairs[first], field)
        if ahead > behind:
            sentences.append(
                f"On the test images {name_of(first)} has the highest accuracy, but not the highest {name}, "
                f"in which all classes count alike: {behind:.3f}, and {name_of(best)} {ahead:.3f}."
            )
    return sentences


def _about_sizes(counts: Array, class_names: Sequence[str]) -> list[str]:
    warnings = []
    tiny = [int(index) for index in np.argsort(counts, kind="stable") if counts[index] < FEW_IMAGES]
    if tiny:
        names = _listed([f"{class_names[index]} ({counts[index]})" for index in tiny])
        warnings.append(
            f"{len(tiny)} of {len(counts)} classes {'has' if len(tiny) == 1 else 'have'} fewer than "
            f"{FEW_IMAGES} images, too few to tell what is right about them: {names}."
        )
    if is_unbalanced(counts):
        least, most = int(counts.argmin()), int(counts.argmax())
        warnings.append(
            f"Classes are of very different sizes, from {counts[least]} images ({class_names[least]}) to "
            f"{counts[most]} ({class_names[most]}): see balanced accuracy and macro F1, in which all classes "
            "count alike."
        )
    return warnings


def _about_pairs(pairs: Array, how: str, labels: Array, paths: Sequence[str]) -> str:
    n = len(np.unique(pairs[:, 1]))
    conflicts = int(np.count_nonzero(labels[pairs[:, 0]] != labels[pairs[:, 1]]))
    other = (
        f" {conflicts} of the pairs {'is' if conflicts == 1 else 'are'} of different classes."
        if conflicts
        else ""
    )
    names = [f"{_name(i, paths)} and {_name(j, paths)}" for i, j in pairs[: SHOWN + 1].tolist()]
    return (
        f"{n} image{'s are' if n > 1 else ' is'} {how} another one that is tested by models that learned "
        f"from {'them' if n > 1 else 'it'}, which may make accuracies too high: "
        f"{_listed(names, len(pairs))}.{other}"
    )


def _name(index: int, paths: Sequence[str]) -> str:
    return paths[index] if index < len(paths) else f"image {index}"


def _listed(names: Sequence[str], n: int | None = None) -> str:
    """Return the first names, and how many more there are."""
    n = len(names) if n is None else n
    more = f" and {n - SHOWN} more" if n > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
