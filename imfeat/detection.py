"""What detectors take: the HoG of all windows of an image, and OpenCV's order of its numbers."""

import math
from typing import NamedTuple

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of, fill
from imfeat._check import as_out, as_pair, to_caller_array
from imfeat._device import is_on_gpu
from imfeat._hog import BlockNorm, Interpolation, Options, Pair, as_inputs, as_options, fill_blocks
from imfeat._inputs import ChannelAxis, Images, accepts
from imfeat._rows import joined


class _Layout(NamedTuple):
    """Where the blocks of windows begin, among all blocks."""

    n_windows: tuple[int, ...]  # rows and columns of windows
    n_blocks: tuple[int, ...]  # of a window
    window_steps: tuple[int, ...]  # from one window to the next, in blocks
    block_steps: tuple[int, ...]

    def windows_of(self, blocks: Array) -> Array:
        """Return what belongs to blocks (n_images, n_rows, n_cols, ...) by windows, a read-only view.

        Its shape is (n_images, n_window_rows, n_window_cols, block rows, block columns of a window, ...).
        """
        reach = [(n - 1) * step + 1 for n, step in zip(self.n_blocks, self.block_steps, strict=True)]
        views = np.lib.stride_tricks.sliding_window_view(blocks, reach, (1, 2))
        (down, across), (row_step, col_step) = self.window_steps, self.block_steps
        views = views[:, ::down, ::across, ..., ::row_step, ::col_step]
        return np.moveaxis(views[:, : self.n_windows[0], : self.n_windows[1]], (-2, -1), (3, 4))


