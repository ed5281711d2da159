"""The transformer of local descriptors pooled by region."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from imfeat._backend import Array
from imfeat._inputs import ChannelAxis
from imfeat._rows import joined, means_of_groups
from imfeat.estimators._bands import are_many, at_once, described, pool_bands
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

    Examples
    --------
    The mean SIFT descriptors of a photograph and of three stripes of it:

    >>> import imfeat
    >>> import skimage.data
    >>> pooling = imfeat.RegionPooling(imfeat.DenseSIFT(step=16))
    >>> pooling.fit_transform([skimage.data.astronaut()]).shape
    (1, 512)
    """

    any_range = True
    computes_on_gpu = True

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
        if not isinstance(images, np.ndarray):
            return self._encode_on_gpu(images, local)
        size = images.shape[1:3]
        by_bands = not hasattr(self, "image_shape_") and are_many(local, size)
        places = local.positions_in(size), size
        pooled = [
            pool_bands(means_of_groups, described(local, image[None]), size, grids=self.grids)
            if by_bands
            else pool_regions(means_of_groups, local.transform(image[None]), *places, grids=self.grids)
            for image in images
        ]
        return np.concatenate(pooled).reshape(len(images), -1)

    def _encode_on_gpu(self, images: Array, local: Any) -> Array:
        """Encode images many at a time."""
        size = images.shape[1:3]
        places = local.positions_in(size), size
        n = at_once(local, images, len(places[0]))
        batches = [images[first : first + n] for first in range(0, len(images), n)]
        pooled = [
            pool_regions(means_of_groups, local.transform(batch), *places, grids=self.grids)
            for batch in batches
        ]
        return joined(pooled).reshape(len(images), -1)

    def _names(self) -> list[str]:
        n_regions = sum(math.prod(grid) for grid in self.grids)
        n_numbers = self._encode(self._blank()).shape[1] // n_regions
        return [f"pooled_r{r}_d{d}" for r in range(n_regions) for d in range(n_numbers)]
