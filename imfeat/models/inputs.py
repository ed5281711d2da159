"""What models take: the shape of the images of a pipeline, and images of any kind in that shape."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from PIL import Image
from sklearn.pipeline import FeatureUnion, Pipeline

from imfeat._backend import Array
from imfeat._environment import usable_cores
from imfeat.color import rgb_to_gray
from imfeat.decoding import Decode, Fit
from imfeat.decoding.memory import fitted_image, image_in

Shape = tuple[int, ...]


def parts_of(model: Any) -> list[Any]:
    """Return the parts that get what a model gets; none for a model without parts."""
    if isinstance(model, Pipeline):
        return [step for _, step in model.steps if not isinstance(step, str | None)][:1]
    if isinstance(model, FeatureUnion):
        return [member for _, member in model.transformer_list if not isinstance(member, str)]
    for name in ("pipelines_", "classifiers_", "pipelines", "classifiers"):
        if members := getattr(model, name, None):
            return list(members)
    return []


def image_shape_of(model: Any) -> Shape | None:
    """Return the shape of the images that a fitted pipeline describes, None if no part tells."""
    shape: Shape | None = getattr(model, "image_shape_", None)
    for part in parts_of(model):
        shape = image_shape_of(part) if shape is None else shape
    return shape


def as_images(X: Any, shape: Shape, fitting: Fit, decode: Decode) -> Array:
    """Return images of a shape, as uint8, of an array of them, or of a list of images of any size.

    Raises
    ------
    TypeError, ValueError
        If X is a single image, or an item is no image; the error has a note with its number.
    """
    if isinstance(X, np.ndarray) and X.dtype == np.uint8 and X.ndim > 1 and X.shape[1:] == shape:
        return X
    return np.stack(list(_all_fitted(items_of(X, shape), shape, fitting, decode)))


def items_of(X: Any, shape: Shape) -> Any:
    """Return a sequence of images, after the check that they aren't a single one."""
    is_single = isinstance(X, str | bytes | os.PathLike | Image.Image)
    n_axes = len(getattr(X, "shape", ()))
    if n_axes in (2, 3) and tuple(X.shape[1:]) != shape:
        is_single = True
    if is_single:
        kind = f"an array of the shape {tuple(X.shape)}" if n_axes else f"a {type(X).__name__}"
        size = " x ".join(map(str, shape[:2]))
        raise ValueError(
            f"X must be a list of images, or an array {('n', *shape)} of images of {size} pixels, "
            f"got {kind}; write [image] for one image, list(images) for gray ones"
        )
    if not isinstance(X, Iterable):
        raise TypeError(f"X must be a list of images or an array of them, got {type(X).__name__}")
    items: Any = X if hasattr(X, "__len__") and hasattr(X, "__getitem__") else list(X)
    if not len(items):
        raise ValueError("X must hold at least one image, got none")
    return items


def _all_fitted(items: Any, shape: Shape, fitting: Fit, decode: Decode) -> Iterable[Array]:
    height, width = shape[:2]

    def fit(numbered: tuple[int, Any]) -> Array:
        number, item = numbered
        try:
            image: Array = fitted_image(image_in(item), (height, width), fitting, decode)
        except Exception as error:
            error.add_note(f"in image {number} of X")
            raise
        return image if shape[2:] == (3,) else rgb_to_gray(image).reshape(shape)

    if len(items) == 1:
        return [fit((0, items[0]))]
    with ThreadPoolExecutor(usable_cores()) as pool:
        return list(pool.map(fit, enumerate(items)))
