"""Data sets of labelled images: sample pictures, CIFAR-10, folders and arrays."""

import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from imfeat._check import Seed
from imfeat._modules import name_function
from imfeat._suggest import did_you_mean
from imfeat.datasets._types import DataSet as DataSet
from imfeat.datasets._types import ImageSet as ImageSet
from imfeat.datasets.arrays import load_arrays
from imfeat.datasets.cifar10 import find_cifar10, load_cifar10
from imfeat.datasets.folder import load_folder
from imfeat.datasets.labelled import load_labelled
from imfeat.datasets.photos import load_photos
from imfeat.datasets.sizes import suggest_size as suggest_size
from imfeat.decoding import DECODES, FITS, Decode, Fit, as_pair
from imfeat.sources import ARCHIVES, TABLES

__all__ = ["DataSet", "ImageSet", "load"]


def __dir__() -> list[str]:
    return __all__  # for completion


name_function(__name__, "load")

NAMED = ("photos", "cifar10")
ARRAYS = ".npz"


def load(
    source: str | os.PathLike[str] | Mapping[str, Iterable[Any]] = "photos",
    *,
    size: int | tuple[int, int] | None = None,
    fit: Fit = "crop",
    decode: Decode = "exact",
    test_size: float = 0.2,
    rng: Seed = 0,
) -> DataSet:
    """Load a training set and a test set of images.

    Parameters
    ----------
    source : str, path or mapping
        One of

        - ``"photos"``: 10 classes, 4,000 and 1,000 patches of 32 x 32 pixels, cut out of ten
          pictures that come with scikit-image; the class says which picture.  Training and
          test patches come from different parts of the pictures, at three scales, with random
          exposure and colour cast.  It needs no network.  It represents no real task, but
          no feature makes it easy: linear classifiers get about .46 of the test patches right from
          raw pixels, .45 from HoG and .66 from an HSV histogram.
        - ``"cifar10"``: CIFAR-10 [1]_, 10 classes, 50,000 and 10,000 images of 32 x 32 pixels.
          Downloaded once (170 MB) into the folder named by the environment variable
          ``IMFEAT_CACHE``, by default the user's cache folder, and checked.
        - the path of a folder that holds, or is, an unpacked ``cifar-10-batches-bin``.
        - the path of a folder of image files, or of an archive of one (``.zip``, ``.tar``,
          ``.tar.gz``, ``.tar.bz2``, ``.tar.xz``), either ``<class>/*``, or ``train/<class>/*`` and
          ``test/<class>/*`` or ``val/<class>/*``: see Notes.
        - the path of a Parquet file, or of a folder of them, with a column of images and one of
          labels, as data sets of Hugging Face have them.
        - the path of an ``.npz`` file with ``x_train, y_train, x_test, y_test``, as in
          ``numpy.savez``, or with the names of MedMNIST, ``train_images, train_labels, ...``:
          images (n, height, width, 3) or, gray, (n, height, width) or (n, height, width, 1),
          uint8; labels (n,), integers, bools or strings; and, if you like, ``class_names``.
        - a mapping with the keys ``"train"`` and ``"test"`` (or ``"validation"``), as a
          ``DatasetDict`` of Hugging Face: iterables of dicts with an image and a ``"label"``, or of
          pairs (image, label), as a ``Dataset`` of PyTorch.  Images as in `imfeat.extract.transform`.

        Write ``"./photos"`` for a folder that has the name of a data set.
    size : int or (height, width), optional
        Size of the images, in pixels; 64 x 64 by default, of a mapping that of its first image.  Only for
        folders of image files and mappings.
    fit : {"crop", "stretch"}
        Fitting of an image of another shape to ``size``: cropped around its centre,
        as much as needed, or scaled in each direction by itself.
    decode : {"exact", "fast"}
        Decoding of JPEGs: with the pixels of Pillow, or at the smallest of 1/8, 1/4, 1/2 and 1 of their size
        that covers ``size``, which takes less time and changes pixels.
    test_size : float
        Share of each class that becomes the test set, for sources without one: ``"photos"`` and folders
        ``<class>/*``.
    rng : int or numpy.random.Generator
        Seed of the choice of test images and of the patches of ``"photos"``; the same number gives the
        same bytes.

    Returns
    -------
    DataSet
        ``train`` and ``test``, each an `ImageSet` with ``images`` (n, height, width, 3) uint8,
        ``labels`` (n,) int64 and ``class_names``.

    Raises
    ------
    FileNotFoundError
        If there is no such source, or CIFAR-10 is not cached and can't be downloaded.
    ValueError
        If a folder or file is not laid out as described, or an option has no such value.

    Warns
    -----
    UserWarning
        Once, if image files were skipped; ``ImageSet.skipped`` lists all of them.

    Notes
    -----
    JPEGs are decoded by libjpeg-turbo (simplejpeg) where that gives the pixels of Pillow, and other files by
    Pillow, on all cores.

    Image files are JPEG, PNG, WebP, BMP, TIFF, GIF, PPM, JPEG 2000 or AVIF, whatever they are called.
    They are turned upright as EXIF says and converted to RGB: transparent pixels are laid on white,
    16-bit samples are scaled down to 8 bits, of animations the first frame is taken; colour profiles
    are ignored.  Files that are broken, have more than 64 million pixels or are something else are
    skipped with a warning.  Files that are clearly not images are left out without one, and listed in
    ``left_out``: hidden files, ``Thumbs.db``, ``desktop.ini``, ``__MACOSX/`` and sidecars such as
    ``.json``, ``.xml``, ``.txt``, ``.csv`` and ``.md``.  The images are in the order of their classes
    and file names.  Folders without an image that can be read, and, where the test set is drawn, with a
    single one, are no classes; they are listed in ``skipped``.

    Subfolders of the folder of a class belong to the class.  A single folder that contains all others,
    such as ``images/``, is skipped.  ``train``, ``training``, ``test``, ``testing``, ``val``, ``valid``
    and ``validation`` are recognized in upper and lower case.  Validation images become the test set if
    there is no other; otherwise they join the training set, after the other images of their class.
    Test images that are not in folders of classes, as in GTSRB, take their classes from a ``.csv`` file
    that names them.

    References
    ----------
    .. [1] A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
       https://www.cs.toronto.edu/~kriz/cifar.html

    Examples
    --------
    >>> import imfeat
    >>> train, test = imfeat.datasets.load("photos")
    >>> train.images.shape, test.images.shape
    ((4000, 32, 32, 3), (1000, 32, 32, 3))
    >>> train.class_names[train.labels[0]]
    'tissue'
    """
    _check_options(fit, decode, test_size)
    if isinstance(source, Mapping):
        return load_labelled(source, None if size is None else as_pair(size), fit)
    path = None if source in NAMED else _existing(source)
    if size is not None and (path is None or not _is_image_folder(path)):
        raise ValueError(f"size is for folders of image files; {source!r} has images of a size of its own")
    if path is None:
        return load_photos(test_size, rng) if source == "photos" else load_cifar10()
    if cifar10 := find_cifar10(path):
        return load_cifar10(cifar10)
    if path.name.lower().endswith(ARRAYS):
        return load_arrays(path)
    data = load_folder(path, as_pair(size), fit, decode, test_size, rng)
    _warn_of_skipped(path, data)
    return data


