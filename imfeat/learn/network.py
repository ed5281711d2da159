"""Networks of fully connected layers with outputs h = phi(x W + b).

With the gradient G of the loss with respect to h, and D = G * phi'(x W + b), the gradients with
respect to W, b and x are x^T D, the sum of the rows of D, and D W^T.
"""

import itertools
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from imfeat._backend import Array
from imfeat.learn.activations import ACTIVATIONS, Activation, ActivationName

ROWS_AT_ONCE = 4096  # rows whose scores are computed at a time


class Layer:
    """A fully connected layer.

    Parameters
    ----------
    weights : array of shape (n_inputs, pieces * n_units)
    biases : array of shape (pieces * n_units,)
    activation : str
        A name in `ACTIVATIONS`; a unit of ``"maxout"`` has two pieces.

    Attributes
    ----------
    weight_gradient, bias_gradient : arrays
        Gradients of the shapes of ``weights`` and ``biases``; overwritten by `backward`.

    Notes
    -----
    The arrays that `forward` and `backward` return are overwritten by the next call.  They are reused,
    as their allocation would take longer than their computation.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> layer = imfeat.learn.Layer(np.array([[1.0, -1.0]]), np.array([0.5, 0.5]), "relu")
    >>> layer.apply(np.array([[2.0], [-2.0]]))
    array([[2.5, 0. ],
           [0. , 2.5]])
    """

    def __init__(self, weights: Array, biases: Array, activation: ActivationName = "identity") -> None:
        self.weights = weights
        self.biases = biases
        self.activation = activation
        self.weight_gradient = np.zeros_like(weights)
        self.bias_gradient = np.zeros_like(biases)
        self._buffers: dict[str, Array] = {}
        self._input = self._z = self._h = np.empty((0, 0), weights.dtype)
        self._mask: Array | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes without the arrays that the next call overwrites."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _buffers={})

    def apply(self, x: Array) -> Array:
        """Return phi(x W + b) of x (n, n_inputs) in a new array (n, n_units)."""
        z = x @ self.weights
        z += self.biases
        h = np.empty((len(x), z.shape[1] // self._phi.pieces), z.dtype)
        self._phi.value(z, h)
        return h

    def forward(self, x: Array, mask: Array | None = None) -> Array:
        """Return phi(x W + b) of x (n, n_inputs), and keep the arrays that `backward` needs.

        The outputs are multiplied by a ``mask`` (n, n_units) of dropout, if there is one.
        """
        self._input = x
        self._mask = mask
        n = len(x)
        width = self.weights.shape[1]
        self._z = np.matmul(x, self.weights, out=self._buffer("z", n, width))
        self._z += self.biases
        if self.activation == "identity":
            self._h = self._z
        else:
            self._h = self._buffer("h", n, width // self._phi.pieces)
            self._phi.value(self._z, self._h)
        if mask is None:
            return self._h
        out: Array = np.multiply(self._h, mask, out=self._buffer("dropout", *self._h.shape))
        return out

    def backward(self, gradient: Array, *, to_input: bool = True) -> Array | None:
        """Compute the gradients of the loss with respect to weights, biases and input.

        Parameters
        ----------
        gradient : array of shape (n, n_units)
            Gradient with respect to the outputs of `forward`; it is overwritten.
        to_input : bool
            Whether to compute and return the gradient with respect to the input (n, n_inputs).
        """
        if self._mask is not None:
            gradient *= self._mask
        out = gradient
        if self._phi.pieces > 1:
            out = self._buffer("gradient", *self._z.shape)
        if self.activation != "identity":
            self._phi.backward(self._z, self._h, gradient, out)
        np.matmul(self._input.T, out, out=self.weight_gradient)
        np.sum(out, axis=0, out=self.bias_gradient)
        if not to_input:
            return None
        buffer = self._buffer("input gradient", *self._input.shape)
        input_gradient: Array = np.matmul(out, self.weights.T, out=buffer)
        return input_gradient

    @property
    def n_units(self) -> int:
        """Number of outputs."""
        return int(self.weights.shape[1] // self._phi.pieces)

    @property
    def _phi(self) -> Activation:
        return ACTIVATIONS[self.activation]

    def _buffer(self, name: str, n: int, width: int) -> Array:
        """Return an uninitialized array (n, width), in memory of an earlier call if it is large enough."""
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < n * width:
            buffer = self._buffers[name] = np.empty(n * width, self.weights.dtype)
        return buffer[: n * width].reshape(n, width)


class Network:
    """A sequence of layers.

    Parameters
    ----------
    layers : sequence of Layer

    Attributes
    ----------
    layers : list of Layer
    parameters, gradients : lists of arrays
        Weights and biases of each layer, and the gradients with respect to them.

    Examples
    --------
    The absolute value of x is relu(x) + relu(-x):

    >>> import imfeat
    >>> import numpy as np
    >>> hidden = imfeat.learn.Layer(np.array([[1.0, -1.0]]), np.zeros(2), "relu")
    >>> output = imfeat.learn.Layer(np.array([[1.0], [1.0]]), np.zeros(1))
    >>> network = imfeat.learn.Network([hidden, output])
    >>> network.apply(np.array([[3.0], [-3.0]]))
    array([[3.],
           [3.]])
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)

    @classmethod
    def random(
        cls,
        sizes: Sequence[int],
        *,
        activation: ActivationName = "relu",
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> Self:
        """Return a network with random weights and zero biases.

        Parameters
        ----------
        sizes : sequence of int
            Number of inputs, of units of each hidden layer, and of outputs; two make a linear model.
        activation : str
            Activation of the hidden layers; the last layer has none.
        rng : numpy.random.Generator
        dtype : float32 or float64

        Notes
        -----
        Weights are normally distributed with variance gain^2 / n_inputs, with the gain of the
        activation, so that signals neither grow nor fade from layer to layer [1]_.

        References
        ----------
        .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015.
           :doi:`10.1109/ICCV.2015.123`

        Examples
        --------
        >>> import imfeat
        >>> import numpy as np
        >>> network = imfeat.learn.Network.random([3072, 100, 10], rng=np.random.default_rng(0))
        >>> [array.shape for array in network.parameters]
        [(3072, 100), (100,), (100, 10), (10,)]
        """
        layers = []
        for k, (n_inputs, n_units) in enumerate(itertools.pairwise(sizes)):
            name = activation if k < len(sizes) - 2 else "identity"
            width = n_units * ACTIVATIONS[name].pieces
            weights = rng.normal(0, ACTIVATIONS[name].gain / n_inputs**0.5, (n_inputs, width))
            layers.append(Layer(weights.astype(dtype), np.zeros(width, dtype), name))
        return cls(layers)

    @property
    def parameters(self) -> list[Array]:
        return [array for layer in self.layers for array in (layer.weights, layer.biases)]

    @property
    def gradients(self) -> list[Array]:
        return [array for layer in self.layers for array in (layer.weight_gradient, layer.bias_gradient)]

    def apply(self, x: Array, *, n_layers: int | None = None) -> Array:
        """Return the outputs of the first ``n_layers`` layers, by default all, in a new array."""
        batches = [x[first : first + ROWS_AT_ONCE] for first in range(0, len(x), ROWS_AT_ONCE)] or [x]
        for layer in self.layers[:n_layers]:
            batches = [layer.apply(batch) for batch in batches]
        return np.concatenate(batches)

    def forward(self, x: Array, masks: Sequence[Array] = ()) -> Array:
        """Return the scores (n, n_outputs) of x (n, n_inputs), and keep the arrays that `backward` needs.

        ``masks`` (n, n_units) multiply the outputs of the hidden layers; see `dropout_masks`.
        """
        for k, layer in enumerate(self.layers):
            x = layer.forward(x, masks[k] if k < len(masks) else None)
        return x

    def dropout_masks(self, n: int, rate: float, rng: np.random.Generator) -> list[Array]:
        """Return masks of inverted dropout (n, n_units), one for each hidden layer.

        A value is 0 with probability ``rate``, and else 1 / (1 - rate), so that means are kept [1]_.

        References
        ----------
        .. [1] N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: a simple
           way to prevent neural networks from overfitting", JMLR 15, 2014.
        """
        masks = []
        for layer in self.layers[:-1]:
            kept = rng.random((n, layer.n_units), np.float32) >= rate
            masks.append(kept * layer.weights.dtype.type(1 / (1 - rate)))
        return masks

    def backward(self, gradient: Array, *, to_input: bool = False) -> Array | None:
        """Compute ``gradients``, given the gradient with respect to the scores; see `Layer.backward`."""
        for k in range(len(self.layers) - 1, 0, -1):
            gradient = self.layers[k].backward(gradient)  # type: ignore[assignment]
        return self.layers[0].backward(gradient, to_input=to_input)
