"""Activation functions of the input z of a unit, and their derivatives.

    identity      z                       1
    relu          max(z, 0)               1 where z > 0, else 0
    leaky_relu    max(z, 0.01 z)          1 where z > 0, else 0.01
    elu           z or exp(z) - 1         1 where z > 0, else exp(z) = h + 1
    sigmoid       1 / (1 + exp(-z))       h (1 - h)
    tanh          tanh(z)                 1 - h^2
    maxout        max(z_1, z_2)           1 for the larger piece, 0 for the smaller

Each has a function that writes the output h of the unit, and one that writes the gradient with
respect to z, given the gradient with respect to h.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from imfeat._backend import Array

ActivationName: TypeAlias = Literal["identity", "relu", "leaky_relu", "elu", "sigmoid", "tanh", "maxout"]

SLOPE = 0.01  # slope of a leaky ReLU below 0


@dataclass(frozen=True)
class Activation:
    """An activation function and its derivative.

    Attributes
    ----------
    value : function of z (n, pieces * units) and h (n, units)
        Writes h.
    backward : function of z, h, the gradient (n, units) with respect to h, and out (n, pieces * units)
        Writes the gradient with respect to z; where ``pieces`` is 1, ``out`` may be the gradient itself.
    gain : float
        Initial weights have the variance gain^2 / n_inputs, which preserves the variance of signals.
    pieces : int
        Number of linear inputs of a unit.
    """

    value: Callable[[Array, Array], object]
    backward: Callable[[Array, Array, Array, Array], object]
    gain: float = 1.0
    pieces: int = 1


def identity(z: Array, h: Array) -> None:
    """Write z."""
    np.copyto(h, z)


def identity_backward(z: Array, h: Array, gradient: Array, out: Array) -> None:
    """The derivative is 1."""
    np.copyto(out, gradient)


def relu(z: Array, h: Array) -> None:
    """Write max(z, 0)."""
    np.maximum(z, 0, out=h)


def relu_backward(z: Array, h: Array, gradient: Array, out: Array) -> None:
    """The derivative is 1 where z > 0, else 0."""
    np.multiply(gradient, h > 0, out=out)


def leaky_relu(z: Array, h: Array) -> None:
    """Write z where z > 0, else 0.01 z."""
    np.multiply(z, SLOPE, out=h)
    np.maximum(z, h, out=h)


def leaky_relu_backward(z: Array, h: Array, gradient: Array, out: Array) -> None:
    """The derivative is 1 where z > 0, else 0.01."""
    np.multiply(gradient, np.where(h > 0, h.dtype.type(1), h.dtype.type(SLOPE)), out=out)


def elu(z: Array, h: Array) -> None:
    """Write z where z > 0, else exp(z) - 1."""
    np.expm1(np.minimum(z, 0, out=h), out=h)
    np.copyto(h, z, where=z > 0)


def elu_backward(z: Array, h: Array, gradient: Array, out: Array) -> None:
    """The derivative is 1 where z > 0, else exp(z), which is h + 1."""
    np.multiply(gradient, np.minimum(h, 0) + 1, out=out)


def sigmoid(z: Array, h: Array) -> None:
    """Write 1 / (1 + exp(-z)), as (1 + tanh(z / 2)) / 2, which never overflows."""
    np.tanh(np.multiply(z, 0.5, out=h), out=h)
    h += 1
    h *= 0.5


def sigmoid_backward(z: Array, h: Array, gradient: Array, out: Array) -> None:
    """The derivative is h (1 - h)."""
    np.multiply(gradient, h * (1 - h), out=out)


def tanh(z: Array, h: Array) -> None:
    """Write tanh(z)."""
    np.tanh(z, out=h)


def tanh_backward(z: Array, h: Array, gradient: Array, out: Array) -> None:
    """The derivative is 1 - h^2."""
    np.multiply(gradient, 1 - h * h, out=out)


def maxout(z: Array, h: Array) -> None:
    """Write max(z_1, z_2), where z_1 is the first half of a row of z, and z_2 the second half."""
    units = h.shape[1]
    np.maximum(z[:, :units], z[:, units:], out=h)


def maxout_backward(z: Array, h: Array, gradient: Array, out: Array) -> None:
    """The derivative is 1 for the larger of z_1 and z_2, and 0 for the smaller."""
    units = h.shape[1]
    is_first = z[:, :units] >= z[:, units:]
    np.multiply(gradient, is_first, out=out[:, :units])
    np.multiply(gradient, ~is_first, out=out[:, units:])


ACTIVATIONS: dict[ActivationName, Activation] = {
    "identity": Activation(identity, identity_backward),
    "relu": Activation(relu, relu_backward, gain=2**0.5),
    "leaky_relu": Activation(leaky_relu, leaky_relu_backward, gain=2**0.5),
    "elu": Activation(elu, elu_backward, gain=2**0.5),
    "sigmoid": Activation(sigmoid, sigmoid_backward),
    "tanh": Activation(tanh, tanh_backward),
    "maxout": Activation(maxout, maxout_backward, pieces=2),
}
