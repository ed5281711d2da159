"""The transformer of pixels."""

from imfeat._backend import Array
from imfeat._inputs import ChannelAxis
from imfeat.estimators._base import ImageTransformer
from imfeat.pixels import Equalization, raw_pixels


class RawPixels(ImageTransformer):
    """The pixels of each image as one vector in [0, 1], the baseline of every feature.

    Parameters
    ----------
    equalize : {"value", "torchvision", "opencv", "clahe", None}
        Equalization of the histogram of each image before; see `imfeat.raw_pixels`.
    channel_axis : int, None or "auto"
        Axis of ``X`` that holds the channels; see `imfeat.raw_pixels`.

    Attributes
    ----------
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Number of pixel values of an image.

    See Also
    --------
    imfeat.raw_pixels : The function behind it.

    Notes
    -----
    Features are named by row, column and channel, as ``pixel_y3_x0_red``.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> images = np.zeros((5, 8, 8, 3), np.uint8)
    >>> pixels = imfeat.RawPixels().fit(images)
    >>> pixels.transform(images).shape
    (5, 192)
    >>> pixels.get_feature_names_out()[-1]
    'pixel_y7_x7_blue'
    """

    any_number = True
    computes_on_gpu = True

    def __init__(self, *, equalize: Equalization = None, channel_axis: ChannelAxis = "auto") -> None:
        self.equalize = equalize
        self.channel_axis = channel_axis

    def _encode(self, images: Array) -> Array:
        return raw_pixels(images, equalize=self.equalize, channel_axis=-1)

    def _names(self) -> list[str]:
        height, width, n_channels = self._blank().shape[1:]
        numbers = [f"_c{c}" for c in range(n_channels)]
        channels = {1: [""], 3: ["_red", "_green", "_blue"]}.get(n_channels, numbers)
        return [f"pixel_y{y}_x{x}{c}" for y in range(height) for x in range(width) for c in channels]
