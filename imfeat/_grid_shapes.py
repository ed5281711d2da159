"""Shapes of features that lie on a grid over an image, of which larger images have more.

Each function has the name of the function of the features, and takes the options that the shape depends on.
"""

from imfeat._hog import Interpolation, as_options
from imfeat.uoctti import Variant, cells_of, numbers_per_cell

Shape = tuple[int, int, int]  # rows, columns and channels


def raw_pixels(image_shape: Shape) -> Shape:
    """Return the shape of an image itself."""
    return image_shape


def hog(
    image_shape: Shape,
    *,
    cell_size: int | tuple[int, int] = 8,
    block_size: int | tuple[int, int] = 2,
    block_stride: float | tuple[float, float] = 1,
    orientations: int = 9,
    interpolation: Interpolation = "none",
    padding: int | tuple[int, int] = 0,
) -> Shape:
    """Return rows and columns of blocks, and the numbers of a block."""
    options = as_options(
        *(cell_size, block_size, block_stride, orientations, None, interpolation),
        *(False, False, padding, 0.2, None),
    )
    return *options.grid(options.padded(image_shape[:2])), options.n_values


def hog_uoctti(
    image_shape: Shape, *, cell_size: int = 8, orientations: int = 9, variant: Variant = "uoctti"
) -> Shape:
    """Return rows and columns of cells, and the numbers of a cell."""
    return *cells_of(image_shape[:2], cell_size), numbers_per_cell(orientations, variant)
