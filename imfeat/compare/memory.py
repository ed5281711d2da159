"""Estimates of the peak memory of a run, made before it starts, so that what does not fit is refused.

They count the large arrays: descriptors to learn from, tables of features, products of features, and
products of images.
"""

import itertools
from functools import lru_cache

import numpy as np

from imfeat._environment import usable_memory
from imfeat._progress import console
from imfeat._small import noise_of, with_small_parameters
from imfeat.compare.classifiers import classifier_of
from imfeat.compare.closed_form import ClosedFormClassifier
from imfeat.compare.costs import Sizes, dimensions
from imfeat.compare.experiment import with_members
from imfeat.compare.running import LOGGER, has_bar
from imfeat.compare.tables import MOST_BYTES
from imfeat.compare.wide import has_many, is_by_products, members_of
from imfeat.compare.wide_scores import MOST_BYTES as MOST_BYTES_HELD
from imfeat.datasets import DataSet
from imfeat.estimators._base import LearnedTransformer
from imfeat.recipes import parse

BASE_BYTES = 700_000_000  # of libraries, batches and what is learned
FLOAT_BYTES, HALF_BYTES = 4, 2
COPIES = 3  # of the descriptors that words are learned from: drawn, normalized and whitened
CODED_VALUES = 8  # of a byte of a product quantizer


def check_memory(data: DataSet, features: tuple[str, ...], classifiers: tuple[str, ...]) -> None:
    """Say about how much memory a run takes, and refuse what does not fit.

    Raises
    ------
    ValueError
        If a feature with a classifier takes more memory than this process may use.
    """
    shape = data.train.images.shape[1:3]
    sizes = Sizes(len(data.train), len(data.test), shape, len(np.unique(data.train.labels)))
    pairs = itertools.product(with_members(features), classifiers)
    peaks = {pair: bytes_of(*pair, sizes) for pair in pairs if not parse(pair[0]).fused}
    feature, name = max(peaks, key=lambda pair: peaks[pair])
    peak = peaks[feature, name] + data.train.images.nbytes + data.test.images.nbytes
    total = usable_memory()
    text = f"about {peak / 1e9:.1f} GB of memory at most, for {feature} with {name}"
    if has_bar():
        console().print(text, highlight=False)
    else:
        LOGGER.info(text)
    if total is not None and peak > total:
        raise ValueError(
            f"{feature} with {name} takes about {peak / 1e9:.1f} GB of memory, of which there are "
            f"{total / 1e9:.1f} GB here: take fewer words, fewer training images, or another classifier"
        )


def bytes_of(feature: str, classifier: str, sizes: Sizes) -> int:
    """Return about how many bytes a feature with a classifier takes at most, beside the images."""
    return BASE_BYTES + max(
        _learning_bytes(feature, sizes.shape), _training_bytes(feature, classifier, sizes)
    )


@lru_cache
def _learning_bytes(feature: str, shape: tuple[int, int]) -> int:
    """Return how many bytes the descriptors take that the words of a feature are learned from."""
    described = parse(feature)
    if described.is_registered:
        return 0
    noise = noise_of(shape)
    most = 0
    for member in members_of(described.transformer(shape)):
        if isinstance(member, LearnedTransformer):
            drawn = with_small_parameters(member).fit(noise).draw(noise, 1, np.random.default_rng(0))
            most = max(most, getattr(member, member.n_samples) * drawn[0].nbytes)
    return COPIES * most


def _training_bytes(feature: str, classifier: str, sizes: Sizes) -> int:
    """Return about how many bytes the tables of a feature and the products for a classifier take."""
    n_train = sizes.n_train
    n_features, _ = dimensions(feature, sizes.shape)
    tables = table_bytes(feature, n_features, sizes)
    if not is_by_products(classifier, n_features, n_train):
        if isinstance(classifier_of(classifier), ClosedFormClassifier):
            return tables + FLOAT_BYTES * n_features**2
        is_float = tables == FLOAT_BYTES * (n_train + sizes.n_test) * n_features
        return tables + (FLOAT_BYTES * n_train * n_features if is_float else 0)  # rows to learn from
    products = FLOAT_BYTES * n_train**2  # half of them until they are solved
    scores = held = 0
    if classifier_of(classifier).needs_products:
        scores = FLOAT_BYTES * n_train * sizes.n_test
        held = FLOAT_BYTES * n_train * n_features
        held = 2 * held if held <= MOST_BYTES_HELD else 0
    if not (has_many(n_features, n_train) or parse(feature).coded):
        return tables + max(products, scores + held)
    largest = max(_member_bytes(feature, sizes))  # the members are computed one after the other, twice
    return max(products // 2 + largest, products, scores + held + largest)


def table_bytes(feature: str, n_features: int, sizes: Sizes) -> int:
    """Return how many bytes the standardized features of all images take."""
    numbers = (sizes.n_train + sizes.n_test) * n_features
    if parse(feature).coded:
        return numbers // CODED_VALUES
    return numbers * (HALF_BYTES if FLOAT_BYTES * numbers > MOST_BYTES else FLOAT_BYTES)


def _member_bytes(feature: str, sizes: Sizes) -> list[int]:
    """Return how many bytes the tables of each of the features side by side take."""
    names = [term.text for term in parse(feature).terms]
    return [table_bytes(name, dimensions(name, sizes.shape)[0], sizes) for name in names]
