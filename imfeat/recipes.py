"""The table of named features, and the parser of the expressions that name them.

`imfeat compare`, `imfeat extract`, `imfeat codebook`, their help and the documentation use this table.  An
expression is a name with options in Python's syntax, or several side by side:

    hog(cell_size=16, orientations=12)+color(bins=(8, 4, 4))

or a fusion, which adds the scores of classifiers on two or more features:

    fusion(fisher-sift, hog+color, patches-800)

A recipe named like a function means this function with its defaults; tuned variants have names of their own.
To add a feature, add a row to `_TABLE`.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from imfeat._expressions import NAME, as_text, check_options, in_parentheses, parse_calls, split_list
from imfeat._feature import Feature
from imfeat._modules import name_function
from imfeat._recipe import Local, Recipe, Size, Term
from imfeat._suggest import did_you_mean

__all__ = ["parse", "parse_list"]


def __dir__() -> list[str]:
    return __all__  # for completion


name_function(__name__, "parse")

SMALL = 64  # height or width in pixels below which tuned recipes take cells of 4 instead of 8 pixels
SCALES = (1, 1.5, 2, 2.8)  # of local descriptors: about 10,000 in an image of 224 x 224 pixels
SMALL_SCALES = (0.5, 0.75)  # in images below SMALL


def _cell_size(size: Size) -> int:
    return 4 if min(size) < SMALL else 8


def _scales(size: Size) -> dict[str, Any]:
    return {"scales": SMALL_SCALES if min(size) < SMALL else SCALES}


def _sift(size: Size) -> Local:
    return Local("DenseSIFT", "dense_sift", _scales(size))


def _opponent_sift(size: Size) -> Local:
    return Local("DenseSIFT", "dense_sift", _scales(size) | {"color": "opponent"})


def _local_color(size: Size) -> Local:
    return Local("LocalColor", "local_color", _scales(size))


def _dalal_triggs(size: Size) -> dict[str, Any]:
    return {"cell_size": _cell_size(size), "interpolation": "trilinear"}


def _mirrored(size: Size) -> dict[str, Any]:
    return {"cell_size": _cell_size(size), "mirror": True}


def _words(encoding: str, norm: str | None, size: Size) -> dict[str, Any]:
    tuned = {"n_words": 400, "stride": _cell_size(size) // 4, "grid": (2, 2), "n_iterations": 10}
    return tuned | {"encoding": encoding, "norm": norm}


def _layers(size: Size) -> dict[str, Any]:
    scale = _cell_size(size) // 4
    return {"n_words": 800, "patch_size": 2, "pool_size": 4 * scale, "stride": 2 * scale}


def _learned(name: str, transformer: str, title: str, **settings: Any) -> Recipe:
    return Recipe(name, transformer, title, learned=True, seeded=True, **settings)


def _fisher(name: str, title: str, local: Callable[[Size], Local]) -> Recipe:
    options: dict[str, Any] = {"pattern": COMPONENTS, "coded": True, "colored": local is not _sift}
    return _learned(name, "FisherVector", title, local=local, **options)


FUSION = re.compile(r"(?:^|\+)\s*fusion\s*\((?!\s*(\)|[a-z_]+\s*=[^=]))")  # of features, not with options
OPTION = re.compile(r"\w+\s*=")
COMPONENTS = r"-(?P<n_components>\d+)"
PATCHES = r"-(?P<n_words>\d+)(?:-(?P<patch_size>\d+)x(?P=patch_size))?"
_PALETTE = {"n_colors": 64, "grid": (2, 2), "norm": "hellinger"}
_COLOR = {"bins": (8, 4, 4), "grid": (2, 2), "norm": "hellinger"}
_GRAY = {"space": "gray", "bins": 256}
_SIFT = Local("DenseSIFT", "dense_sift", {"fast": False})
_FISHERS = (
    _fisher("fisher-sift", "Fisher vectors of SIFT", _sift),
    _fisher("fisher-color", "Fisher vectors of colour", _local_color),
)
_OPPONENT = _fisher("fisher-opponent", "Fisher vectors of opponent SIFT", _opponent_sift)
_FUSION = "the fusion of Fisher vectors of SIFT and colour"
_TABLE = (
    Recipe("raw", "RawPixels", "pixels", "raw_pixels"),
    Recipe("equalize", "RawPixels", "pixels, equalized", "raw_pixels", {"equalize": "torchvision"}),
    Recipe("equalized", "RawPixels", "equalized pixels", "raw_pixels", {"equalize": "value"}),
    Recipe("color", "ColorHistogram", "colour", "color_histogram", colored=True),
    Recipe(
        *("channels", "ColorHistogram", "histograms of channels", "color_histogram", {"joint": False}),
        colored=True,
    ),
    Recipe("gray", "ColorHistogram", "gray histogram", "color_histogram", _GRAY),
    Recipe("tuned-color", "ColorHistogram", "colour in regions", "color_histogram", _COLOR, colored=True),
    _learned("palette", "PaletteHistogram", "palette", options=_PALETTE, colored=True),
    Recipe("hog", "HOG", "HoG", "hog"),
    Recipe("dalal-triggs", "HOG", "HoG of Dalal and Triggs", "hog", _dalal_triggs),
    Recipe("uoctti", "UoCTTI", "UoCTTI HoG", "hog_uoctti"),
    Recipe("mirrored-uoctti", "UoCTTI", "UoCTTI HoG, mirrored", "hog_uoctti", _mirrored),
    Recipe("lbp", "LBP", "local binary patterns", "lbp"),
    Recipe("haralick", "Haralick", "Haralick's features", "haralick"),
    Recipe("dense-sift", "RegionPooling", "mean SIFT", local=_SIFT),
    Recipe(
        *("local-color", "RegionPooling", "mean local colour"),
        local=Local("LocalColor", "local_color"),
        colored=True,
    ),
    _learned("words", "BagOfVisualWords", "visual words", options=partial(_words, "hard", "hellinger")),
    _learned(
        *("soft-words", "BagOfVisualWords", "soft visual words"),
        options=partial(_words, "soft", "hellinger"),
    ),
    _learned(
        *("triangle", "BagOfVisualWords", "triangle-encoded words"),
        options=partial(_words, "triangle", None),
    ),
    _learned(
        *("patches", "PatchFeatures", "{n_words} words of {patch_size}x{patch_size} patches"),
        options={"n_words": 800, "patch_size": 6},
        pattern=PATCHES,
    ),
    _learned(
        *("two-layer", "TwoLayerPatches", "{n_words} words of {patch_size}x{patch_size} patches of maps"),
        options=_layers,
        pattern=PATCHES,
    ),
    _learned("vlad", "VLAD", "VLAD of SIFT", options={"n_words": 16}, local=_sift),
    *_FISHERS,
    _OPPONENT,
    Recipe("fusion", "LateFusion", _FUSION, fuses=_FISHERS, pattern=COMPONENTS, seeded=True),
)
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _TABLE}
COMPARED = ("raw", "equalized", "tuned-color", "dalal-triggs", "dalal-triggs+tuned-color", "words")
EXTRACTED = ("hog", "color")
LEARNED = tuple(recipe.name for recipe in _TABLE if recipe.learned)


def parse(text: str) -> Feature:
    """Return the feature that an expression names.

    Parameters
    ----------
    text : str
        A name of `RECIPES`, with options in parentheses if need be, or several joined by ``+``; or
        ``fusion(first, second, ...)`` of two or more such expressions.

    Returns
    -------
    Feature

    Raises
    ------
    ValueError
        If the syntax is wrong, there is no such feature, or the feature has no such option.

    Examples
    --------
    >>> import imfeat
    >>> feature = imfeat.recipes.parse("hog( cell_size = 16 )+raw")
    >>> feature.name
    'hog(cell_size=16)+raw'
    >>> [member.name for member in imfeat.recipes.parse("fusion(hog+color, patches-800)").fused]
    ['hog+color', 'patches-800']
    """
    features = parse_list(text)
    if len(features) != 1:
        raise ValueError(f"expected one feature, got {len(features)} in {text!r}")
    return features[0]


def parse_list(features: str | Sequence[str]) -> tuple[Feature, ...]:
    """Return the features of a comma-separated list, or of a sequence of expressions, each once.

    Examples
    --------
    >>> import imfeat
    >>> [feature.name for feature in imfeat.recipes.parse_list("hog, color(bins=4), hog")]
    ['hog', 'color(bins=4)']
    """
    text = features if isinstance(features, str) else ", ".join(map(str, features))
    parsed: dict[str, Feature] = {}
    for item in split_list(text):
        feature = _feature(item)
        parsed.setdefault(feature.name, feature)
    if not parsed:
        raise ValueError(f"no feature given; choose among {', '.join(names())}")
    return tuple(parsed.values())


def names() -> tuple[str, ...]:
    """Return the names of the table, and those with a number in them."""
    hints = {
        "patches": "patches-WORDS-SIZExSIZE",
        "two-layer": "two-layer-WORDS-SIZExSIZE",
        "fusion": "fusion-COMPONENTS",
    }
    return (*RECIPES, *hints.values(), "several joined by +", "fusion(FEATURE, FEATURE, ...)")


def check_on_gpu(features: Sequence[Feature]) -> None:
    """Raise ValueError if one of the features is not computed on a GPU."""
    for feature in features:
        if not feature.computes_on_gpu:
            raise ValueError(not_on_gpu(feature.name))


def not_on_gpu(name: str) -> str:
    """Return an error about a feature that is not computed on a GPU."""
    others = [recipe.name for recipe in _TABLE if Feature((Term(recipe.name, recipe, {}),)).computes_on_gpu]
    return f"{name!r} is not computed on a GPU: take device='cpu', or features of {', '.join(others)}"


def is_taken(name: str) -> bool:
    """Tell whether a name is that of a feature."""
    return name in RECIPES or _numbered(name) is not None


def listing(size: Size = (224, 224)) -> list[tuple[str, str, str]]:
    """Return name, title and full expression of each recipe, for images of a size."""
    rows = []
    for recipe in RECIPES.values():
        term = Term(recipe.name, recipe, {})
        rows.append((recipe.name, term.title, term.expression(size)))
    return rows


def _feature(text: str) -> Feature:
    """Return the feature of one expression."""
    name, _, rest = text.partition("(")
    if rest and (name := name.strip()) and NAME.fullmatch(name) and not is_taken(name):
        raise _unknown(name)  # before its options, which may be features
    if fusion := FUSION.search(text):
        return Feature((_fusion(text, fusion.start()),))
    feature = Feature(tuple(_term(name, options) for name, options in parse_calls(text)))
    if len(feature.terms) > 1 and any(term.recipe.fuses for term in feature.terms):
        raise ValueError(f"{feature.name!r}: a fusion of scores can't stand beside other features")
    return feature


def _fusion(text: str, start: int) -> Term:
    """Return the fusion of the features in parentheses."""
    inside, end = in_parentheses(text, text.index("(", start))
    if start or text[end:].strip():
        raise ValueError(f"{text!r}: a fusion of scores can't stand beside other features")
    items = split_list(inside)
    if options := [item for item in items if OPTION.match(item)]:
        raise ValueError(f"{options[0]!r} in {text!r}: give options to the members of a fusion")
    members = [_feature(item) for item in items]
    if inner := [member.name for member in members if member.fused]:
        raise ValueError(f"{inner[0]!r} in {text!r}: a fusion can't be a member of another one")
    names = [member.name for member in members]
    if len(set(names)) < len(names) or len(names) < 2:
        raise ValueError(f"a fusion needs two or more features, each once, got {text!r}")
    return Term(f"fusion({', '.join(names)})", RECIPES["fusion"], {}, tuple(members))


def _unknown(name: str) -> ValueError:
    hint = did_you_mean(name, RECIPES)
    return ValueError(f"unknown feature {name!r}; choose among {', '.join(names())}{hint}")


def _term(name: str, options: dict[str, Any]) -> Term:
    match = _numbered(name)
    if match is None:
        raise _unknown(name)
    recipe, in_name = match
    check_options("feature", recipe.name, options, recipe.option_names() if options else ())
    return Term(as_text(name, options), recipe, in_name | options)


def _numbered(name: str) -> tuple[Recipe, dict[str, int]] | None:
    """Return the recipe of a name and the options in the name, None if there is no such recipe."""
    if name in RECIPES:
        return RECIPES[name], {}
    for recipe in RECIPES.values():
        if recipe.pattern and (match := re.fullmatch(re.escape(recipe.name) + recipe.pattern, name)):
            return recipe, {option: int(n) for option, n in match.groupdict().items() if n is not None}
    return None
