"""Optimizers: what becomes of parameters w, step by step, by the gradient g of the loss.

    SGD         w -= rate g
    Momentum    v = momentum v + g;             w -= rate v
    Nesterov    v = momentum v + g;             w -= rate (g + momentum v)
    AdaGrad     s += g^2;                       w -= rate g / (sqrt(s) + epsilon)
    RMSProp     s = decay s + (1 - decay) g^2;  w -= rate g / (sqrt(s) + epsilon)
    Adam        m = beta_1 m + (1 - beta_1) g;  s = beta_2 s + (1 - beta_2) g^2;
                w -= rate m' / (sqrt(s') + epsilon), m' = m / (1 - beta_1^t), s' = s / (1 - beta_2^t)
    AdamW       as Adam, after w -= rate weight_decay w

A weight decay adds weight_decay w to g, which is the gradient of an L2 penalty, but for AdamW's,
which keeps out of the moments.  Settings and steps are those of torch.optim.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import as_number


class Optimizer:
    """What optimizers have in common.

    Parameters
    ----------
    learning_rate : float
        May be changed between steps, by a schedule for example.
    weight_decay : float, or a sequence of them
        One for all arrays of parameters, or one for each.
    """

    def __init__(self, learning_rate: float, weight_decay: float | Sequence[float] = 0.0) -> None:
        self.learning_rate = as_number(learning_rate, "learning_rate", least=0)
        self.weight_decay = weight_decay
        self.n_steps = 0
        self._state: list[tuple[Array, ...]] = []

    n_kept = 0  # arrays that are kept for each array of parameters

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Change parameters in place.

        Parameters
        ----------
        parameters, gradients : sequences of arrays of the same shapes, C-contiguous, float32 or float64
            The same ones, in the same order, in every step.

        Raises
        ------
        ValueError
            If the arrays are not those of the steps before, or not C-contiguous.
        """
        if not self._state:
            self._state = [tuple(np.zeros(w.size, w.dtype) for _ in range(self.n_kept)) for w in parameters]
        if [kept[0].size for kept in self._state if kept] != [w.size for w in parameters if self.n_kept]:
            raise ValueError("parameters must be those of the first step; make an optimizer for each network")
        if not all(array.flags.c_contiguous for array in (*parameters, *gradients)):
            raise ValueError(
                "parameters and gradients must be C-contiguous; pass np.ascontiguousarray(array)"
            )
        self.n_steps += 1
        decays = np.broadcast_to(np.asarray(self.weight_decay, np.float64), len(parameters))
        for w, g, decay, kept in zip(parameters, gradients, decays, self._state, strict=True):
            kernels = backend_of(w).optimize
            self._step(kernels, w.reshape(-1), g.reshape(-1), w.dtype.type(decay), *kept)

    def _step(self, kernels: ModuleType, w: Array, g: Array, decay: Any, *kept: Array) -> None:
        raise NotImplementedError


class SGD(Optimizer):
    """Stochastic gradient descent: w -= rate g."""

    def _step(self, kernels: ModuleType, w: Array, g: Array, decay: Any, *kept: Array) -> None:
        kernels.descend(g, w.dtype.type(self.learning_rate), decay, w)


class Momentum(Optimizer):
    """Gradient descent with momentum: v = momentum v + g; w -= rate v."""

    n_kept = 1

    def __init__(
        self, learning_rate: float, momentum: float = 0.9, *, weight_decay: float | Sequence[float] = 0.0
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        self.momentum = as_number(momentum, "momentum", least=0)

    def _rates(self) -> tuple[float, float]:
        """Return what v and g are multiplied by."""
        return self.learning_rate, 0.0

    def _step(self, kernels: ModuleType, w: Array, g: Array, decay: Any, *kept: Array) -> None:
        real = w.dtype.type
        kernels.follow_momentum(g, decay, real(self.momentum), *map(real, self._rates()), *kept, w)


class Nesterov(Momentum):
    """Momentum that looks ahead: v = momentum v + g; w -= rate (g + momentum v).

    References
    ----------
    .. [1] I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and
       momentum in deep learning", ICML 2013.
    """

    def _rates(self) -> tuple[float, float]:
        return self.learning_rate * self.momentum, self.learning_rate


class AdaGrad(Optimizer):
    """Rates by the sum of squares: s += g^2; w -= rate g / (sqrt(s) + epsilon).

    References
    ----------
    .. [1] J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and
       stochastic optimization", JMLR 12, 2011.
    """

    n_kept = 1

    def __init__(
        self, learning_rate: float, *, epsilon: float = 1e-10, weight_decay: float | Sequence[float] = 0.0
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        self.epsilon = as_number(epsilon, "epsilon", least=0)

    def _shares(self) -> tuple[float, float]:
        """Return what s and g^2 are multiplied by."""
        return 1.0, 1.0

    def _step(self, kernels: ModuleType, w: Array, g: Array, decay: Any, *kept: Array) -> None:
        real = w.dtype.type
        shares = map(real, self._shares())
        kernels.scale_by_squares(g, real(self.learning_rate), decay, *shares, real(self.epsilon), *kept, w)


class RMSProp(AdaGrad):
    """AdaGrad that forgets: s = decay s + (1 - decay) g^2; w -= rate g / (sqrt(s) + epsilon).

    References
    ----------
    .. [1] T. Tieleman, G. Hinton, "Lecture 6.5: rmsprop", Coursera, 2012.
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
        self.decay = as_number(decay, "decay", least=0)

    def _shares(self) -> tuple[float, float]:
        return self.decay, 1 - self.decay


class Adam(Optimizer):
    """Momentum and RMSProp, both freed from the bias of starting at 0.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
       :doi:`10.48550/arXiv.1412.6980`
    """

    n_kept = 2
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
        self.betas = betas
        self.epsilon = as_number(epsilon, "epsilon", least=0)

    def _step(self, kernels: ModuleType, w: Array, g: Array, decay: Any, *kept: Array) -> None:
        real = w.dtype.type
        (beta_1, beta_2), t = self.betas, self.n_steps
        shares = np.array([beta_1, 1 - beta_1, beta_2, 1 - beta_2], w.dtype)
        rate, scale = self.learning_rate / (1 - beta_1**t), (1 - beta_2**t) ** -0.5
        added, shrinkage = (0, 1 - self.learning_rate * float(decay)) if self.decoupled else (decay, 1)
        factors = real(rate), real(added), real(shrinkage), shares, real(scale), real(self.epsilon)
        kernels.adapt_moments(g, *factors, *kept, w)


class AdamW(Adam):
    """Adam with a weight decay of its own: w -= rate weight_decay w, then Adam's step.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
       :doi:`10.48550/arXiv.1711.05101`
    """

    decoupled = True


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
}
