"""Patches of images: extraction and normalization."""

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import (
    Seed,
    as_batch,
    as_count,
    as_images,
    as_number,
    as_out,
    as_vectors,
    to_caller_array,
    with_channels,
)
from imfeat.color import white_of

CONTRAST = 10 / 255**2  # usual regularization of the variance, 10 for pixels in 0..255, in units of [0, 1]


def sample_patches(images: Array, patch_size: int, n_patches: int, *, rng: Seed = None) -> Array:
    """Cut patches out of images at random.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, or float32 or float64 in [0, 1].
    patch_size : int
        Side of a square patch, in pixels.
    n_patches : int
        Number of patches; images and positions are drawn independently and uniformly.
    rng : int or numpy.random.Generator, optional
        Seed or generator of random numbers; the same seed gives the same patches.

    Returns
    -------
    array of shape (n_patches, patch_size * patch_size * n_channels), float32
        Pixels in [0, 1], rows first, the channels of a pixel side by side.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, there are none, or they are smaller than a patch.
    """
    pixels, patch_size = _as_pixels(images, patch_size)
    n_images, height, width, n_channels = pixels.shape
    n_patches = as_count(n_patches, "n_patches")
    if not n_images:
        raise ValueError("images must be at least one to sample patches from, got none")
    limits = [n_images, height - patch_size + 1, width - patch_size + 1]
    positions = np.random.default_rng(rng).integers(limits, size=(n_patches, 3))
    out = as_out(None, (n_patches, patch_size * patch_size * n_channels), np.float32, pixels)
    white = np.float32(white_of(pixels))
    backend_of(pixels).patches.gather_patches(pixels, positions, patch_size, white, out)
    return to_caller_array(out)


def dense_patches(images: Array, patch_size: int, *, stride: int = 1, out: Array | None = None) -> Array:
    """Cut all patches on a grid of positions out of images.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, or float32 or float64 in [0, 1].
    patch_size : int
        Side of a square patch, in pixels.
    stride : int
        Pixels from one position to the next, in both directions.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., n_rows, n_cols, patch_size * patch_size * n_channels), float32
        Pixels in [0, 1], rows first, the channels of a pixel side by side; ``n_rows`` is
        ``(height - patch_size) // stride + 1``.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, or smaller than a patch.
    """
    leading, _ = as_batch(as_images(images, gpu=True))
    pixels, patch_size = _as_pixels(images, patch_size)
    stride = as_count(stride, "stride")
    n_images, height, width, n_channels = pixels.shape
    n_rows, n_cols = (height - patch_size) // stride + 1, (width - patch_size) // stride + 1
    shape = n_rows, n_cols, patch_size * patch_size * n_channels
    out = as_out(out, (*leading, *shape), np.float32, pixels)
    white = np.float32(white_of(pixels))
    backend_of(pixels).patches.dense_patches(pixels, patch_size, stride, white, out.reshape(n_images, *shape))
    return to_caller_array(out)


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
    """
    vectors = as_vectors(patches, name="patches", axes=None, gpu=True)
    epsilon = as_number(epsilon, "epsilon", above=0)
    out = as_out(None, vectors.shape, np.float32, vectors)
    d = vectors.shape[-1]
    flat = vectors.reshape(-1, d)
    backend_of(vectors).patches.normalize_patches(flat, np.float32(epsilon), out.reshape(-1, d))
    return to_caller_array(out)


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
    """
    vectors = as_vectors(patches, name="patches", axes=None)
    patch_size = as_count(patch_size, "patch_size")
    n_channels, remainder = divmod(vectors.shape[-1], patch_size**2)
    if remainder or not n_channels:
        raise ValueError(
            f"patches must have a multiple of {patch_size} x {patch_size} values, got {vectors.shape[-1]}"
        )
    windows = vectors.reshape(*vectors.shape[:-1], patch_size, patch_size, n_channels)
    return np.ascontiguousarray(windows[..., ::-1, :]).reshape(vectors.shape)


def _as_pixels(images: Array, patch_size: int) -> tuple[Array, int]:
    """Return images (n_images, height, width, n_channels) that are at least as large as a patch."""
    images = as_images(images, gpu=True)
    patch_size = as_count(patch_size, "patch_size")
    _, batch = as_batch(images)
    pixels = with_channels(batch, images)
    height, width = pixels.shape[1:3]
    if patch_size > min(height, width):
        raise ValueError(
            f"patch_size must be at most the size of the images, {height} x {width}, got {patch_size}"
        )
    return pixels, patch_size
