"""The UoCTTI variant of histograms of oriented gradients."""

from typing import Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import (
    as_count,
    as_flag,
    as_on_host,
    as_out,
    as_pixels,
    one_of,
    to_caller_array,
)
from imfeat._inputs import ChannelAxis, Images, accepts

Variant: TypeAlias = Literal["uoctti", "dalal-triggs"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


@accepts(late=True)
def hog_uoctti(
    images: Images,
    *,
    cell_size: int = 8,
    orientations: int = 9,
    bilinear: bool = False,
    variant: Variant = "uoctti",
    mirror: bool = False,
    channel_axis: ChannelAxis = "auto",
    out: Array | None = None,
) -> Array:
    """Describe each cell of each image by 31 numbers: the HOG of deformable part models.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16 or int16, which count as divided by their largest value, bool, or floats of any range.
        In colour images each pixel takes the gradient of its strongest channel.
    cell_size : int
        Side of a square cell, in pixels.  At the right and bottom, half a cell or more counts as
        one, and less is left out.
    orientations : int
        Orientations over a half turn, n; a full turn has 2 n directions.
    bilinear : bool
        Share the vote of a pixel between the two directions that its gradient lies between, instead of
        the nearest alone; from 2 orientations on.
    variant : {"uoctti", "dalal-triggs"}
        Whether to sum over the four normalizations of a cell, or to keep them side by side, as Dalal and
        Triggs do.
    mirror : bool
        Average over each image and its mirror image.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., n_rows * n_cols * (3 * orientations + 4)), float32
        For each cell, rows first, 2 n numbers for the directions of gradients, in [0, 0.4], from
        0 degrees (brighter to the right) over 90 (brighter below) in steps of 180 / n; n for their
        orientations, where opposite directions count as one, in [0, 0.4]; and 4 for texture, in
        [0, 0.05 n]: how strong gradients are against those of the neighbours above and left, above
        and right, below and left, below and right.  With ``"dalal-triggs"`` there are 4 n numbers for a cell:
        for each of these four the n orientations, in [0, 0.2].

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, or smaller than half a cell, an option is not one of those above, or
        ``out`` doesn't fit.

    Notes
    -----
    This is VLFeat's ``vl_hog`` for images in [0, 1], its UoCTTI variant [1]_ or its variant DalalTriggs [2]_,
    within 1e-4, but for gradients of float images that rounding alone puts into one direction or
    its neighbour.  The gradients of bytes are exact: the first of channels with equal gradients is taken,
    as VLFeat does for images in 0..255.  VLFeat returns the cells of an image as an array
    (n_rows, n_cols, 31), and calls ``bilinear`` bilinear orientation assignments.

    Pixels vote for the nearest direction, and for the four nearest cells with bilinear weights;
    those of the border have no gradient.  A cell is normalized by the energy of each of the four
    squares of 2 x 2 cells that it belongs to, clipped at 0.2, and the four results are averaged
    (and doubled, as there).  Where such a square reaches beyond the border, the cell at the border
    counts again in its place.  1e-4 is added to the energy, so very weak gradients stay weak.

    References
    ----------
    .. [1] P. Felzenszwalb, R. Girshick, D. McAllester, D. Ramanan, "Object detection with
       discriminatively trained part-based models", PAMI 2010. :doi:`10.1109/TPAMI.2009.167`
    .. [2] N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.
       :doi:`10.1109/CVPR.2005.177`

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> image = skimage.data.astronaut()
    >>> features = imfeat.hog_uoctti(image)
    >>> features.reshape(64, 64, 31).shape  # 512 x 512 pixels are 64 x 64 cells
    (64, 64, 31)
    """
    leading, pixels, *_ = as_pixels(images, any_number=True, gpu=True, channel_axis=channel_axis, unit=False)
    cell_size = as_count(cell_size, "cell_size")
    shared = as_flag(bilinear, "bilinear")
    n = as_count(orientations, "orientations", least=2 if shared else 1)
    one_of(variant, "variant", VARIANTS)
    n_rows, n_cols = cells_of(pixels.shape[1:3], cell_size)
    if not (n_rows and n_cols):
        raise ValueError(
            f"images of {pixels.shape[1]} x {pixels.shape[2]} pixels are smaller than half a cell of "
            f"{cell_size} pixels; take smaller cells"
        )
    n_values = numbers_per_cell(n, variant)
    features = as_out(out, (*leading, n_rows * n_cols * n_values), np.float32, pixels)
    cells = features.reshape(len(pixels), n_rows, n_cols, n_values)
    _fill_cells(pixels, cell_size, n, shared, variant, cells)
    if as_flag(mirror, "mirror"):
        mirrored_cells = np.empty_like(as_on_host(cells, "mirror=True"))
        mirrored_pixels = np.ascontiguousarray(pixels[:, :, ::-1])
        mirrored_pixels.setflags(write=False)  # as images are, so that kernels are compiled once
        _fill_cells(mirrored_pixels, cell_size, n, shared, variant, mirrored_cells)
        cells += mirrored_cells
        cells /= 2
    return to_caller_array(features)


def cells_of(size: tuple[int, ...], cell_size: int) -> tuple[int, int]:
    """Return the rows and columns of cells of images of (height, width) pixels."""
    n_rows, n_cols = ((side + cell_size // 2) // cell_size for side in size)
    return n_rows, n_cols


def numbers_per_cell(orientations: int, variant: Variant) -> int:
    """Return the number of values of a cell."""
    return 3 * orientations + 4 if variant == "uoctti" else 4 * orientations


def _fill_cells(pixels: Array, cell_size: int, n: int, shared: bool, variant: Variant, cells: Array) -> None:
    kernels = backend_of(pixels)
    if n == 9 and not shared and variant == "uoctti":
        kernels.uoctti.cell_features(pixels, cell_size, cells)
        return
    votes = empty_on_device_of((*cells.shape[:3], 2 * n), np.float32, pixels)
    kernels.directions.direction_votes(pixels, cell_size, kernels.directions.directions(n), shared, votes)
    kernels.directions.normalize_directions(votes, kernels.directions.VARIANTS[variant], cells)
