"""The transformer of Haralick's features."""

import math
from collections.abc import Sequence

import numpy as np

from imfeat._backend import Array
from imfeat._device import Device
from imfeat._inputs import ChannelAxis
from imfeat.estimators._base import ImageTransformer
from imfeat.glcm import ANGLES, DISTANCES, HARALICK, Property, haralick


class Haralick(ImageTransformer):
    """Properties of the gray-level co-occurrence matrices of each image.

    Parameters
    ----------
    distances : sequence of float
        Distances of the pixels of a pair.
    angles : sequence of float
        Angles in radians, from the right downwards.
    levels : int
        Number of gray levels.
    symmetric : bool
        Count each pair in both orders.
    properties : sequence of str
        Names of properties.
    average : bool
        Average each property over the angles.
    grid : (int, int)
        Rows and columns of cells, each with properties of its own.
    channel_axis : int, None or "auto"
        Axis of ``X`` that holds the channels; see `imfeat.haralick`.
    device : {"cpu", "cuda"}
        Device to compute on; images are copied to the GPU and features back.

    Attributes
    ----------
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Number of pixel values of an image.

    See Also
    --------
    imfeat.haralick : The function behind it, with all details.

    Notes
    -----
    Features are named by cell, distance, angle in degrees unless averaged, and property, as
    ``haralick_r0_c1_d1_a45_contrast``.

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> photo = skimage.data.brick()
    >>> texture = imfeat.Haralick(properties=("contrast", "energy")).fit([photo])
    >>> texture.get_feature_names_out().tolist()
    ['haralick_r0_c0_d1_contrast', 'haralick_r0_c0_d1_energy']
    """

    computes_on_gpu = True

    def __init__(
        self,
        *,
        distances: Sequence[float] = DISTANCES,
        angles: Sequence[float] = ANGLES,
        levels: int = 256,
        symmetric: bool = True,
        properties: Sequence[Property] = HARALICK,
        average: bool = True,
        grid: tuple[int, int] = (1, 1),
        channel_axis: ChannelAxis = "auto",
        device: Device = "cpu",
    ) -> None:
        self.distances = distances
        self.angles = angles
        self.levels = levels
        self.symmetric = symmetric
        self.properties = properties
        self.average = average
        self.grid = grid
        self.channel_axis = channel_axis
        self.device = device

    def _encode(self, images: Array) -> Array:
        return haralick(
            images,
            distances=self.distances,
            angles=self.angles,
            levels=self.levels,
            symmetric=self.symmetric,
            properties=self.properties,
            average=self.average,
            grid=self.grid,
        )

    def _names(self) -> list[str]:
        angles = [""] if self.average else [f"_a{math.degrees(angle):g}" for angle in self.angles]
        offsets = [f"d{distance:g}{angle}" for distance in self.distances for angle in angles]
        return [
            f"haralick_r{r}_c{c}_{offset}_{name}"
            for r, c in np.ndindex(*self.grid)
            for offset in offsets
            for name in self.properties
        ]
