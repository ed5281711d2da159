"""The experiment: is a hand-made feature with a linear classifier enough, or is it an MLP's job?"""

import os
import re
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from imfeat.compare.classifiers import CLASSIFIERS, GROUPS, expand_groups
from imfeat.compare.environment import git_revision, machine, peak_bytes, versions
from imfeat.compare.experiment import MAX_TUNING_IMAGES, VALIDATION_SHARE, run_cells
from imfeat.compare.experiment import Record as Record
from imfeat.compare.features import DEFAULT, KNOWN, build_feature, is_feature, parts_of_fusion
from imfeat.compare.report import Result as Result
from imfeat.datasets import DataSet, load

__all__ = ["Record", "Result", "run"]


def run(
    source: str | os.PathLike[str] = "photos",
    *,
    features: Sequence[str] = DEFAULT,
    classifiers: Sequence[str] = ("linear", "mlp"),
    n_seeds: int = 3,
    size: int | None = None,
) -> Result:
    """Train each classifier on each feature with each seed, and measure accuracy and time.

    Parameters
    ----------
    source : str or path
        What to load; see `imfeat.datasets.load`.
    features : sequence of str
        Among ``raw``, ``equalized``, ``color``, ``hog``, ``uoctti``, ``words`` and ``patches-800``,
        with any number of words and, as in ``patches-800-8x8``, any size of patches; or several of
        these joined by ``+``; or Fisher vectors, ``fisher-sift``, ``fisher-color``, and ``fusion``, which
        adds the scores of both, with 64 components or, as in ``fusion-256``, others.
    classifiers : sequence of str
        Among ``logistic``, ``svm``, ``ridge``, ``l2svm`` (squared hinge), ``mlp``,
        and ``linear`` for the first two.
    n_seeds : int
        The seeds are 0 to ``n_seeds - 1``.  A seed draws what an MLP starts from, the order of
        the images in the training of MLP and SVM, and visual words; logistic regression on other
        features comes out the same for all.
    size : int, optional
        Of the images, in pixels, for a folder of image files.

    Returns
    -------
    Result
        With ``records``, one for each combination, and ``write(folder)``.

    Raises
    ------
    FileNotFoundError
        If there is no such source.
    ValueError
        If a name is unknown, or the images don't suit a feature.

    Notes
    -----
    All classifiers get features standardized by the training images.  The strength of their
    regularization is chosen among three on a validation part of the training set, drawn by the
    first seed, and kept for the others; no choice looks at the test set.
    """
    features = check_names(features, is_feature, KNOWN, "feature")
    known = (*CLASSIFIERS, *GROUPS)
    classifiers = check_names(classifiers, known.__contains__, known, "classifier")
    if n_seeds < 1:
        raise ValueError(f"n_seeds must be at least 1, got {n_seeds}")
    start = time.perf_counter()
    date = datetime.now().astimezone().isoformat(timespec="seconds")
    revision = git_revision()  # before the run, during which files may change
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="skipped .* files", category=UserWarning)
        data = load(source, size=size)
    members, seeds = expand_groups(classifiers), tuple(range(n_seeds))
    return Result(
        records=_run_with_bar(data, features, members, seeds),
        versions=versions(),
        machine=machine(),
        settings=_settings(source, data, features, members, seeds),
        git_revision=revision,
        date=date,
        skipped=data.train.skipped + data.test.skipped,
        seconds=time.perf_counter() - start,
        peak_bytes=peak_bytes(),
    )


def check_names(
    names: Sequence[str], is_known: Callable[[str], bool], known: tuple[str, ...], kind: str
) -> tuple[str, ...]:
    """Return names, each once, if all are known and there is one."""
    unknown = [name for name in names if not is_known(name)]
    if unknown or not names:
        problem = f"unknown {kind} {', '.join(map(repr, unknown))}" if unknown else f"no {kind} given"
        raise ValueError(f"{problem}; choose among {', '.join(known)}")
    return tuple(dict.fromkeys(names))


def _run_with_bar(
    data: DataSet, features: tuple[str, ...], classifiers: tuple[str, ...], seeds: tuple[int, ...]
) -> tuple[Record, ...]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(features) * len(classifiers) * len(seeds))
        records = []
        cells = run_cells(
            data, features, classifiers, seeds, lambda text: progress.update(task, description=text)
        )
        for record in cells:
            records.append(record)
            progress.advance(task)
    return tuple(records)


def _settings(
    source: str | os.PathLike[str],
    data: DataSet,
    features: tuple[str, ...],
    classifiers: tuple[str, ...],
    seeds: tuple[int, ...],
) -> dict[str, Any]:
    n_train, height, width, _ = data.train.images.shape
    return {
        "source": os.path.basename(os.path.abspath(source)),
        "n_train": n_train,
        "n_test": len(data.test),
        "image_size": [height, width],
        "class_names": list(data.train.class_names),
        "seeds": list(seeds),
        "features": {name: _described(name, (height, width)) for name in features},
        "strengths": {name: list(CLASSIFIERS[name].strengths) for name in classifiers},
        "max_tuning_images": MAX_TUNING_IMAGES,
        "validation_share": VALIDATION_SHARE,
    }


def _described(name: str, image_size: tuple[int, int]) -> str:
    if parts := parts_of_fusion(name):
        return f"the mean of the scores of {' and '.join(parts)}"
    # without the addresses of functions, which differ from run to run
    return " ".join(re.sub(r" at 0x\w+", "", repr(build_feature(name, image_size, 0))).split())
