"""The base class of the encodings of local descriptors: PCA and regions."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone

from imfeat._backend import Array
from imfeat._check import as_count, as_flag
from imfeat._pca import PrincipalAxes
from imfeat._rows import joined, mean_of_two, rows_at
from imfeat._sums import Descriptors, Moments
from imfeat.estimators._bands import (
    are_many,
    at_once,
    bands_of,
    described,
    pool_bands,
)
from imfeat.estimators._base import LearnedTransformer
from imfeat.estimators.sift import DenseSIFT
from imfeat.patches import mirrored
from imfeat.pooling import pool_regions

FOUR_REGIONS = ((1, 1), (3, 1))  # the whole image and three stripes


class LocalEncoder(LearnedTransformer):
    """A transformer of images to an encoding of their local descriptors.

    A subclass learns from descriptors on their principal axes in ``_learn_words``, and encodes groups of
    descriptors in ``_encode_groups`` by means or sums, as ``pool`` says, which ``_normalized`` takes after
    pooling.
    """

    computes_on_gpu = True
    n_samples = "n_descriptors"
    pool: ClassVar[str]  # "mean" or "sum"
    pca: ClassVar[dict[str, type]] = {"pca": PrincipalAxes}

    local: Any
    n_pca: int | None
    grids: Sequence[tuple[int, int]]
    mirror: bool
    n_descriptors: int
    n_regions_: int
    pca_: PrincipalAxes | None

    def draw(self, images: Array, n: int, rng: np.random.Generator) -> Array:
        """Return about ``n`` local descriptors, as many of each image, at positions drawn at random."""
        n_positions = len(self._positions(images))
        n_per_image = min(-(-n // len(images)), n_positions)
        drawn = []
        for batch in self._batches(images):
            chosen = np.argsort(rng.random((len(batch), n_positions)), axis=1)[:, :n_per_image]
            drawn.append(self._descriptors_at(batch, chosen))
        return joined([vectors.reshape(-1, vectors.shape[-1]) for vectors in drawn])

    def _prepare(self, images: Array) -> None:
        local = clone(DenseSIFT() if self.local is None else self.local)
        has_one_size = hasattr(self, "image_shape_")
        self.local_ = local.fit(images) if has_one_size else local  # which takes images of any size
        self.n_regions_ = sum(math.prod(grid) for grid in self.grids)

    def _learn(self, descriptors: Descriptors) -> None:
        self.pca_ = None
        if self.n_pca is not None:
            n_pca = as_count(self.n_pca, "n_pca")
            self.pca_ = PrincipalAxes().fit_sums(descriptors.total(Moments), n_pca)
            descriptors = descriptors.map(self.pca_.transform)
        self._learn_words(descriptors)

    def _positions(self, images: Array) -> Array:
        """Return where the descriptors of each of the images lie, (n, 2)."""
        has_one_size = hasattr(self.local_, "positions_")
        positions: Array = (
            self.local_.positions_ if has_one_size else self.local_.positions_in(images.shape[1:3])
        )
        return positions

    def _batches(self, images: Array) -> list[Array]:
        n = at_once(self.local_, images, len(self._positions(images)))
        return [images[first : first + n] for first in range(0, len(images), n)]

    def _encode(self, images: Array) -> Array:
        return joined([self._encode_at_once(batch) for batch in self._batches(images)])

    def _are_large(self, images: Array) -> bool:
        """Whether images of their own size on the host have more descriptors than are held at a time."""
        return (
            isinstance(images, np.ndarray)
            and not hasattr(self.local_, "positions_")
            and are_many(self.local_, images.shape[1:3])
        )

    def _descriptors_at(self, images: Array, chosen: Array) -> Array:
        """Return descriptors (..., d) of images, in the order of ``chosen`` (n_images, n)."""
        if not isinstance(images, np.ndarray):
            descriptors = self.local_.transform(images)
            n_images, n, d = descriptors.shape
            return rows_at(descriptors.reshape(-1, d), (chosen + n * np.arange(n_images)[:, None]).ravel())
        if not self._are_large(images):
            return np.take_along_axis(self.local_.transform(images), chosen[..., None], 1)
        places = np.full(len(self._positions(images)), -1)
        places[chosen[0]] = np.arange(chosen.shape[1])
        drawn, place_of = [], []
        for band in bands_of(self.local_, images.shape[1:3]):
            place = places[band.indices]
            if (place >= 0).any():
                drawn.append(self.local_.transform(images[:, band.pixels])[0, band.is_in_band][place >= 0])
                place_of.append(place[place >= 0])
        return np.concatenate(drawn)[np.argsort(np.concatenate(place_of))][np.newaxis]

    def _encode_at_once(self, images: Array) -> Array:
        pooled = self._pooled(images)
        if as_flag(self.mirror, "mirror"):
            pooled = mean_of_two(pooled, self._pooled(mirrored(images)))
        return self._normalized(pooled).reshape(len(images), -1)

    def _pooled(self, images: Array) -> Array:
        """Return the vectors (n_images, n_regions, n_numbers) of regions before they are normalized."""
        size = images.shape[1:3]
        how: dict[str, Any] = {"grids": self.grids, "pool": self.pool}
        if self._are_large(images):
            bands = ((self._reduced(x), positions) for x, positions in described(self.local_, images))
            return pool_bands(self._encode_groups, bands, size, **how)
        descriptors = self._reduced(self.local_.transform(images))
        return pool_regions(self._encode_groups, descriptors, self._positions(images), size, **how)

    def _reduced(self, descriptors: Array) -> Array:
        return descriptors if self.pca_ is None else self.pca_.transform(descriptors)

    def _learn_words(self, descriptors: Descriptors) -> None:
        raise NotImplementedError

    def _encode_groups(self, descriptors: Array, offsets: Array) -> Array:
        """Return the mean or the sum (n_groups, n_numbers) over the descriptors (n, d) of each group."""
        raise NotImplementedError

    def _normalized(self, pooled: Array) -> Array:
        """Return the pooled vectors (n_images, n_regions, n_numbers) of regions, normalized."""
        raise NotImplementedError
