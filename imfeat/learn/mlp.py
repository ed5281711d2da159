"""Multi-layer perceptrons: linear layers with an activation between them."""

from collections.abc import Sequence

import numpy as np

from imfeat._check import as_count, as_number, one_of
from imfeat.learn._classifier import NetworkClassifier
from imfeat.learn.activations import ACTIVATIONS
from imfeat.learn.descent import Objective
from imfeat.learn.network import Network
from imfeat.learn.optimizers import Optimizer


class MLPClassifier(NetworkClassifier):
    """A network of fully connected layers, of any depth.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer; an empty one makes a linear classifier.
    activation : str
        Of the hidden units: ``"relu"``, ``"leaky_relu"``, ``"elu"``, ``"sigmoid"``, ``"tanh"``,
        ``"maxout"`` (of two pieces, which doubles the weights) or ``"identity"``.
    loss : str
        See `LinearClassifier`.
    optimizer : str or Optimizer
        ``"sgd"``, ``"momentum"``, ``"nesterov"``, ``"adagrad"``, ``"rmsprop"``, ``"adam"``, ``"adamw"``,
        or ``"lbfgs"``, all images at a time; or an `Optimizer` of your own, which brings its own
        learning rate and weight decay.
    learning_rate : float
        Of the first epoch; not for ``"lbfgs"``.
    schedule : str
        ``"constant"``, ``"step"`` (a tenth after each third of the epochs) or ``"cosine"``.
    batch_size : int
        Images a step.
    epochs : int
        Passes over the images; of ``"lbfgs"``, iterations at most.
    tol : float
        ``"lbfgs"`` ends when no element of the gradient is larger.
    weight_decay : float
        Strength of an L2 penalty on weights, not on biases; with ``"adamw"`` decoupled from the moments.
    class_weight : dict, "balanced" or None
        Factors of the loss of the images of each class.
    patience : int, optional
        Stop after so many epochs without a better accuracy on a validation part, and go back to the
        best; not for ``"lbfgs"``.
    validation_share : float
        Share of the images, the last ones of each class, that are for validation if there is a patience.
    random_state : int, numpy.random.RandomState or None
        Where the first weights and the order of the images come from.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    network_ : Network
        Its ``layers`` have ``weights`` and ``biases``.
    history_ : dict of lists
        The loss of each epoch, the accuracy on the training images as they passed, and, if there is a
        patience, on the validation part.
    n_iter_ : int
        Epochs, or iterations.
    n_features_in_ : int

    Raises
    ------
    FloatingPointError
        If the learning rate is so large that the loss grows without bound.

    Notes
    -----
    Features are used as they are; put a `StandardScaler` before it.

    References
    ----------
    .. [1] D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by back-propagating
       errors", Nature 323, 1986.  :doi:`10.1038/323533a0`
    """

    def __init__(
        self,
        hidden: Sequence[int] = (100,),
        *,
        activation: str = "relu",
        loss: str = "softmax",
        optimizer: str | Optimizer = "adam",
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        batch_size: int = 128,
        epochs: int = 20,
        tol: float = 1e-4,
        weight_decay: float = 0.0,
        class_weight: dict[object, float] | str | None = None,
        patience: int | None = None,
        validation_share: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.batch_size = batch_size
        self.epochs = epochs
        self.tol = tol
        self.weight_decay = weight_decay
        self.class_weight = class_weight
        self.patience = patience
        self.validation_share = validation_share
        self.random_state = random_state

    def _make_network(self, n_features: int, n_classes: int, rng: np.random.Generator) -> Network:
        one_of(self.activation, "activation", tuple(ACTIVATIONS))
        sizes = [n_features, *(as_count(n, "hidden") for n in self.hidden), n_classes]
        return Network.random(sizes, activation=self.activation, rng=rng)

    def _objective(self) -> Objective:
        return Objective(self.loss, "l2", as_number(self.weight_decay, "weight_decay", least=0))
