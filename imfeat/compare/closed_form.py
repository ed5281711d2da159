"""Classifiers in closed form: from sums over images, and from products of images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from imfeat._backend import Array
from imfeat.compare.methods import Method, as_positive, in_short, middle
from imfeat.compare.tables import Table
from imfeat.compare.training import RefitTrainer, SolveSums, SumsTrainer, Trainer
from imfeat.learn import KernelRidgeClassifier


@dataclass(frozen=True, kw_only=True)
class ClosedFormClassifier(Method):
    """A linear classifier that is solved from sums over images, which serve all strengths.

    Attributes
    ----------
    solve_sums : function of `RidgeSums`, a strength, and a function that yields features and labels
        Returns weights and intercepts.
    solve_products : function of `RidgeProducts`, a strength, signs, and the gamma of a kernel
        Returns shares, intercepts and scores, see `RidgeProducts.solve`; None if products of images don't
        suffice.
    line : function of a strength
        Returns the classifier as Python.
    """

    solve_sums: SolveSums
    line: Callable[[float], str]

    def trainer(self, features: Table, labels: Array, rows: Array, seed: int) -> Trainer:
        """Return a trainer on some rows of a table."""
        return SumsTrainer(self.solve_sums, features, labels, rows)

    def expression(self, strength: float, n_images: int, gamma: float | None = None) -> str:
        """Return the classifier as Python."""
        return self.line(strength)


@dataclass(frozen=True, kw_only=True)
class KernelClassifier(Method):
    """Ridge regression with a Gaussian kernel, solved from products of images."""

    needs_products: ClassVar[bool] = True

    def option_names(self) -> tuple[str, ...]:
        """Return the names of the options."""
        return ("gamma", "strength")

    def build(self, strength: float, n_images: int, seed: int, gamma: float | None = None) -> Any:
        """Return an estimator, not fitted."""
        return KernelRidgeClassifier(middle(self.gammas) if gamma is None else gamma, strength=strength)

    def expression(self, strength: float, n_images: int, gamma: float | None = None) -> str:
        """Return the classifier as Python."""
        width = middle(self.gammas) if gamma is None else gamma
        return f"KernelRidgeClassifier(gamma={in_short(width)}, strength={in_short(strength)})"

    def trainer(self, features: Table, labels: Array, rows: Array, seed: int) -> Trainer:
        """Return a trainer that builds the estimator on some rows of a table, with the middle width."""
        return RefitTrainer(self.build, features, labels, rows, seed)

    def _with(self, options: Mapping[str, Any]) -> Self:
        changed = self if "strength" not in options else super()._with(options)
        if "gamma" not in options:
            return changed
        return replace(changed, gammas=(as_positive(self.name, "gamma", options["gamma"]),))
