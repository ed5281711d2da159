"""The objective of a network, its gradient over all images, and epochs of steps on batches.

The objective is the mean of the loss over the images plus a penalty on the weights, not on the
biases: strength / 2 times the sum of their squares ("l2"), or strength times the sum of their
absolute values ("l1").
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imfeat._backend import Array
from imfeat.learn._device_table import DeviceTable
from imfeat.learn.losses import LOSSES, PENALTIES, LossName, PenaltyName, shrink
from imfeat.learn.network import Network
from imfeat.learn.optimizers import Optimizer

Rows = Callable[[Array], Array]

GROWTH = 1e6  # factor of the loss beyond which training has diverged
ROWS_AT_ONCE = 512  # rows of a full batch that stay in the cache between the two products
DEVICE_ROWS_AT_ONCE = 16_384  # on a GPU, where starting a product takes time
ROWS_EVALUATED = 1024  # rows at a time whose loss is computed without a gradient


@dataclass(frozen=True)
class Objective:
    """A loss and a penalty.

    Attributes
    ----------
    loss : str
        A name in `LOSSES`.
    penalty : str or None
        A name in `PENALTIES`.
    strength : float
        Strength of the penalty.
    """

    loss: LossName = "softmax"
    penalty: PenaltyName | None = None
    strength: float = 0.0

    def decays(self, network: Network) -> list[float]:
        """Return the weight decay of each array of parameters that is equivalent to an L2 penalty."""
        strength = self.strength if self.penalty == "l2" else 0.0
        return [strength, 0.0] * len(network.layers)

    def penalties(self, network: Network) -> float:
        """Return the penalty of the weights of a network."""
        if self.penalty is None or not self.strength:
            return 0.0
        return sum(PENALTIES[self.penalty](layer.weights, self.strength)[0] for layer in network.layers)


@dataclass(frozen=True)
class Images:
    """Images to learn from.

    Attributes
    ----------
    rows : function
        ``rows(indices)`` returns features (n, n_features).  The next call may overwrite them.
    labels : array of shape (n_images,), int
    weights : array of shape (n_images,), optional
        Weights of the images, of mean 1.
    factors : array of shape (n_classes,), optional
        Factors of the losses of the images of each class.
    mean_weight : float
        Mean weight of the images as the caller gave them.
    """

    rows: Rows
    labels: Array
    weights: Array | None = None
    factors: Array | None = None
    mean_weight: float = 1.0

    @classmethod
    def weighted(cls, rows: Rows, labels: Array, weights: Array | None, factors: Array | None) -> "Images":
        """Return images with weights of any mean above 0."""
        if weights is None:
            return cls(rows, labels, None, factors)
        return cls(rows, labels, normalize(weights), factors, float(weights.mean()))

    @property
    def total(self) -> float:
        """The sum of the weights as the caller gave them."""
        return self.mean_weight * len(self.labels)

    def at(self, indices: Array) -> "Images":
        """Return some of the images, their weights again of mean 1."""
        rows, labels = (lambda batch: self.rows(indices[batch])), self.labels[indices]
        if self.weights is None:
            return Images(rows, labels, None, self.factors, self.mean_weight)
        weights = self.weights[indices].astype(np.float64)
        mean_weight = self.mean_weight * float(weights.mean())
        return Images(rows, labels, normalize(weights), self.factors, mean_weight)

    @cached_property
    def loss_weights(self) -> Array | None:
        """The factor (n_images,) float32 of the loss of each image, or None if all are 1."""
        if self.factors is None:
            return self.weights
        factors: Array = self.factors[self.labels]
        return factors if self.weights is None else factors * self.weights

    def count(self, batch: Array, condition: Array | None = None) -> float:
        """Return the number of images of a batch for which a condition holds, each counted by its weight."""
        if self.weights is None:
            return len(batch) if condition is None else int(np.count_nonzero(condition))
        weights = self.weights[batch] if condition is None else self.weights[batch[condition]]
        return float(weights.sum(dtype=np.float64))


def normalize(weights: Array) -> Array | None:
    """Return weights of mean 1 as float32, or None if all are 1."""
    weights = (weights / weights.mean()).astype(np.float32)
    return None if (weights == 1).all() else weights


def reader_of(features: Array) -> Rows:
    """Return a function that reads rows (n, n_features), as a view or into a buffer that it reuses."""
    if isinstance(features, DeviceTable):
        return lambda indices: features[indices]
    buffer = np.empty((0, features.shape[1]), features.dtype)

    def rows(indices: Array) -> Array:
        nonlocal buffer
        if indices[-1] - indices[0] == len(indices) - 1 and (np.diff(indices) == 1).all():
            return features[indices[0] : indices[-1] + 1]
        if len(buffer) < len(indices):
            buffer = np.empty((len(indices), features.shape[1]), features.dtype)
        # mode="clip" avoids a copy; all indices are in range
        return np.take(features, indices, axis=0, out=buffer[: len(indices)], mode="clip")

    return rows


def run_epoch(
    network: Network,
    optimizer: Optimizer,
    objective: Objective,
    images: Images,
    batches: Sequence[Array],
    masks: Callable[[int], Sequence[Array]] = lambda n: (),
) -> tuple[float, float]:
    """Take a step for each batch of images.

    Parameters
    ----------
    network, optimizer, objective, images
    batches : sequence of arrays of int
        Indices of images.
    masks : function of a number of images
        Returns masks of dropout for the hidden layers.

    Returns
    -------
    loss, accuracy : float
        Means over the images, evaluated before the step of their batch.  The loss includes the penalty.

    Raises
    ------
    FloatingPointError
        If the loss becomes infinite or NaN, or a million times the loss of the first batch.
    """
    loss = LOSSES[objective.loss]
    weights = images.loss_weights
    total_loss = 0.0
    n_correct = 0.0
    n_counted = 0.0
    n_images = 0
    first_value = None
    for batch in batches:
        labels = images.labels[batch]
        scores = network.forward(images.rows(batch), masks(len(batch)))
        n_correct += images.count(batch, scores.argmax(1) == labels)
        n_counted += images.count(batch)
        value, gradient = loss(scores, labels, None if weights is None else weights[batch])
        first_value = value if first_value is None else first_value
        if not value <= GROWTH * max(1.0, first_value):
            raise FloatingPointError(
                f"the loss became {value:g}: learning_rate={optimizer.learning_rate:g} is too large for "
                "these features; make it smaller, or standardize the features"
            )
        network.backward(gradient)
        optimizer.step(network.parameters, network.gradients)
        if objective.penalty == "l1":
            for layer in network.layers:
                shrink(layer.weights, optimizer.learning_rate * objective.strength)
        total_loss += len(batch) * value
        n_images += len(batch)
    return total_loss / n_images + objective.penalties(network), n_correct / n_counted


def evaluate(network: Network, objective: Objective, images: Images) -> tuple[float, float]:
    """Return the loss, which includes the penalty, and the accuracy of a network."""
    total_loss = 0.0
    n_correct = 0.0
    n = len(images.labels)
    weights = images.loss_weights
    for first in range(0, n, ROWS_EVALUATED):
        batch = np.arange(first, min(first + ROWS_EVALUATED, n))
        scores = network.apply(images.rows(batch))
        labels = images.labels[batch]
        n_correct += images.count(batch, scores.argmax(1) == labels)
        loss, _ = LOSSES[objective.loss](scores, labels, None if weights is None else weights[batch])
        total_loss += len(batch) * loss
    return total_loss / n + objective.penalties(network), n_correct / n


def full_gradient(network: Network, objective: Objective, images: Images) -> tuple[float, list[Array]]:
    """Return the mean loss of all images, without the penalty, and its gradients in float64."""
    n = len(images.labels)
    weights = images.loss_weights
    mean_loss = 0.0
    mean_gradients = [np.zeros(array.shape) for array in network.parameters]
    n_at_once = DEVICE_ROWS_AT_ONCE if isinstance(images.rows(np.arange(1)), DeviceTable) else ROWS_AT_ONCE
    for first in range(0, n, n_at_once):
        batch = np.arange(first, min(first + n_at_once, n))
        scores = network.forward(images.rows(batch))
        batch_weights = None if weights is None else weights[batch]
        value, gradient = LOSSES[objective.loss](scores, images.labels[batch], batch_weights)
        network.backward(gradient)
        share = len(batch) / n
        mean_loss += share * value
        for mean_gradient, batch_gradient in zip(mean_gradients, network.gradients, strict=True):
            mean_gradient += np.multiply(batch_gradient, share, dtype=np.float64)
    return mean_loss, mean_gradients
