"""Projection of descriptors to their principal axes."""

from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_vectors, to_caller_array
from imfeat._device import is_on_gpu
from imfeat._products import multiply
from imfeat._sums import Moments


class PrincipalAxes:
    """The axes of largest variance of descriptors.

    Attributes
    ----------
    mean_ : array of shape (d,), float32
    components_ : array of shape (n_components, d), float32
        By decreasing variance; the element of largest absolute value of each is positive.
    """

    mean_: Array
    components_: Array

    def fit_sums(self, moments: Moments, n_components: int) -> "PrincipalAxes":
        """Learn from the moments of descriptors; return itself."""
        d = len(moments.mean)
        if n_components > d:
            raise ValueError(f"n_pca must be at most {d}, the length of descriptors, got {n_components}")
        self.mean_ = moments.mean.astype(np.float32)
        self.components_ = moments.principal_axes(n_components)
        return self

    def transform(self, descriptors: Array) -> Array:
        """Return the coordinates (..., n_components) of descriptors (..., d), float32."""
        if is_on_gpu(descriptors):
            descriptors = as_vectors(
                descriptors, name="descriptors", length=len(self.mean_), axes=None, gpu=True
            )
        return to_caller_array(multiply(descriptors, self.components_, center=self.mean_))

    def options(self) -> dict[str, Any]:
        """Return no options, as there are none."""
        return {}

    def to_arrays(self) -> dict[str, Array]:
        """Return what was learned by name, as files keep it."""
        return {"mean": self.mean_, "components": self.components_}

    @classmethod
    def from_arrays(cls, options: dict[str, Any], arrays: dict[str, Array]) -> "PrincipalAxes":
        """Return the axes of what `to_arrays` returned."""
        model = cls(**options)
        model.mean_ = arrays["mean"]
        model.components_ = arrays["components"]
        return model
