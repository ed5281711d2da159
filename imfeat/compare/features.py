"""The features that are compared, by name.

To add one, write a function that builds its transformer and name it in `FEATURES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from imfeat.estimators import HOG, BagOfVisualWords, ColorHistogram, RawPixels
from imfeat.exposure import equalize_value

SMALL = 64  # pixels a side, below which cells are of 4 pixels instead of 8


@dataclass(frozen=True)
class Feature:
    """How to build the transformer for a size of cells and a seed, and whether the seed matters."""

    build: Callable[[int, int], Any]
    seeded: bool = False


def build_feature(name: str, image_size: tuple[int, int], seed: int) -> Any:
    """Return the transformer of a feature for images of (height, width) pixels."""
    return FEATURES[name].build(4 if min(image_size) < SMALL else 8, seed)


def _raw(cell_size: int, seed: int) -> Any:
    return RawPixels()


def _equalized(cell_size: int, seed: int) -> Any:
    # Not `Equalize`: channels equalized one by one lose the colour, which costs more than it gives.
    return make_pipeline(FunctionTransformer(equalize_value), RawPixels())


def _color(cell_size: int, seed: int) -> Any:
    return ColorHistogram(bins=(8, 4, 4), grid=(2, 2), norm="hellinger")


def _hog(cell_size: int, seed: int) -> Any:
    return HOG(cell_size=cell_size, interpolation="trilinear")


def _hog_and_color(cell_size: int, seed: int) -> Any:
    return FeatureUnion([("hog", _hog(cell_size, seed)), ("color", _color(cell_size, seed))])


def _words(cell_size: int, seed: int) -> Any:
    return BagOfVisualWords(
        n_words=400,
        stride=cell_size // 4,
        grid=(2, 2),
        norm="hellinger",
        n_iterations=10,
        random_state=seed,
    )


FEATURES = {
    "raw": Feature(_raw),
    "equalized": Feature(_equalized),
    "color": Feature(_color),
    "hog": Feature(_hog),
    "hog+color": Feature(_hog_and_color),
    "words": Feature(_words, seeded=True),
}
