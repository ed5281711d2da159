"""Linear classifiers and multi-layer perceptrons, their training, and tools that explain them.

`imfeat.learn.explain` has the tools that explain; all other modules train.
"""

from imfeat.learn.activations import ACTIVATIONS
from imfeat.learn.dual import RidgeProducts
from imfeat.learn.explain import (
    check_gradient,
    decision_regions,
    feature_warp,
    is_convex_along,
    loss_slice,
    numeric_gradient,
    templates,
)
from imfeat.learn.kernel_ridge import KernelRidgeClassifier
from imfeat.learn.linear import LinearClassifier
from imfeat.learn.losses import LOSSES
from imfeat.learn.mlp import MLPClassifier
from imfeat.learn.network import Layer, Network
from imfeat.learn.optimizers import OPTIMIZERS, SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp
from imfeat.learn.perceptron import Perceptron
from imfeat.learn.ridge import RidgeClassifier
from imfeat.learn.ridge_sums import RidgeSums
from imfeat.learn.schedules import SCHEDULES
from imfeat.learn.svm import LinearSVM

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "KernelRidgeClassifier",
    "Layer",
    "LinearClassifier",
    "LinearSVM",
    "MLPClassifier",
    "Momentum",
    "Nesterov",
    "Network",
    "Perceptron",
    "RMSProp",
    "RidgeClassifier",
    "RidgeProducts",
    "RidgeSums",
    "check_gradient",
    "decision_regions",
    "feature_warp",
    "is_convex_along",
    "loss_slice",
    "numeric_gradient",
    "templates",
]


def __dir__() -> list[str]:
    return __all__  # for completion
