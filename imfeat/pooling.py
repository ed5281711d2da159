"""Spatial pyramids: encodings of the descriptors of each region of an image."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import as_counts, as_groups, as_out, as_vectors, check_side, one_of, to_caller_array
from imfeat._device import adopt, is_on_gpu

Pool: TypeAlias = Literal["mean", "sum"]
POOLS: tuple[Pool, ...] = get_args(Pool)


def pool_regions(
    encode: Callable[..., Array],
    descriptors: Array,
    positions: Array,
    image_size: Any,
    *,
    grids: Sequence[tuple[int, int]] = ((1, 1), (3, 1)),
    pool: Pool = "mean",
    offsets: Array | None = None,
) -> Array:
    """Encode the descriptors in each region of an image: a spatial pyramid.

    Parameters
    ----------
    encode : callable
        Called once, as ``encode(descriptors, offsets=offsets)``; has to return one vector for each
        group of descriptors, for example
        ``lambda x, offsets: fisher_vector(x, mixture, offsets=offsets)``.
    descriptors : array of shape (..., n, d)
        The n descriptors of an image; or (n, d), those of several images, one after the other (see
        ``offsets``).  On a GPU ``encode`` gets and returns arrays there, float32.
    positions : array of shape (n, 2)
        y and x of each descriptor, in pixels, as `dense_sift` returns them; those of stacked images
        (..., n, d) are the same.
    image_size : (height, width) or array of shape (n_images, 2)
        In pixels.
    grids : sequence of (int, int)
        Rows and columns of regions of equal size.  By default the whole image and three stripes, one
        above the other.
    pool : {"mean", "sum"}
        Combination of the vectors of two regions: their mean, weighted by how many
        descriptors they have, or the sum.
    offsets : integers of shape (n_images + 1,), optional
        Image i has the descriptors ``offsets[i]`` to ``offsets[i + 1] - 1`` of (n, d).

    Returns
    -------
    array of shape (..., n_regions, n_numbers) or (n_images, n_regions, n_numbers), float32
        In the order of ``grids``, the regions of each row by row.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or a position lies outside its image.

    Notes
    -----
    Descriptors are encoded once, by the smallest regions in which all grids agree, and larger
    regions are put together from those.  So ``encode`` must return means (`bag_of_words` with
    ``norm="l1"``, `soft_words`, `triangle`, `fisher_vector`) or sums (`bag_of_words` or `vlad` with
    ``norm=None``), and whatever is not linear comes after: ``l2_normalize(signed_sqrt(...))``.

    References
    ----------
    .. [1] S. Lazebnik, C. Schmid, J. Ponce, "Beyond bags of features: spatial pyramid matching for
       recognizing natural scene categories", CVPR 2006.  :doi:`10.1109/CVPR.2006.68`

    Examples
    --------
    Words in a whole image, in its upper and in its lower half:

    >>> import imfeat
    >>> import numpy as np
    >>> codebook = np.array([[0], [10]])
    >>> descriptors = np.array([[1], [8], [9]])
    >>> positions = np.array([[2, 5], [3, 5], [8, 5]])  # y and x
    >>> imfeat.pool_regions(
    ...     lambda x, offsets: imfeat.bag_of_words(x, codebook, offsets=offsets),
    ...     descriptors,
    ...     positions,
    ...     (10, 10),
    ...     grids=[(1, 1), (2, 1)],
    ... ).round(2)
    array([[0.33, 0.67],
           [0.5 , 0.5 ],
           [0.  , 1.  ]], dtype=float32)
    """
    one_of(pool, "pool", POOLS)
    shapes = [as_counts(grid, "each of grids", 2) for grid in grids]
    if not shapes:
        raise ValueError("grids must be at least one, got none")
    raw = np.shape(descriptors)
    vectors, bounds, leading = as_groups(descriptors, offsets, raw[-1] if raw else 0, gpu=True)
    n_images = len(bounds) - 1
    n_alike = n_images if offsets is None and n_images and np.ndim(image_size) == 1 else 1
    n_planned = n_images // n_alike
    of_image = np.repeat(np.arange(n_planned), np.diff(bounds[: n_planned + 1]))
    n_stacked = 1 if offsets is not None else math.prod(leading) // n_alike
    coordinates, sizes = _as_places(positions, image_size, len(of_image), n_stacked, of_image)
    rows, cols = (_Cuts([shape[axis] for shape in shapes]) for axis in (0, 1))
    n_cells = rows.n * cols.n
    cells = of_image * n_cells + rows.find(coordinates[:, 0], sizes[:, 0]) * cols.n
    cells += cols.find(coordinates[:, 1], sizes[:, 1])
    counts = np.tile(np.bincount(cells, minlength=n_planned * n_cells), n_alike)
    encoded = encode(_in_order(vectors, cells, raw), offsets=np.append(0, np.cumsum(counts)))
    encoded = _as_encoded(encoded, len(counts), vectors)
    regions = np.concatenate(
        [np.kron(rows.members(n_rows), cols.members(n_cols)) for n_rows, n_cols in shapes]
    )
    shares = np.tile(regions, (n_images, 1, 1))
    if pool == "mean":
        shares *= counts.reshape(-1, 1, n_cells)
        shares /= np.maximum(shares.sum(2, keepdims=True), 1)
    n_numbers = encoded.shape[1]
    out = as_out(None, (*leading, len(regions), n_numbers), np.float32, vectors)
    groups = shares.astype(np.float32), encoded.reshape(-1, n_cells, n_numbers)
    backend_of(vectors).groups.combine_groups(*groups, out.reshape(-1, len(regions), n_numbers))
    return to_caller_array(out)


def _in_order(vectors: Array, cells: Array, shape: tuple[int, ...]) -> Array:
    """Return vectors by cells, as an array of the library of the caller's array of a shape.

    ``cells`` are those of the first image if all images are alike, else of all.
    """
    in_order = not (cells[1:] < cells[:-1]).any()
    if in_order and (isinstance(vectors, np.ndarray) or len(shape) == 2):
        return to_caller_array(vectors)
    out = as_out(None, vectors.shape, np.float32, vectors)
    backend_of(vectors).groups.gather_rows(vectors, np.argsort(cells, kind="stable"), out)
    return to_caller_array(out)


def _as_encoded(encoded: Any, n_groups: int, vectors: Array) -> Array:
    """Return what ``encode`` returned as float32, on its device."""
    if is_on_gpu(encoded):
        array = adopt(encoded, "what encode returns")
        if array.dtype != np.float32:
            raise TypeError(f"encode must return float32 on a GPU, got {array.dtype}")
    else:
        array = np.ascontiguousarray(encoded, np.float32)
    check_side(vectors, "descriptors", array, "what encode returns")
    if array.ndim != 2 or len(array) != n_groups:
        raise ValueError(f"encode must return one vector for each of {n_groups} groups, got {array.shape}")
    return array


class _Cuts:
    """Where one side of an image is cut by any of several divisions into equal parts."""

    def __init__(self, divisions: list[int]) -> None:
        self.unit = math.lcm(*divisions)  # cuts are multiples of one part in so many
        self.cuts = np.unique(np.concatenate([np.arange(n) * (self.unit // n) for n in divisions]))
        self.n = len(self.cuts)

    def find(self, coordinates: Array, sizes: Array) -> Array:
        """Return the interval of each place in 0 to its size; the end belongs to the last."""
        units = np.minimum(coordinates * self.unit / sizes, self.unit - 1).astype(np.int64)
        intervals: Array = np.searchsorted(self.cuts, units, side="right") - 1
        return intervals

    def members(self, n_parts: int) -> Array:
        """Tell which intervals (n_parts, n) each of equal parts consists of, in ones and zeros."""
        part_of = self.cuts * n_parts // self.unit
        members: Array = np.equal(np.arange(n_parts)[:, None], part_of).astype(np.float64)
        return members


def _as_places(
    positions: Array, image_size: Any, n: int, n_stacked: int, of_image: Array
) -> tuple[Array, Array]:
    """Return where descriptors (n, 2) of all images lie, and the sizes (n, 2) of their images."""
    sizes = as_vectors(image_size, name="image_size", length=2, axes=None).astype(np.float64)
    n_images = int(of_image.max(initial=-1)) + 1
    if not (sizes > 0).all() or sizes.ndim > 2 or (sizes.ndim == 2 and len(sizes) < n_images):
        raise ValueError(f"image_size must be (height, width), of all images or of each, got {image_size}")
    coordinates = as_vectors(positions, name="positions", length=2).astype(np.float64)
    if len(coordinates) * n_stacked != n:
        raise ValueError(
            f"positions must be those of {n // max(n_stacked, 1)} descriptors, got {len(coordinates)}"
        )
    coordinates = np.tile(coordinates, (n_stacked, 1))
    sizes = np.broadcast_to(sizes, coordinates.shape) if sizes.ndim == 1 else sizes[of_image]
    if ((coordinates < 0) | (coordinates > sizes)).any():
        raise ValueError(
            f"positions must lie in images of the size {image_size}, got up to {coordinates.max(0)}"
        )
    return coordinates, sizes
