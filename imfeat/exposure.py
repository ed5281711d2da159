"""Histogram equalization of images, global and adaptive (CLAHE)."""

from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import (
    as_counts,
    as_mask,
    as_number,
    as_out,
    as_pixels,
    images_at_once,
    kept_dtype,
    one_of,
    to_caller_array,
)
from imfeat._equalize import equalize_planes
from imfeat._inputs import ChannelAxis, Images, accepts
from imfeat._planes import from_planes, frozen, mirrored, repeated, to_planes

PIXELS_AT_ONCE = 1 << 20  # pixels whose tables, planes and margins are held at a time
ENTRIES_AT_ONCE = 1 << 27  # entries of the tables of tiles, likewise
NO_MASK = np.empty((0, 0), np.bool_)
Convention: TypeAlias = Literal["torchvision", "opencv"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)
TILE_DTYPES = {np.dtype(np.uint8): 1 << 8, np.dtype(np.uint16): 1 << 16}  # and the number of their values


@accepts(back=True, late=True)
def equalize(
    images: Images,
    *,
    convention: Convention = "torchvision",
    mask: Array | None = None,
    channel_axis: ChannelAxis = "auto",
    out: Array | None = None,
) -> Array:
    """Equalize the histogram of each image, channel by channel.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats of any range.
    convention : {"torchvision", "opencv"}
        Library whose rounding is followed for uint8; see Notes.
    mask : bool array of shape (..., height, width) or (height, width), optional
        Pixels whose values make the histogram; all pixels are mapped.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of the shape and dtype of ``images``
        In 0..255, 0..65535, 0..32767, or [0, 1]; float32 for bool.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, or the mask does not fit, or the convention is unknown.

    Notes
    -----
    uint8: ``"torchvision"`` gives, bit for bit, ``torchvision.transforms.functional.equalize`` and
    Pillow's ``ImageOps.equalize``; an image too small or too uniform to spread (fewer than 255
    pixels besides those of its highest value) comes back unchanged.  ``"opencv"`` gives
    ``cv2.equalizeHist``, bit for bit; here the lowest value always goes to 0.

    Floats: ``skimage.exposure.equalize_hist`` of each channel with 256 bins, within 1e-6: a pixel
    becomes the share of pixels that are not brighter; both conventions give the same.  Where values
    are so close that 256 bins between them coincide, as in a nearly flat image, and scikit-image raises an
    error, a channel is equalized after it was stretched to [0, 1] in float64.

    uint16, int16: ``skimage.exposure.equalize_hist`` over all 65,536 values, times the largest value of the
    dtype and rounded; both conventions give the same.

    An empty mask leaves its image unchanged.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, "Digital Image Processing", 4th ed., 2018, section 3.3.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> import skimage.data
    >>> image = np.array([[100, 101], [102, 103]], np.uint8)
    >>> imfeat.equalize(image, convention="opencv")
    array([[  0,  85],
           [170, 255]], dtype=uint8)

    A dark photograph then covers the whole range:

    >>> dark = skimage.data.camera() // 4
    >>> int(dark.max()), int(imfeat.equalize(dark).max())
    (63, 255)
    """
    checked = as_pixels(
        images, any_number=True, gpu=True, channel_axis=channel_axis, unit=False, words="kept"
    )
    one_of(convention, "convention", CONVENTIONS)
    out = as_out(out, checked.shape, kept_dtype(checked), checked.batch)
    n_images, height, width, n_channels = checked.batch.shape
    pixels = checked.batch.reshape(n_images, height * width, n_channels)
    chosen = None
    if mask is not None:
        chosen = as_mask(mask, (*checked.leading, height, width), checked.batch).reshape(n_images, -1)
    if pixels.dtype == np.uint8:
        _equalize_bytes(pixels, chosen, convention, out.reshape(pixels.shape))
    else:
        target = out if out.dtype == pixels.dtype else np.empty(pixels.shape, pixels.dtype)
        equalize_planes(pixels, chosen, target.reshape(pixels.shape))
        if target is not out:
            out[...] = target.reshape(out.shape)
    return to_caller_array(out)


