"""Linear classifiers and multi-layer perceptrons, as the lecture tells them, and what trains them."""

from imfeat.learn.activations import ACTIVATIONS as ACTIVATIONS
from imfeat.learn.check import check_gradient as check_gradient
from imfeat.learn.check import numeric_gradient as numeric_gradient
from imfeat.learn.dual import RidgeProducts as RidgeProducts
from imfeat.learn.explore import decision_regions as decision_regions
from imfeat.learn.explore import feature_warp as feature_warp
from imfeat.learn.explore import is_convex_along as is_convex_along
from imfeat.learn.explore import loss_slice as loss_slice
from imfeat.learn.explore import templates as templates
from imfeat.learn.linear import LinearClassifier as LinearClassifier
from imfeat.learn.losses import LOSSES as LOSSES
from imfeat.learn.mlp import MLPClassifier as MLPClassifier
from imfeat.learn.network import Layer as Layer
from imfeat.learn.network import Network as Network
from imfeat.learn.optimizers import OPTIMIZERS as OPTIMIZERS
from imfeat.learn.optimizers import SGD as SGD
from imfeat.learn.optimizers import AdaGrad as AdaGrad
from imfeat.learn.optimizers import Adam as Adam
from imfeat.learn.optimizers import AdamW as AdamW
from imfeat.learn.optimizers import Momentum as Momentum
from imfeat.learn.optimizers import Nesterov as Nesterov
from imfeat.learn.optimizers import RMSProp as RMSProp
from imfeat.learn.perceptron import Perceptron as Perceptron
from imfeat.learn.ridge import RidgeClassifier as RidgeClassifier
from imfeat.learn.ridge import RidgeSums as RidgeSums
from imfeat.learn.schedules import SCHEDULES as SCHEDULES
from imfeat.learn.svm import LinearSVM as LinearSVM

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
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
