"""Kinds of classifiers in a comparison: what is chosen on validation, training, and their line of Python."""

import importlib
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from sklearn.base import clone

from imfeat._backend import Array
from imfeat._expressions import as_text, check_options
from imfeat.compare.augment import AUGMENTATIONS, AugmentTrainer, PicturedTable
from imfeat.compare.tables import Table
from imfeat.compare.training import RefitTrainer, SolveProducts, Trainer
from imfeat.learn.losses import LossName

STRENGTHS = (30_000.0, 10_000.0, 3_000.0, 1_000.0, 300.0, 100.0, 30.0)
OF_STRENGTH = ("weight_decay", "C")  # parameters that follow from a strength
NOT_OPTIONS = ("random_state", "warm_start", "verbose", "n_jobs", "quantizer")

Settings = Callable[[Mapping[str, Any], int], Mapping[str, Any]]


def keep(strength: float, n_images: int) -> Any:
    """Return a strength, the value of a parameter that has its meaning."""
    return strength


def no_settings(options: Mapping[str, Any], n_images: int) -> Mapping[str, Any]:
    """Return no settings, for the defaults of the class."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Method:
    """What all classifiers have.

    Attributes
    ----------
    name : str
        Name, with the options in parentheses if there are any.
    title : str
        Name in a sentence.
    kind : str
        ``"linear"``, ``"mlp"`` or ``"other"``.
    seeded : bool
        Whether the seed matters.
    strengths : tuple of float
        Strengths, or values of another parameter, to choose among: strongest first.
    gammas : tuple of float
        Widths of a kernel to choose among; empty for classifiers without one.
    loss : str
        Loss of a linear classifier in closed form, by the name that `LinearClassifier` has for it.
    in_span : bool
        Whether it has the same optimum on coordinates in the space that training images span.
    """

    name: str
    title: str = ""
    kind: str = "linear"
    seeded: bool = False
    strengths: tuple[float, ...] = STRENGTHS
    gammas: tuple[float, ...] = ()

    tunes_on_subset: ClassVar[bool] = False  # where each strength costs a training
    needs_products: ClassVar[bool] = False  # of images, whatever the number of features
    solve_products: SolveProducts | None = None
    augment: str = ""
    loss: LossName = "squared_error"
    in_span: bool = False

    def option_names(self) -> tuple[str, ...]:
        """Return the names of the options."""
        return ("strength",)

    def with_options(self, options: Mapping[str, Any]) -> Self:
        """Return the classifier with options.

        Raises
        ------
        ValueError
            If there is no such option.
        """
        if not options:
            return self
        check_options("classifier", self.name, dict(options), self.option_names())
        text = as_text(self.name, dict(options))
        title = self.title.partition(" of ")[0] if "hidden" in options else self.title
        title = f"{title or self.name} {text.removeprefix(self.name)}"
        return replace(self._with(options), name=text, title=title)

    def _with(self, options: Mapping[str, Any]) -> Self:
        return replace(self, strengths=(as_positive(self.name, "strength", options["strength"]),))


@dataclass(frozen=True, kw_only=True)
class Classifier(Method):
    """A classifier that is trained anew for each strength.

    Attributes
    ----------
    estimator : str or scikit-learn classifier
        Module and name of a class, as ``"imfeat.learn.LinearSVM"``, or a registered classifier.
    parameter : str
        The parameter that is chosen, empty if there is none.
    value : function of a strength and the number of images
        Returns the value of the parameter.
    settings : function of the options and the number of images
        Returns parameters that differ from the defaults.
    options : mapping
        Parameters that the caller gave.
    excluded : tuple of str
        Parameters that are no options, as the classifier would be another one.
    seeded_by : tuple of str
        Options with which the seed matters, although it doesn't with others.
    may_augment : bool
        Whether training images may be augmented.
    augment : str
        Augmentations, joined by ``+``, or an empty string.
    """

    estimator: Any
    parameter: str = "strength"
    value: Callable[[float, int], Any] = keep
    settings: Settings = no_settings
    options: Mapping[str, Any] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    seeded_by: tuple[str, ...] = ()
    may_augment: bool = False

    tunes_on_subset: ClassVar[bool] = True

    def option_names(self) -> tuple[str, ...]:
        """Return the names of the parameters, and of further options."""
        if isinstance(self.estimator, str):
            parameters = list(inspect.signature(self._class()).parameters)
        else:
            parameters = list(self.estimator.get_params())
        further = ["strength"] if self.parameter in OF_STRENGTH else []
        further += ["augment"] if self.may_augment else []
        excluded = (*NOT_OPTIONS, *self.excluded)
        return tuple(dict.fromkeys(name for name in (*further, *parameters) if name not in excluded))

    def build(self, strength: float, n_images: int, seed: int) -> Any:
        """Return an estimator for a strength and a number of training images, not fitted."""
        arguments = self.arguments(strength, n_images)
        estimator = self._class()() if isinstance(self.estimator, str) else clone(self.estimator)
        if "random_state" in estimator.get_params():
            arguments["random_state"] = seed
        return estimator.set_params(**arguments)

    def arguments(self, strength: float, n_images: int) -> dict[str, Any]:
        """Return the parameters of the estimator, but for the seed."""
        arguments = {**self.settings(self.options, n_images), **self.options}
        if self.parameter:
            arguments[self.parameter] = self.value(strength, n_images)
        return arguments

    def expression(self, strength: float, n_images: int, gamma: float | None = None) -> str:
        """Return the estimator as Python, without parameters that are defaults and the seed."""
        arguments = self.arguments(strength, n_images)
        if not isinstance(self.estimator, str):
            return " ".join(repr(clone(self.estimator).set_params(**arguments)).split())
        parameters = inspect.signature(self._class()).parameters
        shown = [
            f"{name}={in_short(arguments[name])}"
            for name, parameter in parameters.items()
            if name in arguments and arguments[name] != parameter.default
        ]
        note = f"  # with random {self.augment.replace('+', ' and ')} of the images" if self.augment else ""
        return f"{self._class().__name__}({', '.join(shown)}){note}"

    def trainer(self, features: Table, labels: Array, rows: Array, seed: int) -> Trainer:
        """Return a trainer on some rows of a table."""
        if self.augment:
            assert isinstance(features, PicturedTable)
            return AugmentTrainer(self.build, features, labels, rows, seed, self.augment)
        return RefitTrainer(self.build, features, labels, rows, seed)

    def _class(self) -> Any:
        module, _, name = self.estimator.rpartition(".")
        return getattr(importlib.import_module(module), name)

    def _with(self, options: Mapping[str, Any]) -> Self:
        own = dict(options)
        augment = as_augmentation(own.pop("augment", ""))
        changed = replace(self, augment=augment)
        fixed = [name for name in dict.fromkeys(("strength", self.parameter)) if name in own]
        if len(fixed) > 1:
            raise ValueError(f"give {' or '.join(fixed)} of classifier {self.name!r}, not both")
        if fixed == ["strength"] and self.parameter != "strength":
            changed = replace(changed, strengths=(as_positive(self.name, "strength", own.pop("strength")),))
        elif fixed:
            changed = replace(changed, strengths=(own.pop(fixed[0]),), value=keep)
        seeded = self.seeded or any(option in self.seeded_by for option in own)
        has_squares = own.get("penalty", "l2") == "l2" and not own.get("l1_ratio")
        in_span = self.in_span and has_squares and not augment
        return replace(changed, options={**self.options, **own}, seeded=seeded, in_span=in_span)


def middle(values: tuple[float, ...]) -> float:
    """Return the value that is tried first."""
    return values[len(values) // 2]


def in_short(value: Any) -> str:
    """Return a value as Python, numbers with at most six digits."""
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def as_positive(name: str, option: str, value: Any) -> float:
    """Return an option that must be a number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{option} of classifier {name!r} must be a number of at least 0, got {value!r}")
    return float(value)


def as_augmentation(value: Any) -> str:
    """Return augmentations, joined by ``+``."""
    parts = value.split("+") if isinstance(value, str) else [value]
    if value != "" and not all(part in AUGMENTATIONS for part in parts):
        choices = "'flip', 'shift' or 'flip+shift'"
        raise ValueError(f"augment must be {choices}, got {value!r}")
    return "+".join(name for name in AUGMENTATIONS if name in parts)
