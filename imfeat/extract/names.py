"""Former names of functions, for one version."""

import warnings
from typing import Any

from imfeat.extract.fit import codebook


def learn(*args: Any, **options: Any) -> Any:
    """Former name of `codebook`, deprecated.

    Examples
    --------
    Call the new name:

    >>> import imfeat
    >>> imfeat.extract.codebook("path/to/images", "words", "words.safetensors")  # doctest: +SKIP
    """
    warnings.warn("imfeat.extract.learn is now imfeat.extract.codebook", DeprecationWarning, stacklevel=2)
    return codebook(*args, **options)
