"""Multi-layer perceptrons: fully connected layers with activations between them."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from imfeat._check import SEQUENCES, as_count, as_number, one_of
from imfeat.learn._classifier import NetworkClassifier
from imfeat.learn._training import LBFGS
from imfeat.learn.activations import ACTIVATIONS, ActivationName
from imfeat.learn.descent import Objective
from imfeat.learn.losses import LossName
from imfeat.learn.network import Network
from imfeat.learn.optimizers import Optimizer, OptimizerName
from imfeat.learn.schedules import ScheduleName


class MLPClassifier(NetworkClassifier):
    """A multi-layer perceptron of any depth.

    Parameters
    ----------
    hidden : sequence of int
        Number of units of each hidden layer; an empty sequence makes a linear classifier.
    activation : {"relu", "leaky_relu", "elu", "sigmoid", "tanh", "maxout", "identity"}
        Activation of the hidden units; ``"maxout"`` has two pieces, which doubles the weights.
    loss : {"softmax", "hinge", "squared_hinge", "crammer_singer", "squared_error"}
        See `LinearClassifier`.
    optimizer : str or Optimizer
        ``"sgd"``, ``"momentum"``, ``"nesterov"``, ``"adagrad"``, ``"rmsprop"``, ``"adam"``, ``"adamw"``,
        or ``"lbfgs"``, which takes all images at a time; or an `Optimizer`, which has its own learning
        rate and weight decay.
    learning_rate : float
        Learning rate of the first epoch; not for ``"lbfgs"``.
    schedule : {"constant", "step", "cosine"}
        Change of the learning rate; ``"step"`` divides it by 10 after each third of the epochs.
    batch_size : int
        Number of images per step.
    epochs : int
        Maximum number of passes over the images; for ``"lbfgs"``, of iterations.
    tol : float
        With ``"lbfgs"``, training ends when no element of the gradient is larger.  Otherwise it ends when
        the loss has not fallen by ``tol`` for more than ``n_iter_no_change`` epochs.
    n_iter_no_change : int or None
        See ``tol``.  With None, with a ``patience``, and with a schedule other than ``"constant"``, which is
        laid out for all ``epochs``, the loss doesn't end the training.
    weight_decay : float
        Strength of an L2 penalty on weights, not on biases, beside the mean loss of the images, as in
        PyTorch; decoupled from the moments for ``"adamw"``.  A ``strength`` of `LinearClassifier`, which is
        for the sum of the losses, corresponds to ``weight_decay=strength / n_images``.
    dropout : float
        Probability with which each hidden unit is left out in a step of training (inverted dropout: the
        others count 1 / (1 - dropout) times).  All units predict.  Not for ``"lbfgs"``.
    class_weight : dict, "balanced" or None
        Factors of the loss of the images of each class.  ``"balanced"`` gives each class the same weight.
    patience : int, optional
        Number of epochs without a better validation accuracy after which training stops and the best
        parameters are restored; not for ``"lbfgs"``.  The training loss doesn't end the training then.
    validation_share : float
        Share of the images, the last ones of each class, that are for validation if ``patience`` is given.
    warm_start : bool
        Whether `fit` goes on from the parameters of the last fit, which must have had the same classes,
        features and layers.  The optimizer and the schedule start anew.
    random_state : int, numpy.random.RandomState or None
        Source of the initial weights and of the order of the images.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    network_ : Network
        Its ``layers`` have ``weights`` and ``biases``.
    history_ : dict of lists
        ``loss`` and ``accuracy`` on the training images in each epoch, before the step of each batch;
        with a ``patience`` also ``validation_loss`` and ``validation_accuracy``, after the epoch.  Losses
        include the penalty.
    n_iter_ : int
        Number of epochs, or of iterations, of the last fit.
    converged_ : bool or None
        Whether the rule that ends the training was met; None if all epochs were to be taken.
    n_features_in_ : int

    Raises
    ------
    FloatingPointError
        If the learning rate is so large that the loss grows without bound.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If training takes all epochs, and the rule that ends it was not met.

    Notes
    -----
    Features are used as they are; put a `StandardScaler` before the classifier.  The rule that ends the
    training is that of scikit-learn's ``MLPClassifier``, except that training goes on while the loss is above
    that of the first epoch.

    References
    ----------
    .. [1] D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by back-propagating
       errors", Nature 323, 1986.  :doi:`10.1038/323533a0`
    .. [2] N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: a simple
       way to prevent neural networks from overfitting", JMLR 15, 2014.

    Examples
    --------
    Exclusive or, which no linear classifier learns:

    >>> import imfeat
    >>> import numpy as np
    >>> X = np.array([[0, 0], [1, 1], [0, 1], [1, 0]])
    >>> model = imfeat.learn.MLPClassifier((16,), optimizer="lbfgs", random_state=0)
    >>> model.fit(X, [0, 0, 1, 1]).predict(X)
    array([0, 0, 1, 1])
    >>> [layer.weights.shape for layer in model.network_.layers]
    [(2, 16), (16, 2)]
    """

    # Number of features that initial weights are for, if it learns from coordinates in a space of fewer.
    _fan_in: int | None = None

    def __init__(
        self,
        hidden: Sequence[int] = (100,),
        *,
        activation: ActivationName = "relu",
        loss: LossName = "softmax",
        optimizer: OptimizerName | Literal["lbfgs"] | Optimizer = "adam",
        learning_rate: float = 1e-3,
        schedule: ScheduleName = "constant",
        batch_size: int = 128,
        epochs: int = 200,
        tol: float = 1e-4,
        n_iter_no_change: int | None = 10,
        weight_decay: float = 0.0,
        dropout: float = 0.0,
        class_weight: dict[object, float] | Literal["balanced"] | None = None,
        patience: int | None = None,
        validation_share: float = 0.1,
        warm_start: bool = False,
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
        self.n_iter_no_change = n_iter_no_change
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.class_weight = class_weight
        self.patience = patience
        self.validation_share = validation_share
        self.warm_start = warm_start
        self.random_state = random_state

    def _make_network(self, n_features: int, n_classes: int, rng: np.random.Generator) -> Network:
        one_of(self.activation, "activation", tuple(ACTIVATIONS))
        if isinstance(self.hidden, str) or not isinstance(self.hidden, SEQUENCES):
            raise TypeError(f"hidden must be a sequence of integers, got {self.hidden!r}")
        sizes = [n_features, *(as_count(n, "hidden") for n in self.hidden), n_classes]
        network = Network.random(sizes, activation=self.activation, rng=rng)
        if self._fan_in is not None:
            network.layers[0].weights *= np.float32((n_features / self._fan_in) ** 0.5)
        return network

    def _dropout_rate(self) -> float:
        rate = as_number(self.dropout, "dropout", least=0, below=1)
        if rate and self.optimizer == LBFGS:
            raise ValueError(f"dropout needs an optimizer that takes steps, such as 'adam', not {LBFGS!r}")
        return rate

    def _objective(self) -> Objective:
        return Objective(self.loss, "l2", as_number(self.weight_decay, "weight_decay", least=0))
