"""Rules by which stochastic training ends: the loss stops falling, or the validation accuracy rising."""

import numpy as np

from imfeat._backend import Array
from imfeat.learn.network import Network


class LossRule:
    """Training ends when the loss has not fallen by ``tol`` for more than ``n_epochs`` epochs.

    It doesn't end while the loss is above that of the first epoch, from which large steps may lead away.
    """

    def __init__(self, n_epochs: int, tol: float) -> None:
        self._n_epochs = n_epochs
        self._tol = tol
        self._first: float | None = None
        self._least = np.inf
        self._n_stale = 0

    def ends(self, loss: float) -> bool:
        """Tell whether training ends after an epoch with a loss."""
        if self._first is None:
            self._first = loss
        self._n_stale = self._n_stale + 1 if loss > self._least - self._tol else 0
        self._least = min(self._least, loss)
        return self._n_stale > self._n_epochs and loss <= self._first


class ValidationRule:
    """Training ends after ``patience`` epochs without a better accuracy on the validation images."""

    def __init__(self, patience: int, network: Network) -> None:
        self._patience = patience
        self._network = network
        self._best = -1.0
        self._n_stale = 0
        self._parameters: list[Array] = []

    def ends(self, accuracy: float) -> bool:
        """Tell whether training ends after an epoch with an accuracy; keep the best parameters."""
        if accuracy > self._best:
            self._best = accuracy
            self._n_stale = 0
            self._parameters = [array.copy() for array in self._network.parameters]
        else:
            self._n_stale += 1
        return self._n_stale >= self._patience

    def restore(self) -> None:
        """Give the network the parameters of the best epoch."""
        for array, best in zip(self._network.parameters, self._parameters, strict=True):
            array[...] = best
