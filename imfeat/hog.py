"""Histograms of oriented gradients (HoG) of Dalal and Triggs."""

import math

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_count, as_flag, as_number, as_out, as_vectors, to_caller_array
from imfeat._hog import BlockNorm, Interpolation, Options, as_inputs, as_options, fill_blocks
from imfeat._inputs import ChannelAxis, Images, accepts


@accepts(late=True)
def hog(
    images: Images,
    *,
    cell_size: int | tuple[int, int] = 8,
    block_size: int | tuple[int, int] = 2,
    block_stride: float | tuple[float, float] = 1,
    orientations: int = 9,
    norm: BlockNorm = "l2-hys",
    interpolation: Interpolation = "none",
    signed: bool = False,
    sqrt: bool = False,
    padding: int | tuple[int, int] = 0,
    clip: float = 0.2,
    sigma: float | None = None,
    mask: Array | None = None,
    flatten: bool = True,
    channel_axis: ChannelAxis = "auto",
    out: Array | None = None,
) -> Array:
    """Describe each image by histograms of the orientations of its gradients.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats of any range.  In images of several channels each pixel
        takes the gradient of its strongest channel.
    cell_size : int or (int, int)
        Height and width of a cell, in pixels; one number for both.  Partial cells at the right and bottom
        are left out.
    block_size : int or (int, int)
        Rows and columns of cells of a block.
    block_stride : number or (number, number)
        Rows and columns of cells from one block to the next.  With ``"trilinear"`` fractions that come to
        whole pixels are allowed, as 0.5 for cells of 8 pixels.
    orientations : int
        Bins of the orientation.
    norm : {"l2-hys", "l2", "l1", "l1-sqrt", None}
        Norm that each block is divided by; ``"l2-hys"`` clips and divides again.
    interpolation : {"none", "trilinear"}
        Whether a pixel votes for its own bin and cell only, or also for neighbouring bins and,
        within a block, cells, with less weight away from the center of the block.
    signed : bool
        Tell opposite directions apart: bins over [0, 2 pi) instead of [0, pi).
    sqrt : bool
        Take square roots of the pixels first, against strong shadows.
    padding : int or (int, int)
        Rows of pixels to add above and below the images, and columns at their left and right: the image
        mirrored at the pixels of its border.
    clip : float
        Largest value of a block before ``"l2-hys"`` divides again, above 0.
    sigma : float, optional
        Deviation in pixels of the Gaussian that weighs the pixels of a block with ``"trilinear"``; by default
        an eighth of the sum of height and width of a block.
    mask : bool array of shape (..., height, width) or (height, width), optional
        Pixels that vote.  Votes of a cell are still divided by all its pixels, and gradients look at all
        pixels.
    flatten : bool
        Return one vector an image.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., n_features), float32
        For each block, for each of its cells, rows first, the histogram.  With ``flatten=False`` the shape is
        (..., n_rows, n_cols, block_rows, block_cols, orientations).

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, an option is not one of those above, or an image is smaller
        than a block.

    See Also
    --------
    hog_windows : The same for all windows of an image.
    hog_to_opencv : OpenCV's order of the numbers.

    Notes
    -----
    With ``interpolation="none"`` results equal those of ``skimage.feature.hog`` within 1e-5.  With
    ``norm=None`` they are proportional to the unit of the pixels: a histogram of a uint8 image is 255 times
    that of the same image in [0, 1].  As in scikit-image, a gradient of a float64 image whose angle is less
    than 2e-14 degrees below 0, so that it is rounded to 180 degrees, has no vote.  In float32 images, a
    gradient within 1e-5 degrees of the edge between two bins may be counted in either.

    With ``interpolation="trilinear"`` and ``"l2-hys"`` results equal those of OpenCV's ``HOGDescriptor`` [1]_
    within 1e-3, with blocks and cells in row-major instead of column-major order.  In the norm floats
    count 255-fold, so that all dtypes give the same.  OpenCV's sizes are (width, height), those of blocks
    and their stride in pixels; ``winSigma`` is ``sigma`` here, ``L2HysThreshold`` is ``clip``,
    ``gammaCorrection`` is ``sqrt``, and ``signedGradient`` is ``signed``.

    ``hog(image, block_size=1, norm=None)`` of a 320 x 240 image is the textbook's example: 40 x 30
    cells of 9 bins, 10,800 numbers.

    References
    ----------
    .. [1] N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.
       :doi:`10.1109/CVPR.2005.177`

    Examples
    --------
    An image of 320 x 240 pixels has 40 x 30 cells of 9 orientations:

    >>> import imfeat
    >>> import numpy as np
    >>> import skimage.data
    >>> image = skimage.data.astronaut()[:240, :320]
    >>> imfeat.hog(image, block_size=1, norm=None).shape
    (10800,)

    The gradient of a vertical edge is horizontal, so it lies in the first of four orientations:

    >>> edge = np.zeros((8, 8))
    >>> edge[:, 4:] = 1
    >>> imfeat.hog(edge, block_size=1, orientations=4, norm="l1").round(2)
    array([1., 0., 0., 0.], dtype=float32)
    """
    options = as_options(
        *(cell_size, block_size, block_stride, orientations, norm, interpolation),
        *(signed, sqrt, padding, clip, sigma),
    )
    pixels, chosen = as_inputs(images, mask, options, channel_axis)
    batch = pixels.batch
    n_rows, n_cols = options.grid(options.padded(pixels.size))
    flat = as_flag(flatten, "flatten")
    shape = (n_rows * n_cols * options.n_values,) if flat else (n_rows, n_cols, *options.block_shape)
    out = as_out(out, (*pixels.leading, *shape), np.float32, batch)
    blocks = out.reshape(len(batch), n_rows, n_cols, options.n_values)
    fill_blocks(batch, chosen, (0, 0), options, blocks)
    return to_caller_array(out)


