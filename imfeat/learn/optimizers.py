"""Optimizers: steps of parameters w by the gradient g of the loss.

    SGD         w -= rate g
    Momentum    v = momentum v + g;             w -= rate v
    Nesterov    v = momentum v + g;             w -= rate (g + momentum v)
    AdaGrad     s += g^2;                       w -= rate g / (sqrt(s) + epsilon)
    RMSProp     s = decay s + (1 - decay) g^2;  w -= rate g / (sqrt(s) + epsilon)
    Adam        m = beta_1 m + (1 - beta_1) g;  s = beta_2 s + (1 - beta_2) g^2;
                w -= rate m' / (sqrt(s') + epsilon), m' = m / (1 - beta_1^t), s' = s / (1 - beta_2^t)
    AdamW       as Adam, after w -= rate weight_decay w

A weight decay adds weight_decay w, the gradient of an L2 penalty, to g.  Only AdamW keeps it out of
the moments.  Settings and steps are those of torch.optim.  Settings that it refuses are refused, and so
are decays of 1 and more, with which averages of gradients don't decay.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, Literal, TypeAlias

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import SEQUENCES, as_number, as_numbers


class Optimizer:
    """The base class of optimizers.

    Parameters
    ----------
    learning_rate : float
        Learning rate, which may be changed between steps, for example by a schedule.
    weight_decay : float or sequence of float
        Weight decay of all arrays of parameters, or of each.

    Raises
    ------
    TypeError, ValueError
        If a setting is no number, NaN, infinite or negative, or a decay of averages is 1 or more.
    """

    n_state_arrays = 0  # arrays kept for each array of parameters

    def __init__(self, learning_rate: float, weight_decay: float | Sequence[float] = 0.0) -> None:
        self.learning_rate = as_number(learning_rate, "learning_rate", least=0)
        if isinstance(weight_decay, SEQUENCES):
            self.weight_decay: float | Sequence[float] = as_numbers(weight_decay, "weight_decay", least=0)
        else:
            self.weight_decay = as_number(weight_decay, "weight_decay", least=0)
        self.n_steps = 0
        self._state: list[tuple[Array, ...]] = []

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Change parameters in place.

        Parameters
        ----------
        parameters, gradients : sequences of arrays of the same shapes, C-contiguous, float32 or float64
            The same arrays, in the same order, in every step.

        Raises
        ------
        ValueError
            If the arrays are not those of the steps before, not as many as the decays, or not C-contiguous.
        """
        if not self._state:
            self._state = [
                tuple(np.zeros(w.size, w.dtype) for _ in range(self.n_state_arrays)) for w in parameters
            ]
        state_sizes = [state[0].size for state in self._state if state]
        if state_sizes != [w.size for w in parameters if self.n_state_arrays]:
            raise ValueError("parameters must be those of the first step; make an optimizer for each network")
        if not all(array.flags.c_contiguous for array in (*parameters, *gradients)):
            raise ValueError(
                "parameters and gradients must be C-contiguous; pass np.ascontiguousarray(array)"
            )
        decays = np.asarray(self.weight_decay, np.float64)
        n = len(parameters)
        if decays.shape not in ((), (n,)):
            raise ValueError(f"weight_decay must be one or {n} numbers for {n} arrays, got {decays.size}")
        decays = np.broadcast_to(decays, n)
        self.n_steps += 1
        for w, g, decay, state in zip(parameters, gradients, decays, self._state, strict=True):
            kernels = backend_of(w).optimize
            self._step(kernels, w.reshape(-1), g.reshape(-1), w.dtype.type(decay), *state)

    def _step(self, kernels: ModuleType, w: Array, g: Array, decay: Any, *state: Array) -> None:
        raise NotImplementedError


