"""Models whose features are computed on a GPU."""

import copy
from typing import Any

from sklearn.pipeline import FeatureUnion, Pipeline

from imfeat._device import Device
from imfeat.estimators.fusion import LateFusion


def on_device(model: Any, device: Device) -> Any:
    """Return a fitted model of images on the host, or a copy of it whose features are computed on a GPU.

    Of a pipeline that is its first step.  What it holds is shared, and what it returns lies on the host.
    """
    if device == "cpu":
        return model
    there = copy.copy(model)
    if isinstance(model, Pipeline):
        (name, first), *others = model.steps
        there.steps = [(name, on_device(first, device)), *others]
    elif isinstance(model, FeatureUnion):
        there.transformer_list = [(name, on_device(part, device)) for name, part in model.transformer_list]
    elif isinstance(model, LateFusion):
        there.classifiers_ = [on_device(part, device) for part in model.classifiers_]
    elif hasattr(model, "fitted_"):  # an ImageClassifier
        there.pipeline_ = on_device(model.fitted_, device)
    else:
        there.device = device
    return there


def computes_on_gpu(model: Any) -> bool:
    """Return whether `on_device` can let the features of a fitted model be computed on a GPU."""
    if isinstance(model, Pipeline):
        return computes_on_gpu(model.steps[0][1])
    if isinstance(model, FeatureUnion):
        return all(computes_on_gpu(part) for _, part in model.transformer_list)
    if isinstance(model, LateFusion):
        return all(computes_on_gpu(part) for part in model.classifiers_)
    if hasattr(model, "fitted_"):
        return computes_on_gpu(model.fitted_)
    return bool(getattr(model, "computes_on_gpu", False))
