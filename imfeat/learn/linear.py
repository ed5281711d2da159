"""Linear classifiers: scores s = x W + b, by the choice of loss softmax regression, an SVM, least squares."""

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_number, one_of
from imfeat.learn._classifier import NetworkClassifier
from imfeat.learn.descent import Objective
from imfeat.learn.losses import PENALTIES
from imfeat.learn.network import Layer, Network
from imfeat.learn.optimizers import Optimizer


class LinearClassifier(NetworkClassifier):
    """A linear classifier, one vector of weights (a template) a class.

    It minimizes the mean loss of the images plus a penalty on the weights, not on the intercepts.

    Parameters
    ----------
    loss : str
        ``"softmax"`` (cross-entropy: softmax regression), ``"hinge"`` and ``"squared_hinge"`` (linear
        SVMs, one class against all others), ``"crammer_singer"`` (a multiclass SVM) or
        ``"squared_error"`` (least squares on +1 and -1).
    penalty : str or None
        ``"l2"`` (ridge), strength / 2 times the sum of the squared weights; ``"l1"`` (LASSO), strength
        times the sum of the absolute ones, which makes some exactly 0; None.
    strength : float
        Of the penalty.
    optimizer : str or Optimizer
        ``"lbfgs"``: all images at a time, to convergence; it likes smooth losses, and hinge and
        crammer_singer are none.  Or ``"sgd"``, ``"momentum"``, ``"nesterov"``, ``"adagrad"``,
        ``"rmsprop"``, ``"adam"`` or ``"adamw"``, a batch at a time, or an `Optimizer` of your own,
        which brings its own learning rate and weight decay.
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
    class_weight : dict, "balanced" or None
        Factors of the loss of the images of each class.
    patience : int, optional
        Stop after so many epochs without a better accuracy on a validation part, and go back to the
        best; not for ``"lbfgs"``.
    validation_share : float
        Share of the images, the last ones of each class, that are for validation if there is a patience.
    random_state : int, numpy.random.RandomState or None
        Where the order of the images comes from.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    coef_ : array of shape (n_classes, n_features), float32
    intercept_ : array of shape (n_classes,), float32
    history_ : dict of lists
        The loss of each epoch, the accuracy on the training images as they passed, and, if there is a
        patience, on the validation part.
    n_iter_ : int
        Epochs, or iterations.
    network_ : Network
    n_features_in_ : int

    Raises
    ------
    FloatingPointError
        If the learning rate is so large that the loss grows without bound.

    Notes
    -----
    Features are used as they are; put a `StandardScaler` before it.  scikit-learn's
    ``LogisticRegression(C)`` minimizes the same with ``strength = 1 / (C n_images)``.  Up to 8,192 features,
    ``"lbfgs"`` goes down in coordinates that the covariance of the features makes round, for which it keeps
    one matrix (n_features, n_features); tens of iterations are enough then.

    References
    ----------
    .. [1] K. Crammer, Y. Singer, "On the algorithmic implementation of multiclass kernel-based vector
       machines", JMLR 2, 2001.
    .. [2] R. Tibshirani, "Regression shrinkage and selection via the lasso", J. R. Stat. Soc. B 58, 1996.
       :doi:`10.1111/j.2517-6161.1996.tb02080.x`
    """

    def __init__(
        self,
        loss: str = "softmax",
        *,
        penalty: str | None = "l2",
        strength: float = 1e-4,
        optimizer: str | Optimizer = "lbfgs",
        learning_rate: float = 1e-2,
        schedule: str = "constant",
        batch_size: int = 128,
        epochs: int = 100,
        tol: float = 1e-4,
        class_weight: dict[object, float] | str | None = None,
        patience: int | None = None,
        validation_share: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.strength = strength
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.batch_size = batch_size
        self.epochs = epochs
        self.tol = tol
        self.class_weight = class_weight
        self.patience = patience
        self.validation_share = validation_share
        self.random_state = random_state

    @property
    def coef_(self) -> Array:
        """The weights (n_classes, n_features)."""
        weights: Array = self.network_.layers[0].weights.T
        return weights

    @property
    def intercept_(self) -> Array:
        """What is added to the scores (n_classes,)."""
        return self.network_.layers[0].biases

    def _make_network(self, n_features: int, n_classes: int, rng: np.random.Generator) -> Network:
        return Network(
            [Layer(np.zeros((n_features, n_classes), np.float32), np.zeros(n_classes, np.float32))]
        )

    def _objective(self) -> Objective:
        one_of(self.penalty, "penalty", (*PENALTIES, None))
        return Objective(self.loss, self.penalty, as_number(self.strength, "strength", least=0))
