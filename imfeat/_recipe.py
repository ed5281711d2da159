"""Recipes, which make the transformer or the function of a named feature for images of a size."""

import functools
import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:  # NumPy is not loaded, so that the help of commands is quick
    from imfeat._backend import Array

Size: TypeAlias = tuple[int, int]  # height and width of images, in pixels
Shape: TypeAlias = tuple[int, int, int]  # rows, columns and channels

TYPICAL_SIZE = (224, 224)
ON_GRIDS = ("raw_pixels", "hog", "hog_uoctti")  # functions that larger images have more features of
NOT_OPTIONS = (
    *("images", "mask", "flatten", "out", "channel_axis"),
    *("local", "random_state", "progress", "device"),
)


@dataclass(frozen=True)
class Local:
    """Local descriptors of an encoding: the name of their transformer and its options."""

    transformer: str
    function: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """A named feature.

    Attributes
    ----------
    name : str
    transformer : str or transformer
        A class of `imfeat.estimators`, by name, or a registered transformer.
    title : str
        Name in a sentence; options in braces are filled in.
    function : str or None
        Function of `imfeat` with the same options, for features that need no learning.
    options : mapping, or function of the size (height, width) of images
        Options that differ from the defaults.
    local : Local, or function of the size of images, optional
    pattern : str, optional
        Regular expression of names with options in them, as in ``patches-800``.
    learned : bool
        Whether the feature learns from images; such features depend on the seed.
    coded : bool
        Whether `imfeat compare` keeps the feature as codes of a product quantizer, as it is large.
    fuses : tuple of Recipe
        Recipes whose scores are added by default; such a recipe has no features of its own.
    seeded : bool
        Whether the feature depends on the seed.
    colored : bool
        Whether the feature describes nothing but colours.
    """

    name: str
    transformer: Any
    title: str
    function: str | None = None
    options: Mapping[str, Any] | Callable[[Size], Mapping[str, Any]] = field(default_factory=dict)
    local: Local | Callable[[Size], Local] | None = None
    pattern: str | None = None
    learned: bool = False
    coded: bool = False
    fuses: "tuple[Recipe, ...]" = ()
    seeded: bool = False
    colored: bool = False

    @property
    def is_registered(self) -> bool:
        """Whether the feature comes from `imfeat.compare.register`."""
        return not isinstance(self.transformer, str)

    def option_names(self) -> tuple[str, ...]:
        """Return the names of the options, those of local descriptors included."""
        if self.fuses:
            return self.fuses[0].option_names()
        if self.is_registered:
            return tuple(name for name in self.transformer.get_params() if name not in NOT_OPTIONS)
        return _parameters(_public(self.function or self.transformer)) + self.local_option_names()

    def local_option_names(self) -> tuple[str, ...]:
        """Return the names of the options of local descriptors."""
        if self.local is None:
            return ()
        local = self.local(TYPICAL_SIZE) if callable(self.local) else self.local
        return _parameters(_public(local.function))


@dataclass(frozen=True)
class Term:
    """A recipe with options, or a fusion of features.

    Attributes
    ----------
    text : str
        The expression in its usual spacing.
    recipe : Recipe
    options : mapping
    members : tuple of Feature
        Features whose scores a fusion adds, if the expression names them.
    """

    text: str
    recipe: Recipe
    options: Mapping[str, Any]
    members: tuple[Any, ...] = ()

    def merged_options(self, size: Size) -> dict[str, Any]:
        """Return the options of the recipe and of the caller, without those of local descriptors."""
        options = self.recipe.options
        tuned = options(size) if callable(options) else options
        of_local = self.recipe.local_option_names()
        return {**tuned, **{name: value for name, value in self.options.items() if name not in of_local}}

    def local(self, size: Size) -> Local | None:
        """Return the local descriptors with the options of the caller."""
        local = self.recipe.local
        if local is None:
            return None
        local = local(size) if callable(local) else local
        of_local = self.recipe.local_option_names()
        options = {name: value for name, value in self.options.items() if name in of_local}
        return Local(local.transformer, local.function, {**local.options, **options})

    @property
    def title(self) -> str:
        """Name in a sentence."""
        if self.members:
            *others, last = (member.title for member in self.members)
            return f"the fusion of {', '.join(others)} and {last}"
        title = self.recipe.title
        if not self.recipe.is_registered:
            title = title.format_map(self.merged_options(TYPICAL_SIZE))
        shown = self.text.partition("(")[2]
        return f"{title} ({shown}" if shown else title

    def expression(self, size: Size) -> str:
        """Return the transformer with all options that are not defaults, as Python."""
        if self.recipe.is_registered:
            return " ".join(re.sub(r" at 0x\w+", "", repr(self.transformer(size, 0))).split())
        options = [f"{name}={value!r}" for name, value in self.merged_options(size).items()]
        if (local := self.local(size)) is not None:
            ours = ", ".join(f"{name}={value!r}" for name, value in local.options.items())
            options.insert(0, f"{local.transformer}({ours})")
        return f"{self.recipe.transformer}({', '.join(options)})"

    def transformer(self, size: Size, seed: int) -> Any:
        """Return the transformer for images of (height, width) pixels, not fitted."""
        if self.recipe.is_registered:
            from sklearn.base import clone

            return clone(self.recipe.transformer).set_params(**self._seed(seed), **self.options)
        options = {**self.merged_options(size), **self._seed(seed)}
        if (local := self.local(size)) is not None:
            options["local"] = _public(local.transformer)(**local.options)
        return _public(self.recipe.transformer)(**options)

    @property
    def computes_on_gpu(self) -> bool:
        """Whether the transformer takes images on a GPU."""
        transformer = self.recipe.transformer
        of_name = transformer if self.recipe.is_registered else _public(transformer)
        return bool(getattr(of_name, "computes_on_gpu", False))

    @property
    def has_grid(self) -> bool:
        """Whether larger images have more features, on a grid."""
        return self.recipe.function in ON_GRIDS

    def grid_shape(self, size: Size) -> "Callable[[Shape], Shape]":
        """Return the function of the shape of an image (height, width, 3) to that of features on a grid."""
        name = str(self.recipe.function)
        shape_of: Callable[..., Shape] = getattr(importlib.import_module("imfeat._grid_shapes"), name)
        known = inspect.signature(shape_of).parameters
        options = {name: value for name, value in self.merged_options(size).items() if name in known}
        return functools.partial(shape_of, **options)

    def function(self, size: Size) -> "Callable[[Array], Array] | None":
        """Return the function that computes the feature of a batch, None if there is none."""
        if self.recipe.function is None:
            return None
        return functools.partial(_public(self.recipe.function), **self.merged_options(size))

    def _seed(self, seed: int) -> dict[str, int]:
        return {"random_state": seed} if self.recipe.seeded else {}


def _public(name: str) -> Any:
    """Return a function or a transformer of imfeat."""
    return getattr(importlib.import_module("imfeat"), name)


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(name for name in inspect.signature(function).parameters if name not in NOT_OPTIONS)
