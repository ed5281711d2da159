"""Checks of tables of features."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data

from imfeat.learn._device_table import as_device_table, namespace_of, to_host


def as_table(model: Any, X: Any, *y: Any, on_gpu: bool = False, **options: Any) -> Any:
    """Check features and labels as scikit-learn does, and refuse masked arrays and records.

    With ``on_gpu``, features may be on a GPU, and become a `DeviceTable`; labels come to the host.
    """
    if namespace_of(X) is not None:
        if not on_gpu:
            raise TypeError(
                f"{type(model).__name__} computes on the CPU here, got X on a GPU; copy it to the host, by "
                "X.get() of CuPy or X.cpu() of PyTorch"
            )
        table = as_device_table(model, X, dtype=options["dtype"], reset=options.get("reset", True))
        if not y:
            return table
        labels = column_or_1d(to_host(y[0]), warn=True)
        check_consistent_length(table, labels)
        return table, labels
    if isinstance(X, np.ma.MaskedArray):
        raise TypeError("X is a masked array, whose mask would be lost; pass a plain array")
    if getattr(getattr(X, "dtype", None), "names", None):
        raise TypeError(f"X must be an array of numbers, got records of {', '.join(X.dtype.names)}")
    return validate_data(model, X, *y, **options)
