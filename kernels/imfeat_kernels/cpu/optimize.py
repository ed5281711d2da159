"""Steps of optimizers: one pass over parameters w, gradients g, and the state of the optimizer.

First decay * w is added to g, the gradient of an L2 penalty.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import launch

# Parameters that are worth a thread: many, because the threads of BLAS still spin after the matrix product
# before a step.
GRAIN = 1 << 22


def descend(gradients, rate, decay, parameters):
    """Compute w -= rate g.

    Parameters
    ----------
    gradients : (n,) float32 or float64
    rate, decay : float of the same dtype
    parameters : (n,) same dtype
        Changed in place.
    """
    launch(_descend, len(parameters), gradients, rate, decay, parameters, grain=GRAIN)


def follow_momentum(gradients, decay, momentum, velocity_rate, gradient_rate, velocities, parameters):
    """Compute v = momentum v + g, and w -= velocity_rate v + gradient_rate g.

    Parameters
    ----------
    gradients, decay, parameters
        As for `descend`.
    momentum, velocity_rate, gradient_rate : float of the same dtype
        The rates (rate, 0) give plain momentum, (momentum rate, rate) that of Nesterov.
    velocities : (n,) same dtype
        Changed in place.
    """
    launch(
        _follow_momentum,
        len(parameters),
        *(gradients, decay, momentum, velocity_rate, gradient_rate, velocities, parameters),
        grain=GRAIN,
    )


def scale_by_squares(gradients, rate, decay, kept, added, epsilon, squares, parameters):
    """Compute s = kept s + added g^2, and w -= rate g / (sqrt(s) + epsilon): AdaGrad and RMSProp.

    Parameters
    ----------
    gradients, rate, decay, parameters
        As for `descend`.
    kept, added, epsilon : float of the same dtype
    squares : (n,) same dtype
        Changed in place.
    """
    launch(
        _scale_by_squares,
        len(parameters),
        *(gradients, rate, decay, kept, added, epsilon, squares, parameters),
        grain=GRAIN,
    )


def adapt_moments(gradients, rate, decay, shrinkage, shares, scale, epsilon, moments, squares, parameters):
    """Compute a step of Adam, or of AdamW if w shrinks.

    With m = beta_1 m + (1 - beta_1) g and s = beta_2 s + (1 - beta_2) g^2,

        w = shrinkage w - rate m / (scale sqrt(s) + epsilon).

    Parameters
    ----------
    gradients, rate, decay, parameters
        As for `descend`; the rate is already divided by 1 - beta_1^t.
    shrinkage : float of the same dtype
        1 for Adam.
    shares : (4,) same dtype
        beta_1, 1 - beta_1, beta_2, 1 - beta_2.
    scale : float of the same dtype
        1 / sqrt(1 - beta_2^t).
    epsilon : float of the same dtype
    moments, squares : (n,) same dtype
        Changed in place.
    """
    launch(
        _adapt_moments,
        len(parameters),
        *(gradients, rate, decay, shrinkage, shares, scale, epsilon, moments, squares, parameters),
        grain=GRAIN,
    )


@njit(nogil=True, cache=True, error_model="numpy")
def _descend(start, stop, gradients, rate, decay, parameters):
    for k in range(np.uint64(start), np.uint64(stop)):
        w = parameters[k]
        parameters[k] = w - rate * (gradients[k] + decay * w)


@njit(nogil=True, cache=True, error_model="numpy")
def _follow_momentum(
    start, stop, gradients, decay, momentum, velocity_rate, gradient_rate, velocities, parameters
):
    for k in range(np.uint64(start), np.uint64(stop)):
        w = parameters[k]
        g = gradients[k] + decay * w
        v = momentum * velocities[k] + g
        velocities[k] = v
        parameters[k] = w - (velocity_rate * v + gradient_rate * g)


@njit(nogil=True, cache=True, error_model="numpy")
def _scale_by_squares(start, stop, gradients, rate, decay, kept, added, epsilon, squares, parameters):
    for k in range(np.uint64(start), np.uint64(stop)):
        w = parameters[k]
        g = gradients[k] + decay * w
        s = kept * squares[k] + added * (g * g)
        squares[k] = s
        parameters[k] = w - rate * g / (np.sqrt(s) + epsilon)


@njit(nogil=True, cache=True, error_model="numpy")
def _adapt_moments(
    start, stop, gradients, rate, decay, shrinkage, shares, scale, epsilon, moments, squares, parameters
):
    keep_m, add_m, keep_s, add_s = shares[0], shares[1], shares[2], shares[3]
    for k in range(np.uint64(start), np.uint64(stop)):
        w = parameters[k]
        g = gradients[k] + decay * w
        m = keep_m * moments[k] + add_m * g
        s = keep_s * squares[k] + add_s * (g * g)
        moments[k] = m
        squares[k] = s
        parameters[k] = shrinkage * w - rate * m / (scale * np.sqrt(s) + epsilon)
