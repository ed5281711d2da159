"""The transformer of pixels."""

from imfeat._backend import Array
from imfeat.estimators._base import ImageTransformer
from imfeat.pixels import raw_pixels


class RawPixels(ImageTransformer):
    """The pixels of each image as one vector in [0, 1], the baseline of every feature.

    Parameters
    ----------
    equalize : {"value", "torchvision", "opencv", "clahe", None}
        Equalization of the histogram of each image before; see `imfeat.raw_pixels`.

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
    """

    def __init__(self, *, equalize: str | None = None) -> None:
        self.equalize = equalize

    def _encode(self, images: Array) -> Array:
        return raw_pixels(images, equalize=self.equalize)

    def _names(self) -> list[str]:
        height, width = self.image_shape_[:2]
        channels = ("_red", "_green", "_blue") if len(self.image_shape_) == 3 else ("",)
        return [f"pixel_y{y}_x{x}{c}" for y in range(height) for x in range(width) for c in channels]
