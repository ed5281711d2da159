"""Comparison of hand-made features with linear classifiers, and of MLPs, on one data set."""

import json
import os
import time
import warnings
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from imfeat._backend import get_num_threads
from imfeat._check import as_flag, one_of
from imfeat._device import Device
from imfeat._environment import COMPARE_PACKAGES, versions
from imfeat._modules import name_function
from imfeat.compare.answer import in_words, ranked
from imfeat.compare.cache import Cache, content_of, default_folder
from imfeat.compare.cells import Record, Store
from imfeat.compare.classifiers import check, expand_groups, parse_classifiers
from imfeat.compare.concerns import averages_in_words
from imfeat.compare.device import check_device
from imfeat.compare.environment import git_revision, machine, peak_bytes
from imfeat.compare.flips import flips_in_words
from imfeat.compare.folds import Folds, fold_numbers, folds_in_words, join, number_of_folds
from imfeat.compare.kept import KEEPS, Keep
from imfeat.compare.memory import check_memory
from imfeat.compare.own import register
from imfeat.compare.preparation import (
    IN_MEMORY,
    REQUEST,
    Source,
    as_train_sizes,
    claim,
    data_warnings,
    models_of,
    settings_of,
    size_for,
    source_name,
    strengths,
    without_colors,
    without_defaults,
)
from imfeat.compare.result import CELLS, Result
from imfeat.compare.running import LOGGER, run_all, run_folds
from imfeat.compare.workspace import Workspace
from imfeat.datasets import DataSet, load
from imfeat.decoding import Decode
from imfeat.learn._threads import blas_threads
from imfeat.recipes import COMPARED, parse_list

__all__ = ["Record", "Result", "register", "resume", "run"]


def __dir__() -> list[str]:
    return __all__  # for completion


name_function(__name__, "run")

DEFAULT_CLASSIFIERS = ("linear", "mlp")