@accepts(back=True, late=True)
def equalize_value(
    images: Images,
    *,
    convention: Convention = "torchvision",
    mask: Array | None = None,
    channel_axis: ChannelAxis = -1,
    out: Array | None = None,
) -> Array:
    """Equalize the brightness of colour images and keep hue and saturation.

    Parameters
    ----------
    images : array of shape (..., height, width, 3)
        RGB; uint8, uint16, int16, bool, or floats in [0, 1].
    convention, mask, out
        As in `equalize`.
    channel_axis : int
        Axis that holds the channels.

    Returns
    -------
    array of the shape and dtype of ``images``
        The images after `equalize` of V of HSV; black pixels, which have no hue, become gray.

    Raises
    ------
    TypeError, ValueError
        As in `equalize`, and if ``images`` are not in colour.

    Notes
    -----
    V is the largest channel, so the way through HSV and back is a factor a pixel: each channel
    is multiplied by what V was multiplied by, and rounded once.

    Examples
    --------
    Red pixels stay red:

    >>> import imfeat
    >>> import numpy as np
    >>> image = np.array([[[10, 0, 0], [20, 0, 0], [30, 0, 0], [40, 0, 0]]], np.uint8)
    >>> imfeat.equalize_value(image, convention="opencv")
    array([[[  0,   0,   0],
            [ 85,   0,   0],
            [170,   0,   0],
            [255,   0,   0]]], dtype=uint8)
    """
    pixels = as_pixels(images, gray=False, gpu=True, clip=True, channel_axis=channel_axis, words="kept")
    batch = pixels.batch
    out = as_out(out, pixels.shape, kept_dtype(pixels), batch)
    values = empty_on_device_of(batch.shape[:-1], batch.dtype, batch)
    options: dict[str, Any] = {"convention": convention, "mask": mask, "channel_axis": None}
    kernels = backend_of(batch)
    kernels.brightness.largest_channel(batch.reshape(-1, 3), values.reshape(-1))
    values = equalize(values.reshape(*pixels.leading, *pixels.size), **options)
    target = out if out.dtype == batch.dtype else np.empty(batch.shape, batch.dtype)
    kernels.brightness.scale_to_value(batch.reshape(-1, 3), values.reshape(-1), target.reshape(-1, 3))
    if target is not out:
        out[...] = target.reshape(out.shape)
    return to_caller_array(out)


