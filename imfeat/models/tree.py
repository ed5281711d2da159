"""Models as trees of components, which are plain values, and arrays by the paths of their components."""

from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_words
from imfeat.models.header import DTYPES, check_finite
from imfeat.models.kinds import KINDS, kind_of, listing
from imfeat.models.states import make, state_of

Component = dict[str, Any]

MAX_DEPTH = 24
MAX_COMPONENTS = 10_000
LIST = "list"  # the kind of a list of components and arrays, which are named by their numbers
LEFT_AS_IT_IS = ("passthrough", "drop")  # steps of pipelines and feature unions
CODEBOOK = "codebook"


def as_tree(model: Any) -> tuple[Component, dict[str, Array]]:
    """Return the component of a model, and its arrays by path.

    Raises
    ------
    TypeError
        If a part is of a type that files can't hold.
    ValueError
        If a part is not fitted, or an array holds NaN or infinity.
    """
    if isinstance(model, np.ndarray):
        return _component(CODEBOOK), {CODEBOOK: as_words(model)}
    arrays: dict[str, Array] = {}
    return _describe(model, "", arrays), arrays


def as_model(component: Component, arrays: dict[str, Array]) -> Any:
    """Return the model of a component, and of arrays that were checked.

    Raises
    ------
    Exception
        Of many types, if they make no model.
    """
    if component["kind"] == CODEBOOK and set(arrays) == {CODEBOOK}:
        return as_words(arrays[CODEBOOK])
    by_parent: dict[str, dict[str, Array]] = {}
    for path, array in arrays.items():
        parent, _, name = path.rpartition("/")
        by_parent.setdefault(parent, {})[name] = array
    model = _Reader(by_parent).read(component, "", 0)
    if by_parent:
        raise ValueError(f"arrays {', '.join(map(repr, by_parent))} of no component")
    return model


def _component(kind: str) -> Component:
    return {"kind": kind, "options": {}, "children": {}}


def _describe(model: Any, path: str, arrays: dict[str, Array]) -> Component:
    if isinstance(model, str) and model in LEFT_AS_IT_IS:
        return _component(model)
    if isinstance(model, list | tuple):
        return _with_values(_component(LIST), {str(i): v for i, v in enumerate(model)}, path, arrays)
    kind = kind_of(model)
    if kind is None:
        raise _refusal(model, path)
    state, children = state_of(kind, model, path)
    component = _with_values(_component(kind.name), state, path, arrays)
    for name, child in children.items():
        component["children"][name] = _describe(child, _joined(path, name), arrays)
    return component


def _with_values(
    component: Component, values: dict[str, Any], path: str, arrays: dict[str, Array]
) -> Component:
    """Put values into a component: arrays by path, components and lists of them as children, others plain."""
    for name, value in values.items():
        where = _joined(path, name)
        if _is_numeric(value):
            check_finite(where, np.asarray(value))
            arrays[where] = np.asarray(value)
        elif kind_of(value) is not None or _holds_parts(value):
            component["children"][name] = _describe(value, where, arrays)
        else:
            component["options"][name] = _as_plain(value, where)
    return component


def _joined(path: str, name: str) -> str:
    quoted = name.replace("%", "%25").replace("/", "%2F")
    return f"{path}/{quoted}" if path else quoted


def _is_numeric(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) and value.dtype.type in DTYPES.values()


def _holds_parts(value: Any) -> bool:
    return isinstance(value, list | tuple) and any(
        isinstance(item, np.ndarray) or not isinstance(item, str | int | float | list | tuple | None)
        for item in value
    )


def _as_plain(value: Any, path: str) -> Any:
    """Return a value of options as JSON; tuples, dicts and arrays of strings are marked."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return [_as_plain(item, path) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_as_plain(item, path) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[_as_plain(key, path), _as_plain(item, path)] for key, item in value.items()]}
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return None
    if isinstance(value, np.bool_ | np.number):
        return value.item()
    if isinstance(value, np.ndarray) and all(isinstance(item, str) for item in value.ravel()):
        return {"strings": value.tolist(), "dtype": "O" if value.dtype == object else "U"}
    raise _refusal(value, path)


def _as_value(plain: Any) -> Any:
    if isinstance(plain, list):
        return [_as_value(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    if set(plain) == {"tuple"}:
        return tuple(_as_value(item) for item in plain["tuple"])
    if set(plain) == {"dict"}:
        return {_as_value(key): _as_value(item) for key, item in plain["dict"]}
    if set(plain) == {"strings", "dtype"}:
        if not all(isinstance(text, str) for text in plain["strings"]):
            raise ValueError("other values among strings")
        return np.array(plain["strings"], {"O": object, "U": np.str_}[plain["dtype"]])
    raise ValueError(f"a value {plain!r:.80}")


def _refusal(model: Any, path: str) -> TypeError:
    cls = type(model)
    place = f"{path!r} in the model" if path else "the model"
    hint = ""
    if hasattr(model, "best_estimator_"):
        hint = "; save its best_estimator_"
    elif cls.__name__ == "FunctionTransformer" or callable(model):
        hint = "; functions are code, which files of models don't hold"
    return TypeError(
        f"{place} is a {cls.__name__} of {cls.__module__}, which can't be saved{hint}.  "
        f"What can be saved: {listing()}"
    )


class _Reader:
    """Makes components, and takes away their arrays."""

    def __init__(self, arrays: dict[str, dict[str, Array]]) -> None:
        self.arrays = arrays
        self.n_components = 0

    def read(self, component: Component, path: str, depth: int) -> Any:
        """Return the model of a component at a path."""
        self.n_components += 1
        if depth > MAX_DEPTH or self.n_components > MAX_COMPONENTS:
            raise ValueError("components that are too deep or too many")
        if set(component) != {"kind", "options", "children"}:
            raise ValueError(f"a component with {', '.join(map(repr, component))}")
        name = component["kind"]
        options = {key: _as_value(value) for key, value in component["options"].items()}
        children = {
            key: self.read(child, _joined(path, key), depth + 1)
            for key, child in component["children"].items()
        }
        arrays = {key: a if a.ndim else a[()] for key, a in self.arrays.pop(path, {}).items()}
        if len({*options, *children, *arrays}) < len(options) + len(children) + len(arrays):
            raise ValueError(f"{path!r} has two values of one name")
        if name in LEFT_AS_IT_IS and not (options or children or arrays):
            return name
        if name == LIST:
            values = {**options, **children, **arrays}
            return [values.pop(str(i)) for i in range(len(values))]
        if name not in KINDS:
            raise ValueError(f"unknown kind {name!r}")
        return make(KINDS[name], {**options, **arrays}, children)
