"""Patches of images: extraction and normalization."""

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import (
    Pixels,
    Seed,
    as_count,
    as_number,
    as_out,
    as_pixels,
    as_vectors,
    to_caller_array,
)
from imfeat._inputs import ChannelAxis, Images, accepts, items_of
from imfeat.color import white_of

CONTRAST = 10 / 255**2  # usual regularization of the variance, 10 for pixels in 0..255, in units of [0, 1]


@accepts(lists=False, late=True)
def sample_patches(
    images: Images,
    patch_size: int,
    n_patches: int,
    *,
    rng: Seed = None,
    channel_axis: ChannelAxis = "auto",
) -> Array:
    """Cut patches out of images at random.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats of any range.
    patch_size : int
        Side of a square patch, in pixels.
    n_patches : int
        Number of patches; images and positions are drawn independently and uniformly.
    rng : int or numpy.random.Generator, optional
        Seed or generator of random numbers; the same seed gives the same patches.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.

    Returns
    -------
    array of shape (n_patches, patch_size * patch_size * n_channels), float32
        Pixels, in [0, 1] but for floats of other ranges, rows first, the channels of a pixel side by side.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, there are none, or they are smaller than a patch.

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> photo = skimage.data.astronaut()
    >>> imfeat.sample_patches(photo, 6, 1000, rng=0).shape
    (1000, 108)
    """
    items = items_of(images)
    if items is not None:
        return _sample_each(items, patch_size, as_count(n_patches, "n_patches"), rng, channel_axis)
    pixels, patch_size = _as_pixels(images, patch_size, channel_axis)
    batch = pixels.batch
    n_images, height, width, n_channels = batch.shape
    n_patches = as_count(n_patches, "n_patches")
    if not n_images:
        raise ValueError("images must be at least one to sample patches from, got none")
    limits = [n_images, height - patch_size + 1, width - patch_size + 1]
    positions = np.random.default_rng(rng).integers(limits, size=(n_patches, 3))
    out = as_out(None, (n_patches, patch_size * patch_size * n_channels), np.float32, batch)
    white = np.float32(white_of(batch))
    backend_of(batch).patches.gather_patches(batch, positions, patch_size, white, out)
    return to_caller_array(out)


@accepts(late=True)
def dense_patches(
    images: Images,
    patch_size: int,
    *,
    stride: int = 1,
    channel_axis: ChannelAxis = "auto",
    out: Array | None = None,
) -> Array:
    """Cut all patches on a grid of positions out of images.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats of any range.
    patch_size : int
        Side of a square patch, in pixels.
    stride : int
        Pixels from one position to the next, in both directions.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., n_rows, n_cols, patch_size * patch_size * n_channels), float32
        Pixels, in [0, 1] but for floats of other ranges, rows first, the channels of a pixel side by
        side; ``n_rows`` is ``(height - patch_size) // stride + 1``.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, or smaller than a patch.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> image = np.arange(9).reshape(3, 3) / 10
    >>> patches = imfeat.dense_patches(image, 2)
    >>> patches.shape
    (2, 2, 4)
    >>> patches[0, 1]
    array([0.1, 0.2, 0.4, 0.5], dtype=float32)
    """
    pixels, patch_size = _as_pixels(images, patch_size, channel_axis)
    batch = pixels.batch
    stride = as_count(stride, "stride")
    n_images, height, width, n_channels = batch.shape
    n_rows, n_cols = (height - patch_size) // stride + 1, (width - patch_size) // stride + 1
    shape = n_rows, n_cols, patch_size * patch_size * n_channels
    out = as_out(out, (*pixels.leading, *shape), np.float32, batch)
    white = np.float32(white_of(batch))
    backend_of(batch).patches.dense_patches(batch, patch_size, stride, white, out.reshape(n_images, *shape))
    return to_caller_array(out)


