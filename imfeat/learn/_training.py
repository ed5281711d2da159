"""Training of a network: options, epochs, L-BFGS, and the rules by which it ends."""

import copy
import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from imfeat._backend import Array
from imfeat._check import as_count, as_flag, as_number, one_of
from imfeat.learn._base import ScoreClassifier
from imfeat.learn._stopping import LossRule, ValidationRule
from imfeat.learn.descent import Images, Objective, evaluate, run_epoch
from imfeat.learn.lbfgs import minimize
from imfeat.learn.losses import LOSSES
from imfeat.learn.network import Network
from imfeat.learn.optimizers import OPTIMIZERS, Optimizer
from imfeat.learn.ridge import split_last
from imfeat.learn.schedules import SCHEDULES

LBFGS = "lbfgs"


class NetworkTraining(ScoreClassifier):
    """The training of a network, which subclasses define.

    Subclasses have the parameters ``loss``, ``optimizer``, ``learning_rate``, ``schedule``,
    ``batch_size``, ``epochs``, ``tol``, ``n_iter_no_change``, ``class_weight``, ``patience``,
    ``validation_share``, ``warm_start`` and ``random_state``.
    """

    network_: Network
    history_: dict[str, list[float]]
    converged_: bool | None
    n_iter_: int
    _total = 1.0  # sum of the weights of the images, by which the penalty on a sum of losses is divided

    def _make_network(self, n_features: int, n_classes: int, rng: np.random.Generator) -> Network:
        raise NotImplementedError

    def _objective(self) -> Objective:
        """Return the objective, a mean over images whose weights sum to ``_total``."""
        raise NotImplementedError

    def _continues(self) -> bool:
        """Tell whether `fit` goes on from the parameters of the last one."""
        return as_flag(self.warm_start, "warm_start") and hasattr(self, "network_")

    def _start(self, y: Array, n_features: int, classes: Array | None = None) -> Array:
        """Check parameters, make the network and the optimizer, and return labels 0 to n_classes - 1."""
        self._check_options()
        continues = self._continues()
        labels = self._encode_labels(y, classes, continues=continues)
        self._rng = self._make_rng()
        network = self._make_network(n_features, len(self.classes_), self._rng)
        if continues:
            self._check_same(network)
        else:
            self.network_ = network
        self.n_features_in_ = n_features
        self.history_ = {"loss": [], "accuracy": []}
        self.n_iter_ = 0
        if isinstance(self.optimizer, Optimizer):
            self._optimizer = copy.deepcopy(self.optimizer)
        elif self.optimizer != LBFGS:
            self._optimizer = OPTIMIZERS[self.optimizer](self.learning_rate)
        return labels

    def _divide_penalty(self, images: Images) -> None:
        """Divide a penalty on the sum of the losses by the number of images, as losses are averaged."""
        self._total = images.total
        if not isinstance(self.optimizer, Optimizer) and self.optimizer != LBFGS:
            self._optimizer.weight_decay = self._objective().decays(self.network_)

    def _check_options(self) -> None:
        one_of(self.loss, "loss", tuple(LOSSES))
        one_of(self.schedule, "schedule", tuple(SCHEDULES))
        if not isinstance(self.optimizer, Optimizer):
            one_of(self.optimizer, "optimizer", (*OPTIMIZERS, LBFGS))
        as_number(self.learning_rate, "learning_rate", above=0)
        as_count(self.batch_size, "batch_size")
        as_count(self.epochs, "epochs")
        as_number(self.tol, "tol", least=0)
        as_number(self.validation_share, "validation_share", above=0, below=1)
        for name in ("n_iter_no_change", "patience"):
            if getattr(self, name) is not None:
                as_count(getattr(self, name), name)
        self._objective()
        self._dropout_rate()

    def _check_same(self, network: Network) -> None:
        """Refuse to go on with other features or layers."""
        last_layers, layers = (
            [(*layer.weights.shape, layer.activation) for layer in net.layers]
            for net in (self.network_, network)
        )
        if last_layers != layers:
            raise ValueError(
                f"warm_start=True needs the features and layers of the last fit, {last_layers}, got {layers}"
            )

    def _descend(self, images: Images) -> None:
        """Take epochs until a rule ends them, and restore the best parameters if there is a patience."""
        train, validation = self._split(images)
        self._divide_penalty(train)
        validation_rule = None if validation is None else ValidationRule(self.patience, self.network_)
        loss_rule = None
        if validation is None and self.n_iter_no_change is not None and self.schedule == "constant":
            loss_rule = LossRule(self.n_iter_no_change, self.tol)
        self.converged_ = None if validation is None and loss_rule is None else False
        first_rate = self._optimizer.learning_rate
        for epoch in range(self.epochs):
            self._optimizer.learning_rate = first_rate * SCHEDULES[self.schedule](epoch, self.epochs)
            order = self._rng.permutation(len(train.labels))
            self._record(*self._run_epoch(train, order))
            if validation is not None and validation_rule is not None:
                loss, accuracy = evaluate(self.network_, self._objective(), validation)
                self.history_.setdefault("validation_loss", []).append(loss)
                self.history_.setdefault("validation_accuracy", []).append(accuracy)
                self.converged_ = validation_rule.ends(accuracy)
            elif loss_rule is not None:
                self.converged_ = loss_rule.ends(self.history_["loss"][-1])
            if self.converged_:
                break
        if validation_rule is not None:
            validation_rule.restore()
        if self.converged_ is False:
            self._warn_of_early_end()

    def _split(self, images: Images) -> tuple[Images, Images | None]:
        """Return the training images, and with a patience the validation images."""
        if self.patience is None:
            return images, None
        train, validation = split_last(images.labels, self.validation_share)
        if not len(validation):
            raise ValueError(
                f"no class has 1 / {self.validation_share:g} images, one of which to validate with; "
                "set patience=None"
            )
        return images.at(train), images.at(validation)

    def _run_epoch(self, images: Images, order: Array) -> tuple[float, float]:
        size = self.batch_size
        batches = [order[first : first + size] for first in range(0, len(order), size)]
        masks = self._masks if self._dropout_rate() else lambda n: ()
        return run_epoch(self.network_, self._optimizer, self._objective(), images, batches, masks)

    def _masks(self, n: int) -> Sequence[Array]:
        return self.network_.dropout_masks(n, self._dropout_rate(), self._rng)

    def _dropout_rate(self) -> float:
        """Return the share of the hidden units that are left out in each step."""
        return 0.0

    def _minimize(self, images: Images) -> None:
        train, _ = self._split(images)
        self._divide_penalty(train)
        losses, converged = minimize(
            self.network_,
            self._objective(),
            train,
            n_iterations=self.epochs,
            tolerance=self.tol,
        )
        self.history_ = {"loss": losses}
        self.n_iter_ = len(losses)
        self.converged_ = converged
        if not converged and len(losses) >= self.epochs:
            warnings.warn(
                f"L-BFGS did not get below tol={self.tol:g} in {self.epochs} iterations; raise epochs or "
                "tol, or standardize the features",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _warn_of_early_end(self) -> None:
        if self.patience is None:
            what = f"the loss did not stop falling by tol={self.tol:g}"
            remedy = "raise epochs or tol, or set n_iter_no_change=None"
        else:
            what = "the validation accuracy did not stop rising"
            remedy = "raise epochs, or lower patience"
        warnings.warn(f"{what} in {self.epochs} epochs; {remedy}", ConvergenceWarning, stacklevel=5)

    def _record(self, loss: float, accuracy: float) -> None:
        self.history_["loss"].append(loss)
        self.history_["accuracy"].append(accuracy)
        self.n_iter_ += 1
