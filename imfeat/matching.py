"""Matching of the histograms of images with those of others."""

from typing import Any

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import Pixels, as_on_host, as_out, as_pixels, to_caller_array
from imfeat._dtypes import LARGEST
from imfeat._inputs import ChannelAxis, accepts, channels_last


def match_histograms(
    images: Array, reference: Array, *, channel_axis: ChannelAxis = "auto", out: Array | None = None
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
        Axis that holds the channels of both, None for gray images; ``"auto"`` takes a last axis of length 3
        or 1.  From 0 on it is an axis of ``images``.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of the shape and dtype of ``images``, float32 for bool
        A pixel becomes the value that has its rank in the reference, interpolated between two values.

    Raises
    ------
    TypeError, ValueError
        If arguments are not images, or the reference does not fit.

    Notes
    -----
    Equal to ``skimage.exposure.match_histograms(image, reference, channel_axis=-1)``: bit for bit for
    integers, where interpolated values are cut to integers, as there, and within 1e-6 for floats.  Gray
    images of integers are cut as well, for which scikit-image returns float64.  Only uint8 is computed on a
    GPU.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, "Digital Image Processing", 4th ed., 2018, section 3.3.
    """
    if not isinstance(channel_axis, str | None) and channel_axis != -1:
        # Counted from the last axis on, it is the same axis of both.
        n_axes = len(getattr(images, "shape", ()))
        axis = channel_axis - n_axes if channel_axis >= 0 and n_axes else channel_axis
        reference = channels_last(reference, axis, "reference")
    return _match_histograms(images, reference, channel_axis=channel_axis, out=out)


@accepts(back=True)
def _match_histograms(
    images: Array, reference: Array, *, channel_axis: ChannelAxis = "auto", out: Array | None = None
) -> Array:
    reference_axis = -1 if isinstance(channel_axis, int) else channel_axis
    source = _as_pixels(images, "images", channel_axis)
    wanted = _as_pixels(reference, "reference", reference_axis)
    if isinstance(source.batch, np.ndarray) != isinstance(wanted.batch, np.ndarray):
        raise TypeError("images and reference must lie on the same device; copy one of them")
    if source.dtype != wanted.dtype:
        raise TypeError(f"reference must be {source.dtype} as the images are, got {wanted.dtype}")
    if source.batch.shape[3] != wanted.batch.shape[3] or wanted.leading not in ((), source.leading):
        raise ValueError(
            f"reference must be one image, or one for each of images of shape {source.shape}, with as many "
            f"channels, got {wanted.shape}"
        )
    dtype = np.dtype(np.float32) if source.dtype == np.bool_ else source.dtype
    out = as_out(out, source.shape, dtype, source.batch)
    pixels, wanted_pixels = (_flat(images.batch) for images in (source, wanted))
    matched = out.reshape(pixels.shape)
    if pixels.dtype == np.uint8:
        _match_bytes(pixels, wanted_pixels, matched)
    else:
        host = as_on_host(pixels, "matching of other dtypes than uint8")
        _match_floats(host, as_on_host(wanted_pixels, "matching"), matched)
    return to_caller_array(out)


def _as_pixels(images: Array, name: str, channel_axis: ChannelAxis) -> Pixels:
    return as_pixels(
        images, any_number=True, name=name, gpu=True, channel_axis=channel_axis, unit=False, words="kept"
    )


def _flat(batch: Array) -> Array:
    """Return images (n_images, height, width, n_channels) as (n_images, n_pixels, n_channels)."""
    n_images, height, width, n_channels = batch.shape
    return batch.reshape(n_images, height * width, n_channels)


def _match_bytes(images: Array, references: Array, out: Array) -> None:
    """Match uint8, which kernels do for 1 or 3 channels."""
    kernels = backend_of(images).matching
    n_channels = images.shape[2]
    if n_channels in (1, 3):
        counts = empty_on_device_of((len(references), n_channels, 256), np.uint32, images)
        kernels.count_bytes(references, counts)
        kernels.match_bytes(images, counts, out)
        return
    images = as_on_host(images, "matching of other than 1 or 3 channels")
    for c in range(n_channels):
        plane, reference = (np.ascontiguousarray(pixels[..., c : c + 1]) for pixels in (images, references))
        matched = np.empty_like(plane)
        _match_bytes(plane, reference, matched)
        out[..., c : c + 1] = matched


def _match_floats(images: Array, references: Array, out: Array) -> None:
    """Match floats, and integers of 16 bits, without bins."""
    pixels = images.astype(np.float64) if images.dtype in LARGEST else images
    matched = out if out.dtype == pixels.dtype else np.empty(pixels.shape, pixels.dtype)
    ordered, wanted = (_ordered(values, pixels.dtype) for values in (images, references))
    backend_of(pixels).matching.match_floats(pixels, ordered, wanted, matched)
    if matched is not out:
        out[:] = matched


def _ordered(images: Array, dtype: np.dtype[Any]) -> Array:
    """Return the values of each channel (n_images * n_channels, n_pixels), in ascending order."""
    n_images, n_pixels, n_channels = images.shape
    channels = np.array(images.transpose(0, 2, 1), dtype, order="C")
    channels.sort(axis=2)
    return channels.reshape(n_images * n_channels, n_pixels)
