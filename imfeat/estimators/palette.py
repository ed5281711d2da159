"""The transformer of palette histograms."""

from typing import ClassVar

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import as_count, one_of
from imfeat._inputs import ChannelAxis
from imfeat._norm import NORMS, Norm, normalize_histograms
from imfeat._rows import rows_at
from imfeat._sums import Descriptors
from imfeat.estimators._base import LearnedTransformer
from imfeat.histogram import region_bounds
from imfeat.palette import learn_palette, quantize_colors


class PaletteHistogram(LearnedTransformer):
    """Histograms of the colours of each image, after quantization with a palette that is learned.

    Parameters
    ----------
    n_colors : int
        Colours of the palette, by k-means.
    grid : (int, int)
        Rows and columns of regions, each with a histogram of its own.
    norm : {"l1", "l2", "hellinger", None}
        Norm that each histogram is divided by.
    n_pixels : int
        Number of pixels to learn from, drawn from all images.
    channel_axis : int
        Axis of ``X`` that holds the channels; see `imfeat.quantize_colors`.
    random_state : int, numpy.random.RandomState or None
        Seed of the choice of pixels and of the start of k-means.

    Attributes
    ----------
    palette_ : array of shape (n_colors, 3), dtype of the images
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Number of pixel values of an image.

    See Also
    --------
    imfeat.learn_palette, imfeat.quantize_colors : The functions behind it.

    Notes
    -----
    Features are named by region and colour, as ``palette_r0_c1_k7``.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> images = np.zeros((2, 8, 8, 3), np.uint8)
    >>> images[0, :2] = [255, 0, 0]  # a quarter is red
    >>> histogram = imfeat.PaletteHistogram(n_colors=2, random_state=0).fit(images)
    >>> np.sort(histogram.transform(images))
    array([[0.25, 0.75],
           [0.  , 1.  ]], dtype=float32)
    """

    color_only = True
    computes_on_gpu = True
    learned: ClassVar[dict[str, type]] = {"palette": np.ndarray}
    n_samples = "n_pixels"

    palette_: Array

    def __init__(
        self,
        *,
        n_colors: int = 64,
        grid: tuple[int, int] = (1, 1),
        norm: Norm = "l1",
        n_pixels: int = 200_000,
        channel_axis: ChannelAxis = -1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_colors = n_colors
        self.grid = grid
        self.norm = norm
        self.n_pixels = n_pixels
        self.channel_axis = channel_axis
        self.random_state = random_state

    def draw(self, images: Array, n: int, rng: np.random.Generator) -> Array:
        """Return at most ``n`` pixels (n, 3) of images, drawn at random."""
        pixels = images.reshape(-1, 3)
        return rows_at(pixels, np.sort(rng.integers(len(pixels), size=n))) if n < len(pixels) else pixels

    def _learn(self, descriptors: Descriptors) -> None:
        pixels = descriptors.sample(as_count(self.n_pixels, "n_pixels"))
        self.palette_ = learn_palette(pixels.reshape(1, -1, 3), self.n_colors, rng=descriptors.rng)

    def _encode(self, images: Array) -> Array:
        one_of(self.norm, "norm", NORMS)
        bounds = region_bounds(self.grid, *images.shape[1:3])
        indices = quantize_colors(images, self.palette_)
        counts = empty_on_device_of((len(images), *self.grid, len(self.palette_)), np.uint32, images)
        backend_of(images).lbp.count_codes(indices, *bounds, counts)
        return normalize_histograms(counts, self.norm).reshape(len(images), -1)

    def _names(self) -> list[str]:
        regions = np.ndindex(tuple(self.grid))
        return [f"palette_r{r}_c{c}_k{k}" for r, c in regions for k in range(len(self.palette_))]
