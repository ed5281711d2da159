"""Test images under other conditions: changed light, noise, blur, compression, motion and occlusion.

Brightness, contrast, noise, blur and JPEG are those of Hendrycks and Dietterich [1]_ at their severities 1, 3
and 5: of CIFAR-10-C for images below 64 pixels, and of ImageNet-C for others.

References
----------
.. [1] D. Hendrycks, T. Dietterich, "Benchmarking neural network robustness to common corruptions and
   perturbations", ICLR 2019.  :doi:`10.48550/arXiv.1903.12261`
"""

import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image
from sklearn.pipeline import Pipeline

from imfeat._backend import Array
from imfeat.compare.training import accuracy
from imfeat.datasets._types import are_gray
from imfeat.models import logits_of
from imfeat.resize import resize

N_STRENGTHS = 3
SMALL = 64  # height or width in pixels below which severities are those of CIFAR-10-C
IMAGES_AT_ONCE = 512
PREFIX = "shift:"  # of the keys of scores
WARM = (1.0, 0.0, -1.0)  # changes of the gains of red, green and blue, in units of the strength

Apply: TypeAlias = Callable[[Array, float, np.random.Generator], Array]


@dataclass(frozen=True)
class Shift:
    """A change of images (n, height, width, n_channels), uint8.

    Attributes
    ----------
    name : str
    apply : function of images, a strength and a random generator
        Returns images of the same shape.
    strengths : tuple of float
        From weak to strong; for images of at least `SMALL` pixels.
    unit : str
        What the strengths are.
    small_strengths : tuple of float
        For smaller images, if they differ.
    needs_color : bool
    """

    name: str
    apply: Apply
    strengths: tuple[float, ...]
    unit: str
    small_strengths: tuple[float, ...] = ()
    needs_color: bool = False

    def strengths_for(self, image_shape: tuple[int, ...]) -> tuple[float, ...]:
        """Return the strengths for images of a shape (height, width, n_channels)."""
        return self.small_strengths or self.strengths if min(image_shape[:2]) < SMALL else self.strengths

    def batches(self, images: Array, strength: int) -> Iterator[Array]:
        """Yield changed images, `IMAGES_AT_ONCE` at a time, the same at each call; ``strength`` is 0 to 2."""
        value = self.strengths_for(images.shape[1:])[strength]
        for first in range(0, len(images), IMAGES_AT_ONCE):
            rng = np.random.default_rng((zlib.crc32(self.name.encode()), strength, first))
            yield self.apply(images[first : first + IMAGES_AT_ONCE], value, rng)


def shifts_for(image_shape: tuple[int, ...]) -> tuple[Shift, ...]:
    """Return the shifts that suit images of a shape (height, width, n_channels)."""
    return tuple(shift for shift in SHIFTS if image_shape[2] == 3 or not shift.needs_color)


def scores_on(pipelines: Mapping[str, Pipeline], images: Array) -> dict[str, dict[str, Array]]:
    """Return the scores of pipelines on changed images.

    Parameters
    ----------
    pipelines : mapping of str to Pipeline
        Fitted pipelines whose first step is the same.
    images : array of shape (n, height, width, n_channels), uint8

    Returns
    -------
    dict of str to dict of str to array of shape (n, n_classes)
        For each pipeline, the scores by the key of a shift and a strength; see `key_of`.  Gray images, of
        equal channels, stay gray.
    """
    if not pipelines:
        return {}
    describe = next(iter(pipelines.values()))[0]
    scores: dict[str, dict[str, Array]] = {name: {} for name in pipelines}
    n_channels = images.shape[3]
    if are_gray(images):
        images = images[..., :1]
    for shift in shifts_for(images.shape[1:]):
        for strength in range(N_STRENGTHS):
            parts: dict[str, list[Array]] = {name: [] for name in pipelines}
            for batch in shift.batches(images, strength):
                features = describe.transform(np.broadcast_to(batch, (*batch.shape[:3], n_channels)))
                for name, pipeline in pipelines.items():
                    parts[name].append(logits_of(pipeline[1:], features))
            for name, arrays in parts.items():
                scores[name][key_of(shift.name, strength)] = np.concatenate(arrays)
    return scores


def key_of(shift: str, strength: int) -> str:
    """Return the name of the scores of a shift at a strength."""
    return f"{PREFIX}{shift}:{strength}"


def accuracies(scores: Mapping[str, Array], labels: Array, classes: Array) -> dict[str, list[float]]:
    """Return the accuracies on changed images by shift, one a strength, for the scores of `scores_on`."""
    return {
        shift.name: [
            accuracy(scores[key_of(shift.name, strength)], labels, classes) for strength in range(N_STRENGTHS)
        ]
        for shift in SHIFTS
        if key_of(shift.name, 0) in scores
    }


def _gamma(images: Array, gamma: float, rng: np.random.Generator) -> Array:
    return _curve(lambda values: values**gamma)[images]


