"""What the classifiers that are networks have in common: scikit-learn's ways, epochs, and when to stop."""

import copy
import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from imfeat._backend import Array
from imfeat._check import FLOATS, as_count, as_number, one_of
from imfeat.learn._tables import as_table
from imfeat.learn.descent import Objective, Rows, minimize, rows_of, run_epoch
from imfeat.learn.losses import LOSSES
from imfeat.learn.network import Network
from imfeat.learn.optimizers import OPTIMIZERS, Optimizer
from imfeat.learn.ridge import split_last
from imfeat.learn.schedules import SCHEDULES

LBFGS = "lbfgs"


def _is_stepwise(self: Any) -> bool:
    if self.optimizer == LBFGS:
        raise AttributeError("partial_fit needs an optimizer that takes steps, such as 'adam', not 'lbfgs'")
    return True


def _has_probabilities(self: Any) -> bool:
    if self.loss != "softmax":
        raise AttributeError(f"predict_proba needs loss='softmax', not {self.loss!r}")
    return True


class NetworkClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that is a network; what it is made of is up to those that derive from it.

    They have the parameters ``loss``, ``optimizer``, ``learning_rate``, ``schedule``, ``batch_size``,
    ``epochs``, ``class_weight``, ``patience``, ``validation_share`` and ``random_state``.
    """

    def _make_network(self, n_features: int, n_classes: int, rng: np.random.Generator) -> Network:
        raise NotImplementedError

    def _objective(self) -> Objective:
        raise NotImplementedError

    def fit(self, X: Array, y: Array) -> Self:
        """Learn from features (n, n_features) and labels (n,); return itself."""
        X, y = as_table(self, X, y, dtype=np.float32, order="C")
        return self.fit_rows(rows_of(X), y, X.shape[1])

    def fit_rows(self, rows: Rows, y: Array, n_features: int) -> Self:
        """Learn from features that a function returns, for what can't or shouldn't be in memory at once.

        Parameters
        ----------
        rows : function
            ``rows(indices)`` are the features (n, n_features), float32, of some images; they may be
            overwritten by the next call.
        y : array of shape (n_images,)
            Labels.
        n_features : int
        """
        labels = self._start(y, n_features, np.unique(y))
        patience = None if self.patience is None else as_count(self.patience, "patience")
        share = as_number(self.validation_share, "validation_share", above=0)
        known, new = split_last(labels, 0 if patience is None else share)
        if patience is not None and not len(new):
            raise ValueError(
                f"no class has 1 / {share:g} images, one of which to validate with; set patience=None"
            )
        weights = self._weights_of(labels)
        with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite ends it
            if self.optimizer == LBFGS:
                self._minimize(lambda part: rows(known[part]), labels[known], weights, known)
            else:
                self._descend(rows, labels, weights, known, new, patience)
        return self

    @available_if(_is_stepwise)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Array, y: Array, classes: Array | None = None) -> Self:
        """Take steps for features (n, n_features) and labels (n,), once and in order; return itself.

        The first call needs ``classes``, all labels that will come.
        """
        is_first = not hasattr(self, "network_")
        X, y = as_table(self, X, y, dtype=np.float32, order="C", reset=is_first)
        if is_first:
            if classes is None:
                raise ValueError(
                    "classes must be given in the first call of partial_fit: all labels that will come"
                )
            self._start(y, X.shape[1], np.unique(classes))
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes must be those of the first call, {self.classes_}, got {np.unique(classes)}"
            )
        labels = np.searchsorted(self.classes_, y)
        if not np.array_equal(self.classes_[np.minimum(labels, len(self.classes_) - 1)], y):
            raise ValueError(f"y must be among the classes {self.classes_}, got others")
        with np.errstate(over="ignore", invalid="ignore"):
            self._note(*self._run_epoch(rows_of(X), labels, self._weights_of(labels), np.arange(len(X))))
        return self

    def decision_function(self, X: Array) -> Array:
        """Return scores (n, n_classes), or, of two classes, (n,) for the second less the first.

        They are float32; of features in float64 they are computed in it, and float64.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Array) -> Array:
        """Return the class of each of the features (n, n_features)."""
        best = self._scores(X).argmax(1)
        found: Array = self.classes_[best]
        return found

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Array) -> Array:
        """Return the softmax of the scores (n, n_classes)."""
        scores = self._scores(X)
        shares: Array = np.exp(scores - scores.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        return shares

    def _scores(self, X: Array) -> Array:
        check_is_fitted(self)
        scores: Array = self.network_.apply(as_table(self, X, dtype=FLOATS, order="C", reset=False))
        return scores

    def _start(self, y: Array, n_features: int, classes: Array) -> Array:
        """Check parameters, make what is learned, and return labels 0 to n_classes - 1."""
        check_classification_targets(y)
        if len(classes) < 2:
            raise ValueError(f"y must have at least two classes, got one class, {classes[0]!r}")
        one_of(self.loss, "loss", tuple(LOSSES))
        one_of(self.schedule, "schedule", tuple(SCHEDULES))
        if not isinstance(self.optimizer, Optimizer):
            one_of(self.optimizer, "optimizer", (*OPTIMIZERS, LBFGS))
        self._rng = np.random.default_rng(check_random_state(self.random_state).randint(1 << 31))
        self.classes_, self.n_features_in_ = classes, n_features
        self.network_ = self._make_network(n_features, len(classes), self._rng)
        self.history_: dict[str, list[float]] = {"loss": [], "accuracy": []}
        self.n_iter_ = 0
        if isinstance(self.optimizer, Optimizer):
            self._optimizer = copy.deepcopy(self.optimizer)
        elif self.optimizer != LBFGS:
            self._optimizer = OPTIMIZERS[self.optimizer](
                as_number(self.learning_rate, "learning_rate", above=0)
            )
            self._optimizer.weight_decay = self._objective().decays(self.network_)
        labels: Array = np.searchsorted(classes, y)
        return labels

    def _weights_of(self, labels: Array) -> Array | None:
        """Return the weight of each image, None if all are 1."""
        if self.class_weight is None:
            return None
        known = self.classes_ if isinstance(self.class_weight, dict) else self.classes_[np.unique(labels)]
        of_classes = np.ones(len(self.classes_), np.float32)
        of_classes[np.searchsorted(self.classes_, known)] = compute_class_weight(
            self.class_weight, classes=known, y=self.classes_[labels]
        )
        return of_classes[labels]

    def _descend(
        self, rows: Rows, labels: Array, weights: Array | None, known: Array, new: Array, patience: int | None
    ) -> None:
        """Go through the images again and again, and keep the best of the validation part if there is one."""
        epochs, first_rate = as_count(self.epochs, "epochs"), self._optimizer.learning_rate
        best, best_epoch, best_parameters = -1.0, 0, []
        for epoch in range(epochs):
            self._optimizer.learning_rate = first_rate * SCHEDULES[self.schedule](epoch, epochs)
            self._note(*self._run_epoch(rows, labels, weights, self._rng.permutation(known)))
            if patience is None:
                continue
            accuracy = self._accuracy(rows, labels, new)
            self.history_.setdefault("validation_accuracy", []).append(accuracy)
            if accuracy > best:
                best, best_epoch = accuracy, epoch
                best_parameters = [array.copy() for array in self.network_.parameters]
            elif epoch - best_epoch >= patience:
                break
        for array, kept in zip(self.network_.parameters, best_parameters, strict=bool(best_parameters)):
            array[...] = kept

    def _run_epoch(
        self, rows: Rows, labels: Array, weights: Array | None, order: Array
    ) -> tuple[float, float]:
        size = as_count(self.batch_size, "batch_size")
        batches = [order[first : first + size] for first in range(0, len(order), size)]
        what = self.network_, self._optimizer, self._objective()
        return run_epoch(*what, rows, labels, weights, batches)

    def _minimize(self, rows: Rows, labels: Array, weights: Array | None, known: Array) -> None:
        epochs = as_count(self.epochs, "epochs")
        losses, converged = minimize(
            *(self.network_, self._objective(), rows, labels, None if weights is None else weights[known]),
            n_iterations=epochs,
            tolerance=as_number(self.tol, "tol", above=0),
        )
        self.history_, self.n_iter_ = {"loss": losses}, len(losses)
        self.converged_ = converged
        if not converged and len(losses) >= epochs:
            warnings.warn(
                f"L-BFGS did not get below tol={self.tol:g} in {epochs} iterations; raise epochs or tol, or "
                "standardize the features",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _note(self, loss: float, accuracy: float) -> None:
        self.history_["loss"].append(loss)
        self.history_["accuracy"].append(accuracy)
        self.n_iter_ += 1

    def _accuracy(self, rows: Rows, labels: Array, some: Array) -> float:
        n_right = 0
        for first in range(0, len(some), 1024):
            part = some[first : first + 1024]
            n_right += int(np.count_nonzero(self.network_.apply(rows(part)).argmax(1) == labels[part]))
        return n_right / len(some)
