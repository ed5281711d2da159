"""The features as scikit-learn transformers: a batch of images in, a matrix of features out.

The public names are listed in ``imfeat/__init__.pyi``, and loaded when they are first used.
"""

import ast
from pathlib import Path

import lazy_loader


def _names() -> dict[str, list[str]]:
    """Return the public names of each module of this package."""
    tree = ast.parse((Path(__file__).parents[1] / "__init__.pyi").read_text(encoding="utf-8"))
    names: dict[str, list[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("estimators."):
            names.setdefault(node.module.partition(".")[2], []).extend(alias.name for alias in node.names)
    return names


__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs=_names())
