"""The transformer of colour histograms."""

from collections.abc import Sequence

import numpy as np

from imfeat._backend import Array
from imfeat._device import Device
from imfeat._inputs import ChannelAxis
from imfeat._norm import Norm
from imfeat.estimators._base import ImageTransformer
from imfeat.histogram import Space, color_histogram

CHANNELS: dict[str | None, tuple[str, ...]] = {
    **{space: tuple(space) for space in ("rgb", "hsv", "hsi", "lab")},
    "ycbcr": ("y", "cb", "cr"),
    "gray": ("g",),
}


class ColorHistogram(ImageTransformer):
    """Histograms of the colours of each image.

    Parameters
    ----------
    bins : int or three ints
        Bins of each channel.
    space : {"hsv", "rgb", "hsi", "lab", "ycbcr", "gray"}
        Colour space to count in; ``"gray"`` takes an integer for ``bins``.
    joint : bool
        Count triples of bins; otherwise each channel by itself.
    grid : (int, int)
        Rows and columns of regions, each with histograms of its own.
    norm : {"l1", "l2", "hellinger", None}
        Norm that each histogram is divided by.
    channel_axis : int, None or "auto"
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

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> photo = skimage.data.astronaut()
    >>> histogram = imfeat.ColorHistogram(bins=4, joint=False, grid=(2, 2)).fit([photo])
    >>> histogram.transform([photo]).shape
    (1, 48)
    >>> histogram.get_feature_names_out()[:4].tolist()
    ['hsv_r0_c0_h0', 'hsv_r0_c0_h1', 'hsv_r0_c0_h2', 'hsv_r0_c0_h3']
    """

    computes_on_gpu = True

    @property
    def color_only(self) -> bool:  # type: ignore[override]
        """Whether images must have three channels."""
        return self.space not in ("gray", None)

    @property
    def any_number(self) -> bool:  # type: ignore[override]
        """Whether images may have any number of channels."""
        return self.space is None

    def __init__(
        self,
        *,
        bins: int | Sequence[int] = 8,
        space: Space = "hsv",
        joint: bool = True,
        grid: tuple[int, int] = (1, 1),
        norm: Norm = "l1",
        channel_axis: ChannelAxis = "auto",
        device: Device = "cpu",
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
            images,
            bins=self.bins,
            space=self.space,
            joint=self.joint,
            grid=self.grid,
            norm=self.norm,
            channel_axis=-1,
        )

    def _names(self) -> list[str]:
        n_channels = 1 if self.space == "gray" else self._blank().shape[3]
        channels = CHANNELS.get(self.space) or [f"c{c}_" for c in range(n_channels)]
        n_bins = np.broadcast_to(self.bins, n_channels).tolist()
        if self.joint and n_channels == 3:
            first, second, third = channels
            names = [f"{first}{i}_{second}{j}_{third}{k}" for i, j, k in np.ndindex(*n_bins)]
        else:
            names = [f"{c}{i}" for c, n in zip(channels, n_bins, strict=True) for i in range(n)]
        space = self.space or "channels"
        return [f"{space}_r{row}_c{col}_{name}" for row, col in np.ndindex(*self.grid) for name in names]
