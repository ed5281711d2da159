"""The transformer of histogram equalization."""

from typing import Any, Self

from sklearn.base import OneToOneFeatureMixin

from imfeat._backend import Array
from imfeat._check import Pixels
from imfeat._device import Device
from imfeat._inputs import ChannelAxis, moved
from imfeat.estimators._base import ImageTransformer
from imfeat.exposure import Convention, equalize


class Equalize(OneToOneFeatureMixin, ImageTransformer, auto_wrap_output_keys=None):  # type: ignore[call-arg, misc]
    """Equalize the histogram of each image: images in, images out.

    Parameters
    ----------
    convention : {"torchvision", "opencv"}
        See `imfeat.equalize`.
    channel_axis : int, None or "auto"
        Axis of ``X`` that holds the channels; see `imfeat.equalize`.
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
    imfeat.equalize : The function behind it.

    Notes
    -----
    The numbers of an image keep the names they come with, or are called ``x0``, ``x1`` and so on.

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> from sklearn.pipeline import make_pipeline
    >>> dark = skimage.data.astronaut() // 4
    >>> images = imfeat.Equalize().fit_transform([dark])
    >>> images.shape, int(images.max())
    ((1, 512, 512, 3), 255)
    >>> pipeline = make_pipeline(imfeat.Equalize(), imfeat.HOG(), imfeat.learn.LinearClassifier())
    """

    any_number = True
    any_range = True
    computes_on_gpu = True

    def __init__(
        self,
        *,
        convention: Convention = "torchvision",
        channel_axis: ChannelAxis = "auto",
        device: Device = "cpu",
    ) -> None:
        self.convention = convention
        self.channel_axis = channel_axis
        self.device = device

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: images don't fit into the rows of a data frame, and stay arrays."""
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _encode(self, images: Array) -> Array:
        return equalize(images, convention=self.convention, channel_axis=-1)

    def _as_result(self, features: Array, images: Pixels) -> Array:
        equalized = features.reshape(images.shape)
        if isinstance(self.channel_axis, str | None):
            return equalized
        result: Array = moved(equalized, -1, self.channel_axis)
        return result
