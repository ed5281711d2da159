"""The transformer of the UoCTTI variant of HoG."""

import numpy as np

from imfeat._backend import Array
from imfeat._inputs import ChannelAxis
from imfeat.estimators._base import ImageTransformer
from imfeat.uoctti import hog_uoctti


class UoCTTI(ImageTransformer):
    """The HOG of deformable part models: 31 numbers for each cell of each image.

    Parameters
    ----------
    cell_size : int
        Side of a square cell, in pixels.
    mirror : bool
        Average over each image and its mirror image.
    channel_axis : int, None or "auto"
        Axis of ``X`` that holds the channels; see `imfeat.hog_uoctti`.
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
    imfeat.hog_uoctti : The function behind it, with all details.

    Notes
    -----
    Features are named by cell and number, as ``uoctti_r0_c3_k30``.
    """

    any_number = True
    any_range = True

    def __init__(
        self,
        *,
        cell_size: int = 8,
        mirror: bool = False,
        channel_axis: ChannelAxis = "auto",
        device: str = "cpu",
    ) -> None:
        self.cell_size = cell_size
        self.mirror = mirror
        self.channel_axis = channel_axis
        self.device = device

    def _encode(self, images: Array) -> Array:
        return hog_uoctti(images, cell_size=self.cell_size, mirror=self.mirror, channel_axis=-1)

    def _names(self) -> list[str]:
        rows, cols = ((side + self.cell_size // 2) // self.cell_size for side in self.image_shape_[:2])
        return [f"uoctti_r{r}_c{c}_k{k}" for r, c, k in np.ndindex(rows, cols, 31)]
