"""The features that are compared, by name.

To add one, write a function that builds its transformer and name it in `FEATURES`; or `register` it from
outside.  Names joined by ``+`` are features side by side; a number in a name, as in ``patches-800``, is
that of the words.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from imfeat.estimators import (
    HOG,
    VLAD,
    BagOfVisualWords,
    ColorHistogram,
    DenseSIFT,
    FisherVector,
    LocalColor,
    PaletteHistogram,
    PatchFeatures,
    RawPixels,
)
from imfeat.exposure import equalize_value
from imfeat.extract.features import uoctti

SMALL = 64  # pixels a side, below which cells are of 4 pixels instead of 8
SCALES = (1, 1.5, 2, 2.8)  # of local descriptors, about 10,000 in an image of 224 x 224
SMALL_SCALES = (0.5, 0.75)  # in images below SMALL, for whose patches larger ones leave no room
FISHER = re.compile(r"fisher-(sift|color)(?:-(\d+))?")  # fisher-sift, or fisher-sift-COMPONENTS
FUSION = re.compile(r"fusion(?:-(\d+))?")
PATCHES = re.compile(r"patches-(\d+)(?:-(\d+)x\2)?")  # patches-WORDS, or patches-WORDS-SIZExSIZE


@dataclass(frozen=True)
class Feature:
    """How to build the transformer for a size of cells and a seed, and whether the seed matters.

    ``title`` is what it is called in a sentence.  ``coded`` ones are so large that they are kept as the
    codes of a product quantizer.  ``own`` ones come from outside.
    """

    build: Callable[[int, int], Any]
    title: str
    seeded: bool = False
    coded: bool = False
    own: bool = False


def build_feature(name: str, image_size: tuple[int, int], seed: int) -> Any:
    """Return the transformer of a feature for images of (height, width) pixels."""
    cell_size = 4 if min(image_size) < SMALL else 8
    parts = [(part, find_feature(part).build(cell_size, seed)) for part in name.split("+")]
    return parts[0][1] if len(parts) == 1 else FeatureUnion(parts)


def is_seeded(name: str) -> bool:
    """Tell whether a feature depends on the seed."""
    return any(find_feature(part).seeded for part in name.split("+"))


def is_coded(name: str) -> bool:
    """Tell whether a feature is kept as codes."""
    return "+" not in name and find_feature(name).coded


def is_own(name: str) -> bool:
    """Tell whether a feature comes from outside, at least in part."""
    return any(find_feature(part).own for part in name.split("+"))


def of_pixels(name: str) -> bool:
    """Tell whether a feature has a number for each pixel and channel."""
    return name in ("raw", "equalized")


def title_of(name: str) -> str:
    """Return what a feature is called in a sentence."""
    if FUSION.fullmatch(name):
        return "the fusion of Fisher vectors of SIFT and colour"
    return " + ".join(find_feature(part).title for part in name.split("+"))


def is_feature(name: str) -> bool:
    """Tell whether there is a feature of this name."""
    if FISHER.fullmatch(name) or FUSION.fullmatch(name):
        return True
    return all(part in FEATURES or PATCHES.fullmatch(part) for part in name.split("+"))


def parts_of_fusion(name: str) -> tuple[str, ...]:
    """Return the features whose scores are fused, none if it is a feature itself."""
    if not (found := FUSION.fullmatch(name)):
        return ()
    suffix = f"-{found[1]}" if found[1] else ""
    return f"fisher-sift{suffix}", f"fisher-color{suffix}"


def find_feature(name: str) -> Feature:
    """Return the feature of a name without ``+``."""
    if found := PATCHES.fullmatch(name):
        n_words, size = int(found[1]), int(found[2] or 6)
        build = functools.partial(_patches, n_words=n_words, patch_size=size)
        return Feature(build, f"{n_words} words of {size}x{size} patches", seeded=True)
    if found := FISHER.fullmatch(name):
        n_components = int(found[2] or 64)
        build = functools.partial(_fisher, kind=found[1], n_components=n_components)
        title = f"Fisher vectors of {'SIFT' if found[1] == 'sift' else 'colour'}"
        return Feature(build, title, seeded=True, coded=True)
    return FEATURES[name]


def _raw(cell_size: int, seed: int) -> Any:
    return RawPixels()


def _equalized(cell_size: int, seed: int) -> Any:
    # Not `Equalize`: channels equalized one by one lose the colour, which costs more than it gives.
    return make_pipeline(FunctionTransformer(equalize_value), RawPixels())


def _color(cell_size: int, seed: int) -> Any:
    return ColorHistogram(bins=(8, 4, 4), grid=(2, 2), norm="hellinger")


def _hog(cell_size: int, seed: int) -> Any:
    return HOG(cell_size=cell_size, interpolation="trilinear")


def _uoctti(cell_size: int, seed: int) -> Any:
    return FunctionTransformer(uoctti, kw_args={"cell_size": cell_size})


def _palette(cell_size: int, seed: int) -> Any:
    return PaletteHistogram(n_colors=64, grid=(2, 2), norm="hellinger", random_state=seed)


def _words(cell_size: int, seed: int, encoding: str = "hard") -> Any:
    return BagOfVisualWords(
        n_words=400,
        stride=cell_size // 4,
        grid=(2, 2),
        encoding=encoding,
        norm=None if encoding == "triangle" else "hellinger",
        n_iterations=10,
        random_state=seed,
    )


def _vlad(cell_size: int, seed: int) -> Any:
    local = DenseSIFT(scales=SCALES if cell_size > 4 else SMALL_SCALES)
    return VLAD(local, n_words=16, random_state=seed)


def _patches(cell_size: int, seed: int, *, n_words: int, patch_size: int) -> Any:
    return PatchFeatures(n_words=n_words, patch_size=patch_size, random_state=seed)


def _fisher(cell_size: int, seed: int, *, kind: str, n_components: int) -> Any:
    scales = SCALES if cell_size > 4 else SMALL_SCALES
    local = DenseSIFT(scales=scales) if kind == "sift" else LocalColor(scales=scales)
    return FisherVector(local, n_components=n_components, random_state=seed)


FEATURES = {
    "raw": Feature(_raw, "pixels"),
    "equalized": Feature(_equalized, "equalized pixels"),
    "color": Feature(_color, "colour"),
    "palette": Feature(_palette, "palette", seeded=True),
    "hog": Feature(_hog, "HoG"),
    "uoctti": Feature(_uoctti, "UoCTTI HoG"),
    "words": Feature(_words, "visual words", seeded=True),
    "soft-words": Feature(functools.partial(_words, encoding="soft"), "soft visual words", seeded=True),
    "triangle": Feature(
        functools.partial(_words, encoding="triangle"), "triangle-encoded words", seeded=True
    ),
    "vlad": Feature(_vlad, "VLAD of SIFT", seeded=True),
}
DEFAULT = ("raw", "equalized", "color", "hog", "hog+color", "words")
PATTERNS = (
    *("patches-WORDS", "patches-WORDS-SIZExSIZE", "any of these joined by +"),
    *("fisher-sift", "fisher-color", "fusion", "and the last three with -COMPONENTS"),
)


def known_features() -> tuple[str, ...]:
    """Return the names there are, and how others are made up."""
    return (*FEATURES, *PATTERNS)
