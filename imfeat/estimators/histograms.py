"""Transformers that count: colours, and orientations of edges."""

import math
from collections.abc import Sequence

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_count, one_of
from imfeat._norm import NORMS, normalize_histograms
from imfeat.estimators._base import ImageTransformer
from imfeat.histogram import color_histogram, region_bounds
from imfeat.hog import hog
from imfeat.palette import learn_palette, quantize_colors


class ColorHistogram(ImageTransformer):
    """Histograms of the colours of each image.

    Parameters
    ----------
    bins : int or three ints
        Bins of each channel.
    space : {"hsv", "rgb", "hsi"}
        Colour space to count in.
    joint : bool
        Count triples of bins; otherwise each channel by itself.
    grid : (int, int)
        Rows and columns of regions, each with histograms of its own.
    norm : {"l1", "l2", "hellinger", None}
        What each histogram is divided by.
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
        device: str = "cpu",
    ) -> None:
        self.bins = bins
        self.space = space
        self.joint = joint
        self.grid = grid
        self.norm = norm
        self.device = device

    def _encode(self, images: Array) -> Array:
        return color_histogram(
            images, bins=self.bins, space=self.space, joint=self.joint, grid=self.grid, norm=self.norm
        )

    def _names(self) -> list[str]:
        first, second, third = tuple(self.space)
        n_bins = tuple(np.broadcast_to(self.bins, 3).tolist())
        if self.joint:
            names = [f"{first}{i}_{second}{j}_{third}{k}" for i, j, k in np.ndindex(n_bins)]
        else:
            names = [f"{c}{i}" for c, n in zip(self.space, n_bins, strict=True) for i in range(n)]
        regions = np.ndindex(tuple(self.grid))
        return [f"{self.space}_r{row}_c{col}_{name}" for row, col in regions for name in names]


class PaletteHistogram(ImageTransformer):
    """Histograms of the colours of each image, after quantization with a palette that is learned.

    Parameters
    ----------
    n_colors : int
        Colours of the palette, by k-means.
    grid : (int, int)
        Rows and columns of regions, each with a histogram of its own.
    norm : {"l1", "l2", "hellinger", None}
        What each histogram is divided by.
    n_pixels : int
        How many pixels, drawn from all images, to learn from.
    random_state : int, numpy.random.RandomState or None
        What is drawn, and where k-means starts.

    Attributes
    ----------
    palette_ : array of shape (n_colors, 3), dtype of the images
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Numbers an image.

    See Also
    --------
    imfeat.learn_palette, imfeat.quantize_colors : The functions behind it.

    Notes
    -----
    Features are named by region and colour, as ``palette_r0_c1_k7``.
    """

    color_only = True
    learns = True

    def __init__(
        self,
        *,
        n_colors: int = 64,
        grid: tuple[int, int] = (1, 1),
        norm: str | None = "l1",
        n_pixels: int = 200_000,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_colors = n_colors
        self.grid = grid
        self.norm = norm
        self.n_pixels = n_pixels
        self.random_state = random_state

    def _fit(self, images: Array) -> None:
        n_pixels, rng = as_count(self.n_pixels, "n_pixels"), self._rng()
        pixels = images.reshape(-1, 3)
        if n_pixels < len(pixels):
            pixels = pixels[np.sort(rng.integers(len(pixels), size=n_pixels))]
        self.palette_ = learn_palette(pixels[None], self.n_colors, rng=rng)

    def _encode(self, images: Array) -> Array:
        one_of(self.norm, "norm", NORMS)
        bounds = region_bounds(self.grid, *images.shape[1:3])
        row_of, col_of = (np.repeat(np.arange(len(b) - 1), np.diff(b)) for b in bounds)
        n_regions, n_colors = math.prod(self.grid), len(self.palette_)
        first_bins = n_colors * (row_of[:, None] * self.grid[1] + col_of)
        counts = np.empty((len(images), n_regions * n_colors), np.uint32)
        for histogram, indices in zip(counts, quantize_colors(images, self.palette_), strict=True):
            histogram[:] = np.bincount((first_bins + indices).ravel(), minlength=len(histogram))
        return normalize_histograms(counts.reshape(-1, n_regions, n_colors), self.norm).reshape(counts.shape)

    def _names(self) -> list[str]:
        regions = np.ndindex(tuple(self.grid))
        return [f"palette_r{r}_c{c}_k{k}" for r, c in regions for k in range(len(self.palette_))]


class HOG(ImageTransformer):
    """Histograms of the orientations of the gradients in cells and blocks of each image.

    Parameters
    ----------
    cell_size : int
        Side of a square cell, in pixels.
    block_size : int
        Side of a square block, in cells.
    orientations : int
        Bins of the orientation.
    norm : {"l2-hys", "l2", "l1", "l1-sqrt", None}
        What each block is divided by.
    interpolation : {"none", "trilinear"}
        Whether a pixel also votes for neighbouring bins and cells.
    signed : bool
        Tell opposite directions apart.
    sqrt : bool
        Take square roots of the pixels first.
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
    imfeat.hog : The function behind it, with all details.

    Notes
    -----
    Features are named by block, cell in the block and orientation, as ``hog_r0_c3_y1_x0_o8``.
    """

    def __init__(
        self,
        *,
        cell_size: int = 8,
        block_size: int = 2,
        orientations: int = 9,
        norm: str | None = "l2-hys",
        interpolation: str = "none",
        signed: bool = False,
        sqrt: bool = False,
        device: str = "cpu",
    ) -> None:
        self.cell_size = cell_size
        self.block_size = block_size
        self.orientations = orientations
        self.norm = norm
        self.interpolation = interpolation
        self.signed = signed
        self.sqrt = sqrt
        self.device = device

    def _encode(self, images: Array) -> Array:
        return hog(
            images,
            cell_size=self.cell_size,
            block_size=self.block_size,
            orientations=self.orientations,
            norm=self.norm,
            interpolation=self.interpolation,
            signed=self.signed,
            sqrt=self.sqrt,
        )

    def _names(self) -> list[str]:
        rows, cols = (side // self.cell_size - self.block_size + 1 for side in self.image_shape_[:2])
        shape = rows, cols, self.block_size, self.block_size, self.orientations
        return [f"hog_r{r}_c{c}_y{y}_x{x}_o{o}" for r, c, y, x, o in np.ndindex(shape)]
