"""Base classes of the transformers of images."""

import math
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from imfeat._backend import Array
from imfeat._check import Pixels, as_count, as_pixels, images_at_once, one_of, to_host
from imfeat._device import DEVICES, to_device
from imfeat._inputs import ChannelAxis, are_gray, channels_last
from imfeat._rows import in_library_of
from imfeat._sums import Descriptors, InMemory

BLANK_OF_ANY_SIZE = (1, 256, 256, 3)
PIXELS_ON_GPU = 1 << 24  # of images on the host, copied to a GPU at a time


class ImageTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of batches of images.

    A subclass computes the features of a checked batch (n_images, height, width, n_channels) in ``_encode``
    and names them in ``_names``.
    """

    color_only = False
    any_number = False  # of channels; otherwise 1 or 3
    any_range = False  # of floats; otherwise [0, 1]
    channel_axis: ChannelAxis = "auto"
    device = "cpu"  # "cuda" where a subclass takes it
    computes_on_gpu = False  # whether `transform` takes arrays on a GPU, and returns arrays there
    learns = False  # whether `fit` learns more than the shape of images

    random_state: int | np.random.RandomState | None
    image_shape_: tuple[int, ...]
    n_features_in_: int

    def fit(self, X: Array, y: Any = None) -> Self:
        """Check the options, remember the shape of the images, and learn from them.

        Parameters
        ----------
        X : array of shape (n_images, height, width, 3) or, gray, (n_images, height, width)
            uint8, uint16, int16, bool, or floats in [0, 1] or, where the function behind takes them, of any
            range; or a list of images of one size.  Where `transform` takes an array on a GPU, also one
            there; what is learned are NumPy arrays.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If ``X`` is not such a batch, or an option is wrong or doesn't suit the images.
        """
        one_of(self.device, "device", DEVICES)
        images = self._check_batch(X, reset=True).batch
        self._fit(images)
        # Options are checked where they are used; a wrong one must not wait for `transform`.
        self._encode(images[:1])
        return self

    def fit_shape(self, image_shape: tuple[int, ...]) -> Self:
        """Do what `fit` does for images of a shape, channels last, if it learns nothing else."""
        self._remember(image_shape)
        blank = self._blank()
        self._fit(blank)
        self._encode(blank)
        return self

    def transform(self, X: Array) -> Array:
        """Describe each image.

        Parameters
        ----------
        X : array of shape (n_images, height, width[, 3])
            Images of the size seen in `fit`; a list of images of this size, too.  Where the functions behind
            compute on a GPU, also an array there.

        Returns
        -------
        array of shape (n_images, n_features), float32
            `Equalize` returns images, of the shape and dtype of ``X``, and `DenseSIFT` and `LocalColor`
            several vectors an image, (n_images, n, 128, 384 or 96).  On the device of ``X``.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the transformer learns from images and `fit` was not called.
        TypeError, ValueError
            If ``X`` is not such a batch, or its images have another shape than those in `fit`.
        """
        check_is_fitted(self)
        images = self._check_batch(X, reset=False)
        if not isinstance(images.batch, np.ndarray):
            return self._as_result(in_library_of(self._encode(images.batch), images.batch), images)
        if self.device == "cpu":
            return self._as_result(self._encode(images.batch), images)
        n = images_at_once(images.batch, PIXELS_ON_GPU)
        batches = (images.batch[first : first + n] for first in range(0, len(images.batch), n))
        features = [to_host(self._encode(to_device(batch))) for batch in batches]
        return self._as_result(features[0] if len(features) == 1 else np.concatenate(features), images)

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
        check_is_fitted(self, None if self.learns else "image_shape_")
        return np.array(self._names(), dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.requires_fit = self.learns
        return tags

    def _fit(self, images: Array) -> None:
        """Learn from checked images; by default nothing."""

    def _rng(self) -> np.random.Generator:
        """Return a generator seeded by ``random_state``."""
        return np.random.default_rng(check_random_state(self.random_state).randint(1 << 31))

    def _encode(self, images: Array) -> Array:
        raise NotImplementedError

    def _as_result(self, features: Array, images: Pixels) -> Array:
        """Return the features of checked images in the form that callers get."""
        return features

    def _names(self) -> list[str]:
        raise NotImplementedError

    def _blank(self) -> Array:
        """Return a checked batch of one black image of the shape seen in `fit`."""
        height, width, *n_channels = self.image_shape_
        return np.zeros((1, height, width, *(n_channels or (1,))), np.uint8)

    def _remember(self, image_shape: tuple[int, ...]) -> None:
        self.image_shape_ = image_shape
        self.n_features_in_ = math.prod(image_shape)

    def _check_batch(self, X: Array, *, reset: bool) -> Pixels:
        """Return a batch of images, of the shape seen in `fit` unless ``reset``."""
        axis = self.channel_axis
        if not isinstance(axis, str | None) and axis != -1:
            X = channels_last(X, axis, "X")
            axis = -1
        elif axis == "auto" and are_gray(X):
            axis = None
        # A table is refused here, before it passes for one gray image with values out of range.
        images = None
        if getattr(X, "ndim", 4) > 2:
            images = as_pixels(
                X,
                gray=not self.color_only,
                any_number=self.any_number,
                name="X",
                gpu=self.computes_on_gpu,
                channel_axis=axis,
                unit=not self.any_range,
                words="kept",
            )
        if images is None or len(images.leading) != 1:
            shapes = "(n_images, height, width, 3)" + " or (n_images, height, width)" * (not self.color_only)
            raise ValueError(
                f"X must be a batch of images, an array of shape {shapes}, got {np.shape(X)}; "
                "write X[None] for a single image, X.reshape(-1, height, width, 3) for a table of pixels"
            )
        if not len(images.batch):
            raise ValueError(f"X must hold at least one image, got the shape {images.shape}")
        image_shape = images.shape[1:]
        if reset:
            self._remember(image_shape)
        elif image_shape != getattr(self, "image_shape_", image_shape):
            raise ValueError(
                f"X has images of shape {image_shape}, but {type(self).__name__} was fitted with "
                f"images of shape {self.image_shape_}"
            )
        return images


class LearnedTransformer(ImageTransformer):
    """A transformer that learns from descriptors of images, in memory or as sums over many files.

    A subclass draws descriptors in ``draw`` and learns from them in ``_learn`` by passes over sums.  Its
    ``learned`` maps the names of learned attributes, without the ``_`` at the end, to their classes.
    """

    learns = True
    learned: ClassVar[dict[str, type]]

    n_samples: ClassVar[str]  # name of the parameter that holds the number of descriptors to draw

    def draw(self, images: Array, n: int, rng: np.random.Generator) -> Array:
        """Return about ``n`` descriptors (n, d) of checked images, drawn at random."""
        raise NotImplementedError

    def fit_sums(self, descriptors: Descriptors, image_shape: tuple[int, ...] | None) -> Self:
        """Learn from sums over the descriptors of images of a shape, None for any; return itself."""
        blank = self.prepare(image_shape)
        self._learn(descriptors)
        self._encode(blank)
        return self

    def prepare(self, image_shape: tuple[int, ...] | None) -> Array:
        """Remember the shape of images, as `fit` does before it learns; return a batch of one black image.

        None stands for RGB images of any height and width.
        """
        if image_shape is None:
            blank = np.zeros(BLANK_OF_ANY_SIZE, np.uint8)
        else:
            self._remember(tuple(image_shape))
            blank = self._blank()
        self._prepare(blank)
        return blank

    def restore(self, image_shape: tuple[int, ...] | None, parts: dict[str, Any]) -> Self:
        """Take parts that were learned, by their names in ``learned``; return itself."""
        blank = self.prepare(image_shape)
        for name in self.learned:
            setattr(self, f"{name}_", parts[name])
        self._encode(blank)  # raises if the parts don't fit each other
        return self

    def _fit(self, images: Array) -> None:
        rng = self._rng()
        self._prepare(images[:1])
        n = as_count(getattr(self, self.n_samples), self.n_samples)
        self._learn(InMemory(self.draw(images, n, rng), rng))

    def _prepare(self, images: Array) -> None:
        """Set the attributes that depend on the shape of images alone."""

    def _learn(self, descriptors: Descriptors) -> None:
        raise NotImplementedError
