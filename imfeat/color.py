"""Conversions between RGB, HSV, HSI and gray."""

from typing import Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import as_colors, as_out, one_of, to_caller_array
from imfeat._inputs import ChannelAxis, Images, accepts

Scale: TypeAlias = Literal["float32", "uint8"]  # dtype of results: in [0, 1] or 0..255
SCALES: tuple[Scale, ...] = get_args(Scale)
WHITE_BYTE = np.float32(255)


@accepts(back=True, late=True)
def rgb_to_hsv(
    images: Images, *, dtype: Scale = "float32", channel_axis: ChannelAxis = -1, out: Array | None = None
) -> Array:
    """Convert RGB images to hue, saturation and value.

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
        Hue in [0, 1), 0 for gray; saturation and value in [0, 1].  Hue is an angle, 1 a full
        turn: 0.99 is next to 0.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not RGB images, or are floats and ``dtype="uint8"``.

    Notes
    -----
    Equal to ``skimage.color.rgb2hsv`` within 1e-6, and with ``dtype="uint8"`` to Pillow's
    ``image.convert("HSV")`` on all 2^24 colours.

    References
    ----------
    .. [1] A. R. Smith, "Color gamut transform pairs", SIGGRAPH 1978.
       :doi:`10.1145/965139.807361`

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> colors = np.array([[255, 0, 0], [0, 0, 128], [128, 128, 128]], np.uint8)  # red, dark blue, gray
    >>> imfeat.rgb_to_hsv(colors).round(2)
    array([[0.  , 1.  , 1.  ],
           [0.67, 1.  , 0.5 ],
           [0.  , 0.  , 0.5 ]], dtype=float32)
    >>> imfeat.rgb_to_hsv(colors, dtype="uint8")
    array([[  0, 255, 255],
           [170, 255, 128],
           [  0,   0, 128]], dtype=uint8)
    """
    return _convert(images, dtype, channel_axis, out, "rgb_to_hsv")


@accepts(back=True, late=True)
def hsv_to_rgb(
    images: Images, *, dtype: Scale = "float32", channel_axis: ChannelAxis = -1, out: Array | None = None
) -> Array:
    """Convert hue, saturation and value to RGB images.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (n, 3)
        HSV; uint8, uint16, int16, or floats in [0, 1]; the largest integer counts as 1.
    dtype : {"float32", "uint8"}
        ``"uint8"`` gives RGB of 0..255, rounded as Pillow does; it takes uint8.
    channel_axis : int
        Axis that holds the channels.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of the same shape, float32 or uint8
        RGB in [0, 1], or 0..255.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images of three channels, or are floats and ``dtype="uint8"``.

    Notes
    -----
    Equal to ``skimage.color.hsv2rgb`` within 1e-6, and with ``dtype="uint8"`` to Pillow's
    ``image.convert("RGB")`` of all 2^24 HSV colours.

    References
    ----------
    .. [1] A. R. Smith, "Color gamut transform pairs", SIGGRAPH 1978.
       :doi:`10.1145/965139.807361`

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> green = np.array([[1 / 3, 1, 1]])
    >>> imfeat.hsv_to_rgb(green).round(2)
    array([[0., 1., 0.]], dtype=float32)
    """
    return _convert(images, dtype, channel_axis, out, "hsv_to_rgb")


def _convert(images: Images, dtype: Scale, channel_axis: ChannelAxis, out: Array | None, name: str) -> Array:
    """Convert images by the kernel of a name, or to uint8 by that for bytes."""
    given = images
    images = as_colors(images, gpu=True, clip=True, channel_axis=channel_axis, later=True)
    one_of(dtype, "dtype", SCALES)
    kernels = backend_of(images).color
    out = as_out(out, images.shape, dtype, images)
    if dtype == "float32":
        n_outside = getattr(kernels, name)(images.reshape(-1), white_of(images), out.reshape(-1))
        if n_outside:  # either an error, or what is outside by rounding is cut
            images = as_colors(images, clip=True)
            getattr(kernels, name)(images.reshape(-1), white_of(images), out.reshape(-1))
    elif images.dtype.type is np.uint8:
        getattr(kernels, f"{name}_bytes")(images.reshape(-1), out.reshape(-1))
    else:
        original = getattr(given, "dtype", "a list")
        raise TypeError(f'dtype="uint8" takes uint8 images, got {original}; use dtype="float32"')
    return to_caller_array(out)


