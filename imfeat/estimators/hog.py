"""The transformers of histograms of oriented gradients."""

import numpy as np

from imfeat._backend import Array
from imfeat._inputs import ChannelAxis
from imfeat.estimators._base import ImageTransformer
from imfeat.hog import hog


class HOG(ImageTransformer):
    """Histograms of the orientations of the gradients in cells and blocks of each image.

    Parameters
    ----------
    cell_size : int
        Side of a square cell, in pixels.
    block_size : int
        Side of a square block, in cells.
    orientations : int
        Bins of the orientation.
    norm : {"l2-hys", "l2", "l1", "l1-sqrt", None}
        Norm that each block is divided by.
    interpolation : {"none", "trilinear"}
        Whether a pixel also votes for neighbouring bins and cells.
    signed : bool
        Tell opposite directions apart.
    sqrt : bool
        Take square roots of the pixels first.
    channel_axis : int, None or "auto"
        Axis of ``X`` that holds the channels; see `imfeat.hog`.
    device : {"cpu", "cuda"}
        Device to compute on; images are copied to the GPU and results back.

    Attributes
    ----------
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Number of pixel values of an image.

    See Also
    --------
    imfeat.hog : The function behind it, with all details.

    Notes
    -----
    Features are named by block, cell in the block and orientation, as ``hog_r0_c3_y1_x0_o8``.
    """

    any_number = True
    any_range = True

    def __init__(
        self,
        *,
        cell_size: int = 8,
        block_size: int = 2,
        orientations: int = 9,
        norm: str | None = "l2-hys",
        interpolation: str = "none",
        signed: bool = False,
        sqrt: bool = False,
        channel_axis: ChannelAxis = "auto",
        device: str = "cpu",
    ) -> None:
        self.cell_size = cell_size
        self.block_size = block_size
        self.orientations = orientations
        self.norm = norm
        self.interpolation = interpolation
        self.signed = signed
        self.sqrt = sqrt
        self.channel_axis = channel_axis
        self.device = device

    def _encode(self, images: Array) -> Array:
        return hog(
            images,
            cell_size=self.cell_size,
            block_size=self.block_size,
            orientations=self.orientations,
            norm=self.norm,
            interpolation=self.interpolation,
            signed=self.signed,
            sqrt=self.sqrt,
            channel_axis=-1,
        )

    def _names(self) -> list[str]:
        rows, cols = (side // self.cell_size - self.block_size + 1 for side in self.image_shape_[:2])
        shape = rows, cols, self.block_size, self.block_size, self.orientations
        return [f"hog_r{r}_c{c}_y{y}_x{x}_o{o}" for r, c, y, x, o in np.ndindex(shape)]
