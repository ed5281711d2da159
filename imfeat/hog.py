"""Histograms of oriented gradients (HoG) of Dalal and Triggs."""

import functools
import math

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import (
    SLACK,
    as_count,
    as_flag,
    as_on_host,
    as_out,
    as_pixels,
    as_vectors,
    images_at_once,
    one_of,
    to_caller_array,
)
from imfeat._inputs import ChannelAxis, accepts

PIXELS_AT_ONCE = 1 << 20  # number of pixels whose histograms are held at a time
NORMS = (None, "l1", "l1-sqrt", "l2", "l2-hys")


@accepts()
def hog(
    images: Array,
    *,
    cell_size: int = 8,
    block_size: int = 2,
    orientations: int = 9,
    norm: str | None = "l2-hys",
    interpolation: str = "none",
    signed: bool = False,
    sqrt: bool = False,
    channel_axis: ChannelAxis = "auto",
    out: Array | None = None,
) -> Array:
    """Describe each image by histograms of the orientations of its gradients.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats of any range.  In images of several channels each pixel
        takes the gradient of its strongest channel.
    cell_size : int
        Side of a square cell, in pixels.  Partial cells at the right and bottom are left out.
    block_size : int
        Side of a square block, in cells; blocks overlap, one cell apart.
    orientations : int
        Bins of the orientation.
    norm : {"l2-hys", "l2", "l1", "l1-sqrt", None}
        Norm that each block is divided by; ``"l2-hys"`` clips at 0.2 and divides again.
    interpolation : {"none", "trilinear"}
        Whether a pixel votes for its own bin and cell only, or also for neighbouring bins and,
        within a block, cells, with less weight away from the center of the block.
    signed : bool
        Tell opposite directions apart: bins over [0, 2 pi) instead of [0, pi).
    sqrt : bool
        Take square roots of the pixels first, against strong shadows.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., n_block_rows * n_block_cols * block_size**2 * orientations), float32
        For each block, for each of its cells, rows first, the histogram.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, an option is not one of those above, or an image is smaller
        than a block.

    Notes
    -----
    With ``interpolation="none"`` this is ``skimage.feature.hog``, within 1e-5; there and here the
    unit of the pixels is kept, so that with ``norm=None`` a histogram of a uint8 image is 255
    times that of the same image in [0, 1]; with a norm, the range of floats hardly
    matters.  Rounding is that of ``skimage.feature.hog`` for uint8 and float64, where as there a gradient
    has no vote if its angle is so little below 0 that it is rounded to 180 degrees (less than 2e-14).  In
    float32 images a gradient within 1e-5 degrees of the edge between two bins may have its vote in either;
    of images without such gradients none differ.
    With ``interpolation="trilinear"`` and ``"l2-hys"`` it
    is OpenCV's ``HOGDescriptor`` [1]_ within 1e-3, blocks and cells in rows instead of columns;
    floats count 255-fold there, so both dtypes give the same.

    ``hog(image, block_size=1, norm=None)`` of a 320 x 240 image is the textbook's example: 40 x 30
    cells of 9 bins, 10,800 numbers.

    References
    ----------
    .. [1] N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.
       :doi:`10.1109/CVPR.2005.177`
    """
    one_of(interpolation, "interpolation", ("none", "trilinear"))
    trilinear = interpolation == "trilinear"
    leading, batch, *_ = as_pixels(
        images,
        any_number=True,
        gpu=True,
        channel_axis=channel_axis,
        unit=False,
        words="unit" if trilinear else "values",
    )
    roots = as_flag(sqrt, "sqrt")
    if roots:
        batch = _checked_for_roots(batch)
    cell_size = as_count(cell_size, "cell_size")
    block_size = as_count(block_size, "block_size")
    one_of(norm, "norm", NORMS)
    signed = as_flag(signed, "signed")
    orientations = as_count(orientations, "orientations", least=2 if trilinear else 1)
    n_rows, n_cols = (
        batch.shape[1] // cell_size - block_size + 1,
        batch.shape[2] // cell_size - block_size + 1,
    )
    if min(n_rows, n_cols) < 1:
        raise ValueError(
            f"images of {batch.shape[1]} x {batch.shape[2]} pixels are smaller than a block of "
            f"{block_size} x {block_size} cells of {cell_size} pixels; take smaller cells or blocks"
        )
    n_values = block_size * block_size * orientations
    out = as_out(out, (*leading, n_rows * n_cols * n_values), np.float32, batch)
    blocks = out.reshape(len(batch), n_rows, n_cols, n_values)
    constants = _constants(norm, trilinear, n_values, batch.dtype == np.uint8, roots)
    at_once = images_at_once(batch, PIXELS_AT_ONCE)
    for first in range(0, len(batch), at_once):
        pixels = batch[first : first + at_once]
        if roots:
            pixels = np.sqrt(pixels, dtype=None if batch.dtype != np.uint8 else np.float64)
        make_planes = _block_planes if trilinear else _cell_planes
        planes = make_planes(pixels, cell_size, block_size, orientations, signed)
        kernels = backend_of(batch).blocks
        kernels.normalize_blocks(
            planes,
            1 if trilinear else block_size,
            kernels.NORMS[norm],
            constants,
            blocks[first : first + at_once],
        )
    return to_caller_array(out)