class SGD(Optimizer):
    """Stochastic gradient descent: w -= rate g.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> weights, gradient = np.array([1.0, 2.0]), np.array([10.0, 0.0])
    >>> imfeat.learn.SGD(learning_rate=0.1).step([weights], [gradient])
    >>> weights
    array([0., 2.])
    """

    def _step(self, kernels: ModuleType, w: Array, g: Array, decay: Any, *state: Array) -> None:
        kernels.descend(g, w.dtype.type(self.learning_rate), decay, w)


class Momentum(Optimizer):
    """Gradient descent with momentum: v = momentum v + g; w -= rate v.

    Examples
    --------
    The second step is longer, 0.1 (10 + 0.9 * 10):

    >>> import imfeat
    >>> import numpy as np
    >>> weights, gradient = np.array([5.0]), np.array([10.0])
    >>> optimizer = imfeat.learn.Momentum(learning_rate=0.1, momentum=0.9)
    >>> for _ in range(2):
    ...     optimizer.step([weights], [gradient])
    ...     print(weights.round(2))
    [4.]
    [2.1]
    """

    n_state_arrays = 1

    def __init__(
        self, learning_rate: float, momentum: float = 0.9, *, weight_decay: float | Sequence[float] = 0.0
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        self.momentum = as_number(momentum, "momentum", least=0, below=1)

    def _rates(self) -> tuple[float, float]:
        """Return the factors of v and g in the step of w."""
        return self.learning_rate, 0.0

    def _step(self, kernels: ModuleType, w: Array, g: Array, decay: Any, *state: Array) -> None:
        real = w.dtype.type
        kernels.follow_momentum(g, decay, real(self.momentum), *map(real, self._rates()), *state, w)


class Nesterov(Momentum):
    """Momentum with a look-ahead: v = momentum v + g; w -= rate (g + momentum v).

    References
    ----------
    .. [1] I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and
       momentum in deep learning", ICML 2013.

    Examples
    --------
    The first step is longer than that of `Momentum`, 0.1 (10 + 0.9 * 10):

    >>> import imfeat
    >>> import numpy as np
    >>> weights, gradient = np.array([5.0]), np.array([10.0])
    >>> imfeat.learn.Nesterov(learning_rate=0.1, momentum=0.9).step([weights], [gradient])
    >>> weights.round(2)
    array([3.1])
    """

    def __init__(
        self, learning_rate: float, momentum: float = 0.9, *, weight_decay: float | Sequence[float] = 0.0
    ) -> None:
        super().__init__(learning_rate, momentum, weight_decay=weight_decay)
        as_number(momentum, "momentum", above=0)

    def _rates(self) -> tuple[float, float]:
        return self.learning_rate * self.momentum, self.learning_rate


class AdaGrad(Optimizer):
    """Gradient descent with rates by the sum of squares: s += g^2; w -= rate g / (sqrt(s) + epsilon).

    References
    ----------
    .. [1] J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and
       stochastic optimization", JMLR 12, 2011.

    Examples
    --------
    The first step has the length of the rate, whatever the size of the gradient, and later ones are shorter:

    >>> import imfeat
    >>> import numpy as np
    >>> weights, gradient = np.array([1.0, 1.0]), np.array([10.0, 0.1])
    >>> optimizer = imfeat.learn.AdaGrad(learning_rate=0.1)
    >>> for _ in range(2):
    ...     optimizer.step([weights], [gradient])
    ...     print(weights.round(2))
    [0.9 0.9]
    [0.83 0.83]
    """

    n_state_arrays = 1

    def __init__(
        self, learning_rate: float, *, epsilon: float = 1e-10, weight_decay: float | Sequence[float] = 0.0
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        self.epsilon = as_number(epsilon, "epsilon", least=0)

    def _factors(self) -> tuple[float, float]:
        """Return the factors of s and g^2 in the step of s."""
        return 1.0, 1.0

    def _step(self, kernels: ModuleType, w: Array, g: Array, decay: Any, *state: Array) -> None:
        real = w.dtype.type
        factors = map(real, self._factors())
        epsilon = _above_zero(self.epsilon, w)
        kernels.scale_by_squares(g, real(self.learning_rate), decay, *factors, epsilon, *state, w)


class RMSProp(AdaGrad):
    """AdaGrad with a decaying average: s = decay s + (1 - decay) g^2; w -= rate g / (sqrt(s) + epsilon).

    References
    ----------
    .. [1] T. Tieleman, G. Hinton, "Lecture 6.5: rmsprop", Coursera, 2012.

    Examples
    --------
    The first step is rate / sqrt(1 - decay), whatever the size of the gradient:

    >>> import imfeat
    >>> import numpy as np
    >>> weights, gradient = np.array([1.0, 1.0]), np.array([10.0, 0.1])
    >>> imfeat.learn.RMSProp(learning_rate=0.01).step([weights], [gradient])
    >>> weights.round(2)
    array([0.9, 0.9])
    """

    def __init__(
        self,
        learning_rate: float,
        decay: float = 0.99,
        *,
        epsilon: float = 1e-8,
        weight_decay: float | Sequence[float] = 0.0,
    ) -> None:
        super().__init__(learning_rate, epsilon=epsilon, weight_decay=weight_decay)
        self.decay = as_number(decay, "decay", least=0, below=1)

    def _factors(self) -> tuple[float, float]:
        return self.decay, 1 - self.decay


class Adam(Optimizer):
    """Momentum and RMSProp, corrected for the bias of moments that start at 0.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
       :doi:`10.48550/arXiv.1412.6980`

    Examples
    --------
    The first step has the length of the rate, whatever the size of the gradient:

    >>> import imfeat
    >>> import numpy as np
    >>> weights, gradient = np.array([1.0, 1.0]), np.array([10.0, 0.1])
    >>> imfeat.learn.Adam(learning_rate=0.1).step([weights], [gradient])
    >>> weights.round(2)
    array([0.9, 0.9])
    """

    n_state_arrays = 2
    decoupled = False

    def __init__(
        self,
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        *,
        epsilon: float = 1e-8,
        weight_decay: float | Sequence[float] = 0.0,
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        self.betas = as_numbers(betas, "betas", 2, least=0, below=1)
        self.epsilon = as_number(epsilon, "epsilon", least=0)

    def _step(self, kernels: ModuleType, w: Array, g: Array, decay: Any, *state: Array) -> None:
        real = w.dtype.type
        beta_1, beta_2 = self.betas
        factors = np.array([beta_1, 1 - beta_1, beta_2, 1 - beta_2], w.dtype)
        rate = self.learning_rate / (1 - beta_1**self.n_steps)
        scale = (1 - beta_2**self.n_steps) ** -0.5
        added_decay = 0 if self.decoupled else decay
        shrinkage = 1 - self.learning_rate * float(decay) if self.decoupled else 1
        epsilon = _above_zero(self.epsilon, w)
        numbers = real(rate), real(added_decay), real(shrinkage), factors, real(scale), epsilon
        kernels.adapt_moments(g, *numbers, *state, w)


class AdamW(Adam):
    """Adam with a decoupled weight decay: w -= rate weight_decay w, then Adam's step.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
       :doi:`10.48550/arXiv.1711.05101`

    Examples
    --------
    Without a gradient only the decay changes the weights, by 0.1 * 0.5 of them:

    >>> import imfeat
    >>> import numpy as np
    >>> weights, gradient = np.array([1.0, 2.0]), np.array([0.0, 0.0])
    >>> imfeat.learn.AdamW(learning_rate=0.1, weight_decay=0.5).step([weights], [gradient])
    >>> weights.round(2)
    array([0.95, 1.9 ])
    """

    decoupled = True


def _above_zero(epsilon: float, w: Array) -> Any:
    """Return a number of the dtype of w, so that a parameter whose gradients were all 0 stays as it is."""
    return max(w.dtype.type(epsilon), np.finfo(w.dtype).tiny)


OptimizerName: TypeAlias = Literal["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]
OPTIMIZERS: dict[OptimizerName, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
}
