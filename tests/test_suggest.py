"""What errors suggest: similar names, and what to do with what is no image."""

import pathlib

import numpy as np
import pytest

import imfeat
from imfeat import compare
from imfeat.compare.classifiers import classifier_of

IMAGE = np.zeros((32, 32), np.uint8)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: imfeat.HoG, AttributeError, r"'HoG'; did you mean 'HOG' or 'hog'\?"),
        (lambda: imfeat.colour_histogram, AttributeError, r"; did you mean 'color_histogram'\?"),
        (lambda: imfeat.xylophone, AttributeError, "has no attribute 'xylophone'$"),
        (lambda: imfeat.recipes.parse("hgo"), ValueError, r"; did you mean 'hog'\?$"),
        (lambda: imfeat.recipes.parse("hog(cellsize=8)"), ValueError, r"; did you mean 'cell_size'\?$"),
        (lambda: classifier_of("sotfmax"), ValueError, r"; did you mean 'softmax'\?$"),
        (lambda: classifier_of("mlp(hiden=(3,))"), ValueError, r"; did you mean 'hidden'\?$"),
        (lambda: imfeat.hog(IMAGE, norm="L2"), ValueError, r"got 'L2'; did you mean 'l2'\?$"),
        (lambda: imfeat.hog(IMAGE, norm=2), ValueError, "got 2$"),
        (lambda: imfeat.hog(IMAGE, cellsize=4), TypeError, r"[dD]id you mean 'cell_size'\?$"),
        (lambda: imfeat.hog([IMAGE], cellsize=4), TypeError, r"; did you mean 'cell_size'\?$"),
        (lambda: imfeat.hog(IMAGE, xylophone=4), TypeError, "unexpected keyword argument 'xylophone'$"),
        (
            lambda: imfeat.hog("cat.jpg"),
            TypeError,
            r"got the path 'cat\.jpg': read an image first",
        ),
        (lambda: imfeat.lbp(pathlib.Path("cat.jpg")), TypeError, r"got the path 'cat\.jpg': read an image"),
        (lambda: imfeat.hog(b"\xff\xd8"), TypeError, "got bytes: read an image first"),
        (lambda: imfeat.hog(None), TypeError, r"got None, which cv2\.imread returns for a file"),
        (lambda: imfeat.hog(["a.jpg", "b.jpg"]), TypeError, r"images\[0\] must be .*, got the path 'a\.jpg'"),
        (lambda: imfeat.hog([IMAGE, None]), TypeError, r"images\[1\] must be an array of numbers, got None"),
        (
            lambda: imfeat.extract.run(".", "hog", __file__),
            NotADirectoryError,
            "test_suggest.py is a file, not a",
        ),
        (
            lambda: compare.run("photos", folder=f"{__file__}/run"),
            NotADirectoryError,
            "is a file, not a folder",
        ),
        (
            lambda: imfeat.l2_normalize(None),
            TypeError,
            "must be an array of numbers, got object from NoneType",
        ),
        (lambda: imfeat.compare("photos"), TypeError, r"a module, .*; call imfeat\.compare\.run\(\.\.\.\)"),
        (lambda: imfeat.extract("photos"), TypeError, r"call imfeat\.extract\.run\(\.\.\.\)"),
        (lambda: imfeat.datasets("photos"), TypeError, r"call imfeat\.datasets\.load\(\.\.\.\)"),
        (lambda: imfeat.recipes("hog"), TypeError, r"call imfeat\.recipes\.parse\(\.\.\.\)"),
        (lambda: imfeat.load_model("."), ValueError, r"\. is a folder; pass the file of a model in it"),
    ],
)
def test_errors_say_what_was_meant(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_completion_offers_public_names_alone():
    assert set(dir(imfeat)) == set(imfeat.__all__)


def test_a_photograph_of_a_telephone_is_named(tmp_path):
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    features = imfeat.extract.run(path, "color", tmp_path / "out", size=32)
    assert "a HEIC photograph, which pillow-heif converts" in str(next(iter(features.errors())))


def test_completion_offers_public_names_only():
    packages = ("compare", "datasets", "estimators", "extract", "learn", "models", "recipes")
    for module in (imfeat, *(getattr(imfeat, name) for name in packages)):
        assert set(dir(module)) == set(module.__all__), module
