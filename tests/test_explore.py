"""Slices of losses, templates, regions and warped planes."""

import numpy as np
import pytest

import imfeat.learn as learn
from imfeat.learn import LinearClassifier, MLPClassifier, Network


@pytest.fixture
def points(rng):
    """10 numbers a point, and its class of 10, as on the lecture's slide."""
    return rng.normal(size=(200, 10)), rng.integers(0, 10, 200)


AMOUNTS = np.linspace(-3, 3, 301)


def test_the_loss_of_a_linear_model_is_convex_and_of_a_deep_one_is_not(points):
    linear, deep = (
        Network.random(sizes, rng=np.random.default_rng(0)) for sizes in ((10, 10), (10, 32, 32, 32, 10))
    )
    for seed in range(5):
        values = learn.loss_slice(linear, *points, AMOUNTS, rng=seed)
        assert learn.is_convex_along(AMOUNTS, values)
    deep_slices = [learn.loss_slice(deep, *points, AMOUNTS, rng=seed) for seed in range(5)]
    assert not any(learn.is_convex_along(AMOUNTS, values) for values in deep_slices)


def test_a_slice_passes_through_the_model(points):
    x, labels = points
    model = LinearClassifier(strength=0.1, epochs=300).fit(x, labels)
    network = model.network_
    direction = [np.ones_like(array) for array in network.parameters]
    values = learn.loss_slice(network, x, labels, np.array([0, 0.5]), direction=direction, loss="hinge")
    assert values[0] == pytest.approx(
        learn.LOSSES["hinge"](network.apply(x.astype(np.float32)), labels, None)[0]
    )
    moved = [array + 0.5 for array in network.parameters]
    expected = learn.LOSSES["hinge"](x @ moved[0] + moved[1], labels, None)[0]
    assert values[1] == pytest.approx(expected)
    with pytest.raises(ValueError, match="direction must have the shapes"):
        learn.loss_slice(network, x, labels, AMOUNTS, direction=direction[:1])


def test_convex_is_by_definition():
    t = np.linspace(-3, 3, 61)
    assert learn.is_convex_along(t, t**2)
    assert learn.is_convex_along(t, np.abs(t))
    assert learn.is_convex_along(t, 2 * t)
    assert not learn.is_convex_along(t, np.cos(t))
    uneven = np.sort(np.random.default_rng(0).normal(size=40))
    assert learn.is_convex_along(uneven, uneven**2)
    assert not learn.is_convex_along(uneven, -(uneven**2))
    with pytest.raises(ValueError, match="three or more rising"):
        learn.is_convex_along(t[::-1], t)


def test_templates_are_the_weights_as_images(rng):
    x = rng.normal(size=(300, 2 * 3 * 3)).astype(np.float32)
    y = (x[:, 4] > 0).astype(int)
    pictures = learn.templates(LinearClassifier().fit(x, y), (2, 3, 3))
    assert pictures.shape == (2, 2, 3, 3)
    assert pictures.dtype == np.float32
    assert pictures[1].reshape(-1)[4] == 1  # what speaks most for class 1
    assert pictures[0].reshape(-1)[4] == 0
    hidden = MLPClassifier((5,), epochs=1, n_iter_no_change=None).fit(x, y)
    assert learn.templates(hidden, (6, 3)).shape == (5, 6, 3)
    assert learn.templates(learn.RidgeClassifier([1.0]).fit(x, y), (6, 3)).shape == (2, 6, 3)
    np.testing.assert_array_equal(learn.templates(Network.random((4, 1), rng=rng), (2, 2)).max() <= 1, True)
    with pytest.raises(ValueError, match="image_shape must have 18 values"):
        learn.templates(hidden, (6, 4))


def test_regions_are_what_the_model_finds():
    x = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    model = LinearClassifier(strength=0.004).fit(x, [0, 0, 1, 1])
    across, up, classes = learn.decision_regions(model, x, n=5)
    np.testing.assert_allclose(across, np.linspace(-0.1, 1.1, 5))
    np.testing.assert_array_equal(classes[0], [0] * 5)  # low y
    np.testing.assert_array_equal(classes[-1], [1] * 5)
    assert classes.shape == (5, 5)
    assert (up == across).all()
    with pytest.raises(ValueError, match=r"points must have the shape \(m, 2\)"):
        learn.decision_regions(model, np.zeros((3, 4)))


def test_a_layer_of_relus_folds_the_plane():
    weights, biases = np.eye(2), np.zeros(2)
    network = Network([learn.Layer(weights, biases, "relu"), learn.Layer(weights, biases)])
    lines = np.array([[[-1.0, 2], [3, -4]], [[-5, -6], [7, 8]]])
    np.testing.assert_array_equal(learn.feature_warp(network, lines), [[[0, 2], [3, 0]], [[0, 0], [7, 8]]])
    assert learn.feature_warp(network, lines, layer=2).shape == lines.shape
    with pytest.raises(ValueError, match="layer must be at most 2"):
        learn.feature_warp(network, lines, layer=3)
