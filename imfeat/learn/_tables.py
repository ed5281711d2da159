"""Checks of tables of features."""

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data


def as_table(model: Any, X: Any, *y: Any, **options: Any) -> Any:
    """Check features and labels as scikit-learn does, and refuse masked arrays and records."""
    if isinstance(X, np.ma.MaskedArray):
        raise TypeError("X is a masked array, whose mask would be lost; pass a plain array")
    if getattr(getattr(X, "dtype", None), "names", None):
        raise TypeError(f"X must be an array of numbers, got records of {', '.join(X.dtype.names)}")
    return validate_data(model, X, *y, **options)
