"""The mean of the scores of fitted pipelines."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import clone

from imfeat._backend import Array
from imfeat.learn._base import ScoreClassifier
from imfeat.models.calibration import logits_of


class ScoreMean(ScoreClassifier):
    """A classifier whose scores are the mean of the scores of several pipelines (late fusion).

    Unlike `imfeat.LateFusion` it is made of pipelines that are fitted already.

    Parameters
    ----------
    pipelines : sequence of fitted classifiers
        With ``decision_function``, and the same classes.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    pipelines_ : list of classifiers
        Those that `fit` fitted; it doesn't change ``pipelines``.

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
    >>> imfeat.models.ScoreMean(pipelines).predict(images[4:6]).tolist()
    ['dark', 'red']
    """

    def __init__(self, pipelines: Sequence[Any]) -> None:
        self.pipelines = pipelines

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
        """Return scores (n, n_classes), or, of two classes, differences (n,) of the mean scores."""
        if len(self.classes_) == 2:
            logits = np.mean([logits_of(pipeline, X) for pipeline in self._fitted], axis=0)
            return np.asarray(logits[:, 1] - logits[:, 0])
        scores = [np.asarray(pipeline.decision_function(X)) for pipeline in self._fitted]
        mean: Array = np.mean(scores, axis=0)
        return mean

    def __sklearn_is_fitted__(self) -> bool:
        return all(hasattr(pipeline, "classes_") for pipeline in self._fitted)

    @property
    def _fitted(self) -> Sequence[Any]:
        return getattr(self, "pipelines_", self.pipelines)
