"""The trial of a model on a blank image or a row of zeros, which shows whether its parts fit each other."""

import warnings
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat.estimators._base import ImageTransformer
from imfeat.models.classifier import ImageClassifier
from imfeat.models.header import MAX_NUMBERS, as_shape
from imfeat.models.inputs import parts_of

ANY_SHAPE = (64, 64, 3)  # of a blank image for transformers that were not fitted to a shape
METHODS = ("transform", "decision_function", "predict_proba", "predict")


def check_model(model: Any) -> None:
    """Raise an error if the parts of a model don't fit each other, as far as a blank image shows that."""
    if isinstance(model, ImageTransformer) or (x := _input_of(model)) is None:
        return
    if isinstance(model, ImageClassifier) and model.class_names is not None:
        n_names, n_classes = len(model.class_names), len(model.fitted_.classes_)
        if n_names != n_classes:
            raise ValueError(f"class_names are {n_names} names for {n_classes} classes")
    if len(getattr(model, "classes_", (0, 1))) < 2:
        raise ValueError("a classifier of fewer than two classes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method in METHODS:
            if hasattr(model, method):
                _check_result(model, method, getattr(model, method)(x))
    if isinstance(model, ImageClassifier):
        repr(model)


def _input_of(model: Any) -> Array | None:
    """Return a blank image, or a row of zeros, for a model; None for one that takes neither."""
    if isinstance(model, ImageClassifier):
        return np.zeros((1, *as_shape(model.image_shape)), np.uint8)
    if isinstance(model, ImageTransformer):
        blank = np.zeros((1, *getattr(model, "image_shape_", ANY_SHAPE)), np.uint8)
        axis = model.channel_axis
        return np.moveaxis(blank, -1, axis) if isinstance(axis, int) and blank.ndim == 4 else blank
    for part in parts_of(model):
        return _input_of(part)
    n_features = getattr(model, "n_features_in_", None)
    if n_features is None:
        return None
    if type(n_features) is not int or not 0 < n_features <= MAX_NUMBERS:
        raise ValueError(f"{n_features!r} features")
    return np.zeros((1, n_features), np.float32 if getattr(model, "quantizer", None) is None else np.uint8)


def _check_result(model: Any, method: str, result: Any) -> None:
    shape = np.shape(result)
    n_classes = len(getattr(model, "classes_", ()))
    expected = {
        "decision_function": (1,) if n_classes == 2 else (1, n_classes),
        "predict_proba": (1, n_classes),
        "predict": (1,),
    }
    if shape[:1] != (1,) or expected.get(method, shape) != shape:
        raise ValueError(f"{method} of one image gives the shape {shape}, for {n_classes} classes")
