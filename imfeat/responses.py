"""Maps of the responses of visual words to the patches of images: the first of two layers."""

from typing import Any

import numpy as np

from imfeat._backend import Array, clear
from imfeat._check import as_count, as_number, as_out, as_pixels, as_vectors, to_caller_array
from imfeat._inputs import ChannelAxis, Images, accepts
from imfeat._responses import Cells, add_responses, check_sizes, positions_of
from imfeat.patches import CONTRAST
from imfeat.whitening import Whitening


@accepts(late=True)
def response_maps(
    images: Images,
    codebook: Array,
    whitening: Whitening,
    *,
    patch_size: int = 5,
    pool_size: int = 4,
    stride: int = 2,
    threshold: float = 0.25,
    epsilon: float = CONTRAST,
    channel_axis: ChannelAxis = "auto",
    out: Array | None = None,
) -> Array:
    """Compute maps of the responses of words to the patches of images.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats of any range.
    codebook : array of shape (n_words, patch_size * patch_size * n_channels)
        Words among whitened patches.
    whitening : Whitening
        Fitted to normalized patches.
    patch_size : int
        Side of a square patch, in pixels; patches are taken at all positions.
    pool_size : int
        Side of the square windows of positions that are averaged.
    stride : int
        Positions from one window to the next, in both directions.
    threshold : float
        At least 0; see `patch_features`.
    epsilon : float
        For the contrast of patches; see `normalize_patches`.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., n_rows, n_cols, 2 * n_words), float32
        Means of max(0, z - threshold) for all words, then of max(0, -z - threshold), where z is the
        product of a whitened patch and a word of length 1.  ``n_rows`` is
        ``(height - patch_size + 1 - pool_size) // stride + 1``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or the sizes don't fit each other.

    See Also
    --------
    imfeat.TwoLayerPatches : Words of patches of such maps.

    Notes
    -----
    The maps are images with ``2 * n_words`` channels: `patch_features` describes them by words of a second
    layer, usually after a projection to fewer channels.

    References
    ----------
    .. [1] A. Coates, H. Lee, A. Y. Ng, "An analysis of single-layer networks in unsupervised
       feature learning", AISTATS 2011.
    .. [2] J. Mairal, P. Koniusz, Z. Harchaoui, C. Schmid, "Convolutional kernel networks", NIPS 2014.

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> photo = skimage.data.astronaut()[:64, :64]
    >>> patches = imfeat.normalize_patches(imfeat.sample_patches(photo, 5, 1000, rng=0))
    >>> whitening = imfeat.Whitening().fit(patches)
    >>> codebook = imfeat.learn_codebook(whitening.transform(patches), 16, rng=0)
    >>> imfeat.response_maps(photo, codebook, whitening).shape  # windows of 60 x 60 positions
    (29, 29, 32)
    """
    leading, pixels, *_ = as_pixels(images, any_number=True, gpu=True, channel_axis=channel_axis, unit=False)
    options: dict[str, Any] = {
        "patch_size": as_count(patch_size, "patch_size"),
        "threshold": as_number(threshold, "threshold", least=0),
        "epsilon": as_number(epsilon, "epsilon", above=0),
    }
    words = as_vectors(codebook, name="codebook")
    check_sizes(pixels.shape[1:], patch_size, words, whitening)
    cells = _windows(
        positions_of(pixels, patch_size), as_count(pool_size, "pool_size"), as_count(stride, "stride")
    )
    shape = *map(len, cells), 2, len(words)
    out = as_out(out, (*leading, *shape[:2], 2 * len(words)), np.float32, pixels)
    sums = out.reshape(len(pixels), *shape)
    clear(sums)
    add_responses([pixels], words, whitening, cells, sums, encoding="threshold", mirror=False, **options)
    return to_caller_array(out)


def _windows(positions: tuple[int, int], size: int, stride: int) -> Cells:
    """Return where the rows and the columns of windows begin and end."""
    if size > min(positions):
        raise ValueError(
            f"pool_size must be at most {positions[0]} x {positions[1]}, the positions of patches, got {size}"
        )
    starts = [np.arange(0, n - size + 1, stride) for n in positions]
    rows, cols = (np.stack([first, first + size], 1) for first in starts)
    return rows, cols
