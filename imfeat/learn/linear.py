"""Linear classifiers with scores s = x W + b: softmax regression, SVMs and least squares."""

from typing import Literal

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_number, one_of
from imfeat.learn._classifier import NetworkClassifier
from imfeat.learn.descent import Objective
from imfeat.learn.losses import PENALTIES, LossName, PenaltyName
from imfeat.learn.network import Layer, Network
from imfeat.learn.optimizers import Optimizer, OptimizerName
from imfeat.learn.schedules import ScheduleName


class LinearClassifier(NetworkClassifier):
    """A linear classifier, with a vector of weights (a template) per class.

    The sum of the losses of the images plus a penalty on the weights, not on the intercepts, is minimized.

    Parameters
    ----------
    loss : {"softmax", "hinge", "squared_hinge", "crammer_singer", "squared_error"}
        ``"softmax"`` (cross-entropy: softmax regression), ``"hinge"`` and ``"squared_hinge"`` (linear
        SVMs, one class against all others), ``"crammer_singer"`` (a multiclass SVM) or
        ``"squared_error"`` (least squares on +1 and -1).
    penalty : {"l2", "l1", None}
        ``"l2"`` (ridge), strength / 2 times the sum of the squared weights; ``"l1"`` (LASSO), strength
        times the sum of the absolute weights, which sets weights to exactly 0; None.
    strength : float
        Strength of the penalty, 1 / C of scikit-learn: it is for the sum of the losses of all images, or of
        those of a call of `partial_fit`, each times its weight, as in `LinearSVM` and `RidgeClassifier`.
    optimizer : str or Optimizer
        ``"lbfgs"`` takes all images at a time and iterates to convergence; it suits smooth losses, which
        hinge and crammer_singer are not.  ``"sgd"``, ``"momentum"``, ``"nesterov"``, ``"adagrad"``,
        ``"rmsprop"``, ``"adam"`` and ``"adamw"`` take one batch at a time, as does an `Optimizer`, which
        has its own learning rate and weight decay.
    learning_rate : float
        Learning rate of the first epoch; not for ``"lbfgs"``.
    schedule : {"constant", "step", "cosine"}
        Change of the learning rate; ``"step"`` divides it by 10 after each third of the epochs.
    batch_size : int
        Number of images per step.
    epochs : int
        Maximum number of passes over the images; for ``"lbfgs"``, of iterations.
    tol : float
        With ``"lbfgs"``, training ends when no element of the gradient of the objective, divided by the
        number of images, is larger.  Otherwise it ends when the loss has not fallen by ``tol`` for more than
        ``n_iter_no_change`` epochs.
    n_iter_no_change : int or None
        See ``tol``.  With None, with a ``patience``, and with a schedule other than ``"constant"``, which is
        laid out for all ``epochs``, the loss doesn't end the training.
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
        Source of the order of the images.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    coef_ : array of shape (n_classes, n_features), float32
    intercept_ : array of shape (n_classes,), float32
    history_ : dict of lists
        ``loss`` and ``accuracy`` on the training images in each epoch, before the step of each batch;
        with a ``patience`` also ``validation_loss`` and ``validation_accuracy``, after the epoch.  Losses
        are the objective divided by the number of images.
    n_iter_ : int
        Number of epochs, or of iterations, of the last fit.
    converged_ : bool or None
        Whether the rule that ends the training was met; None if all epochs were to be taken.
    network_ : Network
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
    Features are used as they are; put a `StandardScaler` before the classifier.  scikit-learn's
    ``LogisticRegression(C=1 / strength)`` minimizes the same objective (``C=2 / strength`` for two classes,
    whose difference it learns).  As the objective is a sum, weights of images that sum to 1, as those of
    AdaBoost, need a ``strength`` that is smaller by the number of images.  Up to 8,192 features, ``"lbfgs"``
    is preconditioned by the covariance of the features, for which it keeps one matrix
    (n_features, n_features), and tens of iterations are enough.

    References
    ----------
    .. [1] K. Crammer, Y. Singer, "On the algorithmic implementation of multiclass kernel-based vector
       machines", JMLR 2, 2001.
    .. [2] R. Tibshirani, "Regression shrinkage and selection via the lasso", J. R. Stat. Soc. B 58, 1996.
       :doi:`10.1111/j.2517-6161.1996.tb02080.x`

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> X = np.array([[0, 0], [0, 1], [4, 0], [4, 1]])
    >>> y = ["left", "left", "right", "right"]
    >>> model = imfeat.learn.LinearClassifier().fit(X, y)
    >>> model.predict([[1, 5], [3, 5]]).tolist()
    ['left', 'right']
    >>> model.coef_.shape, model.converged_
    ((2, 2), True)
    """

    def __init__(
        self,
        loss: LossName = "softmax",
        *,
        penalty: PenaltyName | None = "l2",
        strength: float = 1.0,
        optimizer: OptimizerName | Literal["lbfgs"] | Optimizer = "lbfgs",
        learning_rate: float = 1e-2,
        schedule: ScheduleName = "constant",
        batch_size: int = 128,
        epochs: int = 100,
        tol: float = 1e-4,
        n_iter_no_change: int | None = 10,
        class_weight: dict[object, float] | Literal["balanced"] | None = None,
        patience: int | None = None,
        validation_share: float = 0.1,
        warm_start: bool = False,
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
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.patience = patience
        self.validation_share = validation_share
        self.warm_start = warm_start
        self.random_state = random_state

    @property
    def coef_(self) -> Array:
        """The weights (n_classes, n_features)."""
        weights: Array = self.network_.layers[0].weights.T
        return weights

    @property
    def intercept_(self) -> Array:
        """The intercepts of the scores (n_classes,)."""
        return self.network_.layers[0].biases

    def _make_network(self, n_features: int, n_classes: int, rng: np.random.Generator) -> Network:
        return Network(
            [Layer(np.zeros((n_features, n_classes), np.float32), np.zeros(n_classes, np.float32))]
        )

    def _objective(self) -> Objective:
        one_of(self.penalty, "penalty", (*PENALTIES, None))
        strength = as_number(self.strength, "strength", least=0)
        return Objective(self.loss, self.penalty, strength / self._total)
