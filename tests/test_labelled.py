"""Data sets of other libraries: labelled images from iterables."""

from typing import ClassVar

import numpy as np
import pytest
from pictures import as_file, crop
from PIL import Image, ImageOps

from imfeat import compare
from imfeat.datasets import load


def pairs(n):
    return [(crop(k, 20), f"class{k % 3}") for k in range(n)]


class Names:
    names = ("a", "b", "c")


class HuggingFace(list):
    """As a data set of Hugging Face: dicts, and the names of classes."""

    features: ClassVar = {"image": None, "label": Names()}


class Torchvision(list):
    classes: ClassVar = ["a", "b", "c"]


@pytest.mark.parametrize("size", [None, 16, (16, 24)])
def test_labelled_images_of_other_libraries(size):
    data = load({"train": pairs(9), "test": iter(pairs(4))}, size=size)
    assert data.train.class_names == ("class0", "class1", "class2")
    assert data.train.labels.tolist() == [0, 1, 2] * 3
    height, width = (20, 20) if size is None else (16, 16) if size == 16 else size
    assert data.test.images.shape == (4, height, width, 3)
    expected = [
        ImageOps.fit(Image.fromarray(photo), (width, height), Image.Resampling.BILINEAR)
        for photo, _ in pairs(9)
    ]
    np.testing.assert_array_equal(data.train.images, np.stack(expected))


def test_files_have_the_size_of_the_first():
    files = [(as_file(photo, "PNG"), label) for photo, label in pairs(4)]
    np.testing.assert_array_equal(
        load({"train": files, "test": files}).test.images,
        load({"train": pairs(4), "test": pairs(4)}).test.images,
    )


def test_names_of_classes_of_other_libraries():
    dicts = HuggingFace({"image": Image.fromarray(crop(k, 20)), "label": k % 2} for k in range(4))
    numbered = Torchvision((crop(k, 20), k % 2) for k in range(4))
    for source in (dicts, numbered):
        data = load({"train": source, "validation": source[:3]})
        assert data.train.class_names == ("a", "b", "c")
        assert data.test.labels.tolist() == [0, 1, 0]
        np.testing.assert_array_equal(data.test.images, data.train.images[:3])


@pytest.mark.parametrize(
    ("sources", "error", "message"),
    [
        ({"train": pairs(2)}, ValueError, "must be called 'train' and 'test' .*, got 'train'"),
        ({"train": pairs(2), "test": []}, ValueError, "'test' holds no images"),
        (
            {"train": pairs(2), "test": pairs(3)},
            ValueError,
            "labels must be those of the training set, got 'class2'",
        ),
        ({"train": pairs(2), "test": [crop(0)]}, TypeError, "an item must have a label"),
        ({"train": pairs(2), "test": [(crop(0), 0.5)]}, TypeError, "an item must have a label"),
    ],
)
def test_labelled_images_that_do_not_fit_are_refused(sources, error, message):
    with pytest.raises(error, match=message):
        load(sources)


def test_compare_takes_labelled_images(tmp_path):
    sources = {"train": pairs(40), "test": pairs(12)}
    options = {"features": "color", "classifiers": ["softmax"], "n_seeds": 1, "size": 16, "cache": False}
    result = compare.run(sources, **options, folder=tmp_path)
    assert result.settings["source"] == "data sets in memory"
    assert (result.settings["n_train"], result.settings["n_test"]) == (40, 12)
    with pytest.raises(ValueError, match="holds a run of data sets in memory; call run with them"):
        compare.resume(tmp_path)
    again = compare.run(sources, **options, folder=tmp_path)
    assert again.records == result.records
