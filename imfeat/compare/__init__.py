"""Comparison of hand-made features with linear classifiers, and of MLPs, on one data set."""

import json
import os
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from numbers import Integral
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from imfeat._backend import Array, get_num_threads
from imfeat._check import as_flag, one_of
from imfeat._environment import COMPARE_PACKAGES, versions
from imfeat._feature import Feature
from imfeat._files import write_json
from imfeat._recipe import Term
from imfeat.compare.answer import in_words, recommended
from imfeat.compare.cache import Cache, content_of, default_folder
from imfeat.compare.cells import Record, Store
from imfeat.compare.classifiers import MOST_TRIED, check, classifier_of, expand_groups, parse_classifiers
from imfeat.compare.concerns import averages_in_words, concerns_about
from imfeat.compare.environment import git_revision, machine, peak_bytes
from imfeat.compare.flips import flips_in_words
from imfeat.compare.folds import Folds, fold_numbers, folds_in_words, join, number_of_folds
from imfeat.compare.kept import KEEPS, Models
from imfeat.compare.own import register
from imfeat.compare.result import CELLS, Result
from imfeat.compare.running import LOGGER, run_all, run_folds
from imfeat.compare.shifts import shifts_for
from imfeat.compare.tuning import LARGE_VALIDATION_SHARE, MAX_TUNING_IMAGES, VALIDATION_SHARE
from imfeat.compare.workspace import Workspace
from imfeat.datasets import DataSet, load, suggest_size
from imfeat.datasets.sizes import SIDES
from imfeat.learn._threads import blas_threads
from imfeat.recipes import COMPARED, RECIPES, parse, parse_list
from imfeat.sources import absolute

__all__ = ["Record", "Result", "register", "resume", "run"]

REQUEST = "request.json"  # the arguments of a run, for resume
IN_MEMORY = "data sets in memory"  # stands for them among the arguments

Source: TypeAlias = str | os.PathLike[str] | Mapping[str, Iterable[Any]]
DEFAULT_CLASSIFIERS = ("linear", "mlp")


