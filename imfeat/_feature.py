"""Features as expressions name them: one recipe with options, or several side by side."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imfeat._recipe import Size, Term

if TYPE_CHECKING:  # NumPy is not loaded, so that the help of commands is quick
    from imfeat._backend import Array


@dataclass(frozen=True)
class Feature:
    """One feature or several side by side, as an expression names them.

    Attributes
    ----------
    terms : tuple of Term
    """

    terms: tuple[Term, ...]

    @property
    def name(self) -> str:
        """The expression in its usual spacing."""
        return "+".join(term.text for term in self.terms)

    @property
    def title(self) -> str:
        """Name in a sentence."""
        return " + ".join(term.title for term in self.terms)

    @property
    def seeded(self) -> bool:
        """Whether the feature depends on the seed."""
        return any(term.recipe.seeded for term in self._own_terms)

    @property
    def learned(self) -> bool:
        """Whether the feature learns from images."""
        return any(term.recipe.learned for term in self.terms)

    @property
    def coded(self) -> bool:
        """Whether the feature is kept as codes of a product quantizer."""
        return len(self.terms) == 1 and self.terms[0].recipe.coded

    @property
    def colored(self) -> bool:
        """Whether the feature describes nothing but colours, at least in part."""
        return any(term.recipe.colored for term in self._own_terms)

    @property
    def is_registered(self) -> bool:
        """Whether the feature is registered by the caller, at least in part."""
        return any(term.recipe.is_registered for term in self._own_terms)

    @property
    def is_pixels(self) -> bool:
        """Whether the feature has a number for each pixel and channel."""
        return len(self.terms) == 1 and self.terms[0].recipe.transformer == "RawPixels"

    @property
    def computes_on_gpu(self) -> bool:
        """Whether the feature is computed on a GPU, all of it."""
        return all(term.computes_on_gpu for term in self._own_terms)

    @property
    def has_grid(self) -> bool:
        """Whether larger images have more features, on a grid; not for registered features."""
        return any(term.has_grid for term in self.terms)

    @property
    def fused(self) -> "tuple[Feature, ...]":
        """The features whose scores are added; none for features of their own."""
        term = self.terms[0]
        if term.members:
            return term.members
        suffix = term.text.removeprefix(term.recipe.name)
        return tuple(Feature((Term(r.name + suffix, r, term.options),)) for r in term.recipe.fuses)

    @property
    def _own_terms(self) -> tuple[Term, ...]:
        """The terms with features of their own, which for a fusion are those of its members."""
        return tuple(term for feature in self.fused or (self,) for term in feature.terms)

    def expression(self, size: Size) -> str:
        """Return the transformer with all options that are not defaults, as Python."""
        if self.fused:
            *others, last = (feature.name for feature in self.fused)
            return f"the weighted sum of the scores of {', '.join(others)} and {last}"
        return " + ".join(term.expression(size) for term in self.terms)

    def transformer(self, size: Size, seed: int = 0) -> Any:
        """Return the transformer for images of (height, width) pixels, not fitted."""
        if self.fused:
            raise ValueError(f"{self.name!r} adds the scores of classifiers, and has no features of its own")
        if len(self.terms) == 1:
            return self.terms[0].transformer(size, seed)
        from sklearn.pipeline import FeatureUnion

        return FeatureUnion(
            [(term.text.replace("__", "-"), term.transformer(size, seed)) for term in self.terms]
        )

    def function(self, size: Size) -> "Callable[[Array], Array]":
        """Return a function of batches (n, height, width, 3) to features; not for learned ones."""
        functions = [term.function(size) or Feature((term,)).fitted(size).transform for term in self.terms]
        return functions[0] if len(functions) == 1 else functools.partial(_side_by_side, functions)

    def function_of_any_size(self, size: Size) -> "Callable[[Array], Array]":
        """Return a function, as `function`, with the options for a size, of images of all sizes."""
        functions = [term.function(size) or term.transformer(size, 0).transform for term in self.terms]
        return functions[0] if len(functions) == 1 else functools.partial(_side_by_side, functions)

    def fitted(self, size: Size) -> Any:
        """Return the transformer, fitted to the size of images, for features that are not learned."""
        return self.transformer(size).fit(_blank(size))

    def check(self, size: Size) -> None:
        """Raise ValueError if options are wrong or don't suit images of a size; not for registered ones."""
        for feature in self.fused or (self,):
            try:
                feature._try(size)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{feature.name}: {error}") from error

    def _try(self, size: Size) -> None:
        """Compute the feature of a blank image, or learn few words from noise."""
        if self.is_registered:
            return
        if not self.learned:
            self.function(size)(_blank(size))
            return
        from imfeat._small import noise_of, with_small_parameters

        for term in self.terms:
            with_small_parameters(term.transformer(size, 0)).fit(noise_of(size))


def _blank(size: Size) -> "Array":
    import numpy as np

    return np.zeros((1, *size, 3), np.uint8)


def _side_by_side(functions: "Sequence[Callable[[Array], Array]]", images: "Array") -> "Array":
    import numpy as np

    from imfeat._check import to_host

    return np.concatenate([to_host(function(images)) for function in functions], axis=1)
