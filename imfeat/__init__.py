"""Classical image features, fast and exact: a NumPy array in, a NumPy array out.

The public names are listed in ``__init__.pyi`` and loaded when they are first used, so that
``import imfeat`` is quick and compiles nothing.
"""

from typing import Any as _Any

import lazy_loader

__version__ = "0.2.0"

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> _Any:
    try:
        return _load(name)
    except AttributeError:
        if name in __all__ or name.startswith("__"):
            raise
        from imfeat._suggest import did_you_mean

        hint = did_you_mean(name, __all__)
        raise AttributeError(f"module 'imfeat' has no attribute {name!r}{hint}", name=name) from None
