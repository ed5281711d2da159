"""Matching of the histograms of images with those of others."""

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import Pixels, as_on_host, as_out, as_pixels, kept_dtype, to_caller_array
from imfeat._dtypes import LARGEST
from imfeat._inputs import ChannelAxis, Images, accepts
from imfeat._planes import from_planes, repeated, to_planes


@accepts(back=True, others=("reference",), late=True)
def match_histograms(
    images: Images,
    reference: Images,
    *,
    channel_axis: ChannelAxis = "auto",
    out: Array | None = None,
) -> Array:
    """Give each image the histogram of another, channel by channel.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats of any range.
    reference : array of shape (height, width[, 3]) or (..., height, width[, 3])
        One image for all, or, with the leading axes of ``images``, one for each; of the same dtype and number
        of channels, and of any height and width.
    channel_axis : int, None or "auto"
        Axis that holds the channels of both, None for gray images; ``"auto"`` takes a last axis of length
        3 or 1.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of the shape and dtype of ``images``
        A pixel becomes the value that has its rank in the reference, interpolated between two values.

    Raises
    ------
    TypeError, ValueError
        If arguments are not images, or the reference does not fit.

    Notes
    -----
    Equal to ``skimage.exposure.match_histograms(image, reference, channel_axis=-1)``: bit for bit for
    integers, where interpolated values are cut to integers, as there, and within 1e-6 for floats.  Gray
    images of integers are cut as well, for which scikit-image returns float64.  A GPU computes uint8 and
    floats.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, "Digital Image Processing", 4th ed., 2018, section 3.3.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> image = np.array([[0, 1], [2, 3]], np.uint8)
    >>> reference = np.array([[40, 30], [20, 10]], np.uint8)
    >>> imfeat.match_histograms(image, reference)
    array([[10, 20],
           [30, 40]], dtype=uint8)
    """
    checked = _as_pixels(images, "images", channel_axis)
    wanted = _as_pixels(reference, "reference", channel_axis)
    source, references = _flat(checked), _flat(wanted)
    if isinstance(source, np.ndarray) != isinstance(references, np.ndarray):
        raise TypeError("images and reference must lie on the same device; copy one of them")
    if checked.dtype != wanted.dtype:
        raise TypeError(f"reference must be {checked.dtype} as the images are, got {wanted.dtype}")
    if source.shape[2] != references.shape[2] or wanted.leading not in ((), checked.leading):
        raise ValueError(
            f"reference must be one image, or one for each of images of shape {checked.shape}, with as many "
            f"channels, got {wanted.shape}"
        )
    out = as_out(out, checked.shape, kept_dtype(checked), checked.batch)
    matched = out.reshape(source.shape)
    if source.dtype == np.uint8:
        _match_bytes(source, references, matched)
    else:
        if source.dtype in LARGEST:
            as_on_host(source, "matching of integers of 16 bits")
        _match_floats(source, references, matched)
    return to_caller_array(out)


def _as_pixels(images: Array, name: str, channel_axis: ChannelAxis) -> Pixels:
    return as_pixels(
        images, any_number=True, name=name, gpu=True, channel_axis=channel_axis, unit=False, words="kept"
    )


def _flat(pixels: Pixels) -> Array:
    """Return images as (n_images, n_pixels, n_channels)."""
    n_images, height, width, n_channels = pixels.batch.shape
    return pixels.batch.reshape(n_images, height * width, n_channels)


def _match_bytes(images: Array, references: Array, out: Array) -> None:
    """Match bytes by look-up, which kernels do for 1 or 3 channels."""
    kernels = backend_of(images).matching
    n_channels = images.shape[2]
    if n_channels in (1, 3):
        counts = empty_on_device_of((len(references), n_channels, 256), np.uint32, images)
        kernels.count_bytes(references, counts)
        kernels.match_bytes(images, counts, out)
        return
    planes, wanted = to_planes(images), to_planes(references)
    counts = empty_on_device_of((len(wanted), 1, 256), np.uint32, images)
    kernels.count_bytes(wanted.reshape(*wanted.shape, 1), counts)
    if len(references) < len(images):  # one of all
        counts = repeated(counts.reshape(1, -1), len(images)).reshape(len(planes), 1, 256)
    matched = empty_on_device_of((*planes.shape, 1), np.uint8, images)
    kernels.match_bytes(planes.reshape(*planes.shape, 1), counts, matched)
    from_planes(matched.reshape(planes.shape), out)


def _match_floats(images: Array, references: Array, out: Array) -> None:
    """Match floats, and integers of 16 bits, without bins."""
    if images.dtype in LARGEST:
        images, references = images.astype(np.float64), references.astype(np.float64)
    matched = out if out.dtype == images.dtype else np.empty(images.shape, images.dtype)
    backend_of(images).matching.match_floats(images, _ordered(images), _ordered(references), matched)
    if matched is not out:
        out[:] = matched


def _ordered(images: Array) -> Array:
    """Return the values of each channel (n_images * n_channels, n_pixels), in ascending order."""
    planes = to_planes(images)
    ordered = empty_on_device_of(planes.shape, planes.dtype, planes)
    backend_of(images).sorting.sort_planes(planes, ordered)
    return ordered
