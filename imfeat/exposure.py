"""Histogram equalization of images, global and adaptive (CLAHE)."""

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import (
    as_batch,
    as_counts,
    as_images,
    as_mask,
    as_number,
    as_on_host,
    as_out,
    images_at_once,
    is_color,
    one_of,
    to_caller_array,
)
from imfeat._equalize import N_BINS, equalize_floats

PIXELS_AT_ONCE = 1 << 20  # pixels whose tables, planes and margins are held at a time
NO_MASK = np.empty((0, 0), np.bool_)
CONVENTIONS = ("torchvision", "opencv")


def equalize(
    images: Array,
    *,
    convention: str = "torchvision",
    mask: Array | None = None,
    out: Array | None = None,
) -> Array:
    """Spread the values of each image, channel by channel, evenly over the whole range.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, or float32 or float64 in [0, 1].
    convention : {"torchvision", "opencv"}
        Library whose rounding is followed for uint8; see Notes.
    mask : bool array of shape (..., height, width) or (height, width), optional
        Pixels whose values make the histogram; all pixels are mapped.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of the shape and dtype of ``images``
        In 0..255 or [0, 1].

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
    error, a channel of float32 is equalized as float64, and one of float64 after it was stretched to [0, 1].

    An empty mask leaves its image unchanged.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, "Digital Image Processing", 4th ed., 2018, section 3.3.
    """
    images = as_images(images, gpu=True)
    one_of(convention, "convention", CONVENTIONS)
    out = as_out(out, images.shape, images.dtype, images)
    pixels = _as_pixels(images)
    chosen = None if mask is None else as_mask(mask, images).reshape(pixels.shape[:2])
    if images.dtype == np.uint8:
        kernels = backend_of(images).equalize
        counted = NO_MASK if chosen is None else chosen
        code = kernels.CONVENTIONS[convention]
        kernels.equalize_bytes(pixels, counted, code, out.reshape(pixels.shape))
    else:
        pixels = as_on_host(pixels, "equalization of floats")
        out.reshape(pixels.shape)[:] = equalize_floats(pixels, chosen)
    return to_caller_array(out)


def equalize_value(
    images: Array,
    *,
    convention: str = "torchvision",
    mask: Array | None = None,
    out: Array | None = None,
) -> Array:
    """Equalize the brightness of colour images and keep hue and saturation.

    Parameters
    ----------
    images : array of shape (..., height, width, 3)
        RGB; uint8, or float32 or float64 in [0, 1].
    convention, mask, out
        As in `equalize`.

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
    """
    images = as_images(images, gray=False, gpu=True, clip=True)
    kernels = backend_of(images)
    values = empty_on_device_of(images.shape[:-1], images.dtype, images)
    kernels.brightness.largest_channel(images.reshape(-1, 3), values.reshape(-1))
    values = equalize(values, convention=convention, mask=mask)
    out = as_out(out, images.shape, images.dtype, images)
    kernels.brightness.scale_to_value(images.reshape(-1, 3), values.reshape(-1), out.reshape(-1, 3))
    return to_caller_array(out)


def equalize_clahe(
    images: Array,
    *,
    clip_limit: float = 2.0,
    tiles: tuple[int, int] = (8, 8),
    out: Array | None = None,
) -> Array:
    """Equalize each region by its own histogram, with limited contrast (CLAHE).

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width), uint8
        Colour images are treated channel by channel.
    clip_limit : float
        A bin of a tile's histogram is cut at this many times the mean count; what is cut is
        spread over all bins.  From 256 on nothing is cut.
    tiles : (int, int)
        Rows and columns of tiles.  An image whose size they don't divide is continued by its
        mirror image at the bottom and the right for the histograms.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of the shape of ``images``, uint8

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not uint8 images, the clip limit is not above 0, or there are more rows
        or columns of tiles than pixels.

    Notes
    -----
    Equal, bit for bit, to OpenCV's ``createCLAHE(clip_limit, tiles[::-1])``.

    References
    ----------
    .. [1] K. Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV,
       1994.  :doi:`10.1016/B978-0-12-336156-1.50061-6`
    """
    images = as_images(images, gpu=True)
    clip_limit = as_number(clip_limit, "clip_limit", above=0)
    n_rows, n_cols = as_counts(tiles, "tiles", 2)
    if images.dtype != np.uint8:
        raise TypeError(
            f"images must be uint8, got {images.dtype}; write np.rint(images * 255).astype('uint8')"
        )
    height, width = images.shape[-3:-1] if is_color(images) else images.shape[-2:]
    if n_rows > height or n_cols > width:
        raise ValueError(f"tiles must fit images of {height} x {width} pixels, got {n_rows} x {n_cols}")
    out = as_out(out, images.shape, np.uint8, images)
    _, batch = as_batch(images)
    results = out.reshape(batch.shape)
    at_once = images_at_once(batch, PIXELS_AT_ONCE)
    for first in range(0, len(batch), at_once):
        chunk = slice(first, first + at_once)
        if not is_color(images):
            _clahe(batch[chunk], clip_limit, (n_rows, n_cols), results[chunk])
            continue
        pixels = as_on_host(batch[chunk], "CLAHE of colour images")
        planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 1)).reshape(-1, height, width)
        equalized = np.empty(planes.shape, np.uint8)
        _clahe(planes, clip_limit, (n_rows, n_cols), equalized)
        results[chunk] = np.moveaxis(equalized.reshape(-1, 3, height, width), 1, -1)
    return to_caller_array(out)


def _clahe(planes: Array, clip_limit: float, tiles: tuple[int, int], out: Array) -> None:
    """Equalize planes (n, height, width) by tiles."""
    kernels = backend_of(planes).clahe
    padded = _mirror_to_multiple(planes, *tiles)
    tile_height = padded.shape[1] // tiles[0]
    tile_width = padded.shape[2] // tiles[1]
    clip = max(int(clip_limit * tile_height * tile_width / N_BINS), 1)
    tables = empty_on_device_of((len(planes), *tiles, N_BINS), np.uint8, planes)
    kernels.clahe_tables(padded, clip, tables)
    kernels.clahe_blend(planes, tables, tile_height, tile_width, out)


def _as_pixels(images: Array) -> Array:
    """Return checked images as (n_images, n_pixels, n_channels)."""
    _, batch = as_batch(images)
    n, height, width = batch.shape[:3]
    return batch.reshape(n, height * width, 3 if is_color(images) else 1)


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
    batch = as_on_host(batch, "CLAHE of sizes that the tiles don't divide")
    return np.pad(batch, ((0, 0), (0, down), (0, across)), "reflect")