@accepts(back=True, late=True)
def rgb_to_hsi(images: Images, *, channel_axis: ChannelAxis = -1, out: Array | None = None) -> Array:
    """Convert RGB images to hue, saturation and intensity.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (n, 3)
        RGB; uint8, uint16, int16, bool, or floats in [0, 1].
    channel_axis : int
        Axis that holds the channels.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of the same shape, float32
        Hue in [0, 1), 0 for gray, the angle around the gray axis of the colour cube (which is
        not the hue of HSV, though red, green and blue agree); saturation, 0 for black, and
        intensity, the mean of the channels, in [0, 1].

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not RGB images.

    Notes
    -----
    Equal within 1e-5 to the usual formula with an arc cosine, which loses digits near gray;
    here the angle is atan2(sqrt(3) (G - B), 2 R - G - B).

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, "Digital Image Processing", 4th ed., 2018, section 6.2.

    Examples
    --------
    The intensity of pure red is a third, its value in HSV is 1:

    >>> import imfeat
    >>> import numpy as np
    >>> red = np.array([[255, 0, 0]], np.uint8)
    >>> imfeat.rgb_to_hsi(red).round(2)
    array([[0.  , 1.  , 0.33]], dtype=float32)
    >>> imfeat.rgb_to_hsv(red).round(2)
    array([[0., 1., 1.]], dtype=float32)
    """
    images = as_colors(images, gpu=True, clip=True, channel_axis=channel_axis)
    out = as_out(out, images.shape, np.float32, images)
    backend_of(images).color.rgb_to_hsi(images.reshape(-1), white_of(images), out.reshape(-1))
    return to_caller_array(out)


@accepts(late=True)
def rgb_to_gray(images: Images, *, channel_axis: ChannelAxis = -1, out: Array | None = None) -> Array:
    """Convert RGB images to gray.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (n, 3)
        RGB; uint8, uint16, int16, bool, or floats of any range.
    channel_axis : int
        Axis that holds the channels.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., height, width)
        For uint8, uint8 luma with the weights of Rec. 601 (0.299, 0.587, 0.114), equal to
        Pillow's ``image.convert("L")``; for floats, float32 luminance with the weights of
        Rec. 709 (0.2125, 0.7154, 0.0721), equal to ``skimage.color.rgb2gray`` within 1e-6.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not RGB images.

    Notes
    -----
    The two conventions differ by up to 0.13 of the range: each dtype follows the library that
    people use it with.

    Examples
    --------
    uint8 has the weights of Rec. 601, floats have those of Rec. 709:

    >>> import imfeat
    >>> import numpy as np
    >>> red = np.array([[255, 0, 0]], np.uint8)
    >>> imfeat.rgb_to_gray(red)
    array([76], dtype=uint8)
    >>> imfeat.rgb_to_gray(red / 255).round(4)
    array([0.2125], dtype=float32)
    """
    images = as_colors(images, gpu=True, channel_axis=channel_axis, unit=False)
    kernels = backend_of(images)
    if images.dtype.type is np.uint8:
        out = as_out(out, images.shape[:-1], np.uint8, images)
        kernels.color.rgb_to_gray_bytes(images.reshape(-1), out.reshape(-1))
    else:
        out = as_out(out, images.shape[:-1], np.float32, images)
        kernels.color.rgb_to_gray(images.reshape(-1), out.reshape(-1))
    return to_caller_array(out)


def gray_of(batch: Array) -> Array:
    """Return checked images (n_images, height, width, 1 or 3) as gray ones, on a GPU as a device array."""
    if batch.shape[-1] == 1:
        return batch.reshape(batch.shape[:-1])
    dtype = np.uint8 if batch.dtype == np.uint8 else np.float32
    gray = empty_on_device_of(batch.shape[:-1], dtype, batch)
    convert = backend_of(batch).color
    to_gray = convert.rgb_to_gray_bytes if dtype == np.uint8 else convert.rgb_to_gray
    to_gray(batch.reshape(-1), gray.reshape(-1))
    return gray


def white_of(images: Array) -> np.floating:
    """Return the value that counts as 1, in the type that kernels compute in."""
    return WHITE_BYTE if images.dtype.type is np.uint8 else images.dtype.type(1)
