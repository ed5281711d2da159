"""The UoCTTI variant of histograms of oriented gradients."""

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import (
    as_count,
    as_flag,
    as_on_host,
    as_out,
    as_pixels,
    to_caller_array,
)
from imfeat._inputs import ChannelAxis, accepts


@accepts()
def hog_uoctti(
    images: Array,
    *,
    cell_size: int = 8,
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
    mirror : bool
        Average over each image and its mirror image.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., n_rows * n_cols * 31), float32
        For each cell, rows first, 18 numbers for the directions of gradients, in [0, 0.4], from
        0 degrees (brighter to the right) over 90 (brighter below) in steps of 20; 9 for their
        orientations, where opposite directions count as one, in [0, 0.4]; and 4 for texture, in
        [0, 0.43]: how strong gradients are against those of the neighbours above and left, above
        and right, below and left, below and right.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, or smaller than half a cell, or ``out`` doesn't fit.

    Notes
    -----
    This is the UoCTTI variant [1]_ of VLFeat's ``vl_hog`` for 9 orientations and images in [0, 1],
    within 1e-4, but for gradients of float images that rounding alone puts into one direction or
    its neighbour.  The gradients of bytes are exact: the first of channels with equal gradients is taken,
    as VLFeat does for images in 0..255.  VLFeat returns the cells of an image as an array
    (n_rows, n_cols, 31).

    Pixels vote for the nearest direction, and for the four nearest cells with bilinear weights;
    those of the border have no gradient.  A cell is normalized by the energy of each of the four
    squares of 2 x 2 cells that it belongs to, clipped at 0.2, and the four results are averaged
    (and doubled, as there).  Where such a square reaches beyond the border, the cell at the border
    counts again in its place.  1e-4 is added to the energy, so very weak gradients stay weak.

    References
    ----------
    .. [1] P. Felzenszwalb, R. Girshick, D. McAllester, D. Ramanan, "Object detection with
       discriminatively trained part-based models", PAMI 2010. :doi:`10.1109/TPAMI.2009.167`
    """
    leading, pixels, *_ = as_pixels(images, any_number=True, gpu=True, channel_axis=channel_axis, unit=False)
    cell_size = as_count(cell_size, "cell_size")
    n_rows, n_cols = ((size + cell_size // 2) // cell_size for size in pixels.shape[1:3])
    if not (n_rows and n_cols):
        raise ValueError(
            f"images of {pixels.shape[1]} x {pixels.shape[2]} pixels are smaller than half a cell of "
            f"{cell_size} pixels; take smaller cells"
        )
    features = as_out(out, (*leading, n_rows * n_cols * 31), np.float32, pixels)
    cells = features.reshape(len(pixels), n_rows, n_cols, 31)
    kernel = backend_of(pixels).uoctti.cell_features
    kernel(pixels, cell_size, cells)
    if as_flag(mirror, "mirror"):
        mirrored_cells = np.empty_like(as_on_host(cells, "mirror=True"))
        kernel(np.ascontiguousarray(pixels[:, :, ::-1]), cell_size, mirrored_cells)
        cells += mirrored_cells
        cells /= 2
    return to_caller_array(features)
