"""Features as the codes of a product quantizer keep them."""

import math
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from imfeat._backend import Array
from imfeat.quantizer import ProductQuantizer

VECTORS_TO_QUANTIZE = 2048


class Compressed(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Encode and decode features (n, d) with a product quantizer, and divide them by a number.

    A classifier that learned from codes gets the features of new images like this.

    Parameters
    ----------
    quantizer : ProductQuantizer
        Fitted, or with the options for `fit`.
    scale : float
        Number that all features are divided by.

    Attributes
    ----------
    quantizer_, scale_
        Those that `fit` learned, the scale as the root of the mean square of features.

    Examples
    --------
    A bit for each of two dimensions keeps these four vectors; their mean square is 25:

    >>> import imfeat
    >>> import numpy as np
    >>> features = np.array([[1, -7], [1, 7], [-1, -7], [-1, 7]])
    >>> quantizer = imfeat.ProductQuantizer(group_size=1, bits=1)
    >>> compressed = imfeat.models.Compressed(quantizer).fit(features)
    >>> compressed.scale_
    5.0
    >>> compressed.transform(features[:1]).round(2)
    array([[ 0.2, -1.4]], dtype=float32)
    """

    def __init__(self, quantizer: ProductQuantizer, scale: float = 1.0) -> None:
        self.quantizer = quantizer
        self.scale = scale

    def fit(self, X: Array, y: Any = None) -> Self:
        """Learn a quantizer and a scale from the first 2,048 features (n, d); return itself."""
        sample = np.asarray(X[:VECTORS_TO_QUANTIZE])
        bits = min(self.quantizer.bits, math.floor(math.log2(len(sample))))
        options = {**self.quantizer.options(), "bits": bits}
        self.quantizer_ = ProductQuantizer(**options, rng=0).fit(sample)
        self.scale_ = math.sqrt(np.square(sample).mean(dtype=np.float64))
        return self

    def transform(self, X: Array) -> Array:
        """Return features (n, d), float32, from their codes."""
        quantizer = getattr(self, "quantizer_", self.quantizer)
        out: Array = quantizer.decode(quantizer.encode(X))
        out /= np.float32(getattr(self, "scale_", self.scale))
        return out

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(getattr(self, "quantizer_", self.quantizer), "centroids_")