def run(
    source: Source = "photos",
    *,
    features: str | Sequence[str] = COMPARED,
    classifiers: str | Sequence[str] = DEFAULT_CLASSIFIERS,
    n_seeds: int | None = None,
    size: int | None = None,
    decode: str = "exact",
    train_sizes: Sequence[int | str] = (),
    shifts: bool = False,
    folds: int | None = None,
    keep: str = "best",
    folder: str | os.PathLike[str] | None = None,
    cache: bool = True,
) -> Result:
    """Train each classifier on each feature with each seed, and measure accuracy and time.

    Parameters
    ----------
    source : str, path or mapping
        Data set; see `imfeat.datasets.load`.
    features : str or sequence of str
        Recipes of `imfeat.recipes`, as ``"hog(cell_size=16)+color, patches-800"``, and registered features.
    classifiers : str or sequence of str
        Expressions such as ``"mlp(hidden=(256, 128), activation='tanh'), softmax(strength=300)"``: names of
        ``softmax``, ``svm``, ``ridge``, ``l2svm`` (squared hinge), ``mlp`` and ``mlp2`` (one and two hidden
        layers), ``kernel-ridge`` (a Gaussian kernel), ``knn``, ``logreg`` and ``hist-gradient-boosting`` of
        scikit-learn, and registered ones, with options in parentheses; or ``linear`` for the first three, and
        ``mlps`` for the MLPs.  Options are the parameters of the class in `imfeat.learn` or scikit-learn.
        A parameter that would be chosen on validation images, such as ``strength``, is kept if it is given.
        MLPs may learn from images that are flipped and shifted at random: ``augment="flip+shift"``.
    n_seeds : int, optional
        Number of seeds, which are 0 to ``n_seeds - 1``; 3 by default, or 1 with folds.  A seed draws the
        initial weights of an MLP, the order of the images in the training of MLP and SVM, and visual words.
        Softmax and ridge regression on other features give the same results for all seeds.
    size : int, optional
        Side of the images, in pixels, for a folder of image files.  By default the median of their
        shorter sides, rounded down to 32, 64, 96 or 128: smaller if pixels in float32 took more than
        2 GiB, and larger if a feature needs it.
    decode : {"exact", "fast"}
        Decoding of JPEGs in such a folder, as in `imfeat.datasets.load`.
    train_sizes : sequence of int
        Numbers of training images with which everything is trained, too, as many images of each class.  They
        are drawn anew with each seed, and larger numbers include the images of smaller ones.  ``"all"`` may
        be among them, and is always done.
    shifts : bool
        Test everything on changed test images, too: under other light, with noise, blurred, compressed,
        moved, rotated, scaled and partly covered, each at three strengths; see `imfeat.compare.shifts`.
    folds : int, optional
        Number of folds of a cross-validation, 0 for a single split; by default 5 for a folder without test
        images of its own and with fewer than 500 images.  Each image is tested once, by models that learned
        from the other folds.  Folds are stretches of the files of each class in their order, as neighbours
        may show the same thing.  Accuracies are of all images together.  As folds share training images,
        their interval is somewhat too narrow [1]_.  The kept model learns from all images.
    keep : {"best", "all"}
        Models to keep: that of the pair that is best on the validation images, or one of each pair, with the
        first seed.
    folder : path, optional
        Folder in which each cell is stored as soon as it is done, for `resume`.
    cache : bool
        Whether to cache features in the folder named by ``IMFEAT_CACHE``, by default the user's cache
        folder, for other runs with the same images and the same code.

    Returns
    -------
    Result
        Its ``records``, one for each combination, its ``answer`` in sentences, ``write(folder)``, and fitted
        scikit-learn pipelines: ``best()`` and ``pipeline(feature, classifier)``.

    Raises
    ------
    FileNotFoundError
        If there is no such source.
    FileExistsError
        If the folder holds another run.
    ValueError
        If a name is unknown, or the images are too small for a feature.

    Notes
    -----
    Gray images are three equal channels to features.  Features of colour are left out of the default ones for
    them, and refused otherwise.

    All classifiers get features standardized by the training images.  The strength of their
    regularization is chosen on validation images of the training set, with the first seed, among at most
    five that are tried, and kept for the other seeds.  No choice depends on the test set.

    The settings of the result hold ``warnings`` of small classes and of classes of very different sizes, and
    of images that are, or nearly are, both tested and learned from.  Without a terminal for a progress bar,
    the logger ``imfeat.compare`` gets a line for each cell.

    References
    ----------
    .. [1] Y. Bengio, Y. Grandvalet, "No unbiased estimator of the variance of k-fold cross-validation",
       Journal of Machine Learning Research 5, 2004.  https://www.jmlr.org/papers/v5/grandvalet04a.html
    """
    parsed = parse_list(features)
    features = tuple(feature.name for feature in parsed)
    classifiers = parse_classifiers(classifiers)
    members = expand_groups(classifiers)
    for name in members:
        check(name)
    if n_seeds is not None and n_seeds < 1:
        raise ValueError(f"n_seeds must be at least 1, got {n_seeds}")
    one_of(keep, "keep", KEEPS)
    start = time.perf_counter()
    date = datetime.now().astimezone().isoformat(timespec="seconds")
    revision = git_revision()  # before the run, during which files may change
    side, size_reason = _size_for(source, size, parsed)
    if size_reason is not None:
        LOGGER.info("images of %d x %d pixels: %s", side, side, size_reason)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="skipped .* files", category=UserWarning)
        data = load(source, size=side, decode=decode)
    others = [f"{name}=" for name, value in (("train_sizes", train_sizes), ("shifts", shifts)) if value]
    n_folds = number_of_folds(folds, data, others=others)
    n_seeds = n_seeds or (1 if n_folds else 3)
    request = {
        "source": _name_of(source),
        "features": list(features),
        "classifiers": list(classifiers),
        "n_seeds": n_seeds,
        "size": size,
        **_others(decode=decode, train_sizes=list(train_sizes), shifts=shifts, keep=keep, folds=n_folds),
    }
    skipped = data.train.skipped + data.test.skipped
    if n_folds:
        images = join(data)
        data = DataSet(images, images)
    is_gray = data.train.is_gray and data.test.is_gray
    if is_gray:
        parsed = _without_colors(parsed)
        features = tuple(feature.name for feature in parsed)
    for feature in parsed:
        feature.check(data.train.images.shape[1:3])
    content = content_of(data.train.images, data.train.labels, data.test.images, data.test.labels)
    store = Store(start=start)
    if folder is not None:
        store = Store(Path(folder) / CELLS, start)
        _claim(Path(folder), request | {"content": content})
    seeds = tuple(range(n_seeds))
    sizes = as_train_sizes(train_sizes, data.train.labels)
    feature_cache = Cache(default_folder() if cache else None)
    models = _models(folder, source, data, decode)
    how: dict[str, Any] = {"store": store, "cache": feature_cache, "content": content}
    workspace = Workspace(data, **how, models=models, shifts=as_flag(shifts, "shifts"))
    numbers = fold_numbers(data.train.labels, n_folds) if n_folds else None
    concerns = _concerns(data, numbers)
    of_parts: tuple[Record, ...] = ()
    what = features, members, seeds
    with blas_threads(get_num_threads()):
        if numbers is not None:
            cells = run_folds(Folds(workspace, numbers), *what, keep)
        else:
            cells, of_parts = run_all(workspace, *what, sizes)
    feature_cache.trim()
    best = recommended(cells)
    models.finish(best, seeds[0], keep)
    settings = _settings(source, data, *what, is_gray, n_folds)
    settings |= _others(decode=decode, train_sizes=list(sizes), shifts=_strengths(data, shifts=shifts))
    settings |= _others(size_reason=size_reason, warnings=concerns)
    records = tuple(cell.record for cell in cells)
    answer = [*in_words(cells, data.test.labels), *flips_in_words(records, of_parts)]
    answer += averages_in_words(records, data.test.labels)
    if n_folds:
        answer.append(folds_in_words(n_folds, len(data.test)))
    return Result(
        records=records,
        versions=versions(COMPARE_PACKAGES),
        machine=machine(),
        settings=settings,
        git_revision=revision,
        date=date,
        skipped=skipped,
        seconds=store.seconds(),
        peak_bytes=peak_bytes(),
        answer=tuple(answer),
        part_records=of_parts,
        cells=cells,
        models=models,
        test_labels=data.test.labels,
        test_images=data.test.images,
        test_paths=data.test.paths,
    )


