"""Files of models: arrays and a header, and nothing that is executed.

A file is in the format of safetensors.  Its metadata names the schema, the SHA-256 of each array, and a tree
of components, each with its kind, its options and its children.  All lengths are checked before an array is
read, and classes come from a table, never from the file.
"""

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat.models import npz, old, tensors
from imfeat.models.header import MAX_HEADER_BYTES
from imfeat.models.tensors import NewerVersionError

# NumPy, safetensors, zipfile, json and scikit-learn each raise errors of their own for damaged files.
DAMAGE = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError),
    *(RuntimeError, TypeError, ValueError, zipfile.BadZipFile),
)


def save_model(path: str | os.PathLike[str], model: Any) -> None:
    """Write a fitted model to a file, which `load_model` reads.

    Parameters
    ----------
    path : str or path
        Usually ends in ``.safetensors``; `safetensors.numpy.load_file` reads its arrays.
    model : fitted model
        An `imfeat.ImageClassifier`; a transformer of images; a pipeline or a feature union of scikit-learn,
        a scaler, `PCA`, a linear classifier or an `MLPClassifier` of `imfeat.learn` or of scikit-learn, or
        its `KNeighborsClassifier`; a `Whitening`, `Mixture` or `ProductQuantizer`; or a codebook, an array
        (n_words, d) float32.

    Raises
    ------
    TypeError
        If the model, or a part of it, is of another type; the error says which, and what can be saved.
    ValueError
        If a part is not fitted, or holds NaN or infinity, or parts don't fit each other.

    Notes
    -----
    Arrays keep their dtypes and their order in memory, so that a loaded model predicts the same, to the last
    bit, with the same versions of packages.  Parameters on which predictions don't depend, as ``n_jobs``,
    ``memory`` and random generators, are not kept.

    Examples
    --------
    >>> import tempfile
    >>> import imfeat
    >>> import numpy as np
    >>> codebook = np.array([[0, 0], [10, 0]], np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     imfeat.save_model(f"{folder}/codebook.safetensors", codebook)
    ...     loaded = imfeat.load_model(f"{folder}/codebook.safetensors")
    >>> np.array_equal(loaded, codebook)
    True
    """
    from imfeat.models.tree import as_tree
    from imfeat.models.trial import check_model

    component, arrays = as_tree(model)
    check_model(model)
    tensors.write(Path(path), component, arrays)


def load_model(path: str | os.PathLike[str]) -> Any:
    """Read a model that `save_model` wrote, also with earlier versions of imfeat.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    fitted model
        Model of the type that was saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or holds something else, or a newer version of imfeat wrote it.  Nothing of it
        is executed, and nothing is read before its length is checked.

    Examples
    --------
    >>> import tempfile
    >>> import imfeat
    >>> import numpy as np
    >>> images = np.zeros((5, 32, 32, 3), np.uint8)
    >>> feature = imfeat.ColorHistogram(bins=4).fit(images)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     imfeat.save_model(f"{folder}/color.safetensors", feature)
    ...     loaded = imfeat.load_model(f"{folder}/color.safetensors")
    >>> loaded.transform(images).shape
    (5, 64)
    """
    try:
        with open(path, "rb") as file:
            is_npz = file.read(2) == b"PK"
            file.seek(0)
            if is_npz:
                return old.make(*npz.read(file))
            start = file.read(MAX_HEADER_BYTES)
        return _make(*tensors.read(start, Path(path)))
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        raise ValueError(f"{os.fspath(path)} is a folder; pass the file of a model in it") from None
    except NewerVersionError as error:
        raise ValueError(f"{os.fspath(path)} {error}") from None
    except DAMAGE as error:
        raise ValueError(f"{os.fspath(path)} is no intact model of imfeat: {error}") from error


def _make(header: dict[str, Any], arrays: dict[str, Array]) -> Any:
    if header["version"] == 2:
        if any(array.dtype not in (np.float32, np.uint8) for array in arrays.values()):
            raise ValueError("arrays of other dtypes than float32 and uint8")
        return old.make(header["kind"], header["options"], arrays)
    from imfeat.models.tree import as_model
    from imfeat.models.trial import check_model

    model = as_model(header["model"], arrays)
    check_model(model)
    return model
