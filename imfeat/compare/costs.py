"""Guesses of the seconds that cells take, made before any is done, for the time that is left.

They count the operations of products of matrices, which this machine's speed turns into seconds.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from imfeat._small import noise_of, with_small_parameters
from imfeat.compare.classifiers import (
    MLP_EPOCHS,
    MLP_STEPS,
    SVM_BATCH,
    SVM_EPOCHS,
    SVM_MOST_EPOCHS,
    SVM_STEPS,
    AnyClassifier,
    classifier_of,
)
from imfeat.compare.closed_form import ClosedFormClassifier
from imfeat.compare.methods import Method
from imfeat.compare.tuning import MAX_TUNING_IMAGES
from imfeat.compare.wide import has_many, is_by_products, members_of
from imfeat.recipes import parse

SIDE = 1024  # of the matrices that are multiplied to measure the speed
EFFICIENCY = 0.5  # of smaller products
PIXEL_SECONDS = 1e-8  # of features by cells and histograms
DESCRIPTOR_SECONDS = 1e-7  # a pixel, of local descriptors
NUMBER_SECONDS = 2.5e-8  # to write, standardize and read a number of a feature
WORD_OPERATIONS = 300  # of a pixel and a word or a component: mostly the distance of a patch of 6 x 6
LEARNING_SECONDS = 2.5  # of words, besides
LEARNING_OPERATIONS = 5e8  # of a word
STEP_SECONDS = 2e-5  # of a step of the SVM
TREE_SECONDS = 5e-7  # of an image, a feature and a class, of trees on histograms
CHANGE_SECONDS = 7e-5  # to change an image
HIDDEN = 256
TRIED = 4  # strengths, usually
KERNEL_TRIED = 10  # strengths and widths
FEW_FEATURES = 2000  # of registered features, whose code is not run for a guess


@dataclass(frozen=True)
class Sizes:
    """How much there is to learn from and to test.

    Attributes
    ----------
    n_train, n_test, n_changed : int
        Numbers of images; those of changed test images are 0 if there are none.
    shape : tuple (height, width)
    n_classes : int
    """

    n_train: int
    n_test: int
    shape: tuple[int, int]
    n_classes: int
    n_changed: int = 0


def cost_of(
    feature: str, classifier: str, sizes: Sizes, *, earlier: Sequence[str] = (), is_first_seed: bool = True
) -> float:
    """Return about how many seconds a cell takes.

    Parameters
    ----------
    feature, classifier : str
    sizes : Sizes
    earlier : sequence of str
        Classifiers whose cells with the same feature and seed come before: the first one waits for the
        feature, and the first that is solved from products of images waits for these.
    is_first_seed : bool
        The first seed waits for the choice of the strength.  What no seed changes is computed once.
    """
    described = parse(feature)
    if described.fused:
        return 0.01
    method = classifier_of(classifier)
    if not (is_first_seed or described.seeded or method.seeded):
        return 0.0
    n_features, n_words = dimensions(feature, sizes.shape)
    is_new = is_first_seed or described.seeded
    image_seconds = _image_seconds(feature, sizes, n_features, n_words)
    seconds = 0.0
    if is_new and not earlier:
        if described.learned:
            seconds += LEARNING_SECONDS + LEARNING_OPERATIONS * n_words / operations_a_second()
        seconds += image_seconds * (sizes.n_train + sizes.n_test + sizes.n_changed)
        seconds += CHANGE_SECONDS * sizes.n_changed
    if not is_by_products(classifier, n_features, sizes.n_train):
        return seconds + _fits_seconds(method, sizes, n_features, is_first_seed=is_first_seed)
    if is_new and not any(is_by_products(name, n_features, sizes.n_train) for name in earlier):
        seconds += sizes.n_train * (sizes.n_train + 2 * sizes.n_test) * n_features / operations_a_second()
        if described.coded or has_many(n_features, sizes.n_train):  # parts are computed twice
            seconds += image_seconds * (sizes.n_train + sizes.n_test)
    return seconds + _factor_seconds(method, sizes, n_features, is_first_seed=is_first_seed)


@lru_cache(1)
def operations_a_second() -> float:
    """Return how many additions and multiplications of float32 a second products of large matrices take."""
    x = np.ones((SIDE, SIDE), np.float32)
    seconds = []
    for _ in range(4):  # the first one starts threads
        start = time.perf_counter()
        x @ x
        seconds.append(time.perf_counter() - start)
    return 2 * SIDE**3 / min(seconds)


@lru_cache
def dimensions(feature: str, shape: tuple[int, int]) -> tuple[int, int]:
    """Return the numbers of features and of words or components of images of a shape (height, width).

    Learned features are learned from two images of noise with few words, and have as many numbers a word
    with all of them.
    """
    described = parse(feature)
    if described.is_registered:
        return FEW_FEATURES, 0
    noise = noise_of(shape)
    n_features = n_words = 0
    for member in members_of(described.transformer(shape)):
        small = with_small_parameters(member)
        n = small.fit(noise).transform(noise[:1]).shape[1]
        of_member, of_small = (_n_words(transformer) for transformer in (member, small))
        n_features += n * of_member // of_small if of_small else n
        n_words += of_member
    return n_features, n_words


def _n_words(transformer: object) -> int:
    """Return the number of words, components or colours that a transformer learns, if it does."""
    names = ("n_words", "n_components")
    return next((int(getattr(transformer, name)) for name in names if hasattr(transformer, name)), 0)


def _image_seconds(feature: str, sizes: Sizes, n_features: int, n_words: int) -> float:
    """Return about how many seconds the features of an image take."""
    n_pixels = sizes.shape[0] * sizes.shape[1]
    terms = parse(feature).terms
    a_pixel = PIXEL_SECONDS * len(terms)
    local = [term for term in terms if term.recipe.local is not None]
    a_pixel += DESCRIPTOR_SECONDS * sum(2 if term.options.get("mirror") else 1 for term in local)
    a_pixel += WORD_OPERATIONS * n_words / operations_a_second()
    return n_pixels * a_pixel + NUMBER_SECONDS * n_features


def _factor_seconds(method: Method, sizes: Sizes, n_features: int, *, is_first_seed: bool) -> float:
    """Return about how many seconds a classifier takes, given the products of images."""
    n = sizes.n_train
    operations = n**3 / 3 + 2.0 * sizes.n_changed * n_features * (n if method.needs_products else 1)
    if is_first_seed and method.needs_products:
        operations += KERNEL_TRIED * min(n, MAX_TUNING_IMAGES) ** 3 / 3
    elif is_first_seed and len(method.strengths) > 1:
        operations += TRIED * (0.9 * n) ** 3 / 3
    return operations / operations_a_second()


def _fits_seconds(method: AnyClassifier, sizes: Sizes, n_features: int, *, is_first_seed: bool) -> float:
    """Return about how many seconds the fits to features take."""
    n = sizes.n_train
    speed = EFFICIENCY * operations_a_second()
    if method.in_span:
        n_features = min(n_features, max(n, 100))
    tries = TRIED if is_first_seed and len(method.strengths) > 1 else 0
    if isinstance(method, ClosedFormClassifier):
        operations = n_features**2 * n + (tries + 1) * n_features**3 / 3
        return operations / operations_a_second()
    n_fits = 1 + (1 + tries * min(1.0, MAX_TUNING_IMAGES / n) if tries else 0)
    return n_fits * _fit_seconds(method, n, n_features, sizes.n_classes, speed)


def _fit_seconds(method: AnyClassifier, n: int, n_features: int, n_classes: int, speed: float) -> float:
    """Return about how many seconds one fit by steps takes."""
    name = method.name.partition("(")[0]
    if method.kind == "mlp":
        epochs = max(MLP_EPOCHS, MLP_STEPS * 128 // n)
        return epochs * 6 * n * n_features * HIDDEN / speed
    if name == "svm":
        steps = max(SVM_EPOCHS * n, min(SVM_STEPS, SVM_MOST_EPOCHS * n)) / SVM_BATCH
        return steps * STEP_SECONDS + 4 * steps * SVM_BATCH * n_features * n_classes / speed
    if name == "hist-gradient-boosting":
        return TREE_SECONDS * n * n_features * n_classes
    if name == "knn":
        return 2 * n * 0.1 * n * n_features / speed
    return 100 * 4 * n * n_features * n_classes / speed