def run(
    source: Source = "photos",
    *,
    features: str | Sequence[str] = COMPARED,
    classifiers: str | Sequence[str] = DEFAULT_CLASSIFIERS,
    n_seeds: int | None = None,
    size: int | None = None,
    decode: Decode = "exact",
    train_sizes: Sequence[int | str] = (),
    shifts: bool = False,
    folds: int | None = None,
    keep: Keep = "best",
    device: Device = "cpu",
    folder: str | os.PathLike[str] | None = None,
    cache: bool = True,
) -> Result:
    """Train each classifier on each feature with each seed, and measure accuracy and time.

    Parameters
    ----------
    source : str, path or mapping
        Data set; see `imfeat.datasets.load`.
    features : str or sequence of str
        Recipes of `imfeat.recipes`, as ``"hog(cell_size=16)+color, patches-800"``, registered features, and
        fusions of the scores of classifiers on several of them, as ``"fusion(hog, tuned-color)"``.
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
        Features that depend on the seed are tested so for the first seed.
    folds : int, optional
        Number of folds of a cross-validation, 0 for a single split; by default 5 for a folder without test
        images of its own and with fewer than 500 images.  Each image is tested once, by models that learned
        from the other folds.  Folds are stretches of the files of each class in their order, as neighbours
        may show the same thing.  Accuracies are of all images together.  As folds share training images,
        their interval is somewhat too narrow [1]_.  The kept model learns from all images.
    keep : {"best", "all"}
        Models to keep: that of the pair that is best on the validation images, or one of each pair, with the
        first seed.  A model that can't be written to a file, or would be larger than 4 GB, is not kept; the
        answer says so, and the next best is kept instead.
    device : {"cpu", "cuda"}
        Device that features are computed on.  With a GPU, images are copied there in batches and features
        back.  What features learn is learned there, from up to 8 GB of training images, and all classifiers
        are learned on the CPU.
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
        If a name is unknown, the images are too small for a feature, or it is not computed on a GPU that was
        asked for.
    CudaUnavailableError
        If CUDA was asked for and can't be used; the error says why.

    Notes
    -----
    Gray images are three equal channels to features.  Features of colour are left out of the default ones for
    them, and refused otherwise.

    All classifiers get features standardized by the training images.  The strength of their
    regularization is chosen on validation images of the training set, with the first seed, among at most
    five that are tried, and kept for the other seeds.  No choice depends on the test set.

    The scores of a fusion are the weighted sum of those of its members, divided by their temperatures.  The
    weights have the least log loss on the validation images; ``weights`` of a record holds them.

    The settings of the result hold ``warnings`` of small classes and of classes of very different sizes, and
    of images that are, or nearly are, both tested and learned from.  Without a terminal for a progress bar,
    the logger ``imfeat.compare`` gets a line for each cell.

    References
    ----------
    .. [1] Y. Bengio, Y. Grandvalet, "No unbiased estimator of the variance of k-fold cross-validation",
       Journal of Machine Learning Research 5, 2004.  https://www.jmlr.org/papers/v5/grandvalet04a.html

    Examples
    --------
    Two classes, dark and red images:

    >>> import imfeat
    >>> import numpy as np
    >>> images = np.zeros((40, 32, 32, 3), np.uint8)
    >>> images[20:] = [255, 0, 0]
    >>> pairs = list(zip(images, ["dark"] * 20 + ["red"] * 20))
    >>> data = {"train": pairs[::2], "test": pairs[1::2]}
    >>> result = imfeat.compare.run(data, features="color", classifiers="ridge", n_seeds=1, cache=False)
    >>> [(record.feature, record.classifier, record.test_accuracy) for record in result.records]
    [('color', 'ridge', 1.0)]
    >>> result.best().predict(images[19:21])
    array([0, 1])
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
    check_device(device, parsed)
    start = time.perf_counter()
    date = datetime.now().astimezone().isoformat(timespec="seconds")
    revision = git_revision()  # before the run, during which files may change
    side, size_reason = size_for(source, size, parsed)
    if size_reason is not None:
        LOGGER.info("images of %d x %d pixels: %s", side, side, size_reason)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="skipped .* files", category=UserWarning)
        data = load(source, size=side, decode=decode)
    others = [f"{name}=" for name, value in (("train_sizes", train_sizes), ("shifts", shifts)) if value]
    n_folds = number_of_folds(folds, data, others=others)
    n_seeds = n_seeds or (1 if n_folds else 3)
    request = {
        "source": source_name(source),
        "features": list(features),
        "classifiers": list(classifiers),
        "n_seeds": n_seeds,
        "size": size,
        **without_defaults(
            decode=decode,
            train_sizes=list(train_sizes),
            shifts=shifts,
            keep=keep,
            folds=n_folds,
            device=device,
        ),
    }
    skipped = data.train.skipped + data.test.skipped
    if n_folds:
        images = join(data)
        data = DataSet(images, images)
    is_gray = data.train.is_gray and data.test.is_gray
    if is_gray:
        parsed = without_colors(parsed)
        features = tuple(feature.name for feature in parsed)
    for feature in parsed:
        feature.check(data.train.images.shape[1:3])
    content = content_of(data.train.images, data.train.labels, data.test.images, data.test.labels)
    store = Store(start=start)
    if folder is not None:
        store = Store(Path(folder) / CELLS, start)
        claim(Path(folder), request | {"content": content})
    seeds = tuple(range(n_seeds))
    sizes = as_train_sizes(train_sizes, data.train.labels)
    feature_cache = Cache(default_folder() if cache else None)
    models = models_of(folder, source, data, decode)
    how: dict[str, Any] = {"store": store, "cache": feature_cache, "content": content}
    workspace = Workspace(data, **how, models=models, shifts=as_flag(shifts, "shifts"), device=device)
    numbers = fold_numbers(data.train.labels, n_folds) if n_folds else None
    warning_texts = data_warnings(data, numbers)
    check_memory(data, features, members)
    of_parts: tuple[Record, ...] = ()
    what = features, members, seeds
    with blas_threads(get_num_threads()):
        if numbers is not None:
            cells = run_folds(Folds(workspace, numbers), *what, keep)
        else:
            cells, of_parts = run_all(workspace, *what, sizes)
    feature_cache.trim()
    about_models = models.finish(ranked(cells), seeds[0], keep)
    settings = settings_of(source, data, *what, is_gray, n_folds)
    settings |= without_defaults(
        decode=decode, train_sizes=list(sizes), shifts=strengths(data, shifts=shifts)
    )
    settings |= without_defaults(size_reason=size_reason, warnings=warning_texts, device=device)
    records = tuple(cell.record for cell in cells)
    answer = [*in_words(cells, data.test.labels), *flips_in_words(records, of_parts)]
    answer += averages_in_words(records, data.test.labels)
    if n_folds:
        answer.append(folds_in_words(n_folds, len(data.test)))
    answer += about_models
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

    Examples
    --------
    >>> import tempfile
    >>> import imfeat
    >>> import numpy as np
    >>> images = np.zeros((40, 32, 32, 3), np.uint8)
    >>> images[20:] = [255, 0, 0]
    >>> labels = np.arange(40) // 20
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data, run = f"{folder}/data.npz", f"{folder}/run"
    ...     np.savez(data, x_train=images, y_train=labels, x_test=images, y_test=labels)
    ...     _ = imfeat.compare.run(data, features="color", classifiers="ridge", folder=run, cache=False)
    ...     result = imfeat.compare.resume(run, cache=False)  # reads what is done
    >>> len(result.records)
    3
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
