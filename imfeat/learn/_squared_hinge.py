"""The squared hinge loss, minimized by a sequence of ridge regressions.

An image beyond the margin contributes no loss, as if its target were its score.  The targets are
therefore set to y max(1, y f) for labels y and scores f, ridge regression is solved for these
targets with the factor of the first solution, and both steps repeat with Nesterov's momentum.
"""

from collections.abc import Callable

import numpy as np

from imfeat._backend import Array

Solution = tuple[Array, ...]


def hinge_targets(signs: Array, scores: Array) -> Array:
    """Return the targets y max(1, y f) for signs y (+1 and -1) and scores f."""
    targets: Array = signs * np.maximum(signs * scores, 1)
    return targets


def iterate(solution: Solution, refit: Callable[[Solution], Solution], n_iterations: int) -> Solution:
    """Return the solution after some iterations.

    Parameters
    ----------
    solution : tuple of arrays
        Solution of ridge regression for the labels.
    refit : function of a solution
        Returns the solution of ridge regression for the targets by the scores of a solution.
    n_iterations : int
    """
    extrapolated = solution
    for iteration in range(n_iterations):
        previous = solution
        solution = refit(extrapolated)
        momentum = np.float32(iteration / (iteration + 3))
        extrapolated = tuple(
            new + momentum * (new - old) for new, old in zip(solution, previous, strict=True)
        )
    return solution
