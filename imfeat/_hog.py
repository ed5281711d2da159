"""The options of HoG, where its blocks lie, and the kernels that fill them."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import (
    SEQUENCES,
    SLACK,
    Pixels,
    as_count,
    as_flag,
    as_mask,
    as_number,
    as_numbers,
    as_pair,
    as_pixels,
    clipped,
    count_outside,
    images_at_once,
    one_of,
    to_host,
)
from imfeat._inputs import ChannelAxis
from imfeat._planes import frozen, mirrored

PIXELS_AT_ONCE = 1 << 20  # number of pixels whose histograms are held at a time
BlockNorm: TypeAlias = Literal[None, "l1", "l1-sqrt", "l2", "l2-hys"]
Interpolation: TypeAlias = Literal["none", "trilinear"]
NORMS: tuple[BlockNorm, ...] = get_args(BlockNorm)
INTERPOLATIONS: tuple[Interpolation, ...] = get_args(Interpolation)
NO_MASK = np.empty((0, 0, 0), np.bool_)
NO_MASK.setflags(write=False)  # as masks are, so that kernels are compiled once
ROUNDING = 1e-6  # of a stride in pixels
LARGE = 1e30  # whose square is finite
FAR = 1e6  # cells from one block to the next, which no image has

Pair = tuple[int, int]  # of rows and columns


@dataclass(frozen=True, eq=False)  # hashed by identity, which is quick
class Options:
    """Checked options of `imfeat.hog`."""

    cell_size: Pair  # in pixels
    block_size: Pair  # in cells
    stride: Pair  # from one block to the next, in pixels
    orientations: int
    norm: BlockNorm
    trilinear: bool
    signed: bool
    sqrt: bool
    padding: Pair  # in pixels
    clip: float
    sigma: float  # in pixels

    @functools.cached_property
    def block_pixels(self) -> Pair:
        """Height and width of a block, in pixels."""
        return self.cell_size[0] * self.block_size[0], self.cell_size[1] * self.block_size[1]

    @functools.cached_property
    def has_padding(self) -> bool:
        """Whether there is padding."""
        return any(self.padding)

    @functools.cached_property
    def cells_apart(self) -> Pair:
        """Rows and columns of cells from one block to the next."""
        return self.stride[0] // self.cell_size[0], self.stride[1] // self.cell_size[1]

    @functools.cached_property
    def block_shape(self) -> tuple[int, int, int]:
        """Shape of the values of a block."""
        return *self.block_size, self.orientations

    @functools.cached_property
    def n_values(self) -> int:
        """Number of values of a block."""
        return math.prod(self.block_shape)

    def grid(self, shape: tuple[int, ...], name: str = "images") -> Pair:
        """Return the numbers of rows and columns of blocks in an area of (height, width) pixels."""
        n_rows = (shape[0] - self.block_pixels[0]) // self.stride[0] + 1
        n_cols = (shape[1] - self.block_pixels[1]) // self.stride[1] + 1
        if n_rows < 1 or n_cols < 1:
            rows, cols = self.block_size
            height, width = self.cell_size
            cell = f"{height}" if height == width else f"{height} x {width}"
            raise ValueError(
                f"{name} of {shape[0]} x {shape[1]} pixels are smaller than a block of "
                f"{rows} x {cols} cells of {cell} pixels; take smaller cells or blocks"
            )
        return n_rows, n_cols

    def padded(self, shape: tuple[int, ...]) -> Pair:
        """Return the height and width of an image with its padding."""
        return shape[0] + 2 * self.padding[0], shape[1] + 2 * self.padding[1]


def as_options(*options: Any) -> Options:
    """Return the checked options of `imfeat.hog`, which are those of `Options` in their order."""
    try:
        return _cached_options(*options)
    except TypeError:  # of values that can't be cached, such as lists
        return _checked_options(*options)


def _checked_options(
    cell_size: Any,
    block_size: Any,
    block_stride: Any,
    orientations: Any,
    norm: Any,
    interpolation: Any,
    signed: Any,
    sqrt: Any,
    padding: Any,
    clip: Any,
    sigma: Any,
) -> Options:
    cells = as_pair(cell_size, "cell_size")
    blocks = as_pair(block_size, "block_size")
    one_of(norm, "norm", NORMS)
    one_of(interpolation, "interpolation", INTERPOLATIONS)
    trilinear = interpolation == "trilinear"
    if sigma is not None and not trilinear:
        raise ValueError(f"sigma is for interpolation='trilinear' only, got {sigma!r}; leave it None")
    default = (cells[0] * blocks[0] + cells[1] * blocks[1]) / 8
    return Options(
        cells,
        blocks,
        _stride_in_pixels(block_stride, cells, trilinear),
        as_count(orientations, "orientations", least=2 if trilinear else 1),
        norm,
        trilinear,
        as_flag(signed, "signed"),
        as_flag(sqrt, "sqrt"),
        as_pair(padding, "padding", least=0),
        min(as_number(clip, "clip", above=0), LARGE),
        # Beyond these limits of sigma weights stay the same.
        default if sigma is None else min(max(as_number(sigma, "sigma", above=0), 1e-3), LARGE),
    )


_cached_options = functools.lru_cache(64, typed=True)(_checked_options)


def as_inputs(images: Any, mask: Any, options: Options, channel_axis: ChannelAxis) -> tuple[Pixels, Array]:
    """Return checked images, and their mask (n_images, height, width), of size 0 if there is none."""
    pixels = as_pixels(
        images,
        any_number=True,
        gpu=True,
        channel_axis=channel_axis,
        unit=False,
        words="unit" if options.trilinear else "values",
    )
    if options.sqrt:
        pixels = pixels._replace(batch=_checked_for_roots(pixels.batch))
    shape = *pixels.leading, *pixels.size
    return pixels, NO_MASK if mask is None else as_mask(mask, shape, pixels.batch)


def _checked_for_roots(batch: Array) -> Array:
    """Return pixels that have square roots; rounding outside [0, 1] is set to 0 or 1."""
    if batch.dtype == np.uint8 or not count_outside(batch, 0, 1, late=True):
        return batch
    if count_outside(batch, -SLACK, np.inf):
        values = to_host(batch)
        raise ValueError(
            f"images must lie in [0, 1], got {values.min():g} to {values.max():g}, or have no negative "
            "values, for sqrt=True"
        )
    return clipped(batch, 0, np.inf if count_outside(batch, -SLACK, 1 + SLACK) else 1)


def fill_blocks(batch: Array, mask: Array, start: Pair, options: Options, blocks: Array) -> None:
    """Compute the blocks of checked images (n_images, height, width, n_channels), some at a time.

    ``blocks`` (n_images, n_rows, n_cols, n_values) begin at the pixel ``start`` of the padded images.

    1. Add the padding, and take square roots.
    2. Histogram the orientations in cells, or with interpolation in blocks.
    3. Gather the cells of each block, and divide them by their norm.
    """
    fill = _fill_trilinear if options.trilinear else _fill_from_cells
    is_bytes = batch.dtype.type is np.uint8
    constants = _constants(options, is_bytes)
    if batch.size <= PIXELS_AT_ONCE and not options.has_padding and not options.sqrt:  # the usual case
        fill(batch, mask, start, options, constants, blocks)
        return
    at_once = images_at_once(batch, PIXELS_AT_ONCE)
    if options.has_padding:
        area, padded = batch.shape[1:3], options.padded(batch.shape[1:3])
        at_once = max(1, at_once * area[0] * area[1] // (padded[0] * padded[1]))
    n_images = len(batch)
    for first in range(0, n_images, at_once):
        pixels, chosen, results = batch, mask, blocks
        if n_images > at_once:
            chunk = slice(first, first + at_once)
            pixels, results = batch[chunk], blocks[chunk]
            chosen = mask[chunk] if mask.size else mask
        corner = start
        if options.has_padding:
            pixels, chosen, corner = _padded(pixels, chosen, start, options.padding)
        if options.sqrt:
            pixels = _roots(pixels)
        fill(pixels, chosen, corner, options, constants, results)


def _fill_from_cells(
    pixels: Array, mask: Array, corner: Pair, options: Options, constants: Array, blocks: Array
) -> None:
    """Gather blocks of histograms of cells."""
    _, n_rows, n_cols, _ = blocks.shape
    down, across = options.cells_apart
    n_cells = (n_rows - 1) * down + options.block_size[0], (n_cols - 1) * across + options.block_size[1]
    planes = empty_on_device_of((options.orientations, len(pixels), *n_cells), np.float32, pixels)
    kernels = backend_of(pixels)
    dtype = np.float64 if pixels.dtype.type is np.float64 else np.float32
    edges = kernels.hog.bin_edges(options.orientations, options.signed, dtype)
    kernels.hog.cell_histograms(pixels, mask, corner, options.cell_size, *edges, planes)
    norm = kernels.blocks.NORMS[options.norm]
    kernels.blocks.normalize_blocks(planes, options.block_size, (down, across), norm, constants, blocks)


def _fill_trilinear(
    pixels: Array, mask: Array, corner: Pair, options: Options, constants: Array, blocks: Array
) -> None:
    """Compute interpolated histograms of blocks, weighted towards their centers, value by value."""
    grid = blocks.shape[:3]
    values = empty_on_device_of((*options.block_shape, *grid), np.float32, pixels)
    kernels = backend_of(pixels)
    rows, cols = _weights(options, kernels.hog.block_weights)
    turns = options.orientations if options.signed else 2 * options.orientations
    kernels.hog.block_histograms(
        pixels, mask, corner, options.cell_size, options.stride, rows, cols, turns, values
    )
    planes = values.reshape(options.n_values, *grid)
    norm = kernels.blocks.NORMS[options.norm]
    kernels.blocks.normalize_blocks(planes, (1, 1), (1, 1), norm, constants, blocks)


def _roots(pixels: Array) -> Array:
    """Return the square roots of pixels: those of bytes are float64 on the CPU, as in scikit-image."""
    dtype = np.dtype(np.float64 if isinstance(pixels, np.ndarray) else np.float32)
    roots = empty_on_device_of(pixels.shape, dtype if pixels.dtype == np.uint8 else pixels.dtype, pixels)
    backend_of(pixels).brightness.square_roots(pixels.reshape(-1), roots.reshape(-1))
    return frozen(roots)


def _padded(pixels: Array, mask: Array, start: Pair, padding: Pair) -> tuple[Array, Array, Pair]:
    """Return images and masks with mirrored borders, and where the pixel ``start`` of the padded images lies.

    One pixel more is added, so that gradients of the padding are those of the mirrored image, too.
    """
    more = int(padding[0] > 0), int(padding[1] > 0)
    sides = padding[0] + more[0], padding[1] + more[1]
    size = pixels.shape[1] + 2 * sides[0], pixels.shape[2] + 2 * sides[1]
    pixels = mirrored(pixels, sides, size)
    if mask.size:
        mask = mirrored(mask, sides, size)
    return pixels, mask, (start[0] + more[0], start[1] + more[1])


def _stride_in_pixels(value: Any, cell_size: Pair, trilinear: bool) -> Pair:
    is_pair = isinstance(value, SEQUENCES) and not isinstance(value, str)
    strides = as_numbers(value if is_pair else (value, value), "block_stride", 2, above=0, below=FAR)
    exact = [stride * cell for stride, cell in zip(strides, cell_size, strict=True)]
    rows, cols = [round(pixels) for pixels in exact]
    if min(rows, cols) < 1 or max(abs(exact[0] - rows), abs(exact[1] - cols)) > ROUNDING:
        raise ValueError(
            f"block_stride must come to whole pixels, got {value!r} of cells of "
            f"{cell_size[0]} x {cell_size[1]} pixels"
        )
    if not trilinear and (rows % cell_size[0] or cols % cell_size[1]):
        raise ValueError(f"block_stride must be whole cells unless interpolation='trilinear', got {value!r}")
    return rows, cols


@functools.lru_cache(64)
def _weights(options: Options, block_weights: Callable[[int, int, float], Array]) -> tuple[Array, Array]:
    """Return the weights of the rows and of the columns of a block."""
    rows, cols = options.cell_size
    n_rows, n_cols = options.block_size
    return block_weights(rows, n_rows, options.sigma), block_weights(cols, n_cols, options.sigma)


@functools.lru_cache(64)
def _constants(options: Options, is_bytes: bool) -> Array:
    """Return what is added before dividing, scikit-image's constants or OpenCV's for bytes, and the clip."""
    constants = (1e-5 if options.norm in ("l1", "l1-sqrt") else 1e-10), 0.0, 0.0
    if options.trilinear and options.norm == "l2-hys":
        unit = 1.0 if is_bytes else 1 / 255
        constants = 0.0, 0.1 * options.n_values * (math.sqrt(unit) if options.sqrt else unit), 1e-3
    return np.array((*constants, options.clip), np.float32)
