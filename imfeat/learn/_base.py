"""The base class of the classifiers: labels, random generators, scores and predictions."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets

from imfeat._backend import Array, get_num_threads
from imfeat.learn._device_table import like, to_host
from imfeat.learn._threads import blas_threads


class ScoreClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that predicts the class of the highest score.

    Subclasses define ``_scores``, or a ``decision_function`` of their own.
    """

    classes_: Array

    # Whether the scores of two classes are negatives of each other.
    _has_opposite_scores = False

    def _scores(self, X: Array) -> Array:
        """Return the scores (n, n_classes) of features (n, n_features)."""
        raise NotImplementedError

    def decision_function(self, X: Array) -> Array:
        """Return scores (n, n_classes), or, for two classes, scores (n,) that are positive for the second.

        The scores have the dtype in which they are computed: float64 for features in float64.
        """
        with blas_threads(get_num_threads()):
            scores = self._scores(X)
        if len(self.classes_) == 2:
            scores = scores[:, 1] if self._has_opposite_scores else scores[:, 1] - scores[:, 0]
        returned: Array = like(scores, X)
        return returned

    def predict(self, X: Array) -> Array:
        """Return the class with the highest score for each of the features (n, n_features).

        As other results, classes that are numbers are on the GPU where the features are there.
        """
        scores = to_host(self.decision_function(X))
        predicted = self.classes_[scores.argmax(1) if scores.ndim == 2 else (scores > 0).astype(int)]
        labels: Array = like(predicted, X)
        return labels

    def _encode_labels(self, y: Array, classes: Array | None = None, *, continues: bool = False) -> Array:
        """Set ``classes_``, by default the distinct labels, and return labels 0 to n_classes - 1.

        Other classes than before are refused if training continues.
        """
        check_classification_targets(y)
        classes = np.unique(y if classes is None else classes)
        if len(classes) < 2:
            raise ValueError(f"y must have at least two classes, got one class, {classes[0]!r}")
        if continues and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"warm_start=True needs y with the classes of the last fit, {self.classes_}, got {classes}"
            )
        self.classes_ = classes
        labels: Array = np.searchsorted(self.classes_, y)
        return labels

    def _make_rng(self) -> np.random.Generator:
        """Return a generator seeded by ``random_state``."""
        seed: Any = check_random_state(self.random_state).randint(1 << 31)
        return np.random.default_rng(seed)
