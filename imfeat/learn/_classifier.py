"""The base class of the classifiers that train a network: what they learn from, and probabilities."""

from typing import Any, Self

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from imfeat._backend import Array
from imfeat._check import FLOATS
from imfeat.learn._device_table import like
from imfeat.learn._tables import as_table
from imfeat.learn._threads import blas_threads, paying_threads
from imfeat.learn._training import LBFGS, NetworkTraining
from imfeat.learn._weights import as_weights, class_factors, repeat_images, without_zeros
from imfeat.learn.descent import Images, Rows, reader_of


def _is_stepwise(self: Any) -> bool:
    if self.optimizer == LBFGS:
        raise AttributeError("partial_fit needs an optimizer that takes steps, such as 'adam', not 'lbfgs'")
    return True


def _has_probabilities(self: Any) -> bool:
    if self.loss != "softmax":
        raise AttributeError(f"predict_proba and predict_log_proba need loss='softmax', not {self.loss!r}")
    return True


class NetworkClassifier(NetworkTraining):
    """A classifier that trains a network, which subclasses define."""

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Self:
        """Learn from features; return itself.

        Parameters
        ----------
        X : array of shape (n, n_features)
            Features; for ``optimizer="lbfgs"`` also an array of CuPy or PyTorch on a GPU, where its products
            are computed.
        y : array of shape (n,)
            Labels.
        sample_weight : array of shape (n,), optional
            Finite weights of at least 0, factors of the losses of the images.  A weight of 2 counts as an
            image twice, and one of 0 as none.

        Raises
        ------
        TypeError, ValueError
            If the features, the labels, the weights or a parameter are not as described.
        FloatingPointError
            If the learning rate is so large that the loss grows without bound.
        """
        on_gpu = self.optimizer == LBFGS  # which takes all images at a time
        X, y = as_table(self, X, y, dtype=np.float32, order="C", reset=not self._continues(), on_gpu=on_gpu)
        X, y, weights = repeat_images(X, y, sample_weight)
        return self.fit_rows(reader_of(X), y, X.shape[1], weights)

    def fit_rows(self, rows: Rows, y: Array, n_features: int, sample_weight: Array | None = None) -> Self:
        """Learn from features that a function returns, so that not all need to be in memory; return itself.

        Parameters
        ----------
        rows : function
            ``rows(indices)`` returns features (n, n_features), float32.  The next call may overwrite them.
        y : array of shape (n_images,)
            Labels.
        n_features : int
        sample_weight : array of shape (n_images,), optional
            See `fit`.
        """
        indices, weights = without_zeros(as_weights(sample_weight, len(y)), len(y))
        if indices is not None:
            all_rows = rows
            kept = indices
            rows, y = (lambda batch: all_rows(kept[batch])), np.asarray(y)[kept]
        labels = self._start(y, n_features)
        factors = class_factors(self.class_weight, self.classes_, labels, weights)
        images = Images.weighted(rows, labels, weights, factors)
        n_threads = paying_threads(n_features) if self.optimizer == LBFGS else 1
        # a loss that is not finite ends the training
        with blas_threads(n_threads), np.errstate(over="ignore", invalid="ignore"):
            if self.optimizer == LBFGS:
                self._minimize(images)
            else:
                self._descend(images)
        return self

    @available_if(_is_stepwise)  # type: ignore[untyped-decorator]
    def partial_fit(
        self, X: Array, y: Array, classes: Array | None = None, sample_weight: Array | None = None
    ) -> Self:
        """Take steps for features (n, n_features) and labels (n,), in order; return itself.

        The first call needs ``classes``, all labels of this and later calls.  The weights are those of
        `fit`.  A penalty on a sum of losses is divided by the sum of the weights of this call, by default the
        number of its images.
        """
        is_first = not hasattr(self, "network_")
        X, y = as_table(self, X, y, dtype=np.float32, order="C", reset=is_first)
        indices, weights = without_zeros(as_weights(sample_weight, len(y)), len(y))
        if is_first:
            if classes is None:
                raise ValueError(
                    "classes must be given in the first call of partial_fit: all labels that will come"
                )
            self._start(y, X.shape[1], classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes must be those of the first call, {self.classes_}, got {np.unique(classes)}"
            )
        labels = np.searchsorted(self.classes_, y)
        if not np.array_equal(self.classes_[np.minimum(labels, len(self.classes_) - 1)], y):
            raise ValueError(f"y must be among the classes {self.classes_}, got others")
        if indices is not None:
            X, labels = X[indices], labels[indices]
        factors = class_factors(self.class_weight, self.classes_, labels, weights)
        images = Images.weighted(reader_of(X), labels, weights, factors)
        self._divide_penalty(images)
        with blas_threads(1), np.errstate(over="ignore", invalid="ignore"):
            self._record(*self._run_epoch(images, np.arange(len(X))))
        return self

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Array) -> Array:
        """Return the softmax of the scores (n, n_classes)."""
        scores = self._scores(X)
        probabilities: Array = np.exp(scores - scores.max(1, keepdims=True))
        probabilities /= probabilities.sum(1, keepdims=True)
        shown: Array = like(probabilities, X)
        return shown

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Array) -> Array:
        """Return the logarithm of the softmax of the scores (n, n_classes), also where the softmax is 0."""
        scores = self._scores(X)
        scores -= scores.max(1, keepdims=True)
        scores -= np.log(np.exp(scores).sum(1, keepdims=True))
        shown: Array = like(scores, X)
        return shown

    def _scores(self, X: Array) -> Array:
        check_is_fitted(self)
        X = as_table(self, X, dtype=FLOATS, order="C", reset=False, on_gpu=True)
        scores: Array = self.network_.apply(X)
        return scores