@accepts(back=True)
def equalize_clahe(
    images: Images,
    *,
    clip_limit: float = 2.0,
    tiles: tuple[int, int] = (8, 8),
    channel_axis: ChannelAxis = "auto",
    out: Array | None = None,
) -> Array:
    """Equalize each region by its own histogram, with limited contrast (CLAHE).

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width), uint8 or uint16
        Colour images are treated channel by channel.
    clip_limit : float
        A bin of a tile's histogram is cut at this many times the mean count; what is cut is
        spread over all bins, as many as the dtype has values.  A limit of this number or more cuts nothing.
    tiles : (int, int)
        Rows and columns of tiles.  An image whose size they don't divide is continued by its
        mirror image at the bottom and the right for the histograms.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of the shape and dtype of ``images``

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not uint8 or uint16 images, the clip limit is not above 0, or there are more rows
        or columns of tiles than pixels.

    Notes
    -----
    Equal, bit for bit, to OpenCV's ``createCLAHE(clip_limit, tiles[::-1])``.

    References
    ----------
    .. [1] K. Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV,
       1994.  :doi:`10.1016/B978-0-12-336156-1.50061-6`

    Examples
    --------
    The range of the values of a faint photograph before and after:

    >>> import imfeat
    >>> import numpy as np
    >>> import skimage.data
    >>> faint = skimage.data.camera() // 16 + 100
    >>> int(np.ptp(faint)), int(np.ptp(imfeat.equalize_clahe(faint)))
    (15, 43)
    """
    pixels = as_pixels(images, any_number=True, gpu=True, channel_axis=channel_axis, unit=False, words="kept")
    clip_limit = as_number(clip_limit, "clip_limit", above=0)
    n_rows, n_cols = as_counts(tiles, "tiles", 2)
    if pixels.dtype not in TILE_DTYPES:
        raise TypeError(
            f"images must be uint8, got {pixels.dtype}, or uint16; write "
            "np.rint(images * 255).astype('uint8') for floats in [0, 1]"
        )
    height, width = pixels.size
    if n_rows > height or n_cols > width:
        raise ValueError(f"tiles must fit images of {height} x {width} pixels, got {n_rows} x {n_cols}")
    batch = pixels.batch
    out = as_out(out, pixels.shape, pixels.dtype, batch)
    results = out.reshape(batch.shape)
    n_entries = n_rows * n_cols * TILE_DTYPES[pixels.dtype] * batch.shape[-1]  # of the tables of an image
    at_once = min(images_at_once(batch, PIXELS_AT_ONCE), max(1, ENTRIES_AT_ONCE // n_entries))
    for first in range(0, len(batch), at_once):
        chunk = slice(first, first + at_once)
        planes = to_planes(batch[chunk])
        if batch.shape[-1] == 1:
            _clahe(planes, clip_limit, (n_rows, n_cols), results[chunk].reshape(planes.shape))
            continue
        equalized = empty_on_device_of(planes.shape, planes.dtype, planes)
        _clahe(planes, clip_limit, (n_rows, n_cols), equalized)
        from_planes(equalized, results[chunk])
    return to_caller_array(out)


def _equalize_bytes(pixels: Array, chosen: Array | None, convention: Convention, out: Array) -> None:
    """Equalize pixels (n_images, n_pixels, n_channels) of uint8, which kernels do for 1 or 3 channels."""
    kernels = backend_of(pixels).equalize
    code = kernels.CONVENTIONS[convention]
    counted = NO_MASK if chosen is None else chosen
    if pixels.shape[2] in (1, 3):
        kernels.equalize_bytes(pixels, counted, code, out)
        return
    if chosen is not None:
        counted = frozen(repeated(chosen, pixels.shape[2]))
    planes = frozen(to_planes(pixels))
    planes = planes.reshape(*planes.shape, 1)
    equalized = empty_on_device_of(planes.shape, planes.dtype, planes)
    kernels.equalize_bytes(planes, counted, code, equalized)
    from_planes(equalized, out)


def _clahe(planes: Array, clip_limit: float, tiles: tuple[int, int], out: Array) -> None:
    """Equalize planes (n, height, width) by tiles."""
    kernels = backend_of(planes).clahe
    n_values = TILE_DTYPES[planes.dtype]
    padded = _mirror_to_multiple(planes, *tiles)
    tile_height = padded.shape[1] // tiles[0]
    tile_width = padded.shape[2] // tiles[1]
    clip = max(int(clip_limit * tile_height * tile_width / n_values), 1)
    tables = empty_on_device_of((len(planes), *tiles, n_values), planes.dtype, planes)
    kernels.clahe_tables(padded, clip, tables)
    kernels.clahe_blend(planes, tables, tile_height, tile_width, out)


def _mirror_to_multiple(batch: Array, n_rows: int, n_cols: int) -> Array:
    """Continue images to a multiple of the tiles.

    If one of the two sizes is a multiple already, OpenCV adds a whole period to it.
    """
    _, height, width = batch.shape
    down = -height % n_rows
    across = -width % n_cols
    if not (down or across):
        return batch
    down = down or n_rows
    across = across or n_cols
    return mirrored(batch, (0, 0), (height + down, width + across))
