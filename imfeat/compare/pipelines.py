"""Pipelines from images to classes, made of the parts of a cell."""

import copy
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from imfeat._backend import Array
from imfeat.compare.linear_model import LinearModel
from imfeat.learn import LinearClassifier, RidgeClassifier
from imfeat.learn.losses import LossName
from imfeat.learn.network import Layer, Network


def pipeline_of(transformer: Any, scaler: Any, classifier: Any) -> Pipeline:
    """Return a fitted pipeline from images (n, height, width, n_channels), uint8, to labels.

    Parameters
    ----------
    transformer : fitted transformer of images
    scaler : fitted transformer of features
    classifier : fitted classifier of standardized features
    """
    scaler = copy.copy(scaler)
    if "copy" in scaler.get_params():
        scaler.set_params(copy=True)  # tables are standardized in place, arrays of callers are not
    return Pipeline([("feature", transformer), ("scaler", scaler), ("classifier", classifier)])


def estimator_of(model: LinearModel, classes: Array, strength: float, loss: LossName) -> Any:
    """Return the fitted estimator that a linear model in closed form is the solution of."""
    if loss == "squared_error":
        ridge = RidgeClassifier((strength,))
        ridge.classes_ = classes
        ridge.coef_ = np.ascontiguousarray(model.weights.T, np.float32)
        ridge.intercept_ = model.intercepts.astype(np.float32)
        ridge.strength_ = strength
        ridge.validation_scores_ = {}
        ridge.n_features_in_ = len(model.weights)
        return ridge
    linear = LinearClassifier(loss, strength=2 * strength)  # its penalty is strength / 2
    linear.classes_ = classes
    layer = Layer(np.ascontiguousarray(model.weights, np.float32), model.intercepts.astype(np.float32))
    linear.network_ = Network([layer])
    linear.n_features_in_ = len(model.weights)
    return linear
