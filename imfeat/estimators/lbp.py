"""The transformer of local binary patterns."""

import numpy as np

from imfeat._backend import Array
from imfeat._device import Device
from imfeat._inputs import ChannelAxis
from imfeat._norm import Norm
from imfeat.estimators._base import ImageTransformer
from imfeat.lbp import Method, lbp


class LBP(ImageTransformer):
    """Histograms of the local binary patterns of each image.

    Parameters
    ----------
    n_neighbors : int
        Number of neighbours of a pixel.
    radius : float
        Distance of the neighbours, in pixels.
    method : {"uniform", "default", "ror", "nri_uniform", "var"}
        Code of a pattern.
    grid : (int, int)
        Rows and columns of regions, each with a histogram of its own.
    norm : {"l1", "l2", "hellinger", None}
        Norm that each histogram is divided by.
    bins : int
        Number of bins for ``"var"``.
    channel_axis : int, None or "auto"
        Axis of ``X`` that holds the channels; see `imfeat.lbp`.
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
    imfeat.lbp : The function behind it, with all details.

    Notes
    -----
    Features are named by region and bin, as ``lbp_r0_c1_b9``.

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> photo = skimage.data.brick()
    >>> imfeat.LBP(grid=(2, 2)).fit_transform([photo]).shape  # four regions of 10 bins
    (1, 40)
    """

    computes_on_gpu = True

    def __init__(
        self,
        *,
        n_neighbors: int = 8,
        radius: float = 1.0,
        method: Method = "uniform",
        grid: tuple[int, int] = (1, 1),
        norm: Norm = "l1",
        bins: int = 16,
        channel_axis: ChannelAxis = "auto",
        device: Device = "cpu",
    ) -> None:
        self.n_neighbors = n_neighbors
        self.radius = radius
        self.method = method
        self.grid = grid
        self.norm = norm
        self.bins = bins
        self.channel_axis = channel_axis
        self.device = device

    def _encode(self, images: Array) -> Array:
        return lbp(
            images,
            n_neighbors=self.n_neighbors,
            radius=self.radius,
            method=self.method,
            grid=self.grid,
            norm=self.norm,
            bins=self.bins,
        )

    def _names(self) -> list[str]:
        blank = self._encode(self._blank())
        n_rows, n_cols = self.grid
        n_bins = blank.shape[1] // (n_rows * n_cols)
        return [f"lbp_r{r}_c{c}_b{b}" for r, c, b in np.ndindex(n_rows, n_cols, n_bins)]
