"""Conversions between RGB and the YCbCr of JPEG files."""

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import as_colors, as_out, one_of, to_caller_array
from imfeat._inputs import ChannelAxis, Images, accepts
from imfeat.color import SCALES, Scale


@accepts(back=True, late=True)
def rgb_to_ycbcr(
    images: Images, *, dtype: Scale = "float32", channel_axis: ChannelAxis = -1, out: Array | None = None
) -> Array:
    """Convert RGB images to luma and chroma (YCbCr).

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (n, 3)
        RGB; uint8, uint16, int16, bool, or floats in [0, 1].
    dtype : {"float32", "uint8"}
        ``"uint8"`` scales each of the three to 0..255, rounding as Pillow does; it takes uint8.
    channel_axis : int
        Axis that holds the channels.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of the same shape, float32 or uint8
        Y, Cb and Cr in [0, 1], of which the latter two are 0.5 for gray, or in 0..255, where they are
        128 for gray.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not RGB images, or are floats and ``dtype="uint8"``.

    Notes
    -----
    This is the full range of JPEG files, with ``dtype="uint8"`` equal to Pillow's
    ``image.convert("YCbCr")`` on all 2^24 colours.  ``skimage.color.rgb2ycbcr`` has the range of video, 16 to
    235 and 16 to 240, and OpenCV's ``COLOR_RGB2YCrCb`` has the order Y, Cr, Cb.

    References
    ----------
    .. [1] ITU-T Recommendation T.871, "JPEG File Interchange Format (JFIF)", 2011.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> colors = np.array([[255, 0, 0], [128, 128, 128]], np.uint8)  # red, gray
    >>> imfeat.rgb_to_ycbcr(colors, dtype="uint8")
    array([[ 76,  84, 255],
           [128, 128, 128]], dtype=uint8)
    """
    original = getattr(images, "dtype", "a list")
    images = as_colors(images, gpu=True, clip=True, channel_axis=channel_axis)
    one_of(dtype, "dtype", SCALES)
    kernels = backend_of(images).ycbcr
    out = as_out(out, images.shape, dtype, images)
    if dtype == "float32":
        white = np.float32(255 if images.dtype == np.uint8 else 1)
        kernels.rgb_to_ycbcr(images.reshape(-1), white, out.reshape(-1))
    elif images.dtype == np.uint8:
        kernels.rgb_to_ycbcr_bytes(images.reshape(-1), out.reshape(-1))
    else:
        raise TypeError(f'dtype="uint8" takes uint8 images, got {original}; use dtype="float32"')
    return to_caller_array(out)


@accepts(back=True, late=True)
def ycbcr_to_rgb(images: Images, *, channel_axis: ChannelAxis = -1, out: Array | None = None) -> Array:
    """Convert luma and chroma (YCbCr) to RGB images.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (n, 3)
        YCbCr as `rgb_to_ycbcr` returns it; uint8, uint16, int16, or floats in [0, 1].
    channel_axis : int
        Axis that holds the channels.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of the same shape, float32
        RGB in [0, 1]; colours outside it are clipped.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images of three channels.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> pixels = np.array([[0.5, 0.5, 0.5], [0.299, 0.331, 1]])  # gray, red
    >>> imfeat.ycbcr_to_rgb(pixels).round(2)
    array([[0.5, 0.5, 0.5],
           [1. , 0. , 0. ]], dtype=float32)
    """
    images = as_colors(images, gpu=True, clip=True, channel_axis=channel_axis)
    out = as_out(out, images.shape, np.float32, images)
    white, center = (255, 128) if images.dtype == np.uint8 else (1, 0.5)
    kernels = backend_of(images).ycbcr
    kernels.ycbcr_to_rgb(images.reshape(-1), np.float32(white), np.float32(center), out.reshape(-1))
    return to_caller_array(out)