def _contrast(images: Array, contrast: float, rng: np.random.Generator) -> Array:
    means = images.mean((1, 2), keepdims=True, dtype=np.float32)
    return _bytes((images - means) * np.float32(contrast) + means)


def _brightness(images: Array, added: float, rng: np.random.Generator) -> Array:
    """Add to the value of HSV, which multiplies all channels of a pixel by the same factor."""
    value = images.max(-1, keepdims=True).astype(np.float32)
    brighter = np.minimum(value + np.float32(255 * added), 255)
    scaled = images * (brighter / np.maximum(value, 1))
    return _bytes(np.where(value > 0, scaled, brighter))


def _color_cast(images: Array, strength: float, rng: np.random.Generator) -> Array:
    gains = 1 + strength * np.array(WARM, np.float32)
    return _bytes(images * gains)


def _noise(images: Array, deviation: float, rng: np.random.Generator) -> Array:
    noise = rng.standard_normal(images.shape, np.float32)
    noise *= 255 * deviation
    return _bytes(images + noise)


def _blur(images: Array, sigma: float, rng: np.random.Generator) -> Array:
    from scipy.ndimage import gaussian_filter  # type: ignore[import-untyped]

    return _bytes(gaussian_filter(images.astype(np.float32), (0, sigma, sigma, 0), mode="nearest"))


def _jpeg(images: Array, quality: float, rng: np.random.Generator) -> Array:
    return np.stack([_compressed(image, int(quality)) for image in images])


def _compressed(image: Array, quality: int) -> Array:
    out = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out)).reshape(image.shape)


def _translation(images: Array, share: float, rng: np.random.Generator) -> Array:
    """Shift down and to the right, and repeat the edges."""
    height, width = images.shape[1:3]
    rows = np.maximum(np.arange(height) - round(share * height), 0)
    columns = np.maximum(np.arange(width) - round(share * width), 0)
    return images[:, rows][:, :, columns]


def _rotation(images: Array, degrees: float, rng: np.random.Generator) -> Array:
    from scipy.ndimage import rotate

    pixels = images.astype(np.float32)
    return _bytes(rotate(pixels, degrees, (2, 1), reshape=False, order=1, mode="nearest", prefilter=False))


def _zoom(images: Array, factor: float, rng: np.random.Generator) -> Array:
    height, width = images.shape[1:3]
    box_height = height / factor
    box_width = width / factor
    top = (height - box_height) / 2
    left = (width - box_width) / 2
    box = (left, top, left + box_width, top + box_height)
    return resize(images, (height, width), box=box, channel_axis=-1)


def _occlusion(images: Array, share: float, rng: np.random.Generator) -> Array:
    """Cover a square at random, of a share of the area, with the mean of the image."""
    n, height, width, _ = images.shape
    side = max(1, round(min(height, width) * share**0.5))
    means = images.mean((1, 2)).round().astype(np.uint8)
    out = images.copy()
    tops = rng.integers(height - side + 1, size=n)
    lefts = rng.integers(width - side + 1, size=n)
    for image, mean, top, left in zip(out, means, tops, lefts, strict=True):
        image[top : top + side, left : left + side] = mean
    return out


def _curve(function: Callable[[Array], Array]) -> Array:
    """Return the table of a function of [0, 1] for all bytes."""
    return _bytes(255 * function(np.arange(256, dtype=np.float32) / 255))


def _bytes(values: Array) -> Array:
    """Return values of 0 to 255, clipped and rounded."""
    return np.clip(values + np.float32(0.5), 0, 255).astype(np.uint8)


SHIFTS = (
    Shift("gamma", _gamma, (1.5, 2, 3), "exponent of pixels in [0, 1]"),
    Shift("brightness", _brightness, (0.1, 0.3, 0.5), "added to the value of HSV", (0.05, 0.15, 0.3)),
    Shift("contrast", _contrast, (0.4, 0.2, 0.05), "factor of differences from the mean", (0.75, 0.4, 0.15)),
    Shift("color-cast", _color_cast, (0.1, 0.2, 0.4), "gain of red, loss of blue", needs_color=True),
    Shift("noise", _noise, (0.08, 0.18, 0.38), "standard deviation of pixels in [0, 1]", (0.04, 0.08, 0.1)),
    Shift("blur", _blur, (1, 3, 6), "standard deviation in pixels", (0.4, 0.7, 1)),
    Shift("jpeg", _jpeg, (25, 15, 7), "quality", (80, 58, 40)),
    Shift("translation", _translation, (1 / 16, 1 / 8, 1 / 4), "share of height and width"),
    Shift("rotation", _rotation, (10, 20, 40), "degrees"),
    Shift("zoom", _zoom, (1.1, 1.3, 1.6), "factor"),
    Shift("occlusion", _occlusion, (1 / 16, 1 / 8, 1 / 4), "share of the area"),
)
BY_NAME = {shift.name: shift for shift in SHIFTS}