def resume(folder: str | os.PathLike[str], *, cache: bool = True) -> Result:
    """Continue an interrupted run from the cells in its folder.

    Parameters
    ----------
    folder : path
        Folder of `run`, or of ``imfeat compare --out``.
    cache : bool
        See `run`.

    Returns
    -------
    Result
        Result as of an uninterrupted run, except for times.

    Raises
    ------
    FileNotFoundError
        If the folder holds no run.
    FileExistsError
        If the images are no longer those of the run.
    ValueError
        If they were in memory, and not in files.
    """
    path = Path(folder, REQUEST)
    if not path.exists():
        raise FileNotFoundError(f"{folder} holds no run to resume: there is no {REQUEST}")
    request = json.loads(path.read_text(encoding="utf-8"))
    if request["source"] == IN_MEMORY:
        raise ValueError(f"{folder} holds a run of {IN_MEMORY}; call run with them and this folder again")
    request.pop("content")
    request.setdefault("folds", 0)
    return run(request.pop("source"), **request, folder=folder, cache=cache)


def _size_for(
    source: Source, size: int | None, features: tuple[Feature, ...]
) -> tuple[int | None, str | None]:
    """Return the size of the images, and the reason if it was not given."""
    if size is not None or (suggested := suggest_size(source)) is None:
        return size, None
    side, reason = suggested
    for larger in (*(other for other in SIDES if other > side), None):
        if larger is None or all(_suits(feature, side) for feature in features):
            return side, reason
        side, reason = larger, f"a feature needs that, {reason}"
    return None, None


def _suits(feature: Feature, side: int) -> bool:
    try:
        feature.check((side, side))
    except ValueError:
        return False
    return True


def _concerns(data: DataSet, folds: Array | None) -> list[str]:
    """Return warnings about a data set."""
    paths = [*getattr(data.train, "paths", ())]
    if folds is not None:
        return concerns_about(data.train.images, data.train.labels, folds, data.train.class_names, paths)
    paths += getattr(data.test, "paths", ())
    images = np.concatenate([data.train.images, data.test.images])
    labels = np.concatenate([data.train.labels, data.test.labels])
    parts = np.repeat([0, 1], [len(data.train), len(data.test)])
    return concerns_about(images, labels, parts, data.train.class_names, paths)


