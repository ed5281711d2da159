"""The transformer of colour histograms."""

from collections.abc import Sequence

import numpy as np

from imfeat._backend import Array
from imfeat._inputs import ChannelAxis
from imfeat.estimators._base import ImageTransformer
from imfeat.histogram import color_histogram


class ColorHistogram(ImageTransformer):
    """Histograms of the colours of each image.

    Parameters
    ----------
    bins : int or three ints
        Bins of each channel.
    space : {"hsv", "rgb", "hsi", "gray"}
        Colour space to count in; ``"gray"`` takes an integer for ``bins``.
    joint : bool
        Count triples of bins; otherwise each channel by itself.
    grid : (int, int)
        Rows and columns of regions, each with histograms of its own.
    norm : {"l1", "l2", "hellinger", None}
        Norm that each histogram is divided by.
    channel_axis : int
        Axis of ``X`` that holds the channels; see `imfeat.color_histogram`.
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
    imfeat.color_histogram : The function behind it, with all details.

    Notes
    -----
    Features are named by region and bins, as ``hsv_r0_c1_h3_s0_v7``, or, unless ``joint``,
    ``hsv_r0_c1_h3``.
    """

    color_only = True

    def __init__(
        self,
        *,
        bins: int | Sequence[int] = 8,
        space: str = "hsv",
        joint: bool = True,
        grid: tuple[int, int] = (1, 1),
        norm: str | None = "l1",
        channel_axis: ChannelAxis = -1,
        device: str = "cpu",
    ) -> None:
        self.bins = bins
        self.space = space
        self.joint = joint
        self.grid = grid
        self.norm = norm
        self.channel_axis = channel_axis
        self.device = device

    def _encode(self, images: Array) -> Array:
        return color_histogram(
            images, bins=self.bins, space=self.space, joint=self.joint, grid=self.grid, norm=self.norm
        )

    def _names(self) -> list[str]:
        regions = np.ndindex(tuple(self.grid))
        if self.space == "gray":
            return [f"gray_r{row}_c{col}_g{i}" for row, col in regions for i in range(int(self.bins))]  # type: ignore[arg-type]
        first, second, third = tuple(self.space)
        n_bins = tuple(np.broadcast_to(self.bins, 3).tolist())
        if self.joint:
            names = [f"{first}{i}_{second}{j}_{third}{k}" for i, j, k in np.ndindex(n_bins)]
        else:
            names = [f"{c}{i}" for c, n in zip(self.space, n_bins, strict=True) for i in range(n)]
        return [f"{self.space}_r{row}_c{col}_{name}" for row, col in regions for name in names]
