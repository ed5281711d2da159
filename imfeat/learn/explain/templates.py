"""Weights of the first layer as images."""

from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat.learn.network import Network


def templates(model: Any, image_shape: tuple[int, ...]) -> Array:
    """Return the weights of the first layer as images, one per class of a linear model, or per hidden unit.

    Parameters
    ----------
    model : LinearClassifier, RidgeClassifier, LinearSVM, MLPClassifier or Network
        Model that has learned from pixels.
    image_shape : tuple of int
        (height, width) or (height, width, 3).

    Returns
    -------
    array of shape (n, \\*image_shape), float32 in [0, 1]
        0.5 stands for a weight of 0; the largest weight of a template becomes 0 or 1.

    Raises
    ------
    ValueError
        If the number of weights is not that of the pixels.

    Examples
    --------
    The weights of two classes as images of 1 x 2 pixels:

    >>> import imfeat
    >>> import numpy as np
    >>> layer = imfeat.learn.Layer(np.array([[2.0, 0.0], [-1.0, 4.0]]), np.zeros(2))
    >>> imfeat.learn.templates(imfeat.learn.Network([layer]), (1, 2)).tolist()
    [[[1.0, 0.25]], [[0.5, 1.0]]]
    """
    network = getattr(model, "network_", model)
    weights = np.asarray(network.layers[0].weights.T if isinstance(network, Network) else model.coef_)
    if weights.shape[1] != np.prod(image_shape):
        raise ValueError(
            f"image_shape must have {weights.shape[1]} values, as the model has weights, got {image_shape}"
        )
    largest = np.abs(weights).max(1, keepdims=True)
    images = 0.5 + weights / np.where(largest > 0, 2 * largest, 1)
    return images.astype(np.float32).reshape(-1, *image_shape)
