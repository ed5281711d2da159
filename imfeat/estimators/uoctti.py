"""The transformer of the UoCTTI variant of HoG."""

import numpy as np

from imfeat._backend import Array
from imfeat._device import Device
from imfeat._inputs import ChannelAxis
from imfeat.estimators._base import ImageTransformer
from imfeat.uoctti import Variant, cells_of, hog_uoctti, numbers_per_cell


class UoCTTI(ImageTransformer):
    """The HOG of deformable part models: 31 numbers for each cell of each image.

    Parameters
    ----------
    cell_size : int
        Side of a square cell, in pixels.
    orientations : int
        Orientations over a half turn.
    bilinear : bool
        Share the vote of a pixel between the two directions that its gradient lies between.
    variant : {"uoctti", "dalal-triggs"}
        Whether to sum over the four normalizations of a cell, or to keep them side by side.
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

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> photo = skimage.data.astronaut()
    >>> hog = imfeat.UoCTTI(cell_size=32).fit([photo])
    >>> hog.transform([photo]).shape  # 16 x 16 cells of 31 numbers
    (1, 7936)
    >>> hog.get_feature_names_out()[-1]
    'uoctti_r15_c15_k30'
    """

    computes_on_gpu = True
    any_number = True
    any_range = True

    def __init__(
        self,
        *,
        cell_size: int = 8,
        orientations: int = 9,
        bilinear: bool = False,
        variant: Variant = "uoctti",
        mirror: bool = False,
        channel_axis: ChannelAxis = "auto",
        device: Device = "cpu",
    ) -> None:
        self.cell_size = cell_size
        self.orientations = orientations
        self.bilinear = bilinear
        self.variant = variant
        self.mirror = mirror
        self.channel_axis = channel_axis
        self.device = device

    def _encode(self, images: Array) -> Array:
        return hog_uoctti(
            images,
            cell_size=self.cell_size,
            orientations=self.orientations,
            bilinear=self.bilinear,
            variant=self.variant,
            mirror=self.mirror,
            channel_axis=-1,
        )

    def _names(self) -> list[str]:
        rows, cols = cells_of(self.image_shape_[:2], self.cell_size)
        n_values = numbers_per_cell(self.orientations, self.variant)
        return [f"uoctti_r{r}_c{c}_k{k}" for r, c, k in np.ndindex(rows, cols, n_values)]