def _without_colors(features: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """Return the features that describe gray images: of the default ones; refuse others."""
    colored = [feature.name for feature in features if feature.colored]
    if colored and tuple(feature.name for feature in features) != COMPARED:
        names = [name for name, recipe in RECIPES.items() if not Feature((Term(name, recipe, {}),)).colored]
        raise ValueError(
            f"{colored[0]!r} needs colour, and all images of the data set are gray; choose among "
            f"{', '.join(names)}"
        )
    return tuple(feature for feature in features if not feature.colored)


def _name_of(source: Source) -> str:
    if isinstance(source, Mapping):
        return IN_MEMORY
    return str(source) if str(source) in ("photos", "cifar10") else absolute(source)


def _others(**settings: Any) -> dict[str, Any]:
    """Return settings other than the defaults, so that folders of before there was a choice still match."""
    defaults: tuple[Any, ...] = ("exact", [], {}, False, "best", None)
    return {name: value for name, value in settings.items() if value not in defaults}


def as_train_sizes(train_sizes: Sequence[int | str], labels: Array) -> tuple[int, ...]:
    """Return numbers of training images below all of them, in rising order, each once."""
    n_least = 2 * len(np.unique(labels))
    numbers: set[int] = set()
    for size in train_sizes:
        if size == "all":
            continue
        if not isinstance(size, Integral) or size < n_least:
            raise ValueError(
                f"train_sizes must be 'all' or at least {n_least}, two images of each class, got {size!r}"
            )
        numbers.add(int(size))
    return tuple(sorted(number for number in numbers if number < len(labels)))


def _models(folder: str | os.PathLike[str] | None, source: Source, data: DataSet, decode: str) -> Models:
    height, width = data.train.images.shape[1:3]
    names = [data.train.class_names[label] for label in np.unique(data.train.labels)]
    settings = {"size": (height, width), "decode": decode, "class_names": names}
    about = {"data": os.path.basename(os.path.abspath(_name_of(source)))}
    return Models(None if folder is None else Path(folder), settings, about)


def _strengths(data: DataSet, *, shifts: bool) -> dict[str, list[float]]:
    """Return the strengths of the changes of the test images, by their names."""
    shape = data.test.images.shape[1:]
    shape = (*shape[:2], 1) if data.test.is_gray else shape
    of_shape = shifts_for(shape) if shifts else ()
    return {shift.name: list(shift.strengths_for(shape)) for shift in of_shape}


def _claim(folder: Path, request: dict[str, Any]) -> None:
    """Write the arguments of a run to its folder, and refuse the folder of a run with other arguments."""
    path = folder / REQUEST
    if path.exists() and (existing := json.loads(path.read_text(encoding="utf-8"))) != request:
        names = ", ".join(name for name in {**request, **existing} if existing.get(name) != request.get(name))
        raise FileExistsError(f"{folder} holds a run of other {names}; take another folder")
    write_json(path, request)


def _settings(
    source: Source,
    data: DataSet,
    features: tuple[str, ...],
    classifiers: tuple[str, ...],
    seeds: tuple[int, ...],
    is_gray: bool,
    n_folds: int,
) -> dict[str, Any]:
    n_train, height, width, _ = data.train.images.shape
    if n_folds:
        n_train = round(n_train * (1 - 1 / n_folds))
    return {
        "source": os.path.basename(os.path.abspath(_name_of(source))),
        "n_train": n_train,
        "n_test": len(data.test),
        "image_size": [height, width],
        **({"gray": True} if is_gray else {}),
        **({"folds": n_folds} if n_folds else {}),
        "class_names": list(data.train.class_names),
        "left_out": dict(sorted(Counter(reason for _, reason in data.train.left_out).items())),
        "seeds": list(seeds),
        "features": {name: parse(name).expression((height, width)) for name in features},
        "strengths": {name: list(classifier_of(name).strengths) for name in classifiers},
        "most_strengths_tried": MOST_TRIED,
        "max_tuning_images": MAX_TUNING_IMAGES,
        "validation_share": LARGE_VALIDATION_SHARE if n_train > MAX_TUNING_IMAGES else VALIDATION_SHARE,
    }