@accepts(late=True)
def hog_windows(
    images: Images,
    window: tuple[int, int],
    stride: int | tuple[int, int],
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
    channel_axis: ChannelAxis = "auto",
) -> Array:
    """Describe all windows of each image as `hog` does, computing the blocks that they share once.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats of any range.  In images of several channels each pixel
        takes the gradient of its strongest channel.
    window : (int, int)
        Height and width of a window, in pixels.
    stride : int or (int, int)
        Rows and columns of pixels from one window to the next.
    cell_size, block_size, block_stride, orientations, norm, interpolation, signed, sqrt, clip, sigma
        As `hog` takes them.
    padding : int or (int, int)
        Rows of pixels to add above and below the images, and columns at their left and right: the image
        mirrored at the pixels of its border.  The first window begins in its corner.
    mask : bool array of shape (..., height, width) or (height, width), optional
        Pixels that vote.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.

    Returns
    -------
    array of shape (..., n_window_rows, n_window_cols, n_rows, n_cols, block_rows, block_cols, orientations)
        Of float32: for each window what `hog` gives with ``flatten=False``.  This is a read-only view:
        windows that overlap have the memory of their blocks in common, and ``reshape`` copies them.  On a
        GPU each window has a copy of its blocks.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, an option is not one of those above, an image is smaller than a
        window, or a window smaller than a block.

    See Also
    --------
    hog : One vector an image, with all details of the options.
    hog_to_opencv : OpenCV's order of the numbers.

    Notes
    -----
    At its border, a window has the gradients of the image, which look at pixels beyond the window, as in
    OpenCV's ``detectMultiScale``.  A crop by itself has gradients of 0 there.

    Blocks are computed in one pass if ``stride`` is a multiple of the block stride.  Otherwise the number of
    passes is the block stride over its greatest common divisor with ``stride``, for rows times for columns.

    A linear detector ``weights`` of shape (n_rows, n_cols, block_rows, block_cols, orientations) gives
    the scores of all windows by ``np.tensordot(windows, weights, 5)``, which copies the windows.

    Examples
    --------
    Windows of the detector of pedestrians of Dalal and Triggs, every 8 pixels:

    >>> import imfeat
    >>> import numpy as np
    >>> import skimage.data
    >>> image = skimage.data.astronaut()
    >>> windows = imfeat.hog_windows(image, (128, 64), 8)
    >>> windows.shape
    (49, 57, 15, 7, 2, 2, 9)
    >>> weights = np.zeros(windows.shape[2:])  # of a linear detector
    >>> np.tensordot(windows, weights, 5).shape
    (49, 57)
    """
    options = as_options(
        *(cell_size, block_size, block_stride, orientations, norm, interpolation),
        *(signed, sqrt, padding, clip, sigma),
    )
    pixels, chosen = as_inputs(images, mask, options, channel_axis)
    batch = pixels.batch
    sides = as_pair(window, "window")
    steps = as_pair(stride, "stride")
    n_blocks = options.grid(sides, "windows")
    area = options.padded(pixels.size)
    if area[0] < sides[0] or area[1] < sides[1]:
        raise ValueError(
            f"images of {area[0]} x {area[1]} pixels are smaller than a window of "
            f"{sides[0]} x {sides[1]} pixels"
        )
    # Blocks of all windows begin at multiples of their greatest common divisor.
    spacing = math.gcd(steps[0], options.stride[0]), math.gcd(steps[1], options.stride[1])
    layout = _Layout(
        tuple((side - w) // step + 1 for side, w, step in zip(area, sides, steps, strict=True)),
        n_blocks,
        tuple(step // g for step, g in zip(steps, spacing, strict=True)),
        tuple(stride // g for stride, g in zip(options.stride, spacing, strict=True)),
    )
    if not isinstance(batch, np.ndarray):
        return _on_gpu(batch, chosen, spacing, area, options, layout, pixels.leading)
    windows = layout.windows_of(_dense_blocks(batch, chosen, spacing, area, options))
    return windows.reshape(*pixels.leading, *windows.shape[1:])


@accepts(lists=False)
def hog_to_opencv(features: Array) -> Array:
    """Put HoG features into the order of OpenCV's ``HOGDescriptor``: columns first.

    Parameters
    ----------
    features : array of shape (..., n_rows, n_cols, block_rows, block_cols, orientations)
        What `hog` gives with ``flatten=False``, or `hog_windows`.

    Returns
    -------
    array of shape (..., n_features), of the dtype of ``features``
        Blocks column by column, in each its cells column by column.  OpenCV's detectors are weights of these
        numbers, and after the last weight a constant to add.

    Raises
    ------
    TypeError, ValueError
        If ``features`` are not numbers, lie on a GPU, or have fewer than five axes.

    Examples
    --------
    The first two blocks in OpenCV's order lie in the first column:

    >>> import imfeat
    >>> import numpy as np
    >>> blocks = np.arange(6).reshape(2, 3, 1, 1, 1)
    >>> imfeat.hog_to_opencv(blocks)
    array([0, 3, 1, 4, 2, 5])
    """
    if is_on_gpu(features):
        raise TypeError("features lie on a GPU, where they are not put into order; copy them to the host")
    array = np.asarray(features)
    if array.dtype.kind not in "uif":
        raise TypeError(f"features must be numbers, got {array.dtype}")
    if array.ndim < 5:
        raise ValueError(
            "features must have the shape (..., n_rows, n_cols, block_rows, block_cols, orientations), got "
            f"{array.shape}; call hog with flatten=False"
        )
    columns = array.swapaxes(-5, -4).swapaxes(-3, -2)
    return columns.reshape(*array.shape[:-5], -1)


def _dense_blocks(batch: Array, mask: Array, spacing: Pair, area: Pair, options: Options) -> Array:
    """Return all blocks that begin at multiples of ``spacing``.

    Their shape is (n_images, n_rows, n_cols, block_rows, block_cols, orientations).
    """
    shape, steps = _grid_of(spacing, area, options)
    blocks = np.empty((len(batch), *shape, options.n_values), np.float32)
    for r, c in np.ndindex(min(steps[0], shape[0]), min(steps[1], shape[1])):
        start = r * spacing[0], c * spacing[1]
        part = blocks[:, r :: steps[0], c :: steps[1]]
        results = part if steps == (1, 1) else np.empty(part.shape, np.float32)
        fill_blocks(batch, mask, start, options, results)
        if results is not part:
            part[...] = results
    return blocks.reshape(len(batch), *shape, *options.block_shape)


def _grid_of(spacing: Pair, area: Pair, options: Options) -> tuple[Pair, Pair]:
    """Return how many blocks begin at multiples of ``spacing``, and how many lie between those of a pass."""
    block_height, block_width = options.block_pixels
    shape = (area[0] - block_height) // spacing[0] + 1, (area[1] - block_width) // spacing[1] + 1
    return shape, (options.stride[0] // spacing[0], options.stride[1] // spacing[1])


def _on_gpu(
    batch: Array,
    mask: Array,
    spacing: Pair,
    area: Pair,
    options: Options,
    layout: _Layout,
    leading: tuple[int, ...],
) -> Array:
    """Return the blocks of all windows, each copied from the pass that computes it."""
    shape, steps = _grid_of(spacing, area, options)
    numbers = np.empty((1, *shape), np.int64)  # of the blocks of an image, pass by pass
    parts, first = [], 0
    for r, c in np.ndindex(min(steps[0], shape[0]), min(steps[1], shape[1])):
        of_pass = numbers[0, r :: steps[0], c :: steps[1]]
        part = empty_on_device_of((len(batch), *of_pass.shape, options.n_values), np.float32, batch)
        fill_blocks(batch, mask, (r * spacing[0], c * spacing[1]), options, part)
        of_pass[...] = np.arange(first, first + of_pass.size).reshape(of_pass.shape)
        parts.append(part)
        first += of_pass.size
    chosen = layout.windows_of(numbers)
    order = empty_on_device_of((chosen.size,), np.int64, batch)
    fill(order, chosen.reshape(-1))
    out = as_out(None, (*leading, *chosen.shape[1:], *options.block_shape), np.float32, batch)
    rows = out.reshape(-1, options.n_values)
    for i in range(len(batch)):
        blocks = joined([part[i : i + 1].reshape(-1, options.n_values) for part in parts])
        target = rows[i * chosen.size : (i + 1) * chosen.size]
        backend_of(batch).groups.gather_rows(blocks, order, target)
    return to_caller_array(out)
