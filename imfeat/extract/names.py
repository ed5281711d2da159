"""Former names of functions, for one version."""

import warnings
from typing import Any

from imfeat.extract.fit import codebook


def learn(*args: Any, **options: Any) -> Any:
    """Call `codebook`, whose name this was."""
    warnings.warn("imfeat.extract.learn is now imfeat.extract.codebook", DeprecationWarning, stacklevel=2)
    return codebook(*args, **options)