def _check_options(fit: Fit, decode: Decode, test_size: float) -> None:
    if fit not in FITS:
        raise ValueError(f"fit must be 'crop' or 'stretch', got {fit!r}")
    if decode not in DECODES:
        raise ValueError(f"decode must be 'exact' or 'fast', got {decode!r}")
    if not 0 < test_size < 1:
        raise ValueError(f"test_size must be a share between 0 and 1, got {test_size!r}")


def _existing(source: str | os.PathLike[str]) -> Path:
    path = Path(source).expanduser()
    if not os.fspath(source) or not path.exists():
        hint = did_you_mean(os.fspath(source), NAMED)
        raise FileNotFoundError(
            f"no source {os.fspath(source)!r}: expected 'photos', 'cifar10' or the path of an existing "
            f"folder or .npz file{hint}"
        )
    if not path.is_dir() and not path.name.lower().endswith((*ARCHIVES, *TABLES, ARRAYS)):
        raise ValueError(f"{path} is neither a folder nor an .npz file, a Parquet file, a tar or a zip")
    return path


def _is_image_folder(path: Path) -> bool:
    return not path.name.lower().endswith(ARRAYS) and find_cifar10(path) is None


def _warn_of_skipped(path: Path, data: DataSet) -> None:
    skipped = data.train.skipped + data.test.skipped
    if not skipped:
        return
    n_files = len(data.train) + len(data.test) + len(skipped)
    first = "; ".join(f"{name} ({reason})" for name, reason in skipped[:3])
    more = ", ..." if len(skipped) > 3 else ""
    warnings.warn(
        f"skipped {len(skipped)} of the {n_files} files in {path}: {first}{more}. "
        "All of them: train.skipped and test.skipped",
        stacklevel=3,
    )
