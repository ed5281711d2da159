"""Every CUDA kernel on the GPU of this machine: differences from the CPU, times, and times of peers."""

import importlib.util
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import imfeat
from imfeat._backend import Array, cpu_kernels, cuda_kernels, kernel_cases
from imfeat._device import CudaUnavailableError, why_unavailable

BANDWIDTH = 3.35e12  # bytes a second, of an H100 SXM
# Instructions a second that its threads begin: processors, schedulers, lanes and clock.
INSTRUCTIONS = 132 * 4 * 32 * 1.755e9
REPEATS = 10
MANY, FEW = 1 << 20, 1 << 14  # pixels
SLOW = 2e-4  # seconds of a kernel of FEW pixels, which takes a card a tenth: a CPU executes it
LONG = 1e-2  # seconds of a call that is timed once
PIXELS_A_VECTOR = 20


@dataclass(frozen=True)
class Row:
    """The check of one call of a kernel.

    Attributes
    ----------
    kernel : str
        Module and name.
    off : float
        Largest difference from the results of the CPU.
    tolerance : float
        Largest difference allowed.
    seconds : float
        Time on the device, the mean of several calls.
    predicted : float or None
        Time predicted for an H100, if there is a prediction.
    """

    kernel: str
    off: float
    tolerance: float
    seconds: float
    predicted: float | None

    def __str__(self) -> str:
        predicted = "" if self.predicted is None else f"{1e3 * self.predicted:.3g}"
        numbers = f"{self.off:.2g} | {self.tolerance:.2g} | {1e3 * self.seconds:.3g}"
        return f"| {self.kernel} | {numbers} | {predicted} |"


def predict(kernel: str, items: int) -> float | None:
    """Return the seconds that a kernel should take on an H100, bound by memory or by instructions.

    Kernels whose costs were not measured give None.
    """
    cost = kernel_cases().cost_of(kernel)
    if cost is None:
        return None
    return float(items * max(cost["bytes"] / BANDWIDTH, cost["instructions"] / INSTRUCTIONS))


def headings() -> list[str]:
    """Return lines with versions and the device, and the head of the table of results.

    Raises
    ------
    CudaUnavailableError
        If there is no GPU, or no compiler for it.
    """
    reason = why_unavailable()
    if reason is not None:
        raise CudaUnavailableError(f"there is nothing to check: {reason}")
    facts = {"imfeat": imfeat.__version__, "Python": platform.python_version(), "NumPy": np.__version__}
    facts |= cuda_kernels().launch.about()
    lines = [f"{name}: {value}" for name, value in facts.items()]
    return [
        *lines,
        "",
        "| kernel | off by | tolerance | ms | ms on an H100, predicted |",
        "| --- |" + " ---: |" * 4,
    ]


def noise(pixels: int) -> Array:
    """Return 16 square images of noise that have about ``pixels`` pixels together."""
    side = max(32, int((pixels / 16) ** 0.5))
    return np.random.default_rng(0).integers(0, 256, (16, side, side, 3), dtype=np.uint8)


def fitting() -> int:
    """Return how many pixels to check with: fewer where kernels take far longer than on a card."""
    cuda = cuda_kernels()
    case = next(kernel_cases().gpu_cases(noise(FEW), n_vectors=1))
    inputs, results = case.on_gpu(cuda)
    kernel = case.launcher(cuda)
    kernel(*inputs, *results)  # loads it
    seconds = min(cuda.launch.timed(lambda: kernel(*inputs, *results), 1) for _ in range(3))
    return MANY if seconds < SLOW else FEW


def check(images: Array, *, n_vectors: int | None = None) -> Iterator[Row]:
    """Yield a row for every call of a kernel, on uint8 images (n, height, width, 3).

    Vectors are a twentieth of the pixels by default.
    """
    n_vectors = images.size // 3 // PIXELS_A_VECTOR if n_vectors is None else n_vectors
    for case in kernel_cases().gpu_cases(images, n_vectors=n_vectors):
        yield _check(case)


def _check(case: Any) -> Row:
    cuda = cuda_kernels()
    launch = cuda.launch
    off = case.difference(case.run(cpu_kernels()), case.run_on_gpu(cuda))
    inputs, results = case.on_gpu(cuda)
    kernel = case.launcher(cuda)
    seconds = launch.timed(lambda: kernel(*inputs, *results), 1)
    if seconds < LONG:
        seconds = launch.timed(lambda: kernel(*inputs, *results), REPEATS)
    return Row(case.kernel, off, case.tolerance, seconds, predict(case.kernel, case.n_items))


def peers(images: Array) -> Iterator[str]:
    """Yield lines with the times of the installed peers on the same GPU, or why there are none."""
    for package, measure in {
        "cucim": _time_cucim,
        "kornia": _time_kornia,
        "torchvision": _time_torchvision,
    }.items():
        if not importlib.util.find_spec(package):
            continue
        try:
            times = measure(images)
        except Exception as error:  # whatever a package raises that does not fit this machine
            yield f"{package} was not timed: {type(error).__name__}: {error}"
            continue
        for kernel, seconds in times.items():
            yield f"| {kernel}, by {package} | | | {1e3 * seconds:.3g} | |"


def _time_cucim(images: Array) -> dict[str, float]:
    import cupy  # type: ignore[import-not-found]
    from cucim.skimage import color, exposure  # type: ignore[import-not-found]

    on_device = cupy.asarray(images)
    return {
        "color.rgb_to_hsv": _timed(lambda: color.rgb2hsv(on_device)),
        "equalize.equalize_bytes": _timed(lambda: exposure.equalize_hist(on_device[..., 0])),
        "histogram (CuPy's bincount)": _timed(lambda: cupy.bincount(on_device.reshape(-1))),
    }


def _time_kornia(images: Array) -> dict[str, float]:
    import kornia  # type: ignore[import-not-found]
    import torch  # type: ignore[import-not-found]

    planes = torch.from_numpy(np.moveaxis(images, -1, 1).copy()).cuda().float() / 255
    return {
        "color.rgb_to_hsv": _timed(lambda: kornia.color.rgb_to_hsv(planes)),
        "clahe.clahe_blend": _timed(lambda: kornia.enhance.equalize_clahe(planes)),
    }


def _time_torchvision(images: Array) -> dict[str, float]:
    import torch
    from torchvision.transforms.functional import equalize  # type: ignore[import-not-found]

    planes = torch.from_numpy(np.moveaxis(images, -1, 1).copy()).cuda()
    return {"equalize.equalize_bytes": _timed(lambda: equalize(planes))}


def _timed(call: Callable[[], object]) -> float:
    call()  # what is compiled or allocated at first
    seconds: float = cuda_kernels().launch.timed(call, REPEATS)
    return seconds
