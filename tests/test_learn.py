"""The parts of networks: gradients against differences, optimizers against PyTorch."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from imfeat_kernels.cpu import optimize
from scipy.special import expit, log_softmax

import imfeat.learn as learn
from imfeat.learn.activations import ACTIVATIONS
from imfeat.learn.losses import LOSSES, PENALTIES, shrink
from imfeat.learn.schedules import SCHEDULES

TORCH = np.load(Path(__file__).parent / "data" / "torch_optimizers.npz")
OPTIMIZERS = {
    "sgd": learn.SGD(0.05),
    "sgd, decay": learn.SGD(0.05, 0.1),
    "momentum": learn.Momentum(0.02),
    "momentum, decay": learn.Momentum(0.02, 0.8, weight_decay=0.1),
    "nesterov": learn.Nesterov(0.02),
    "adagrad": learn.AdaGrad(0.2),
    "adagrad, decay": learn.AdaGrad(0.2, weight_decay=0.1),
    "rmsprop": learn.RMSProp(0.02),
    "rmsprop, decay": learn.RMSProp(0.02, 0.9, weight_decay=0.1),
    "adam": learn.Adam(0.05),
    "adam, decay": learn.Adam(0.05, (0.8, 0.99), weight_decay=0.1),
    "adamw": learn.AdamW(0.05, weight_decay=0.1),
}


@pytest.fixture
def scores(rng):
    return rng.normal(size=(7, 5)), rng.integers(0, 5, 7)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_of_losses(scores, rng, name, weighted):
    s, labels = scores
    weights = rng.random(7) if weighted else None
    gradient = LOSSES[name](s, labels, weights)[1]
    assert learn.check_gradient(lambda x: LOSSES[name](x, labels, weights)[0], gradient, s) < 1e-6


def test_losses_are_their_formulas(scores):
    s, labels = scores
    rows, signs = np.arange(7), np.where(labels[:, None] == np.arange(5), 1, -1)
    expected = {
        "softmax": -log_softmax(s, 1)[rows, labels],
        "hinge": np.maximum(1 - signs * s, 0).sum(1),
        "crammer_singer": [
            max(0, 1 + max(s[i, c] for c in range(5) if c != y) - s[i, y]) for i, y in enumerate(labels)
        ],
        "squared_hinge": (np.maximum(1 - signs * s, 0) ** 2).sum(1),
        "squared_error": ((s - signs) ** 2).sum(1),
    }
    for name, loss in LOSSES.items():
        assert loss(s, labels, None)[0] == pytest.approx(np.mean(expected[name]))
    extreme = np.array([[1000.0, 0, -1000]])  # no overflow
    assert LOSSES["softmax"](extreme, np.array([2]), None)[0] == 2000


@pytest.mark.parametrize("name", PENALTIES)
def test_gradients_of_penalties(rng, name):
    weights = rng.normal(size=(4, 3))
    gradient = PENALTIES[name](weights, 0.3)[1]
    assert learn.check_gradient(lambda x: PENALTIES[name](x, 0.3)[0], gradient, weights) < 1e-6


def test_shrinking_is_the_nearest_point_of_the_lasso():
    weights = np.array([-2.0, -0.3, 0, 0.1, 0.5, 3])
    shrink(weights, 0.5)
    np.testing.assert_allclose(weights, [-1.5, 0, 0, 0, 0, 2.5])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_of_activations_and_layers(rng, name):
    n_pieces = ACTIVATIONS[name].pieces
    layer = learn.Layer(rng.normal(size=(6, 4 * n_pieces)), rng.normal(size=4 * n_pieces), name)
    x, pull = rng.normal(size=(8, 6)), rng.normal(size=(8, 4))

    def loss(weights=layer.weights, biases=layer.biases, x=x):
        return float((learn.Layer(weights, biases, name).apply(x) * pull).sum())

    np.testing.assert_array_equal(layer.forward(x), layer.apply(x))
    back = layer.backward(pull.copy())
    assert learn.check_gradient(lambda w: loss(weights=w), layer.weight_gradient, layer.weights) < 1e-6
    assert learn.check_gradient(lambda b: loss(biases=b), layer.bias_gradient, layer.biases) < 1e-6
    assert learn.check_gradient(lambda z: loss(x=z), back, x) < 1e-6


def test_activations_are_their_formulas(rng):
    z = rng.normal(size=(3, 4)) * 3
    expected = {
        "identity": z,
        "relu": np.maximum(z, 0),
        "leaky_relu": np.where(z > 0, z, 0.01 * z),
        "elu": np.where(z > 0, z, np.exp(z) - 1),
        "sigmoid": expit(z),
        "tanh": np.tanh(z),
        "maxout": np.maximum(z[:, :2], z[:, 2:]),
    }
    for name, activation in ACTIVATIONS.items():
        h = np.empty_like(expected[name])
        activation.value(z, h)
        np.testing.assert_allclose(h, expected[name], rtol=1e-12, atol=1e-15)
    h = np.empty((1, 2))
    ACTIVATIONS["sigmoid"].value(np.array([[-1e4, 1e4]]), h)
    np.testing.assert_array_equal(h, [[0, 1]])


def test_the_gradient_of_a_deep_network(rng):
    network = learn.Network.random((5, 8, 6, 3), activation="tanh", rng=rng, dtype=np.float64)
    x, labels = rng.normal(size=(9, 5)), rng.integers(0, 3, 9)
    _, gradient = LOSSES["softmax"](network.forward(x), labels, None)
    back = network.backward(gradient, to_input=True)
    for array, gradient in zip(network.parameters, network.gradients, strict=True):
        kept = array.copy()

        def loss(moved, array=array, kept=kept):
            array[...] = moved
            value = LOSSES["softmax"](network.apply(x), labels, None)[0]
            array[...] = kept
            return value

        assert learn.check_gradient(loss, gradient, kept) < 1e-6
    assert (
        learn.check_gradient(lambda z: LOSSES["softmax"](network.apply(z), labels, None)[0], back, x) < 1e-6
    )


def test_signals_keep_their_size_through_random_layers(rng):
    for activation in ("relu", "identity"):
        network = learn.Network.random((400,) * 8, activation=activation, rng=rng)
        out = network.apply(rng.normal(size=(200, 400)).astype(np.float32), n_layers=6)
        assert 0.3 < np.square(out).mean() < 3


def test_a_network_is_copied_without_what_the_next_call_overwrites(rng):
    network = learn.Network.random((300, 20, 2), rng=rng)
    size, x = len(pickle.dumps(network)), rng.normal(size=(999, 300)).astype(np.float32)
    network.forward(x)
    again = pickle.loads(pickle.dumps(network))
    assert len(pickle.dumps(network)) == size
    np.testing.assert_array_equal(again.forward(x), network.apply(x))


def test_a_wrong_gradient_is_noticed(rng):
    x = rng.normal(size=5)
    assert learn.check_gradient(lambda v: float(v @ v), 2 * x, x) < 1e-9
    assert learn.check_gradient(lambda v: float(v @ v), 2.01 * x, x) > 1e-3
    with pytest.raises(ValueError, match=r"shape \(5,\) of x, got \(4,\)"):
        learn.check_gradient(lambda v: float(v @ v), x[:4], x)
    with pytest.raises(ValueError, match="step must be above 0"):
        learn.numeric_gradient(lambda v: float(v @ v), x, step=0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_take_the_steps_of_pytorch(name):
    optimizer, point = copy.deepcopy(OPTIMIZERS[name]), TORCH["start"].copy()
    for noise, expected in zip(TORCH["noise"], TORCH[name], strict=True):
        optimizer.step([point], [TORCH["matrix"] @ point + noise])
        np.testing.assert_allclose(point, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_are_the_same_in_both_types_and_for_any_shape(name, rng):
    start, gradients = rng.normal(size=(3, 4)), rng.normal(size=(5, 3, 4))
    ends = []
    for dtype in (np.float32, np.float64):
        optimizer, point = copy.deepcopy(OPTIMIZERS[name]), start.astype(dtype)
        for gradient in gradients:
            optimizer.step([point], [gradient.astype(dtype)])
        ends.append(point)
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-5)


def test_threads_change_no_bit_of_a_step(rng, monkeypatch):
    start, gradient = rng.normal(size=(2, 1000)).astype(np.float32)
    whole = start.copy()
    learn.Momentum(0.1).step([whole], [gradient])
    monkeypatch.setattr(optimize, "GRAIN", 10)
    pieces = start.copy()
    learn.Momentum(0.1).step([pieces], [gradient])
    assert whole.tobytes() == pieces.tobytes()


def test_an_optimizer_stays_with_its_parameters(rng):
    optimizer = learn.Adam(0.1)
    optimizer.step([np.zeros(3)], [np.ones(3)])
    with pytest.raises(ValueError, match="those of the first step"):
        optimizer.step([np.zeros(4)], [np.ones(4)])
    with pytest.raises(ValueError, match="C-contiguous"):
        learn.SGD(0.1).step([np.zeros((4, 4))[:, :2]], [np.ones((4, 2))])
    with pytest.raises(ValueError, match="learning_rate must be at least 0"):
        learn.SGD(-1)


RATES = (learn.SGD, learn.Momentum, learn.Nesterov, learn.AdaGrad, learn.RMSProp, learn.Adam, learn.AdamW)
REFUSED_NUMBERS = [(-1.0, ValueError), (np.nan, ValueError), (np.inf, ValueError), ("1", TypeError)]
SHARES = [
    (learn.Momentum, "momentum"),
    (learn.Nesterov, "momentum"),
    (learn.RMSProp, "decay"),
]


@pytest.mark.parametrize(("value", "error"), [*REFUSED_NUMBERS, (None, TypeError), (True, TypeError)])
@pytest.mark.parametrize("kind", RATES)
def test_settings_of_optimizers_are_finite_and_not_negative(kind, value, error):
    with pytest.raises(error, match="learning_rate must be"):
        kind(value)
    for decay in (value, [0.1, value]):
        with pytest.raises(error, match="weight_decay must be"):
            kind(0.1, weight_decay=decay)
    if hasattr(kind(0.1), "epsilon"):
        with pytest.raises(error, match="epsilon must be"):
            kind(0.1, epsilon=value)


@pytest.mark.parametrize(("value", "error"), [*REFUSED_NUMBERS, (1.0, ValueError), (1.5, ValueError)])
def test_averages_that_do_not_decay_are_refused(value, error):
    for kind, name in SHARES:
        with pytest.raises(error, match=f"{name} must be"):
            kind(0.1, value)
    for kind in (learn.Adam, learn.AdamW):
        for betas in ((value, 0.999), (0.9, value)):
            with pytest.raises(error, match="betas must be"):
                kind(0.1, betas)
    for kind in (learn.Adam, learn.AdamW):
        for betas in (0.9, "ab", (0.9,), (0.9, 0.99, 0.999), None):
            with pytest.raises(TypeError, match="betas must be 2 numbers, got"):
                kind(0.1, betas)


def test_the_bounds_of_pytorch_are_accepted():
    for kind in RATES:
        kind(0)
        kind(np.float32(0.1), weight_decay=0)
        kind(1, weight_decay=np.array([0.1, 0.0]))
    learn.Momentum(0.1, 0)
    learn.RMSProp(0.1, 0)
    learn.Adam(0.1, [0, 0], epsilon=0)
    with pytest.raises(ValueError, match="momentum must be above 0"):  # as PyTorch: that is SGD
        learn.Nesterov(0.1, 0)


@pytest.mark.parametrize("kind", [learn.AdaGrad, learn.RMSProp, learn.Adam, learn.AdamW])
def test_parameters_without_gradients_stay_for_any_epsilon(kind):
    for dtype in (np.float32, np.float64):
        for epsilon in (0, 1e-60):
            point, optimizer = np.ones(2, dtype), kind(0.125, epsilon=epsilon)
            optimizer.step([point], [np.array([0, 1], dtype)])
            assert point[0] == 1
            assert -1 < point[1] < 1


@pytest.mark.parametrize("kind", RATES)
def test_weight_decays_are_one_for_each_array(kind):
    arrays = [np.ones(2), np.ones(3)]
    kind(0.1, weight_decay=[0.1, 0.2]).step(arrays, [np.ones(2), np.ones(3)])
    with pytest.raises(ValueError, match="weight_decay must be one or 2 numbers for 2 arrays, got 3"):
        kind(0.1, weight_decay=[0.1, 0.2, 0.3]).step(arrays, [np.ones(2), np.ones(3)])


def test_schedules_are_those_of_pytorch():
    for name in ("step", "cosine"):
        rates = [SCHEDULES[name](epoch, 12) for epoch in range(12)]
        np.testing.assert_allclose(rates, TORCH[name], atol=1e-12)
    assert [SCHEDULES["constant"](epoch, 3) for epoch in range(3)] == [1, 1, 1]
