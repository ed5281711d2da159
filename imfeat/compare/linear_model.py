"""Linear models in closed form, before they are estimators."""

from dataclasses import dataclass

from imfeat._backend import Array


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A model with the scores x W + b."""

    weights: Array
    intercepts: Array

    @property
    def coef_(self) -> Array:
        """The weights (n_classes, n_features)."""
        return self.weights.T

    def decision_function(self, features: Array) -> Array:
        """Return scores (n, n_classes)."""
        scores: Array = features @ self.weights + self.intercepts
        return scores
