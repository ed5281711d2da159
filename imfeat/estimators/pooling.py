"""The transformer of local descriptors pooled by region."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from imfeat._backend import Array
from imfeat._inputs import ChannelAxis
from imfeat.estimators._bands import are_many, described, pool_bands
from imfeat.estimators._base import ImageTransformer
from imfeat.estimators._local import FOUR_REGIONS
from imfeat.estimators.sift import DenseSIFT
from imfeat.pooling import pool_regions


class RegionPooling(ImageTransformer):
    """Means of the local descriptors of each image, region by region.

    Parameters
    ----------
    local : transformer of images to local descriptors, optional
        `DenseSIFT` or `LocalColor`; by default ``DenseSIFT()``.
    channel_axis : int, None or "auto"
        Axis of ``X`` that holds the channels; see `imfeat.dense_sift`.
    grids : sequence of (int, int)
        Rows and columns of regions; by default the whole image and three stripes, one above the
        other.

    Attributes
    ----------
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Number of pixel values of an image.

    See Also
    --------
    imfeat.pool_regions : The function behind it.

    Notes
    -----
    Features are named by region and dimension, as ``pooled_r0_d127``.

    References
    ----------
    .. [1] S. Lazebnik, C. Schmid, J. Ponce, "Beyond bags of features: spatial pyramid matching for
       recognizing natural scene categories", CVPR 2006.  :doi:`10.1109/CVPR.2006.68`
    """

    any_range = True

    def __init__(
        self,
        local: Any = None,
        *,
        channel_axis: ChannelAxis = "auto",
        grids: Sequence[tuple[int, int]] = FOUR_REGIONS,
    ) -> None:
        self.local = local
        self.channel_axis = channel_axis
        self.grids = grids

    def _encode(self, images: Array) -> Array:
        local = clone(DenseSIFT() if self.local is None else self.local)
        size = images.shape[1:3]
        by_bands = not hasattr(self, "image_shape_") and are_many(local, size)
        positions = local.positions_in(size)
        pooled = [
            pool_bands(_means, described(local, image[None]), size, grids=self.grids)
            if by_bands
            else pool_regions(_means, local.transform(image[None]), positions, size, grids=self.grids)
            for image in images
        ]
        return np.concatenate(pooled).reshape(len(images), -1)

    def _names(self) -> list[str]:
        n_regions = sum(math.prod(grid) for grid in self.grids)
        n_numbers = self._encode(self._blank()).shape[1] // n_regions
        return [f"pooled_r{r}_d{d}" for r in range(n_regions) for d in range(n_numbers)]


def _means(descriptors: Array, offsets: Array) -> Array:
    """Return the mean of each group of descriptors, 0 for an empty one."""
    sums = np.zeros((len(offsets) - 1, descriptors.shape[1]))
    counts = np.diff(offsets)
    filled = counts > 0
    if filled.any():
        sums[filled] = np.add.reduceat(descriptors, offsets[:-1][filled], axis=0, dtype=np.float64)
    return sums / np.maximum(counts, 1)[:, None]
