"""Tables of features on a GPU: products with arrays on the host, by the library that owns them.

Learners that need no more than products with all images run on them as on NumPy arrays.  Features stay where
they are; weights, scores and sums, which are small, are copied.
"""

from types import ModuleType
from typing import Any

import numpy as np

from imfeat._backend import Array


def namespace_of(X: Any) -> ModuleType | None:
    """Return the array API of an array that is not on the host, as one of CuPy or PyTorch; otherwise None."""
    if isinstance(X, np.ndarray):
        return None
    try:
        import array_api_compat
    except ImportError:
        return None
    if not array_api_compat.is_array_api_obj(X) or "cpu" in str(array_api_compat.device(X)).lower():
        return None
    namespace: ModuleType = array_api_compat.array_namespace(X)
    return namespace


def to_host(array: Any) -> Array:
    """Return a NumPy array of an array on any device."""
    if namespace_of(array) is None:
        return np.asarray(array)
    import array_api_compat

    if array_api_compat.is_cupy_array(array):
        return np.asarray(array.get())
    if array_api_compat.is_torch_array(array):
        return np.asarray(array.detach().cpu())
    info = array_api_compat.array_namespace(array).__array_namespace_info__()
    return np.asarray(array_api_compat.to_device(array, info.default_device()))


def like(values: Array, X: Any) -> Any:
    """Return numbers as an array of the library and on the device of X, unchanged where X is on the host."""
    namespace = namespace_of(X)
    if namespace is None or values.dtype.kind not in "biuf":
        return values
    return namespace.asarray(values, device=_device_of(X))


class DeviceTable:
    """Features (n, n_features) on a GPU, or their transpose.

    ``table[rows]`` is a table for a slice or an array of indices.  ``table @ array`` and ``table.T @ array``
    are NumPy arrays for NumPy arrays.

    Parameters
    ----------
    array : array of shape (n, n_features), float32 or float64
        Of a library with an array API.
    """

    def __init__(self, array: Any, *, is_transposed: bool = False) -> None:
        self._array = array
        self._is_transposed = is_transposed
        xp: Any = namespace_of(array)
        self._xp = xp
        self.dtype = np.dtype(np.float64 if array.dtype == xp.float64 else np.float32)
        self.shape: tuple[int, int] = tuple(array.shape)[::-1] if is_transposed else tuple(array.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> "DeviceTable":
        if isinstance(rows, slice):
            return DeviceTable(self._array[slice(*rows.indices(len(self))), :])
        return DeviceTable(self._xp.take(self._array, self._upload(np.asarray(rows)), axis=0))

    @property
    def T(self) -> "DeviceTable":
        """The transpose."""
        return DeviceTable(self._array, is_transposed=not self._is_transposed)

    def __matmul__(self, other: Array) -> Array:
        array = self._xp.matrix_transpose(self._array) if self._is_transposed else self._array
        return to_host(array @ self._upload(np.ascontiguousarray(other, self.dtype)))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None) -> Any:
        """Compute ``np.matmul(table, array)``."""
        if ufunc is not np.matmul or method != "__call__" or inputs[0] is not self:
            return NotImplemented
        product = self @ inputs[1]
        if out is None:
            return product
        out[0][...] = product
        return out[0]

    def mean(self) -> Array:
        """Return the mean (n_features,) of the rows, float64."""
        return to_host(self._xp.sum(self._array, axis=0, dtype=self._xp.float64)) / len(self)

    def sums(self, shift: Array, weights: Array | None = None) -> tuple[Array, Array]:
        """Return sums over rows less a shift, each times its weight.

        Parameters
        ----------
        shift : array of shape (n_features,)
        weights : array of shape (n,), optional

        Returns
        -------
        sums : array of shape (n_features,), float64
        products : array of shape (n_features, n_features), dtype of the table
            Of features with each other.
        """
        centered = self._array - self._upload(shift.astype(self.dtype))
        factors = None if weights is None else self._upload(weights.astype(self.dtype))[:, None]
        weighted = centered if factors is None else centered * factors
        sums = self._xp.sum(weighted, axis=0, dtype=self._xp.float64)
        return to_host(sums), to_host(self._xp.matrix_transpose(centered) @ weighted)

    def _upload(self, values: Array) -> Any:
        return self._xp.asarray(values, device=_device_of(self._array))


def as_device_table(model: Any, X: Any, *, dtype: Any, reset: bool) -> DeviceTable:
    """Check features (n, n_features) on a GPU, as `as_table` does those on the host.

    Raises
    ------
    TypeError, ValueError
        If they are no numbers, or NaN or infinite, or their shape is not as expected.
    """
    xp: Any = namespace_of(X)
    dtypes = dtype if isinstance(dtype, tuple | list) else (dtype,)
    if not (xp.isdtype(X.dtype, "real floating") or xp.isdtype(X.dtype, "integral")):
        raise TypeError(f"X must be an array of numbers, got {X.dtype}")
    if len(X.shape) != 2 or not X.shape[0] or not X.shape[1]:
        raise ValueError(f"X must have the shape (n, n_features), got {tuple(X.shape)}")
    n_features = int(X.shape[1])
    if reset:
        model.n_features_in_ = n_features
    elif n_features != model.n_features_in_:
        raise ValueError(
            f"X has {n_features} features, but {type(model).__name__} is expecting {model.n_features_in_} "
            "features as input"
        )
    is_double = X.dtype == xp.float64 and np.float64 in dtypes
    table = xp.astype(X, xp.float64 if is_double else xp.float32, copy=False)
    if not bool(xp.all(xp.isfinite(table))):
        raise ValueError("X contains NaN or infinity")
    return DeviceTable(table)


def _device_of(array: Any) -> Any:
    import array_api_compat

    return array_api_compat.device(array)
