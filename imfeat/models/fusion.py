"""The weighted mean of the scores of fitted pipelines."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import clone

from imfeat._backend import Array
from imfeat._check import as_numbers
from imfeat.learn._base import ScoreClassifier
from imfeat.learn._fusion import as_fusion_weights, fuse


class ScoreMean(ScoreClassifier):
    """A classifier whose scores are the weighted mean of the scores of several pipelines (late fusion).

    Unlike `imfeat.LateFusion` it is made of pipelines that are fitted already.

    Parameters
    ----------
    pipelines : sequence of fitted classifiers
        With the same classes.
    weights : sequence of float, optional
        One of at least 0 for each pipeline, not all 0; all the same by default.  Pipelines of weight 0 are
        not computed.
    temperatures : sequence of float, optional
        Number above 0 for each pipeline that its scores are divided by; 1 by default.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    pipelines_ : list of classifiers
        Those that `fit` fitted; it doesn't change ``pipelines``, and weights and temperatures are kept.

    Notes
    -----
    The scores z of a pipeline are those of `logits_of`.  Those of the mean are sum_m w_m z_m / T_m, where
    weights w_m have the sum 1.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> images = np.zeros((10, 16, 16, 3), np.uint8)
    >>> images[5:] = [255, 0, 0]
    >>> labels = ["dark"] * 5 + ["red"] * 5
    >>> features = [imfeat.ColorHistogram(), imfeat.RawPixels()]
    >>> pipelines = [make_pipeline(f, imfeat.learn.RidgeClassifier()).fit(images, labels) for f in features]
    >>> imfeat.models.ScoreMean(pipelines, weights=(0.7, 0.3)).predict(images[4:6]).tolist()
    ['dark', 'red']
    """

    def __init__(
        self,
        pipelines: Sequence[Any],
        *,
        weights: Sequence[float] | None = None,
        temperatures: Sequence[float] | None = None,
    ) -> None:
        self.pipelines = pipelines
        self.weights = weights
        self.temperatures = temperatures

    def fit(self, X: Any, y: Array) -> Self:
        """Fit copies of the pipelines to images and labels (n,); return itself."""
        self.pipelines_ = [clone(pipeline).fit(X, y) for pipeline in self.pipelines]
        return self

    @property
    def classes_(self) -> Array:  # type: ignore[override]
        """The classes of the pipelines."""
        classes: Array = self._fitted[0].classes_
        return classes

    def decision_function(self, X: Any) -> Array:
        """Return scores (n, n_classes), float64, or, of two classes, (n,) for the second.

        Raises
        ------
        TypeError, ValueError
            If the weights or temperatures are not as described.
        """
        n = len(self._fitted)
        weights = as_fusion_weights(self.weights, n)
        temperatures = np.ones(n)
        if self.temperatures is not None:
            temperatures = np.array(as_numbers(self.temperatures, "temperatures", n, above=0))
        mean = fuse(self._fitted, X, weights, temperatures)
        return mean if mean.shape[1] > 2 else np.asarray(mean[:, 1] - mean[:, 0])

    def __sklearn_is_fitted__(self) -> bool:
        return all(hasattr(pipeline, "classes_") for pipeline in self._fitted)

    @property
    def _fitted(self) -> Sequence[Any]:
        return getattr(self, "pipelines_", self.pipelines)