@accepts(late=True)
def normalize_patches(patches: Array, *, epsilon: float = CONTRAST) -> Array:
    """Normalize the brightness and contrast of patches.

    Parameters
    ----------
    patches : array of shape (..., d)
        Finite numbers, computed with as float32; usually pixels in [0, 1].
    epsilon : float
        Term added to the variance, so that noise is not amplified in flat patches.  The
        default is the 10 that is usual for pixels in 0..255, in units of [0, 1].

    Returns
    -------
    array of the same shape, float32
        ``(patch - mean) / sqrt(variance + epsilon)``, mean and variance over the patch; a patch
        of one colour becomes 0.

    Raises
    ------
    TypeError, ValueError
        If ``patches`` are not vectors of finite numbers, or ``epsilon`` is not above 0.

    References
    ----------
    .. [1] A. Coates, H. Lee, A. Y. Ng, "An analysis of single-layer networks in unsupervised
       feature learning", AISTATS 2011.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> patches = np.array([[0.2, 0.4], [0.7, 0.9]])  # of equal contrast
    >>> imfeat.normalize_patches(patches).round(2)
    array([[-0.99,  0.99],
           [-0.99,  0.99]], dtype=float32)
    """
    vectors = as_vectors(patches, name="patches", axes=None, gpu=True)
    epsilon = as_number(epsilon, "epsilon", above=0)
    out = as_out(None, vectors.shape, np.float32, vectors)
    d = vectors.shape[-1]
    flat = vectors.reshape(-1, d)
    backend_of(vectors).patches.normalize_patches(flat, np.float32(epsilon), out.reshape(-1, d))
    return to_caller_array(out)


@accepts(late=True)
def mirror_patches(patches: Array, patch_size: int) -> Array:
    """Mirror patches horizontally.

    Parameters
    ----------
    patches : array of shape (..., patch_size * patch_size * n_channels)
        As `dense_patches` and `sample_patches` return them, normalized or not.
    patch_size : int

    Returns
    -------
    array of the same shape, float32

    Raises
    ------
    TypeError, ValueError
        If ``patches`` are not vectors of finite numbers of such a length.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> patch = np.array([1, 2, 3, 4])  # rows 1, 2 and 3, 4
    >>> imfeat.mirror_patches(patch, 2)
    array([2., 1., 4., 3.], dtype=float32)
    """
    vectors = as_vectors(patches, name="patches", axes=None, gpu=True)
    patch_size = as_count(patch_size, "patch_size")
    n_channels, remainder = divmod(vectors.shape[-1], patch_size**2)
    if remainder or not n_channels:
        raise ValueError(
            f"patches must have a multiple of {patch_size} x {patch_size} values, got {vectors.shape[-1]}"
        )
    out = as_out(None, vectors.shape, np.float32, vectors)
    d = vectors.shape[-1]
    kernels = backend_of(vectors).patches
    kernels.mirror_patches(vectors.reshape(-1, d), patch_size, n_channels, out.reshape(-1, d))
    return to_caller_array(out)


def mirrored(images: Array) -> Array:
    """Return checked images (n_images, height, width, n_channels) mirrored horizontally, on their device."""
    if isinstance(images, np.ndarray):
        return np.ascontiguousarray(images[:, :, ::-1])
    n_images, _, width, n_channels = images.shape
    out = empty_on_device_of(images.shape, images.dtype, images)
    rows = images.reshape(n_images, -1), width, n_channels
    backend_of(images).patches.mirror_patches(*rows, out.reshape(n_images, -1))
    return out


def _sample_each(
    items: list[Array], patch_size: int, n_patches: int, rng: Seed, channel_axis: ChannelAxis
) -> Array:
    """Return patches of images of several shapes."""
    generator = np.random.default_rng(rng)
    chosen = np.bincount(generator.integers(len(items), size=n_patches), minlength=len(items))
    patches = [
        sample_patches(item, patch_size, int(n), rng=generator, channel_axis=channel_axis)
        for item, n in zip(items, chosen, strict=True)
        if n
    ]
    if len({sample.shape[1] for sample in patches}) > 1:
        raise ValueError("images must have the same number of channels, got a list of several")
    return generator.permutation(np.concatenate(patches))


def _as_pixels(images: Array, patch_size: int, channel_axis: ChannelAxis) -> tuple[Pixels, int]:
    """Return images that are at least as large as a patch, and its size."""
    pixels = as_pixels(images, any_number=True, gpu=True, channel_axis=channel_axis, unit=False)
    patch_size = as_count(patch_size, "patch_size")
    height, width = pixels.size
    if patch_size > min(height, width):
        raise ValueError(
            f"patch_size must be at most the size of the images, {height} x {width}, got {patch_size}"
        )
    return pixels, patch_size