@accepts(lists=False)
def draw_hog(
    features: Array,
    shape: tuple[int, int],
    *,
    cell_size: int | tuple[int, int] = 8,
    block_size: int | tuple[int, int] = 2,
    block_stride: int | tuple[int, int] = 1,
    orientations: int = 9,
    signed: bool = False,
    padding: int | tuple[int, int] = 0,
    gain: float = 1.0,
) -> Array:
    """Draw HoG features: in each cell a line along each edge direction.

    Parameters
    ----------
    features : array of shape (..., n_features)
        Features of `hog`.
    shape : (int, int)
        Height and width of the images.
    cell_size, block_size, block_stride, orientations, signed, padding
        As they were given to `hog`; blocks that begin within cells are not drawn.
    gain : float
        Factor of the brightness, above 0, to see weak cells.  Lines brighter than 1 are clipped.

    Returns
    -------
    array of shape (..., height, width), float32
        Lines as bright as their bin, in [0, 1]: ``gain`` for the strongest bin of an image, clipped to 1.  A
        cell of several blocks shows its mean.

    Raises
    ------
    TypeError, ValueError
        If the features don't have the length that `hog` gives for these parameters.

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> image = skimage.data.astronaut()
    >>> picture = imfeat.draw_hog(imfeat.hog(image), image.shape[:2], gain=2)
    >>> picture.shape
    (512, 512)
    """
    brightness = as_number(gain, "gain", above=0)
    height, width = as_count(shape[0], "shape[0]"), as_count(shape[1], "shape[1]")
    options = as_options(
        *(cell_size, block_size, block_stride, orientations, None, "none", signed, False, padding, 0.2, None)
    )
    canvas = options.padded((height, width))
    grid = options.grid(canvas)
    length = math.prod(grid) * options.n_values
    vectors = as_vectors(features, name="features", length=length, axes=None)
    blocks = vectors.reshape(-1, *grid, *options.block_shape)
    cells = _cells_of_blocks(blocks, canvas, options)
    lines = np.einsum("irco,oyx->irycx", cells, _line_stamps(options))
    lines *= brightness / np.maximum(lines.max((1, 2, 3, 4), keepdims=True), np.finfo(np.float32).tiny)
    n_rows, cell_height, n_cols, cell_width = lines.shape[1:]
    out = np.zeros((len(blocks), *canvas), np.float32)
    out[:, : n_rows * cell_height, : n_cols * cell_width] = np.minimum(lines, 1).reshape(
        len(blocks), n_rows * cell_height, n_cols * cell_width
    )
    top, left = options.padding
    return out[:, top : top + height, left : left + width].reshape(*vectors.shape[:-1], height, width)


def _cells_of_blocks(blocks: Array, canvas: tuple[int, int], options: Options) -> Array:
    """Return the mean of each cell over its blocks, (n_images, n_rows, n_cols, orientations)."""
    n_rows, n_cols = (side // cell for side, cell in zip(canvas, options.cell_size, strict=True))
    down, across = options.cells_apart
    cells = np.zeros((len(blocks), n_rows, n_cols, options.orientations))
    shares = np.zeros((n_rows, n_cols, 1))
    for r, c in np.ndindex(options.block_size):
        rows = slice(r, r + (blocks.shape[1] - 1) * down + 1, down)
        cols = slice(c, c + (blocks.shape[2] - 1) * across + 1, across)
        cells[:, rows, cols] += blocks[:, :, :, r, c]
        shares[rows, cols] += 1
    means: Array = cells / np.maximum(shares, 1)
    return means


def _line_stamps(options: Options) -> Array:
    """Return a picture of a line through a cell for each bin, across the gradient."""
    turn = (2 if options.signed else 1) * np.pi
    angle = (np.arange(options.orientations) + 0.5) * turn / options.orientations
    y, x = (np.arange(side) - (side - 1) / 2 for side in options.cell_size)
    across = x * np.cos(angle)[:, None, None] + y[:, None] * np.sin(angle)[:, None, None]
    lines: Array = np.clip(1 - np.abs(across), 0, 1)
    return lines
