"""Transformers that leave pixels pixels: as they are, or equalized."""

from typing import Any, Self

import numpy as np
from sklearn.base import OneToOneFeatureMixin

from imfeat._backend import Array
from imfeat.estimators._base import ImageTransformer
from imfeat.exposure import equalize


class RawPixels(ImageTransformer):
    """The pixels of each image as one vector, in [0, 1]: what every other feature must beat.

    Attributes
    ----------
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Numbers an image.

    See Also
    --------
    Equalize : To put before it, for images of different exposure.
    """

    def __init__(self) -> None:
        pass

    def _encode(self, images: Array) -> Array:
        pixels = images.reshape(len(images), -1)
        return pixels / np.float32(255) if pixels.dtype == np.uint8 else pixels.astype(np.float32)

    def _names(self) -> list[str]:
        height, width = self.image_shape_[:2]
        channels = ("_red", "_green", "_blue") if len(self.image_shape_) == 3 else ("",)
        return [f"pixel_y{y}_x{x}{c}" for y in range(height) for x in range(width) for c in channels]


class Equalize(OneToOneFeatureMixin, ImageTransformer, auto_wrap_output_keys=None):  # type: ignore[call-arg, misc]
    """Spread the values of each image evenly over the whole range: images in, images out.

    Parameters
    ----------
    convention : {"torchvision", "opencv"}
        See `imfeat.equalize`.
    device : {"cpu", "cuda"}
        Where to compute; images are copied to the GPU, and what comes out back.

    Attributes
    ----------
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Numbers an image.

    See Also
    --------
    imfeat.equalize : The function behind it.

    Notes
    -----
    The numbers of an image keep the names they come with, or are called ``x0``, ``x1`` and so on.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> pipeline = make_pipeline(Equalize(), RawPixels())
    """

    def __init__(self, *, convention: str = "torchvision", device: str = "cpu") -> None:
        self.convention = convention
        self.device = device

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: images don't fit into the rows of a data frame, and stay arrays."""
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _encode(self, images: Array) -> Array:
        return equalize(images, convention=self.convention)
