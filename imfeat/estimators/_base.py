"""What the transformers of images have in common."""

import math
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from imfeat._backend import Array
from imfeat._check import as_images, is_color, one_of
from imfeat._device import to_device


class ImageTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of batches of images.

    A subclass says in ``_encode`` what becomes of a checked batch, in ``_names`` what the numbers that
    an image becomes are called, and, if it ``learns``, in ``_fit`` what.
    """

    color_only = False
    device = "cpu"  # or "cuda", for those that can be computed there
    learns = False  # from images, without which there is nothing to transform with

    random_state: int | np.random.RandomState | None
    image_shape_: tuple[int, ...]
    n_features_in_: int

    def fit(self, X: Array, y: Any = None) -> Self:
        """Check the options, remember the shape of the images, and learn what there is to learn.

        Parameters
        ----------
        X : array of shape (n_images, height, width, 3) or, gray, (n_images, height, width)
            uint8, or float32 or float64 in [0, 1].
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If ``X`` is not such a batch, or an option is wrong or doesn't suit the images.
        """
        one_of(self.device, "device", ("cpu", "cuda"))
        images = self._check_batch(X, reset=True)
        self._fit(images)
        # Options are checked where they are used; a wrong one shall not wait for `transform`.
        self._encode(images[:1])
        return self

    def transform(self, X: Array) -> Array:
        """Describe each image.

        Parameters
        ----------
        X : array of shape (n_images, height, width[, 3])
            Images of the size seen in `fit`.

        Returns
        -------
        array of shape (n_images, n_features), float32
            `Equalize` returns images, of the shape and dtype of ``X``, and `DenseSIFT` and `LocalColor`
            several vectors an image, (n_images, n, 128 or 96).

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If there is something to learn from data and `fit` was not called.
        TypeError, ValueError
            If ``X`` is not such a batch, or its images have another shape than those in `fit`.
        """
        check_is_fitted(self)
        images = self._check_batch(X, reset=False)
        if self.device == "cpu":
            return self._encode(images)
        features: Array = self._encode(to_device(images)).copy_to_host()  # type: ignore[attr-defined]
        return features

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Name the features.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        array of shape (n_features,) of str objects

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `fit` was not called, as the number of features depends on the images.
        """
        check_is_fitted(self, "image_shape_")
        return np.array(self._names(), dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.requires_fit = self.learns
        return tags

    def _fit(self, images: Array) -> None:
        """Learn from checked images, if there is something to learn."""

    def _rng(self) -> np.random.Generator:
        """Return a generator for ``random_state``, which scikit-learn wants to be of another kind."""
        return np.random.default_rng(check_random_state(self.random_state).randint(1 << 31))

    def _encode(self, images: Array) -> Array:
        raise NotImplementedError

    def _names(self) -> list[str]:
        raise NotImplementedError

    def _check_batch(self, X: Array, *, reset: bool) -> Array:
        """Return a batch of images, of the shape seen in `fit` unless ``reset``."""
        # A table is refused before it is taken for one gray image with values out of range.
        images = as_images(X, gray=not self.color_only, name="X") if getattr(X, "ndim", 4) > 2 else X
        if images.ndim != (4 if is_color(images) else 3):
            wanted = "(n_images, height, width, 3)" + " or (n_images, height, width)" * (not self.color_only)
            raise ValueError(
                f"X must be a batch of images, an array of shape {wanted}, got {images.shape}; "
                "write X[None] for a single image, X.reshape(-1, height, width, 3) for a table of pixels"
            )
        if not len(images):
            raise ValueError(f"X must hold at least one image, got the shape {images.shape}")
        if reset:
            self.image_shape_ = images.shape[1:]
            self.n_features_in_ = math.prod(images.shape[1:])
        elif images.shape[1:] != getattr(self, "image_shape_", images.shape[1:]):
            raise ValueError(
                f"X has images of shape {images.shape[1:]}, but {type(self).__name__} was fitted with "
                f"images of shape {self.image_shape_}"
            )
        return images