def draw_hog(
    features: Array,
    shape: tuple[int, int],
    *,
    cell_size: int = 8,
    block_size: int = 2,
    orientations: int = 9,
    signed: bool = False,
) -> Array:
    """Draw HoG features: in each cell a line along each edge direction.

    Parameters
    ----------
    features : array of shape (..., n_features)
        Features of `hog`.
    shape : (int, int)
        Height and width of the images.
    cell_size, block_size, orientations, signed
        As they were given to `hog`.

    Returns
    -------
    array of shape (..., height, width), float32
        Lines as bright as their bin, 1 for the strongest of an image; a cell of several blocks
        shows its mean.

    Raises
    ------
    TypeError, ValueError
        If the features don't have the length that `hog` gives for these parameters.
    """
    height, width = as_count(shape[0], "shape[0]"), as_count(shape[1], "shape[1]")
    n_rows, n_cols = height // as_count(cell_size, "cell_size"), width // cell_size
    b = as_count(block_size, "block_size")
    n = as_count(orientations, "orientations")
    grid = max(n_rows - b + 1, 0), max(n_cols - b + 1, 0)
    vectors = as_vectors(features, name="features", length=math.prod(grid) * b * b * n, axes=None)
    blocks = vectors.reshape(-1, *grid, b, b, n)
    cells = np.zeros((len(blocks), n_rows, n_cols, n))
    shares = np.zeros((n_rows, n_cols, 1))
    for r, c in np.ndindex(b, b):
        cells_of_block = slice(r, r + grid[0]), slice(c, c + grid[1])
        cells[:, *cells_of_block] += blocks[:, :, :, r, c]
        shares[cells_of_block] += 1
    lines = np.einsum("irco,oyx->irycx", cells / shares, _line_stamps(cell_size, n, signed))
    lines /= np.maximum(lines.max((1, 2, 3, 4), keepdims=True), np.finfo(np.float32).tiny)
    out = np.zeros((len(blocks), height, width), np.float32)
    out[:, : n_rows * cell_size, : n_cols * cell_size] = lines.reshape(
        len(blocks), n_rows * cell_size, n_cols * cell_size
    )
    return out.reshape(*vectors.shape[:-1], height, width)


def _checked_for_roots(batch: Array) -> Array:
    """Return pixels that have square roots; rounding outside [0, 1] is set to 0 or 1."""
    batch = as_on_host(batch, "sqrt=True")
    if batch.dtype == np.uint8 or not batch.size:
        return batch
    low, high = batch.min(), batch.max()
    if low < -SLACK:
        raise ValueError(
            f"images must lie in [0, 1], got {low:g} to {high:g}, or have no negative values, for sqrt=True"
        )
    if high <= 1 + SLACK:
        return np.clip(batch, 0, 1)
    return np.maximum(batch, 0)


def _cell_planes(pixels: Array, cell_size: int, block_size: int, orientations: int, signed: bool) -> Array:
    """Return histograms of cells (orientations, n_images, n_rows, n_cols)."""
    shape = pixels.shape[1] // cell_size, pixels.shape[2] // cell_size
    planes = empty_on_device_of((orientations, len(pixels), *shape), np.float32, pixels)
    kernels = backend_of(pixels).hog
    edges = kernels.bin_edges(orientations, signed, np.float64 if pixels.dtype == np.float64 else np.float32)
    kernels.cell_histograms(pixels, cell_size, *edges, planes)
    return planes


def _block_planes(pixels: Array, cell_size: int, block_size: int, orientations: int, signed: bool) -> Array:
    """Return interpolated histograms of blocks, weighted towards their centers, value by value."""
    shape = pixels.shape[1] // cell_size - block_size + 1, pixels.shape[2] // cell_size - block_size + 1
    values = empty_on_device_of(
        (block_size, block_size, orientations, len(pixels), *shape), np.float32, pixels
    )
    turns = orientations if signed else 2 * orientations
    kernels = backend_of(pixels).hog
    weights = kernels.block_weights(cell_size, block_size)
    kernels.block_histograms(pixels, cell_size, weights, turns, values)
    return values.reshape(-1, *values.shape[3:])


@functools.lru_cache(64)
def _constants(norm: str | None, trilinear: bool, n_values: int, bytes_: bool, roots: bool) -> Array:
    """Return what is added before dividing: scikit-image's constants, or OpenCV's for bytes."""
    constants = (1e-5 if norm in ("l1", "l1-sqrt") else 1e-10), 0.0, 0.0
    if trilinear and norm == "l2-hys":
        unit = 1.0 if bytes_ else 1 / 255
        constants = 0.0, 0.1 * n_values * (math.sqrt(unit) if roots else unit), 1e-3
    return np.array(constants, np.float32)


def _line_stamps(cell_size: int, orientations: int, signed: bool) -> Array:
    """Return a picture of a line through a cell for each bin, across the gradient."""
    angle = (np.arange(orientations) + 0.5) * (2 if signed else 1) * np.pi / orientations
    offset = np.arange(cell_size) - (cell_size - 1) / 2
    y, x = offset[:, None], offset
    across = x * np.cos(angle)[:, None, None] + y * np.sin(angle)[:, None, None]
    lines: Array = np.clip(1 - np.abs(across), 0, 1)
    return lines
