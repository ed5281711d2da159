"""The base class of the classifiers that train a network: epochs, L-BFGS and early stopping."""

import copy
import warnings
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from imfeat._backend import Array
from imfeat._check import FLOATS, as_count, as_number, one_of
from imfeat.learn._base import ScoreClassifier
from imfeat.learn._tables import as_table
from imfeat.learn.descent import Objective, Rows, reader_of, run_epoch
from imfeat.learn.lbfgs import minimize
from imfeat.learn.losses import LOSSES
from imfeat.learn.network import Network
from imfeat.learn.optimizers import OPTIMIZERS, Optimizer
from imfeat.learn.ridge import split_last
from imfeat.learn.schedules import SCHEDULES

LBFGS = "lbfgs"
ROWS_AT_ONCE = 1024  # validation images at a time


def _is_stepwise(self: Any) -> bool:
    if self.optimizer == LBFGS:
        raise AttributeError("partial_fit needs an optimizer that takes steps, such as 'adam', not 'lbfgs'")
    return True


def _has_probabilities(self: Any) -> bool:
    if self.loss != "softmax":
        raise AttributeError(f"predict_proba needs loss='softmax', not {self.loss!r}")
    return True


class NetworkClassifier(ScoreClassifier):
    """A classifier that trains a network, which subclasses define.

    Subclasses have the parameters ``loss``, ``optimizer``, ``learning_rate``, ``schedule``,
    ``batch_size``, ``epochs``, ``tol``, ``class_weight``, ``patience``, ``validation_share`` and
    ``random_state``.
    """

    def _make_network(self, n_features: int, n_classes: int, rng: np.random.Generator) -> Network:
        raise NotImplementedError

    def _objective(self) -> Objective:
        raise NotImplementedError

    def fit(self, X: Array, y: Array) -> Self:
        """Learn from features (n, n_features) and labels (n,); return itself."""
        X, y = as_table(self, X, y, dtype=np.float32, order="C")
        return self.fit_rows(reader_of(X), y, X.shape[1])

    def fit_rows(self, rows: Rows, y: Array, n_features: int) -> Self:
        """Learn from features that a function returns, so that not all need to be in memory; return itself.

        Parameters
        ----------
        rows : function
            ``rows(indices)`` returns features (n, n_features), float32.  The next call may overwrite them.
        y : array of shape (n_images,)
            Labels.
        n_features : int
        """
        labels = self._start(y, n_features)
        patience = None if self.patience is None else as_count(self.patience, "patience")
        share = as_number(self.validation_share, "validation_share", above=0)
        train, validation = split_last(labels, 0 if patience is None else share)
        if patience is not None and not len(validation):
            raise ValueError(
                f"no class has 1 / {share:g} images, one of which to validate with; set patience=None"
            )
        weights = self._weights_of(labels)
        with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite ends the training
            if self.optimizer == LBFGS:
                train_weights = None if weights is None else weights[train]
                self._minimize(lambda indices: rows(train[indices]), labels[train], train_weights)
            else:
                self._descend(rows, labels, weights, train, validation, patience)
        return self

    @available_if(_is_stepwise)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Array, y: Array, classes: Array | None = None) -> Self:
        """Take steps for features (n, n_features) and labels (n,), in order; return itself.

        The first call needs ``classes``, all labels of this and later calls.
        """
        is_first = not hasattr(self, "network_")
        X, y = as_table(self, X, y, dtype=np.float32, order="C", reset=is_first)
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
        with np.errstate(over="ignore", invalid="ignore"):
            self._record(*self._run_epoch(reader_of(X), labels, self._weights_of(labels), np.arange(len(X))))
        return self

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Array) -> Array:
        """Return the softmax of the scores (n, n_classes)."""
        scores = self._scores(X)
        probabilities: Array = np.exp(scores - scores.max(1, keepdims=True))
        probabilities /= probabilities.sum(1, keepdims=True)
        return probabilities

    def _scores(self, X: Array) -> Array:
        check_is_fitted(self)
        scores: Array = self.network_.apply(as_table(self, X, dtype=FLOATS, order="C", reset=False))
        return scores

    def _start(self, y: Array, n_features: int, classes: Array | None = None) -> Array:
        """Check parameters, make the network and the optimizer, and return labels 0 to n_classes - 1."""
        labels = self._encode_labels(y, classes)
        one_of(self.loss, "loss", tuple(LOSSES))
        one_of(self.schedule, "schedule", tuple(SCHEDULES))
        if not isinstance(self.optimizer, Optimizer):
            one_of(self.optimizer, "optimizer", (*OPTIMIZERS, LBFGS))
        self._rng = self._make_rng()
        self.n_features_in_ = n_features
        self.network_ = self._make_network(n_features, len(self.classes_), self._rng)
        self.history_: dict[str, list[float]] = {"loss": [], "accuracy": []}
        self.n_iter_ = 0
        if isinstance(self.optimizer, Optimizer):
            self._optimizer = copy.deepcopy(self.optimizer)
        elif self.optimizer != LBFGS:
            learning_rate = as_number(self.learning_rate, "learning_rate", above=0)
            self._optimizer = OPTIMIZERS[self.optimizer](learning_rate)
            self._optimizer.weight_decay = self._objective().decays(self.network_)
        return labels

    def _weights_of(self, labels: Array) -> Array | None:
        """Return the weight of each image, or None if all are 1."""
        if self.class_weight is None:
            return None
        is_dict = isinstance(self.class_weight, dict)
        weighted = self.classes_ if is_dict else self.classes_[np.unique(labels)]
        class_weights = np.ones(len(self.classes_), np.float32)
        class_weights[np.searchsorted(self.classes_, weighted)] = compute_class_weight(
            self.class_weight, classes=weighted, y=self.classes_[labels]
        )
        return class_weights[labels]

    def _descend(
        self,
        rows: Rows,
        labels: Array,
        weights: Array | None,
        train: Array,
        validation: Array,
        patience: int | None,
    ) -> None:
        """Take epochs, and restore the parameters of the best validation accuracy if there is a patience."""
        epochs = as_count(self.epochs, "epochs")
        first_rate = self._optimizer.learning_rate
        best_accuracy = -1.0
        best_epoch = 0
        best_parameters: list[Array] = []
        for epoch in range(epochs):
            self._optimizer.learning_rate = first_rate * SCHEDULES[self.schedule](epoch, epochs)
            self._record(*self._run_epoch(rows, labels, weights, self._rng.permutation(train)))
            if patience is None:
                continue
            accuracy = self._accuracy(rows, labels, validation)
            self.history_.setdefault("validation_accuracy", []).append(accuracy)
            if accuracy > best_accuracy:
                best_accuracy = accuracy
                best_epoch = epoch
                best_parameters = [array.copy() for array in self.network_.parameters]
            elif epoch - best_epoch >= patience:
                break
        for array, best in zip(self.network_.parameters, best_parameters, strict=bool(best_parameters)):
            array[...] = best

    def _run_epoch(
        self, rows: Rows, labels: Array, weights: Array | None, order: Array
    ) -> tuple[float, float]:
        size = as_count(self.batch_size, "batch_size")
        batches = [order[first : first + size] for first in range(0, len(order), size)]
        return run_epoch(self.network_, self._optimizer, self._objective(), rows, labels, weights, batches)

    def _minimize(self, rows: Rows, labels: Array, weights: Array | None) -> None:
        epochs = as_count(self.epochs, "epochs")
        losses, converged = minimize(
            self.network_,
            self._objective(),
            rows,
            labels,
            weights,
            n_iterations=epochs,
            tolerance=as_number(self.tol, "tol", above=0),
        )
        self.history_ = {"loss": losses}
        self.n_iter_ = len(losses)
        self.converged_ = converged
        if not converged and len(losses) >= epochs:
            warnings.warn(
                f"L-BFGS did not get below tol={self.tol:g} in {epochs} iterations; raise epochs or tol, or "
                "standardize the features",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _record(self, loss: float, accuracy: float) -> None:
        self.history_["loss"].append(loss)
        self.history_["accuracy"].append(accuracy)
        self.n_iter_ += 1

    def _accuracy(self, rows: Rows, labels: Array, validation: Array) -> float:
        n_correct = 0
        for first in range(0, len(validation), ROWS_AT_ONCE):
            batch = validation[first : first + ROWS_AT_ONCE]
            predicted = self.network_.apply(rows(batch)).argmax(1)
            n_correct += int(np.count_nonzero(predicted == labels[batch]))
        return n_correct / len(validation)
