"""How sure classifiers are of their answers: calibrated probabilities of the test images."""

from dataclasses import replace

import numpy as np

from imfeat._backend import Array
from imfeat.compare.cells import Cell
from imfeat.models.calibration import softmax


def with_probabilities(cell: Cell, scores: Array, classes: Array, labels: Array) -> Cell:
    """Return a cell with the probabilities of the found and of the true classes of the test images.

    Parameters
    ----------
    cell : Cell
        Its record has the temperature.
    scores : array of shape (n_test, n_classes)
    classes : array of shape (n_classes,)
        Labels of the columns of the scores.
    labels : array of shape (n_test,)
        True classes.
    """
    probabilities = softmax(scores, cell.record.temperature)
    columns = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    true = np.take_along_axis(probabilities, columns[:, None], 1)[:, 0]
    true[classes[columns] != labels] = 0  # a class without training images is never found
    both = np.stack([probabilities.max(1), true], 1).astype(np.float32)
    return replace(cell, probabilities=both)


def reliability(confidences: Array, hits: Array, n_bins: int = 10) -> tuple[Array, Array, Array]:
    """Return the mean confidence, the share of hits and the number of images of bins of confidence.

    Bins have the same width, and empty ones are left out.
    """
    bins = np.clip(np.ceil(confidences * n_bins).astype(np.int64) - 1, 0, n_bins - 1)
    counts = np.bincount(bins, minlength=n_bins)
    filled = counts > 0
    sums = (np.bincount(bins, weights=values, minlength=n_bins)[filled] for values in (confidences, hits))
    means, shares = (values / counts[filled] for values in sums)
    return means, shares, counts[filled]
