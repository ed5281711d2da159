"""Matching of the histograms of images with those of others."""

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import as_batch, as_images, as_on_host, as_out, is_color, to_caller_array


def match_histograms(images: Array, reference: Array, *, out: Array | None = None) -> Array:
    """Give each image the histogram of another, channel by channel.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, or float32 or float64 in [0, 1].
    reference : array of shape (height, width[, 3]) or (..., height, width[, 3])
        One image for all, or, with the leading axes of ``images``, one for each; of the same dtype and number
        of channels, and of any height and width.
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
    Equal to ``skimage.exposure.match_histograms(image, reference, channel_axis=-1)``: bit for bit for uint8,
    where interpolated values are cut to integers, as there, and within 1e-6 for floats.  Gray images of uint8
    are cut as well, for which scikit-image returns float64.  Floats are not computed on a GPU.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, "Digital Image Processing", 4th ed., 2018, section 3.3.
    """
    images = as_images(images, gpu=True)
    reference = as_images(reference, name="reference", gpu=True)
    leading, source = _as_pixels(images)
    reference_leading, wanted = _as_pixels(reference)
    if isinstance(source, np.ndarray) != isinstance(wanted, np.ndarray):
        raise TypeError("images and reference must lie on the same device; copy one of them")
    if images.dtype != reference.dtype:
        raise TypeError(f"reference must be {images.dtype} as the images are, got {reference.dtype}")
    if source.shape[2] != wanted.shape[2] or reference_leading not in ((), leading):
        raise ValueError(
            f"reference must be one image, or one for each of images of shape {images.shape}, with as many "
            f"channels, got {reference.shape}"
        )
    out = as_out(out, images.shape, images.dtype, images)
    matched = out.reshape(source.shape)
    if images.dtype == np.uint8:
        kernels = backend_of(source).matching
        counts = empty_on_device_of((len(wanted), wanted.shape[2], 256), np.uint32, source)
        kernels.count_bytes(wanted, counts)
        kernels.match_bytes(source, counts, matched)
    else:
        _match_floats(as_on_host(source, "matching of floats"), as_on_host(wanted, "matching"), matched)
    return to_caller_array(out)


def _as_pixels(images: Array) -> tuple[tuple[int, ...], Array]:
    """Return the leading axes of checked images, and them as (n_images, n_pixels, n_channels)."""
    leading, batch = as_batch(images)
    n, height, width = batch.shape[:3]
    return leading, batch.reshape(n, height * width, 3 if is_color(images) else 1)


def _match_floats(images: Array, references: Array, out: Array) -> None:
    """Match floats plane by plane; a plane is a channel of an image."""
    planes, wanted = _planes_of(images), _planes_of(references)
    matched = np.empty_like(planes)
    wanted.sort(axis=1)
    backend_of(images).matching.match_floats(planes, np.sort(planes, axis=1), wanted, matched)
    out[:] = matched.reshape(len(images), -1, images.shape[1]).transpose(0, 2, 1)


def _planes_of(images: Array) -> Array:
    """Return the channels of images (n_images, n_pixels, n_channels) as planes (n, n_pixels), a copy."""
    planes = images.transpose(0, 2, 1).reshape(-1, images.shape[1])
    return planes if planes.base is None else planes.copy()
