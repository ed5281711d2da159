"""The classifier of images of any kind: a fitted pipeline, and what it was trained with."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from imfeat._backend import Array
from imfeat._check import as_number, one_of
from imfeat.decoding import FITS, Decode, Fit, as_pair, check_decode
from imfeat.models.calibration import logits_of, softmax
from imfeat.models.inputs import as_images, image_shape_of, items_of

IMAGES_AT_ONCE = 256
SHOWN_CLASSES = 6


class ImageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of images of any size, files of images included.

    Images are decoded, and scaled to the size that the pipeline was trained with.

    Parameters
    ----------
    pipeline : fitted classifier
        Of images (n, height, width, 3), uint8; usually a pipeline of a feature, a scaler and a classifier.
    size : int or (height, width), optional
        Size of its images, in pixels; by default the size that its features were fitted to.
    fitting : {"crop", "stretch"}
        Fitting of an image of another shape to ``size``, as ``fit`` in `imfeat.datasets.load`.
    decode : {"exact", "fast"}
        Decoding of JPEGs, as in `imfeat.datasets.load`.
    class_names : sequence of str, optional
        Names of the classes of ``pipeline`` in their order, which `predict` returns if these are integers.
    temperature : float
        Number that scores are divided by before the softmax.
    about : dict, optional
        Information about the model, such as its ``"accuracy"``; plain values, which files keep.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    pipeline_ : classifier
        Pipeline that `fit` fitted; it doesn't change ``pipeline``.

    See Also
    --------
    imfeat.load_model, imfeat.save_model : Files of models.

    Notes
    -----
    ``X`` of all methods is an array (n, height, width, 3) or a list of images of any sizes: arrays, images of
    Pillow, tensors of PyTorch, paths of files or their bytes.

    Probabilities are the softmax of scores divided by the temperature [1]_, which is the one with the least
    log loss on images that the pipeline did not learn from, usually the validation images on which its
    strength was chosen; see `imfeat.models.fit_temperature`.  It changes no prediction.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017.
       :doi:`10.48550/arXiv.1706.04599`

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> images = np.zeros((10, 32, 32, 3), np.uint8)
    >>> images[5:] = [255, 0, 0]
    >>> pipeline = make_pipeline(imfeat.ColorHistogram(), imfeat.learn.RidgeClassifier())
    >>> pipeline = pipeline.fit(images, [0] * 5 + [1] * 5)
    >>> model = imfeat.ImageClassifier(pipeline, class_names=["dark", "red"])
    >>> large = np.full((480, 640, 3), [250, 10, 10], np.uint8)
    >>> model.predict([large]).tolist()
    ['red']
    """

    def __init__(
        self,
        pipeline: Any,
        *,
        size: int | tuple[int, int] | None = None,
        fitting: Fit = "crop",
        decode: Decode = "exact",
        class_names: Any = None,
        temperature: float = 1.0,
        about: dict[str, Any] | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.size = size
        self.fitting = fitting
        self.decode = decode
        self.class_names = class_names
        self.temperature = temperature
        self.about = about

    def fit(self, X: Any, y: Array) -> Self:
        """Fit a copy of the pipeline to images and labels (n,); return itself.

        Labels are integers that ``class_names`` names in their order, or classes of any kind.
        The temperature and what is known of the model stay as they are.
        """
        self.pipeline_ = clone(self.pipeline).fit(self._images(X), y)
        return self

    def predict(self, X: Any) -> Array:
        """Return the class of each image, (n,).

        Raises
        ------
        TypeError, ValueError
            If ``X`` is a single image, or an item is no image; the error has a note with its number.
        """
        classes: Array = self.classes_[self._logits(X).argmax(1)]
        return classes

    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities (n, n_classes) of the classes, float64, in the order of ``classes_``.

        Examples
        --------
        >>> import imfeat
        >>> import numpy as np
        >>> from sklearn.pipeline import make_pipeline
        >>> images = np.zeros((10, 32, 32, 3), np.uint8)
        >>> images[5:] = [255, 0, 0]
        >>> pipeline = make_pipeline(imfeat.ColorHistogram(), imfeat.learn.LinearClassifier())
        >>> model = imfeat.ImageClassifier(pipeline.fit(images, [0] * 5 + [1] * 5))
        >>> model.predict_proba(images[:2]).sum(axis=1).round(2)
        array([1., 1.])
        """
        return softmax(self._logits(X), as_number(self.temperature, "temperature", above=0))

    def decision_function(self, X: Any) -> Array:
        """Return scores (n, n_classes), float64, or, of two classes, (n,) for the second."""
        logits = self._logits(X)
        return logits if logits.shape[1] > 2 else logits[:, 1] - logits[:, 0]

    def score(self, X: Any, y: Array, sample_weight: Array | None = None) -> float:
        """Return the accuracy on images and labels (n,), which are classes or the integers that they name."""
        known = self.fitted_.classes_
        y = np.asarray(y)
        if y.dtype.kind in "iu" and self.classes_.dtype.kind not in "iu":
            y = self.classes_[np.minimum(np.searchsorted(known, y), len(known) - 1)]
        accuracy: float = super().score(X, y, sample_weight)
        return accuracy

    @property
    def classes_(self) -> Array:
        """The names of the classes, or the classes of the pipeline if these are no integers with names."""
        classes: Array = self.fitted_.classes_
        is_named = self.class_names is not None and classes.dtype.kind in "iu"
        return np.asarray(self.class_names) if is_named else classes

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the images that the pipeline gets: (height, width, 3), or (height, width) if gray."""
        shape = image_shape_of(self.fitted_)
        if self.size is None:
            if shape is None:
                raise ValueError("size must be given, as the pipeline was not fitted to images of one size")
            return shape
        return (*as_pair(self.size), *(shape or (0, 0, 3))[2:])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self.fitted_, "classes_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        if not self.__sklearn_is_fitted__():
            text: str = super().__repr__(N_CHAR_MAX)
            return text
        about = self.about or {}
        names = [str(name) for name in self.classes_]
        shown = ", ".join(names[:SHOWN_CLASSES]) + ", ..." * (len(names) > SHOWN_CLASSES)
        parts = [about[key] for key in ("feature", "classifier") if key in about] or _steps_of(self.fitted_)
        lines = [
            f"ImageClassifier: {', '.join(map(str, parts))}",
            f"images of {' x '.join(map(str, self.image_shape[:2]))}; {len(names)} classes: {shown}",
        ]
        if "accuracy" in about:
            low_high = about.get("interval")
            interval = f" ({low_high[0]:.1%} to {low_high[1]:.1%})" if low_high else ""
            tested = f" on {about['n_test']:,} images" if "n_test" in about else ""
            lines.append(f"accuracy {about['accuracy']:.1%}{interval}{tested}")
        return "\n  ".join(lines)

    @property
    def fitted_(self) -> Any:
        """The pipeline that `fit` fitted, or the one that was given."""
        return getattr(self, "pipeline_", self.pipeline)

    def _logits(self, X: Any) -> Array:
        """Return scores (n, n_classes), of some images at a time."""
        items = items_of(X, self.image_shape)
        batches = (items[first : first + IMAGES_AT_ONCE] for first in range(0, len(items), IMAGES_AT_ONCE))
        return np.concatenate([logits_of(self.fitted_, self._images(batch)) for batch in batches])

    def _images(self, X: Any) -> Array:
        one_of(self.fitting, "fitting", FITS)
        check_decode(self.decode, (1, 1))
        is_known = self.size is not None or image_shape_of(self.fitted_) is not None
        shape = self.image_shape if is_known or not hasattr(X, "shape") else tuple(X.shape[1:])
        return as_images(X, shape, self.fitting, self.decode)


def _steps_of(pipeline: Any) -> list[str]:
    steps = [step for _, step in getattr(pipeline, "steps", [("", pipeline)])]
    return [type(step).__name__ for step in steps if not isinstance(step, str | None)]
