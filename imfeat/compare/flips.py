"""When the verdict flips, in sentences: with how many training images, and under which changes of images.

At each number of training images, the pair with the highest validation accuracy stands for its kind.
"""

from collections.abc import Sequence

import numpy as np

from imfeat.compare.answer import best_of, kind_of, name_of, recommended
from imfeat.compare.cells import Pair, Record, by_pair, mean
from imfeat.recipes import parse


def flips_in_words(records: Sequence[Record], part_records: Sequence[Record]) -> list[str]:
    """Return sentences on fewer training images and on changed test images, as far as they were tried."""
    by_size = records_by_size(records, part_records)
    sentences = []
    if len(by_size) > 1:
        on_pixels = [_best(group, "mlp", pixels=True) for group in by_size.values()]
        on_features = [_best(group, "mlp", pixels=False) for group in by_size.values()]
        linear = [_best(group, "linear") for group in by_size.values()]
        for title, mlps in (("MLP on pixels", on_pixels), ("MLP on features", on_features)):
            sentences += _passes(title, mlps, linear, by_size)
    return sentences + _keeps(records)


def records_by_size(records: Sequence[Record], part_records: Sequence[Record]) -> dict[int, list[Record]]:
    """Group records by the number of training images, in rising order; 0, all of them, is last."""
    groups: dict[int, list[Record]] = {}
    for record in (*part_records, *records):
        groups.setdefault(record.n_train, []).append(record)
    return dict(sorted(groups.items(), key=lambda item: item[0] or np.inf))


def size_name(n_train: int) -> str:
    """Return the name of a number of training images."""
    return f"{n_train:,}" if n_train else "all"


def lost(records: Sequence[Record], shift: str) -> list[float]:
    """Return the points of accuracy that a change of the images takes at each strength, mean over seeds.

    Only the seeds count whose models were tested on changed images.
    """
    tested = [record for record in records if record.shifts]
    kept = np.mean([record.shifts[shift] for record in tested], 0)
    losses: list[float] = (100 * (mean(tested, "test_accuracy") - kept)).tolist()
    return losses


def _best(records: Sequence[Record], kind: str, *, pixels: bool | None = None) -> tuple[Pair, float] | None:
    """Return the best pair of a kind by validation, and its mean test accuracy."""
    pairs = {
        pair: group
        for pair, group in by_pair(records).items()
        if kind_of(pair) == kind and pixels in (None, parse(pair[0]).is_pixels)
    }
    best = best_of(pairs.items())
    return None if best is None else (best, mean(pairs[best], "test_accuracy"))


def _passes(
    title: str,
    mlps: Sequence[tuple[Pair, float] | None],
    linear: Sequence[tuple[Pair, float] | None],
    by_size: dict[int, list[Record]],
) -> list[str]:
    """Say from how many images on an MLP is better than the best linear classifier."""
    sizes = [size_name(n) for n in by_size]
    points = [
        (size, 100 * (mlp[1] - line[1]))
        for size, mlp, line in zip(sizes, mlps, linear, strict=True)
        if mlp is not None and line is not None
    ]
    if not points:
        return []
    ends = f"{_signed(points[0][1])} with {points[0][0]} training images, {_signed(points[-1][1])} with all"
    ahead = [difference > 0 for _, difference in points]
    if not any(ahead):
        return [f"The best {title} stays behind the best linear classifier at every size ({ends})."]
    if all(ahead):
        return [f"The best {title} is ahead of the best linear classifier at every size ({ends})."]
    if not ahead[-1]:
        return [f"The best {title} is behind the best linear classifier with all images ({ends})."]
    first = len(ahead) - ahead[::-1].index(False)
    since = "with all images only" if points[first][0] == "all" else f"from {points[first][0]} images on"
    return [f"The best {title} passes the best linear classifier {since} ({ends})."]


def _keeps(records: Sequence[Record]) -> list[str]:
    """Say what changes of the images cost the best row, and where it differs most from pixels."""
    pairs = by_pair(records)
    best = recommended(records)
    if not pairs[best][0].shifts:
        return []
    losses = {shift: lost(pairs[best], shift) for shift in pairs[best][0].shifts}
    worst = max(losses, key=lambda shift: np.mean(losses[shift]))
    least = min(losses, key=lambda shift: np.mean(losses[shift]))
    text = name_of(best)
    sentences = [
        f"{text[0].upper()}{text[1:]} loses most under {worst} ({np.mean(losses[worst]):.1f} points, mean of "
        f"three strengths), and least under {least} ({np.mean(losses[least]):.1f})."
    ]
    pixels = {pair: group for pair, group in pairs.items() if parse(pair[0]).is_pixels and group[0].shifts}
    other = best_of(pixels.items())
    if other is not None and other != best:
        of_pixels = {shift: lost(pixels[other], shift) for shift in losses}
        shift = max(losses, key=lambda name: abs(of_pixels[name][1] - losses[name][1]))
        sentences.append(
            f"Under {shift} of middle strength it loses {losses[shift][1]:.1f} points, {name_of(other)} "
            f"{of_pixels[shift][1]:.1f}."
        )
    return sentences


def _signed(points: float) -> str:
    return f"{points:+.1f} points"
