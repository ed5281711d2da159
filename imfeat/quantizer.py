"""Product quantization: compression of feature vectors to a byte per group of dimensions."""

from typing import Any

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import Seed, as_count, as_out, as_vectors, count_outside, to_caller_array, to_host
from imfeat._device import adopt, is_on_gpu
from imfeat._nearest import nearest_centroids
from imfeat._rows import rows_at
from imfeat._sums import CentroidSums, Descriptors, InMemory


class ProductQuantizer:
    """A product quantizer: the index of the nearest centroid in each group of dimensions of a vector.

    Parameters
    ----------
    group_size : int
        Dimensions a group.
    bits : int
        Bits a group, at most 8; there are ``2**bits`` centroids.  8 bits for 8 dimensions are one
        bit a dimension, a thirty-second of float32.
    n_parts : int
        Equal parts of a vector that share their centroids, like the regions of a spatial pyramid:
        fewer centroids, and more vectors to learn each from.
    n_iterations : int
        Iterations of k-means, for each group.
    rng : int or numpy.random.Generator, optional
        Seed or generator of random numbers, for the start; the same seed gives the same centroids.

    Attributes
    ----------
    centroids_ : array of shape (n_groups // n_parts, 2**bits, group_size), float32

    References
    ----------
    .. [1] H. Jegou, M. Douze, C. Schmid, "Product quantization for nearest neighbor search", IEEE
       TPAMI 33, 2011.  :doi:`10.1109/TPAMI.2010.57`
    .. [2] J. Sanchez, F. Perronnin, "High-dimensional signature compression for large-scale image
       classification", CVPR 2011.  :doi:`10.1109/CVPR.2011.5995504`

    Examples
    --------
    One bit for each group of two dimensions, learned from four vectors:

    >>> import imfeat
    >>> import numpy as np
    >>> features = np.array([[0, 0, 5, 5], [0, 0, 7, 7], [3, 3, 5, 5], [3, 3, 7, 7]])
    >>> quantizer = imfeat.ProductQuantizer(group_size=2, bits=1, rng=0).fit(features)
    >>> codes = quantizer.encode(features)
    >>> codes.shape, codes.dtype
    ((4, 2), dtype('uint8'))
    >>> quantizer.decode(codes[1:2])
    array([[0., 0., 7., 7.]], dtype=float32)
    """

    centroids_: Array

    def __init__(
        self,
        group_size: int = 8,
        bits: int = 8,
        *,
        n_parts: int = 1,
        n_iterations: int = 10,
        rng: Seed = None,
    ) -> None:
        self.group_size = as_count(group_size, "group_size")
        self.bits = as_count(bits, "bits")
        if bits > 8:
            raise ValueError(f"bits must be at most 8, as a code is a byte, got {bits}")
        self.n_parts = as_count(n_parts, "n_parts")
        self.n_iterations = as_count(n_iterations, "n_iterations")
        self.rng = rng

    def __repr__(self) -> str:
        return f"ProductQuantizer(group_size={self.group_size}, bits={self.bits})"

    def fit(self, features: Array) -> "ProductQuantizer":
        """Learn the centroids from features (n, d), with n at least ``2**bits``; return itself.

        d must be a multiple of ``n_parts * group_size``.  Features may lie on a GPU.
        """
        vectors = as_vectors(features, name="features", gpu=True)
        unit = self.n_parts * self.group_size
        if vectors.shape[1] % unit:
            raise ValueError(
                f"features must have a multiple of n_parts * group_size = {unit} dimensions, "
                f"got {vectors.shape[1]}; append zeros"
            )
        n_groups = vectors.shape[1] // unit
        vectors = vectors.reshape(self.n_parts * len(vectors), -1)
        n_centroids = 2**self.bits
        if len(vectors) < n_centroids:
            raise ValueError(
                f"features must be at least 2**bits = {n_centroids} to learn from, parts counted, "
                f"got {len(vectors)}"
            )
        rng = np.random.default_rng(self.rng)
        drawn = [rng.permutation(len(vectors))[:n_centroids] * n_groups + group for group in range(n_groups)]
        start = to_host(rows_at(vectors.reshape(-1, self.group_size), np.concatenate(drawn)))
        start = start.reshape(n_groups, n_centroids, self.group_size)
        return self.fit_sums(InMemory(vectors, rng), start)

    def fit_sums(self, features: Descriptors, start: Array) -> "ProductQuantizer":
        """Learn from sums over features, and start centroids (n_groups, 2**bits, d); return itself."""
        centroids = start
        for _ in range(self.n_iterations):
            centroids = features.total(CentroidSums, centroids=centroids).means(centroids)
        self.centroids_ = centroids
        return self

    def options(self) -> dict[str, Any]:
        """Return the parameters that `encode` and `decode` depend on."""
        return {"group_size": self.group_size, "bits": self.bits, "n_parts": self.n_parts}

    def to_arrays(self) -> dict[str, Array]:
        """Return the centroids by name, as files keep them."""
        return {"centroids": self._fitted()}

    @classmethod
    def from_arrays(cls, options: dict[str, Any], arrays: dict[str, Array]) -> "ProductQuantizer":
        """Return the quantizer of options and of what `to_arrays` returned."""
        model = cls(**options)
        model.centroids_ = arrays["centroids"]
        if model.centroids_.ndim != 3 or model.centroids_.shape[1:] != (2**model.bits, model.group_size):
            raise ValueError(f"centroids of the shape {model.centroids_.shape}")
        return model

    def encode(self, features: Array) -> Array:
        """Return the codes (n, n_groups) uint8 of features (n, d): indices of nearest centroids.

        They lie on the device of the features.
        """
        centroids = self._fitted()
        n_groups = self.n_parts * len(centroids)
        vectors = as_vectors(features, name="features", length=n_groups * self.group_size, gpu=True)
        by_part = vectors.reshape(self.n_parts * len(vectors), len(centroids) * self.group_size)
        codes = as_out(None, (len(vectors), n_groups), np.uint8, vectors)
        nearest_centroids(by_part, centroids, codes.reshape(len(by_part), len(centroids)))
        return to_caller_array(codes)

    def decode(self, codes: Array, *, out: Array | None = None) -> Array:
        """Return features (n, d) float32 for their codes (n, n_groups), or write them into ``out``.

        They lie on the device of the codes.
        """
        centroids = self._fitted()
        array = self._as_codes(codes)
        n_groups = array.shape[1]
        out = as_out(out, (len(array), n_groups * self.group_size), np.float32, array)
        codes_by_part = array.reshape(self.n_parts * len(array), len(centroids))
        backend_of(array).quantizer.decode(
            codes_by_part, centroids, out.reshape(len(codes_by_part), len(centroids) * self.group_size)
        )
        return to_caller_array(out)

    def distance_tables(self, queries: Array) -> Array:
        """Compute the squared distances of features to all centroids, group by group.

        Parameters
        ----------
        queries : array of shape (n, d)
            Features, not codes.

        Returns
        -------
        array of shape (n, n_groups, 2**bits), float32
            On the device of the queries.  The squared distance of feature i to what a code stands for is the
            sum of ``tables[i, g, code[g]]`` over groups g.

        Examples
        --------
        >>> import imfeat
        >>> import numpy as np
        >>> quantizer = imfeat.ProductQuantizer(group_size=1, bits=1, rng=0).fit(np.array([[0, 0], [5, 9]]))
        >>> np.sort(quantizer.distance_tables(np.array([[1, 0]])))
        array([[[ 1., 16.],
                [ 0., 81.]]], dtype=float32)
        """
        return to_caller_array(self._tables(self._as_queries(queries)))

    def _as_queries(self, queries: Array) -> Array:
        n_groups = self.n_parts * len(self._fitted())
        return as_vectors(queries, name="queries", length=n_groups * self.group_size, gpu=True)

    def _tables(self, vectors: Array) -> Array:
        centroids = self._fitted()
        n_groups = self.n_parts * len(centroids)
        tables = as_out(None, (len(vectors), n_groups, centroids.shape[1]), np.float32, vectors)
        by_part = vectors.reshape(self.n_parts * len(vectors), -1)
        by_dimension = np.ascontiguousarray(centroids.transpose(0, 2, 1))
        kernels = backend_of(vectors).search
        kernels.distance_tables(by_part, by_dimension, tables.reshape(len(by_part), *centroids.shape[:2]))
        return tables

    def search(self, queries: Array, codes: Array, k: int = 10) -> tuple[Array, Array]:
        """Find the nearest of coded features, without decoding them.

        Parameters
        ----------
        queries : array of shape (n, d)
            Features, not codes: distances are between a feature and what a code stands for
            (asymmetric), more precise than between two codes.
        codes : array of shape (n_codes, n_groups), uint8
            Results of `encode`, on the device of the queries.
        k : int
            Number of codes to find for each query, at most ``n_codes``.

        Returns
        -------
        distances : array of shape (n, k), float32
            Squared Euclidean distances to the decoded features, the smallest first.
        indices : array of shape (n, k), int64
            Rows of ``codes``; of equal distances the lowest first.  Both lie on the device of the codes.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as above, or the quantizer has not been fitted.

        Notes
        -----
        As ``IndexPQ.search`` of faiss, which returns the same two arrays.

        Examples
        --------
        The distance to the nearest of four vectors is 1, and its row is 2:

        >>> import imfeat
        >>> import numpy as np
        >>> features = np.array([[0, 0], [0, 9], [5, 0], [5, 9]])
        >>> quantizer = imfeat.ProductQuantizer(group_size=1, bits=1, rng=0).fit(features)
        >>> quantizer.search(np.array([[5, 1]]), quantizer.encode(features), k=1)
        (array([[1.]], dtype=float32), array([[2]]))
        """
        array = self._as_codes(codes)
        k = as_count(k, "k")
        if k > len(array):
            raise ValueError(f"k must be at most the number of codes, {len(array)}, got {k}")
        vectors = self._as_queries(queries)
        if isinstance(vectors, np.ndarray) != isinstance(array, np.ndarray):
            raise TypeError("queries and codes must lie on the same device; copy one of them")
        tables = self._tables(vectors)
        kernels = backend_of(array).search
        shape = len(tables), -(-len(array) // kernels.CHUNK), k
        distances = empty_on_device_of(shape, np.float32, array)
        indices = empty_on_device_of(shape, np.int64, array)
        kernels.nearest_codes(tables, array, distances, indices)
        merged, places = (as_out(None, (shape[0], k), kind, array) for kind in (np.float32, np.int64))
        kernels.merge_nearest(distances, indices, merged, places)
        return to_caller_array(merged), to_caller_array(places)

    def _as_codes(self, codes: Array) -> Array:
        array = adopt(codes, "codes") if is_on_gpu(codes) else np.asarray(codes)
        n_groups = self.n_parts * len(self._fitted())
        if array.dtype != np.uint8 or array.ndim != 2 or array.shape[1] != n_groups:
            raise ValueError(f"codes must be uint8 of shape (n, {n_groups}), got {array.dtype} {array.shape}")
        array = np.ascontiguousarray(array) if isinstance(array, np.ndarray) else array
        if self.bits < 8 and count_outside(array, 0, 2**self.bits - 1):
            raise ValueError(f"codes must be less than 2**bits = {2**self.bits}, got {to_host(array).max()}")
        return array

    def _fitted(self) -> Array:
        if not hasattr(self, "centroids_"):
            raise ValueError("this ProductQuantizer has not been fitted; call fit with features first")
        return self.centroids_
