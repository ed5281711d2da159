"""Dropout of hidden units: its definition, its gradient, and training with it."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from imfeat.learn import ACTIVATIONS, MLPClassifier, Network, check_gradient
from imfeat.learn.losses import softmax


def test_masks_keep_the_mean(rng):
    network = Network.random((5, 400, 300, 2), rng=rng)
    masks = network.dropout_masks(200, 0.2, rng)
    assert [mask.shape for mask in masks] == [(200, 400), (200, 300)]
    for mask in masks:
        assert mask.dtype == np.float32
        np.testing.assert_allclose(np.unique(mask), [0, 1.25])
        assert (mask == 0).mean() == pytest.approx(0.2, abs=0.01)
        assert mask.mean() == pytest.approx(1, abs=0.01)
        assert not (mask == mask[:1]).all()  # each image has units of its own


def test_units_are_left_out():
    """By hand: hidden units 1 and 2 for x = 1; the second is left out, the first counts twice."""
    network = Network.random((1, 2, 1), activation="identity", rng=np.random.default_rng(0), dtype=float)
    for array, value in zip(network.parameters, ([[1, 2]], [0, 0], [[3], [5]], [0.5]), strict=True):
        array[...] = value
    masks = [np.array([[2.0, 0]])]
    np.testing.assert_allclose(network.forward(np.ones((1, 1)), masks), [[2 * 3 + 0.5]])
    network.backward(np.ones((1, 1)))
    np.testing.assert_allclose(network.gradients[2], [[2], [0]])
    np.testing.assert_allclose(network.gradients[0], [[6, 0]])
    np.testing.assert_allclose(network.forward(np.ones((1, 1))), [[3 + 10 + 0.5]])  # and none next time


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_gradient_with_a_mask_is_that_of_differences(rng, activation):
    network = Network.random((4, 6, 5, 3), activation=activation, rng=rng, dtype=float)
    for biases in network.parameters[1::2]:
        biases += rng.normal(size=biases.shape)  # away from kinks at 0
    x = rng.normal(size=(7, 4))
    labels = rng.integers(0, 3, 7)
    masks = network.dropout_masks(7, 0.4, rng)
    _, gradient = softmax(network.forward(x, masks), labels)
    network.backward(gradient)
    for parameters, found in zip(network.parameters, [g.copy() for g in network.gradients], strict=True):

        def loss(point, parameters=parameters):
            kept = parameters.copy()
            parameters[...] = point
            value, _ = softmax(network.forward(x, masks), labels)
            parameters[...] = kept
            return value

        assert check_gradient(loss, found, parameters.copy()) < 1e-6


def test_a_rate_of_0_changes_nothing_and_others_do():
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    plain = MLPClassifier((64,), epochs=20, n_iter_no_change=None, random_state=0)
    scores = [
        clone(plain).set_params(dropout=rate).fit(x[:500], y[:500]).decision_function(x[500:])
        for rate in (0, 0.0, 0.3, 0.3)
    ]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[2], scores[3])
    assert not np.array_equal(scores[0], scores[2])
    assert (scores[2].argmax(1) == y[500:]).mean() > 0.75


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropout": 1}, "dropout must be at least 0 and below 1"),
        ({"dropout": -0.1}, "dropout must be at least 0"),
        ({"dropout": 0.5, "optimizer": "lbfgs"}, "dropout needs an optimizer that takes steps"),
    ],
)
def test_bad_rates_are_refused(rng, options, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**options).fit(rng.normal(size=(20, 3)), np.arange(20) % 2)
