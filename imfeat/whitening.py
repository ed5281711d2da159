"""Whitening of patches."""

from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_number, as_vectors, one_of, to_caller_array
from imfeat._products import multiply
from imfeat._sums import Moments

Kind: TypeAlias = Literal["zca", "pca"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Whitening:
    """A linear map after which the dimensions of patches are uncorrelated, with variance 1.

    Parameters
    ----------
    kind : {"zca", "pca"}
        ``"zca"`` rotates back to the axes of the pixels, so that a whitened patch still looks like
        a patch; ``"pca"`` keeps the principal axes, strongest first.
    epsilon : float
        Term added to the variances of the principal axes, so that noise is not amplified.

    Attributes
    ----------
    mean_ : array of shape (d,), float32
    matrix_ : array of shape (d, d), float32
        A patch x becomes ``(x - mean_) @ matrix_``.

    References
    ----------
    .. [1] A. J. Bell, T. J. Sejnowski, "The independent components of natural scenes are edge
       filters", Vision Research 37, 1997.  :doi:`10.1016/S0042-6989(97)00121-1`

    Examples
    --------
    The deviation of the second dimension is ten times that of the first:

    >>> import imfeat
    >>> import numpy as np
    >>> patches = np.array([[-1, 0], [1, 0], [0, -10], [0, 10]])
    >>> whitening = imfeat.Whitening(epsilon=1e-6).fit(patches)
    >>> patches.std(axis=0).round(2), whitening.transform(patches).std(axis=0).round(2)
    (array([0.71, 7.07]), array([1., 1.], dtype=float32))
    """

    mean_: Array
    matrix_: Array

    def __init__(self, kind: Kind = "zca", epsilon: float = 0.1) -> None:
        one_of(kind, "kind", KINDS)
        self.kind = kind
        self.epsilon = as_number(epsilon, "epsilon", above=0)

    def __repr__(self) -> str:
        return f"Whitening(kind={self.kind!r}, epsilon={self.epsilon!r})"

    def fit(self, patches: Array) -> "Whitening":
        """Learn mean and covariance of patches (n, d), at least two of them; return itself.

        Patches may lie on a GPU; what is learned are NumPy arrays.
        """
        vectors = as_vectors(patches, name="patches", gpu=True)
        if len(vectors) < 2:
            raise ValueError(f"patches must be at least two to learn a covariance, got {len(vectors)}")
        return self.fit_sums(Moments.of(vectors))

    def fit_sums(self, moments: Moments) -> "Whitening":
        """Learn from the moments of patches; return itself."""
        variances, axes = np.linalg.eigh(moments.covariance())
        scaled = axes / np.sqrt(np.maximum(variances, 0) + self.epsilon)
        matrix = scaled @ axes.T if self.kind == "zca" else scaled[:, ::-1]
        self.mean_ = moments.mean.astype(np.float32)
        self.matrix_ = np.ascontiguousarray(matrix, np.float32)
        return self

    def transform(self, patches: Array) -> Array:
        """Whiten patches (..., d); return float32 of the same shape, on their device."""
        if not hasattr(self, "matrix_"):
            raise ValueError("this Whitening has not been fitted; call fit with patches first")
        vectors = as_vectors(patches, name="patches", length=len(self.mean_), axes=None, gpu=True)
        return to_caller_array(multiply(vectors, self.matrix_.T, center=self.mean_))

    def options(self) -> dict[str, Any]:
        """Return the parameters that it was made with."""
        return {"kind": self.kind, "epsilon": self.epsilon}

    def to_arrays(self) -> dict[str, Array]:
        """Return what was learned by name, as files keep it."""
        return {"mean": self.mean_, "matrix": self.matrix_}

    @classmethod
    def from_arrays(cls, options: dict[str, Any], arrays: dict[str, Array]) -> "Whitening":
        """Return the whitening of options and of what `to_arrays` returned."""
        model = cls(**options)
        model.mean_ = arrays["mean"]
        model.matrix_ = arrays["matrix"]
        if model.matrix_.shape != (model.mean_.size, model.mean_.size):
            raise ValueError(f"a matrix {model.matrix_.shape} for vectors of {model.mean_.size} numbers")
        return model
