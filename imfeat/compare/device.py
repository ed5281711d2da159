"""The device that features are computed on."""

import copy
from collections.abc import Sequence
from typing import Any

from sklearn.pipeline import FeatureUnion, Pipeline

from imfeat._check import one_of
from imfeat._device import DEVICES, check_usable
from imfeat._feature import Feature
from imfeat.recipes import check_on_gpu


def check_device(device: str, features: Sequence[Feature]) -> None:
    """Raise an error if features can't be computed on a device.

    Raises
    ------
    ValueError
        If there is no such device, or a feature is not computed on a GPU.
    CudaUnavailableError
        If CUDA can't be used.
    """
    one_of(device, "device", DEVICES)
    if device == "cuda":
        check_on_gpu(features)
        check_usable("device='cuda'")


def on_device(transformer: Any, device: str) -> Any:
    """Return a fitted transformer of images on the host, or a copy of it that computes on a GPU.

    Of a pipeline that is its first step.  What it holds is shared, and what it returns lies on the host.
    """
    if device == "cpu":
        return transformer
    there = copy.copy(transformer)
    if isinstance(transformer, Pipeline):
        (name, first), *others = transformer.steps
        there.steps = [(name, on_device(first, device)), *others]
    elif isinstance(transformer, FeatureUnion):
        there.transformer_list = [
            (name, on_device(part, device)) for name, part in transformer.transformer_list
        ]
    else:
        there.device = device
    return there
