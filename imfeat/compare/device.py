"""The device that features are computed on."""

from collections.abc import Sequence

from imfeat._check import one_of
from imfeat._device import DEVICES, Device, check_usable
from imfeat._feature import Feature
from imfeat.recipes import check_on_gpu


def check_device(device: Device, features: Sequence[Feature]) -> None:
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
