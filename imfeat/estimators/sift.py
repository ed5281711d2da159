"""The transformers of local descriptors: dense SIFT and local colour."""

from collections.abc import Sequence
from typing import Self

from imfeat._backend import Array
from imfeat._check import as_count
from imfeat._device import Device
from imfeat._grid import as_grids, positions_of
from imfeat._inputs import ChannelAxis
from imfeat.estimators._base import ImageTransformer
from imfeat.sift import Color, dense_sift, local_color

CHANNELS = {"rgb": ("r_", "g_", "b_"), "hsv": ("h_", "s_", "v_"), "opponent": ("mu_", "rg_", "yb_")}


class LocalDescriptors(ImageTransformer, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """A transformer of images to local descriptors, whose results have three axes."""

    computes_on_gpu = True

    step: int
    bin_size: int
    scales: Sequence[float] | None
    positions_: Array

    def positions_in(self, size: tuple[int, ...]) -> Array:
        """Return row and column of the centers of the descriptors of images of (height, width) pixels."""
        step = as_count(self.step, "step")
        return positions_of(as_grids(size, step, self.bin_size, self.scales), step)

    def _fit(self, images: Array) -> None:
        self.positions_, _ = self._describe(images[:1])

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: the descriptors of an image don't fit into a row of a data frame, and stay arrays."""
        return self

    def _encode(self, images: Array) -> Array:
        return self._describe(images)[1]

    def _describe(self, images: Array) -> tuple[Array, Array]:
        raise NotImplementedError


class DenseSIFT(LocalDescriptors, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """SIFT descriptors on a grid of each image: an array (n_images, n, 128), or 384 numbers for colour.

    Parameters
    ----------
    step : int
        Pixels from one descriptor to the next, in both directions.
    bin_size : int
        Pixels from one of the 4 x 4 bins of a descriptor to the next.
    scales : sequence of positive numbers, optional
        Sizes of descriptors, as multiples of ``bin_size``, of images smoothed accordingly.
    fast : bool
        Weight whole bins by the Gaussian around the descriptor's center, not each pixel.
    window : float
        Deviation of this Gaussian, in bins.
    color : {"gray", "rgb", "hsv", "opponent"}
        Channels to describe: gray, or side by side the three of a colour space.
    channel_axis : int, None or "auto"
        Axis of ``X`` that holds the channels; see `imfeat.dense_sift`.
    device : {"cpu", "cuda"}
        Device to compute on; images are copied to the GPU and results back.

    Attributes
    ----------
    positions_ : array of shape (n, 2), float32
        Row and column of the centers of the descriptors of each image.
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Number of pixel values of an image.

    See Also
    --------
    imfeat.dense_sift : The function behind it, with all details.

    Notes
    -----
    Results have three axes, for what makes one vector of the descriptors of an image; most
    classifiers want that.  They are never data frames.  Numbers are named by descriptor, bin and
    direction, as ``sift_p12_y0_x3_o7``, in the order of ``transform(X)[0].ravel()``; with a channel in
    between in colour, as ``sift_p12_h_y0_x3_o7``.

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> sift = imfeat.DenseSIFT(step=16)
    >>> sift.fit_transform([skimage.data.astronaut()]).shape
    (1, 1024, 128)
    >>> sift.positions_[0]
    array([6., 6.], dtype=float32)
    """

    any_range = True

    def __init__(
        self,
        *,
        step: int = 4,
        bin_size: int = 4,
        scales: Sequence[float] | None = None,
        fast: bool = True,
        window: float = 2.0,
        color: Color = "gray",
        channel_axis: ChannelAxis = "auto",
        device: Device = "cpu",
    ) -> None:
        self.step = step
        self.bin_size = bin_size
        self.scales = scales
        self.fast = fast
        self.window = window
        self.color = color
        self.channel_axis = channel_axis
        self.device = device

    def _describe(self, images: Array) -> tuple[Array, Array]:
        return dense_sift(
            images,
            step=self.step,
            bin_size=self.bin_size,
            scales=self.scales,
            fast=self.fast,
            window=self.window,
            color=self.color,
        )

    def _names(self) -> list[str]:
        bins = [f"y{y}_x{x}_o{o}" for y in range(4) for x in range(4) for o in range(8)]
        channels = CHANNELS.get(self.color, ("",))
        names = [f"{channel}{name}" for channel in channels for name in bins]
        return [f"sift_p{p}_{name}" for p in range(len(self.positions_)) for name in names]


class LocalColor(LocalDescriptors, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Means and deviations of colours around a grid of places of each image: an array (n_images, n, 96).

    Parameters
    ----------
    step : int
        Pixels from one descriptor to the next, in both directions.
    bin_size : int
        Pixels from one of the 4 x 4 bins of a descriptor to the next.
    scales : sequence of positive numbers, optional
        Sizes of descriptors, as multiples of ``bin_size``.
    channel_axis : int
        Axis of ``X`` that holds the channels; see `imfeat.local_color`.
    device : {"cpu", "cuda"}
        Device to compute on; images are copied to the GPU and results back.

    Attributes
    ----------
    positions_ : array of shape (n, 2), float32
        Row and column of the centers of the descriptors of each image, those of `DenseSIFT` with the
        same options.
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Number of pixel values of an image.

    See Also
    --------
    imfeat.local_color : The function behind it, with all details.

    Notes
    -----
    Results have three axes, as those of `DenseSIFT`, and are never data frames.  Numbers are named by
    descriptor, bin and moment, as ``color_p12_y0_x3_mean_red`` or ``color_p12_y0_x3_std_blue``.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> images = np.zeros((2, 32, 32, 3), np.uint8)
    >>> imfeat.LocalColor(step=8).fit_transform(images).shape
    (2, 9, 96)
    """

    color_only = True

    def __init__(
        self,
        *,
        step: int = 4,
        bin_size: int = 4,
        scales: Sequence[float] | None = None,
        channel_axis: ChannelAxis = -1,
        device: Device = "cpu",
    ) -> None:
        self.step = step
        self.bin_size = bin_size
        self.scales = scales
        self.channel_axis = channel_axis
        self.device = device

    def _describe(self, images: Array) -> tuple[Array, Array]:
        return local_color(images, step=self.step, bin_size=self.bin_size, scales=self.scales)

    def _names(self) -> list[str]:
        moments = [f"{moment}_{color}" for moment in ("mean", "std") for color in ("red", "green", "blue")]
        bins = [f"y{y}_x{x}_{moment}" for y in range(4) for x in range(4) for moment in moments]
        return [f"color_p{p}_{name}" for p in range(len(self.positions_)) for name in bins]
