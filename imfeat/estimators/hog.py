"""The transformers of histograms of oriented gradients."""

import numpy as np

from imfeat._backend import Array
from imfeat._device import Device
from imfeat._hog import BlockNorm, Interpolation, as_options
from imfeat._inputs import ChannelAxis
from imfeat.estimators._base import ImageTransformer
from imfeat.hog import hog


class HOG(ImageTransformer):
    """Histograms of the orientations of the gradients in cells and blocks of each image.

    Parameters
    ----------
    cell_size : int or (int, int)
        Height and width of a cell, in pixels; one number for both.
    block_size : int or (int, int)
        Rows and columns of cells of a block.
    block_stride : number or (number, number)
        Rows and columns of cells from one block to the next.
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
    padding : int or (int, int)
        Rows and columns of pixels to add at each border, mirrored.
    clip : float
        Largest value of a block before ``"l2-hys"`` divides again.
    sigma : float, optional
        Deviation in pixels of the Gaussian that weighs the pixels of a block with ``"trilinear"``.
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

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> images = np.zeros((10, 32, 32, 3), np.uint8)
    >>> images[5:, 8:24] = 255  # a horizontal bar
    >>> labels = ["none"] * 5 + ["bar"] * 5
    >>> model = make_pipeline(imfeat.HOG(cell_size=4), imfeat.learn.LinearClassifier())
    >>> model.fit(images, labels).predict(images[4:6]).tolist()
    ['none', 'bar']
    """

    any_number = True
    any_range = True
    computes_on_gpu = True

    def __init__(
        self,
        *,
        cell_size: int | tuple[int, int] = 8,
        block_size: int | tuple[int, int] = 2,
        block_stride: float | tuple[float, float] = 1,
        orientations: int = 9,
        norm: BlockNorm = "l2-hys",
        interpolation: Interpolation = "none",
        signed: bool = False,
        sqrt: bool = False,
        padding: int | tuple[int, int] = 0,
        clip: float = 0.2,
        sigma: float | None = None,
        channel_axis: ChannelAxis = "auto",
        device: Device = "cpu",
    ) -> None:
        self.cell_size = cell_size
        self.block_size = block_size
        self.block_stride = block_stride
        self.orientations = orientations
        self.norm = norm
        self.interpolation = interpolation
        self.signed = signed
        self.sqrt = sqrt
        self.padding = padding
        self.clip = clip
        self.sigma = sigma
        self.channel_axis = channel_axis
        self.device = device

    def _encode(self, images: Array) -> Array:
        return hog(
            images,
            cell_size=self.cell_size,
            block_size=self.block_size,
            block_stride=self.block_stride,
            orientations=self.orientations,
            norm=self.norm,
            interpolation=self.interpolation,
            signed=self.signed,
            sqrt=self.sqrt,
            padding=self.padding,
            clip=self.clip,
            sigma=self.sigma,
            channel_axis=-1,
        )

    def _names(self) -> list[str]:
        options = as_options(
            *(self.cell_size, self.block_size, self.block_stride, self.orientations, self.norm),
            *(self.interpolation, self.signed, self.sqrt, self.padding, self.clip, self.sigma),
        )
        grid = options.grid(options.padded(self.image_shape_[:2]))
        shape = *grid, *options.block_shape
        return [f"hog_r{r}_c{c}_y{y}_x{x}_o{o}" for r, c, y, x, o in np.ndindex(shape)]
