"""The state of a model by the form of its class, and the model of a state."""

import inspect
import math
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from imfeat._check import as_words
from imfeat.models.header import MAX_NUMBERS, as_shape
from imfeat.models.kinds import NOT_KEPT, Form, Kind

SHAPE = "image_shape_"
# Parameters whose product bounds the number of features
SIZED = ("bins", "grid", "grids", "orientations", "levels", "block_size", "n_neighbors")
COUNTED = ("scales", "distances", "angles", "properties")  # whose numbers count alike
STEPS = {"sklearn.Pipeline": "steps", "sklearn.FeatureUnion": "transformer_list"}

State = dict[str, Any]


def state_of(kind: Kind, model: Any, path: str) -> tuple[State, State]:
    """Return values by name, and named steps, of a model of a kind at a path."""
    if kind.form is Form.PART:
        return {**model.options(), **model.to_arrays()}, {}
    if kind.form is Form.PLAIN:
        return {name: getattr(model, name) for name in kind.parameters()}, {}
    state = _parameters_of(kind, model)
    if kind.form is Form.STEPS:
        steps = dict(state.pop(STEPS[kind.name]))
        return state, {name: "passthrough" if step is None else step for name, step in steps.items()}
    if kind.form in (Form.IMAGES, Form.LEARNED):
        shape = getattr(model, SHAPE, None)
        state[SHAPE] = None if shape is None else list(map(int, shape))
    if kind.form is Form.NEIGHBORS:
        check_is_fitted(model)
        return state | {"X": model._fit_X, "y": model.classes_[model._y]}, {}
    fitted = kind.fitted
    if kind.form is Form.LEARNED:
        fitted = tuple(f"{name}_" for name in kind.type.learned)
    if fitted and not hasattr(model, fitted[-1] if kind.form is Form.LEARNED else fitted[0]):
        raise NotFittedError(f"{path or 'the model'} is a {type(model).__name__} that is not fitted")
    return state | {name: getattr(model, name) for name in fitted if hasattr(model, name)}, {}


def _parameters_of(kind: Kind, model: Any) -> State:
    """Return the parameters of an estimator; of scikit-learn's those that are no defaults."""
    values: State = model.get_params(deep=False)
    kept = {name: value for name, value in values.items() if name not in NOT_KEPT}
    if not kind.is_ours:  # whose parameters may have other names in another version
        defaults = {name: p.default for name, p in inspect.signature(kind.type).parameters.items()}
        kept = {name: value for name, value in kept.items() if not _is_same(value, defaults[name])}
    for name, attribute in kind.fitted_parameters.items():
        kept[name] = getattr(model, attribute, kept[name])
    return kept


def _is_same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and not isinstance(value, np.ndarray) and bool(value == default)


def make(kind: Kind, values: State, children: State) -> Any:
    """Return the model of a kind from its values and children, which may be wrong.

    Raises
    ------
    Exception
        Of many types, if they make no model.
    """
    if kind.form is Form.STEPS:
        return _make_steps(kind, values, children)
    state = {**values, **children}
    if kind.form is Form.PART:
        arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
        return kind.type.from_arrays({name: v for name, v in state.items() if name not in arrays}, arrays)
    if kind.form is Form.PLAIN:
        return kind.type(**state)
    if kind.form is Form.ESTIMATOR:
        return _make_estimator(kind, state)
    if kind.form is Form.NEIGHBORS:
        X, y = state.pop("X"), state.pop("y")
        return kind.type(**_checked_parameters(kind, state)).fit(X, y)
    return _make_images(kind, state)


def _make_steps(kind: Kind, values: State, children: State) -> Any:
    if not children:
        raise ValueError(f"{kind.name} without steps")
    return kind.type(list(children.items()), **_checked_parameters(kind, values))


def _make_images(kind: Kind, state: State) -> Any:
    """Return a transformer of images, which is tried on a blank image."""
    shape = state.pop(SHAPE)
    shape = None if shape is None else as_shape(shape)
    parts = {}
    if kind.form is Form.LEARNED:
        parts = {name: state.pop(f"{name}_") for name in kind.type.learned}
    if _features(state) > MAX_NUMBERS:
        raise ValueError(f"{kind.name} with more than {MAX_NUMBERS:,} features an image")
    transformer = kind.type(**_checked_parameters(kind, state))
    if kind.form is Form.IMAGES:
        return transformer if shape is None else transformer.fit_shape(shape)
    for name, part in kind.type.learned.items():
        is_missing = parts[name] is None and name != "codebook"
        if not is_missing and not isinstance(parts[name], part):
            raise ValueError(f"{kind.name} with {type(parts[name]).__name__} for {name}")
    if "codebook" in parts:
        parts["codebook"] = as_words(parts["codebook"])
    return transformer.restore(shape, parts)


def _make_estimator(kind: Kind, state: State) -> Any:
    fitted = {name: state.pop(name) for name in kind.fitted if name in state}
    if kind.fitted and kind.fitted[0] not in fitted:
        raise ValueError(f"{kind.name} without {kind.fitted[0]}")
    model = kind.type(**_checked_parameters(kind, state))
    for parameter, attribute in kind.fitted_parameters.items():
        fitted[attribute] = state[parameter]
    for name, value in fitted.items():
        if not isinstance(getattr(kind.type, name, None), property):  # made of other attributes
            setattr(model, name, value)
    return model


def _checked_parameters(kind: Kind, state: State) -> State:
    allowed = kind.parameters()
    if unknown := [name for name in state if name not in allowed]:
        raise ValueError(f"{kind.name} with {unknown[0]!r}")
    return state


def _features(state: State) -> float:
    """Return a bound of the number of features of a region or an image."""
    sizes = [np.asarray(state[name], np.float64).ravel() for name in SIZED if state.get(name) is not None]
    counts = [len(state[name]) for name in COUNTED if state.get(name) is not None]
    return math.prod(counts) * math.prod(float(np.prod(np.maximum(np.abs(size), 1))) for size in sizes)
