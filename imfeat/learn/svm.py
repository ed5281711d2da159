"""Linear support vector machines, one class against all others, by stochastic gradient descent.

With y = +1 for the class of an image and -1 for the others, each class minimizes

    strength / 2 |w|^2 + sum max(0, 1 - y (x.w + b))

over all images, each times its weight.  A step takes a few images, so features may stay compressed until
they are used.  Images are drawn as often as their weights say, so that no step is longer than others.
"""

from collections.abc import Callable
from functools import partial
from typing import Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from imfeat._backend import Array
from imfeat._check import FLOATS, as_count, as_flag, as_number
from imfeat.learn._base import ScoreClassifier
from imfeat.learn._tables import as_table
from imfeat.learn._threads import blas_threads
from imfeat.learn._weights import as_weights, repeat_images, without_zeros
from imfeat.quantizer import ProductQuantizer

ROWS_AT_ONCE = 64  # features that are decoded at a time
VALUES_AT_ONCE = 1 << 16  # of features that steps read at a time
SNAPSHOTS = 16  # averaged weights per epoch of the second half
FIRST_STEP = 4  # in units of a step that moves an image of mean length from score 0 to 1

Rows = Callable[[Array], Array]


class LinearSVM(ScoreClassifier):
    """A linear SVM on features, or on the codes of a product quantizer.

    Parameters
    ----------
    quantizer : ProductQuantizer, optional
        Quantizer that made the codes.  They are decoded a few at a time, so that training takes little
        more memory than they do.  Without it, the classifier learns from features.
    strength : float
        Strength of the penalty on the squares of the weights.
    epochs : int
        Number of passes over the images, all of which are taken.
    batch_size : int
        Number of images per step.
    warm_start : bool
        Whether `fit` goes on from the weights of the last fit, which must have had the same classes.  Steps
        decrease on.
    random_state : int, numpy.random.RandomState or None
        Source of the order of the images.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    coef_ : array of shape (n_classes, n_features), float32
    intercept_ : array of shape (n_classes,), float32
    n_features_in_ : int

    Notes
    -----
    Steps decrease as 1 / (1 + t / t0), and the weights are averaged over the second half of the epochs.  The
    objective is a sum, as LIBLINEAR's: weights of images that sum to 1, as those of AdaBoost, need a
    ``strength`` that is smaller by the number of images.

    References
    ----------
    .. [1] L. Bottou, "Large-scale machine learning with stochastic gradient descent", COMPSTAT
       2010.  :doi:`10.1007/978-3-7908-2604-3_16`
    .. [2] J. Sanchez, F. Perronnin, "High-dimensional signature compression for large-scale image
       classification", CVPR 2011.  :doi:`10.1109/CVPR.2011.5995504`

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> X = np.array([[0, 0], [0, 1], [4, 0], [4, 1]])
    >>> y = ["left", "left", "right", "right"]
    >>> model = imfeat.learn.LinearSVM(random_state=0).fit(X, y)
    >>> model.predict([[1, 0], [3, 1]]).tolist()
    ['left', 'right']
    """

    coef_: Array
    intercept_: Array
    _n_steps: int

    _has_opposite_scores = True

    def __init__(
        self,
        quantizer: ProductQuantizer | None = None,
        *,
        strength: float = 1.0,
        epochs: int = 50,
        batch_size: int = 8,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.quantizer = quantizer
        self.strength = strength
        self.epochs = epochs
        self.batch_size = batch_size
        self.warm_start = warm_start
        self.random_state = random_state

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Self:
        """Learn from features or codes; return itself.

        Parameters
        ----------
        X : array of shape (n, n_features) or, of codes, (n, n_groups)
            Features.
        y : array of shape (n,)
            Labels.
        sample_weight : array of shape (n,), optional
            Finite weights of at least 0, factors of the losses of the images.  A weight of 2 counts as an
            image twice, and one of 0 as none.

        Raises
        ------
        TypeError, ValueError
            If the features, the labels, the weights or a parameter are not as described.
        """
        dtype = np.float32 if self.quantizer is None else np.uint8
        X, y = as_table(self, X, y, dtype=dtype, reset=not self._continues())
        X, y, weights = repeat_images(X, y, sample_weight)
        return self.fit_rows(lambda rows: self._decode(X[rows]), y, X.shape[1], weights)

    def fit_rows(self, rows: Rows, y: Array, n_features: int, sample_weight: Array | None = None) -> Self:
        """Learn from features that a function returns; see `LinearClassifier.fit_rows`."""
        weights = as_weights(sample_weight, len(y))
        counted, weights = without_zeros(weights, len(y))
        continues = self._continues()
        labels = self._encode_labels(y if counted is None else np.asarray(y)[counted], continues=continues)
        self.n_features_in_ = n_features
        with blas_threads(1):
            coef, self.intercept_ = train_svm(
                rows if counted is None else (lambda batch: rows(counted[batch])),
                labels,
                weights,
                (self.coef_.T, self.intercept_, self._n_steps) if continues else None,
                strength=as_number(self.strength, "strength", above=0),
                epochs=as_count(self.epochs, "epochs"),
                batch_size=as_count(self.batch_size, "batch_size"),
                rng=self._make_rng(),
            )
        self.coef_ = np.ascontiguousarray(coef.T)
        n_steps = self.epochs * -(-len(labels) // self.batch_size)
        self._n_steps = n_steps + (self._n_steps if continues else 0)
        return self

    def _continues(self) -> bool:
        return as_flag(self.warm_start, "warm_start") and hasattr(self, "coef_")

    def _scores(self, X: Array) -> Array:
        check_is_fitted(self)
        X = as_table(self, X, dtype=FLOATS if self.quantizer is None else np.uint8, reset=False)
        batches = [X[first : first + ROWS_AT_ONCE] for first in range(0, len(X), ROWS_AT_ONCE)]
        scores: Array = np.concatenate([self._decode(batch) @ self.coef_.T for batch in batches])
        scores += self.intercept_
        return scores

    def _decode(self, X: Array) -> Array:
        return X if self.quantizer is None else self.quantizer.decode(X)


def train_svm(
    rows: Rows,
    labels: Array,
    weights: Array | None = None,
    start: tuple[Array, Array, int] | None = None,
    *,
    strength: float,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Return weights (n_features, n_classes) and intercepts (n_classes,).

    ``rows(indices)`` returns features (n, n_features), float32, of images; ``labels`` are 0 to
    ``n_classes - 1``; ``weights`` of images are above 0.  Training begins at ``start``,
    weights, intercepts and a number of steps, or at 0.
    """
    n = len(labels)
    classes = np.arange(labels.max() + 1)
    total = n if weights is None else float(weights.sum())
    draw = (lambda: rng.permutation(n)) if weights is None else partial(draw_by_weight, weights, rng)
    if weights is None:
        sample = rows(rng.integers(n, size=min(n, ROWS_AT_ONCE)))
    else:
        sample = rows(draw()[:ROWS_AT_ONCE])
    center = sample.mean(0)  # features less their center are shorter, which permits larger steps
    mean_square = 1 + float(((sample - center) ** 2).sum(dtype=np.float64)) / len(sample)
    scaled_weights = np.zeros((sample.shape[1], len(classes)), np.float32)
    scale = 1.0  # the weights are scale * scaled_weights
    # the optimum for weights of 0
    intercepts = np.where(2 * np.bincount(labels, weights) > total, 1.0, -1.0)
    first_step = 0
    if start is not None:
        coef, intercept, first_step = start
        scaled_weights += coef
        intercepts = intercept + center @ coef
    mean_weights = np.zeros_like(scaled_weights)
    mean_intercepts = np.zeros(len(classes))
    n_snapshots = 0
    decay = strength / total
    step = 0
    interval = max(1, -(-n // batch_size) // SNAPSHOTS)
    signs_of = np.where(labels[:, None] == classes, 1, -1)
    n_read = batch_size * max(
        1, VALUES_AT_ONCE // (batch_size * len(center))
    )  # images that are read at a time
    for epoch in range(epochs):
        order = draw()
        for first in range(0, n, batch_size):
            at = first % n_read
            if at == 0:
                images = order[first : first + n_read]
                block, block_signs = rows(images) - center, signs_of[images]
            x = block[at : at + batch_size]
            signs = block_signs[at : at + batch_size]
            rate = 1 / (mean_square / FIRST_STEP + decay * (first_step + step + 1))
            scores = scale * (x @ scaled_weights) + intercepts
            errors = signs * (signs * scores < 1) / len(x)
            scale *= 1 - rate * decay
            scaled_weights += x.T @ (errors * (rate / scale)).astype(np.float32)
            intercepts += rate * errors.sum(0)
            step += 1
            if 2 * epoch >= epochs and step % interval == 0:
                n_snapshots += 1
                mean_weights += (scale * scaled_weights - mean_weights) / n_snapshots
                mean_intercepts += (intercepts - mean_intercepts) / n_snapshots
    return mean_weights, (mean_intercepts - center @ mean_weights).astype(np.float32)


def draw_by_weight(weights: Array, rng: np.random.Generator) -> Array:
    """Return as many indices as there are weights, in random order.

    The number of times that an index is drawn differs from its share by less than 1.
    """
    bounds = np.cumsum(weights)
    places = (np.arange(len(weights)) + rng.random()) * (bounds[-1] / len(weights))
    return rng.permutation(np.minimum(np.searchsorted(bounds, places), len(weights) - 1))
