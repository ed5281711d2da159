"""Modules that say which function to call when they are called themselves."""

import sys
from typing import Any


def name_function(module: str, function: str) -> None:
    """Let a module that is called name its function in the error."""
    this = sys.modules[module]

    def call(self: Any, *args: Any, **kwargs: Any) -> None:
        raise TypeError(f"{module} is a module, which can't be called; call {module}.{function}(...)")

    this.__class__ = type("Module", (type(this),), {"__call__": call})
