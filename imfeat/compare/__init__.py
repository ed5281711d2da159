"""The experiment: is a hand-made feature with a linear classifier enough, or is it an MLP's job?"""

import json
import os
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from imfeat._files import write_json
from imfeat.compare.answer import in_words
from imfeat.compare.cache import Cache, content_of, default_folder
from imfeat.compare.cells import Cell, Store
from imfeat.compare.cells import Record as Record
from imfeat.compare.classifiers import CLASSIFIERS, GROUPS, MOST_TRIED, expand_groups
from imfeat.compare.environment import git_revision, machine, peak_bytes, versions
from imfeat.compare.experiment import Experiment, with_parts
from imfeat.compare.own import register as register
from imfeat.compare.report import CELLS
from imfeat.compare.report import Result as Result
from imfeat.compare.tuning import LARGE_VALIDATION_SHARE, MAX_TUNING_IMAGES, VALIDATION_SHARE
from imfeat.datasets import DataSet, load
from imfeat.recipes import COMPARED, parse, parse_list

__all__ = ["Record", "Result", "register", "resume", "run"]

REQUEST = "request.json"  # what a run was asked for, which resuming reads
DEFAULT_CLASSIFIERS = ("linear", "mlp")


def run(
    source: str | os.PathLike[str] = "photos",
    *,
    features: str | Sequence[str] = COMPARED,
    classifiers: Sequence[str] = DEFAULT_CLASSIFIERS,
    n_seeds: int = 3,
    size: int | None = None,
    folder: str | os.PathLike[str] | None = None,
    cache: bool = True,
) -> Result:
    """Train each classifier on each feature with each seed, and measure accuracy and time.

    Parameters
    ----------
    source : str or path
        What to load; see `imfeat.datasets.load`.
    features : str or sequence of str
        Recipes of `imfeat.recipes`, as ``"hog(cell_size=16)+color, patches-800"``, and registered features.
    classifiers : sequence of str
        Among ``softmax``, ``svm``, ``ridge``, ``l2svm`` (squared hinge), ``mlp`` and ``mlp2``, of one and
        two hidden layers; ``linear`` for the first three, and ``mlps`` for the last two.
    n_seeds : int
        The seeds are 0 to ``n_seeds - 1``.  A seed draws what an MLP starts from, the order of
        the images in the training of MLP and SVM, and visual words; softmax and ridge regression on
        other features come out the same for all.
    size : int, optional
        Of the images, in pixels, for a folder of image files.
    folder : path, optional
        Where each cell is kept as soon as it is done; `resume` goes on from there.
    cache : bool
        Keep features in the folder named by ``IMFEAT_CACHE``, by default the user's cache folder, and
        take from there what was computed from the same images by the same code.

    Returns
    -------
    Result
        With ``records``, one for each combination, ``answer``, in words, and ``write(folder)``.

    Raises
    ------
    FileNotFoundError
        If there is no such source.
    FileExistsError
        If the folder holds another run.
    ValueError
        If a name is unknown, or the images don't suit a feature.

    Notes
    -----
    All classifiers get features standardized by the training images.  The strength of their
    regularization is chosen, from at most five that are tried, on a validation part of the training
    set, with the first seed, and kept for the others; no choice looks at the test set.
    """
    parsed = parse_list(features)
    features = tuple(feature.name for feature in parsed)
    known = (*CLASSIFIERS, *GROUPS)
    classifiers = check_names(classifiers, known.__contains__, known, "classifier")
    if n_seeds < 1:
        raise ValueError(f"n_seeds must be at least 1, got {n_seeds}")
    request = {
        "source": str(source) if str(source) in ("photos", "cifar10") else os.path.abspath(source),
        "features": list(features),
        "classifiers": list(classifiers),
        "n_seeds": n_seeds,
        "size": size,
    }
    start = time.perf_counter()
    date = datetime.now().astimezone().isoformat(timespec="seconds")
    revision = git_revision()  # before the run, during which files may change
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="skipped .* files", category=UserWarning)
        data = load(source, size=size)
    for feature in parsed:
        feature.check(data.train.images.shape[1:3])
    content = content_of(data.train.images, data.train.labels, data.test.images, data.test.labels)
    store = Store(start=start)
    if folder is not None:
        store = Store(Path(folder) / CELLS, start)
        _claim(Path(folder), request | {"content": content})
    members, seeds = expand_groups(classifiers), tuple(range(n_seeds))
    kept = Cache(default_folder() if cache else None)
    experiment = Experiment(data, store=store, cache=kept, content=content)
    cells = _run_with_bar(experiment, features, members, seeds)
    kept.trim()
    return Result(
        records=tuple(cell.record for cell in cells),
        versions=versions(),
        machine=machine(),
        settings=_settings(source, data, features, members, seeds),
        git_revision=revision,
        date=date,
        skipped=data.train.skipped + data.test.skipped,
        seconds=store.seconds(),
        peak_bytes=peak_bytes(),
        answer=tuple(in_words(cells, data.test.labels)),
        cells=cells,
        test_labels=data.test.labels,
        test_images=data.test.images,
    )


def resume(folder: str | os.PathLike[str], *, cache: bool = True) -> Result:
    """Go on with a run that was interrupted, from what its folder holds.

    Parameters
    ----------
    folder : path
        That `run` was given, or ``imfeat compare --out``.
    cache : bool
        See `run`.

    Returns
    -------
    Result
        As from a run that was not interrupted, but for times.

    Raises
    ------
    FileNotFoundError
        If the folder holds no run.
    FileExistsError
        If the images are no longer those of the run.
    """
    path = Path(folder, REQUEST)
    if not path.exists():
        raise FileNotFoundError(f"{folder} holds no run to resume: there is no {REQUEST}")
    request = json.loads(path.read_text(encoding="utf-8"))
    request.pop("content")
    return run(request.pop("source"), **request, folder=folder, cache=cache)


def _claim(folder: Path, request: dict[str, Any]) -> None:
    """Write down what a run was asked for, and refuse a folder where another thing was asked for."""
    path = folder / REQUEST
    if path.exists() and (there := json.loads(path.read_text(encoding="utf-8"))) != request:
        names = ", ".join(name for name in request if there.get(name) != request[name])
        raise FileExistsError(f"{folder} holds a run of other {names}; take another folder")
    write_json(path, request)


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
    experiment: Experiment, features: tuple[str, ...], classifiers: tuple[str, ...], seeds: tuple[int, ...]
) -> tuple[Cell, ...]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        total = len(with_parts(features)) * len(classifiers) * len(seeds)
        task = progress.add_task("", total=total)
        experiment.announce = lambda text: progress.update(task, description=text)
        cells = []
        for cell in experiment.run(features, classifiers, seeds):
            cells.append(cell)
            progress.advance(task)
    return tuple(cells)


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
        "features": {name: parse(name).expression((height, width)) for name in features},
        "strengths": {name: list(CLASSIFIERS[name].strengths) for name in classifiers},
        "most_strengths_tried": MOST_TRIED,
        "max_tuning_images": MAX_TUNING_IMAGES,
        "validation_share": LARGE_VALIDATION_SHARE if n_train > MAX_TUNING_IMAGES else VALIDATION_SHARE,
    }
