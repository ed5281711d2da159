"""Conversions between RGB and CIE L*a*b*."""

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import as_colors, as_out, as_vectors, to_caller_array
from imfeat._inputs import ChannelAxis, Images, accepts


@accepts(back=True, late=True)
def rgb_to_lab(images: Images, *, channel_axis: ChannelAxis = -1, out: Array | None = None) -> Array:
    """Convert sRGB images to CIE L*a*b*, in which distances approximate perceived differences.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (n, 3)
        sRGB; uint8, uint16, int16, bool, or floats in [0, 1].
    channel_axis : int
        Axis that holds the channels.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of the same shape, float32
        Lightness in [0, 100]; a (green to red) in [-86.2, 98.3]; b (blue to yellow) in [-107.9, 94.5].  Both
        are near 0 for gray, within 0.01.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not RGB images.

    Notes
    -----
    The white point is D65, the observer that of 2 degrees.  Equal to ``skimage.color.rgb2lab`` within 1e-5:
    all steps are computed in float64 and rounded once.

    References
    ----------
    .. [1] CIE 15, "Colorimetry", 3rd ed., 2004.
    .. [2] IEC 61966-2-1, "Default RGB colour space - sRGB", 1999.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> colors = np.array([[255, 0, 0], [0, 0, 255]], np.uint8)  # red, blue
    >>> imfeat.rgb_to_lab(colors).round(1)
    array([[  53.2,   80.1,   67.2],
           [  32.3,   79.2, -107.9]], dtype=float32)
    """
    images = as_colors(images, gpu=True, clip=True, channel_axis=channel_axis)
    out = as_out(out, images.shape, np.float32, images)
    kernels = backend_of(images).lab
    convert = kernels.rgb_to_lab_bytes if images.dtype == np.uint8 else kernels.rgb_to_lab
    convert(images.reshape(-1), out.reshape(-1))
    return to_caller_array(out)


@accepts(back=True, late=True)
def lab_to_rgb(images: Images, *, channel_axis: ChannelAxis = -1, out: Array | None = None) -> Array:
    """Convert CIE L*a*b* to sRGB images.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (n, 3)
        L, a and b as `rgb_to_lab` returns them; finite numbers.
    channel_axis : int
        Axis that holds the channels.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of the same shape, float32
        sRGB in [0, 1]; colours outside its gamut are clipped.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images of three channels, or not finite.

    Notes
    -----
    Equal to ``skimage.color.lab2rgb`` of the same numbers as float32 within 1e-6.

    Examples
    --------
    The inverse of `rgb_to_lab`:

    >>> import imfeat
    >>> import numpy as np
    >>> red = np.array([[255, 0, 0]], np.uint8)
    >>> imfeat.lab_to_rgb(imfeat.rgb_to_lab(red)).round(2)
    array([[1., 0., 0.]], dtype=float32)
    """
    images = as_vectors(images, name="images", length=3, axes=None, gpu=True)
    if images.ndim < 2:
        raise ValueError(f"images must have the shape (..., height, width, 3), got {images.shape}")
    out = as_out(out, images.shape, np.float32, images)
    backend_of(images).lab.lab_to_rgb(images.reshape(-1), out.reshape(-1))
    return to_caller_array(out)
