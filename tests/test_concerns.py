"""Warnings about data sets: sizes of classes, duplicates; and averages over classes."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data as pictures
from sklearn.metrics import balanced_accuracy_score, f1_score

from imfeat.compare import concerns, duplicates
from imfeat.compare.cells import Record
from imfeat.compare.statistics import macro_averages


@pytest.fixture(scope="module")
def crops():
    """64 crops of a picture of coffee that share no pixels."""
    picture = pictures.coffee()[:400, :512]
    return np.stack([picture[y : y + 48, x : x + 60] for y in range(0, 352, 50) for x in range(0, 450, 62)])


def changed(image, kind):
    picture = Image.fromarray(image)
    if kind == "jpeg":
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=60)
        return np.asarray(Image.open(out))
    if kind == "scaled":
        return np.asarray(picture.resize((40, 32)).resize((60, 48)))
    if kind == "darker":
        return (0.7 * image).astype(np.uint8)
    return image[:, ::-1]


@pytest.mark.parametrize("kind", ["jpeg", "scaled", "darker"])
def test_near_duplicates_are_found_and_nothing_else(crops, kind):
    others = np.stack([changed(image, kind) for image in crops[20:25]])
    images = np.concatenate([crops, others])
    parts = np.repeat([0, 1], [len(crops), 5])
    same, similar = duplicates.find_duplicates(images, parts)
    assert len(same) == 0
    np.testing.assert_array_equal(similar, [[20 + k, len(crops) + k] for k in range(5)])
    assert all(len(pairs) == 0 for pairs in duplicates.find_duplicates(images, np.zeros(len(images), int)))


def test_mirror_images_are_other_images(crops):
    images = np.stack([crops[0], changed(crops[0], "mirrored")])
    assert [len(pairs) for pairs in duplicates.find_duplicates(images, np.arange(2))] == [0, 0]


def test_duplicates_have_the_same_pixels_also_where_images_are_flat(crops):
    black = np.zeros_like(crops[:1])
    images = np.concatenate([crops[:2], black, black + 1, crops[1:2], black])
    same, similar = duplicates.find_duplicates(images, np.array([0, 0, 0, 0, 1, 1]))
    np.testing.assert_array_equal(same, [[1, 4], [2, 5]])
    assert len(similar) == 0


def test_pairs_are_those_of_a_search_of_all(monkeypatch):
    monkeypatch.setattr(duplicates, "ROWS_AT_ONCE", 3)
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 1 << 63, 40, dtype=np.uint64)
    hashes[20:] = hashes[:20] ^ (np.uint64(1) << rng.integers(0, 60, 20, dtype=np.uint64))
    hashes[30:] ^= np.uint64(0xFF0000)
    parts = rng.permutation(40) % 3
    has_hash = np.arange(40) != 5
    expected = {
        (i, j)
        for i in range(40)
        for j in range(i + 1, 40)
        if parts[i] != parts[j] and i != 5 and bin(int(hashes[i]) ^ int(hashes[j])).count("1") <= 6
    }
    assert set(duplicates._close_pairs(hashes, has_hash, parts)) == expected
    assert expected


def test_hashes_tell_where_gray_values_rise():
    rising = np.broadcast_to(np.arange(18, dtype=np.float32), (1, 16, 18))
    assert duplicates.hashes_of(rising)[0] == np.uint64(0xFFFFFFFFFFFFFFFF)
    assert duplicates.hashes_of(rising[:, :, ::-1])[0] == 0


@given(st.integers(1, 40), st.integers(0, 1000))
def test_averages_over_classes_are_those_of_scikit_learn(n, seed):
    rng = np.random.default_rng(seed)
    labels, predicted = rng.integers(4, size=(2, n))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn, about classes that are not there
        expected = balanced_accuracy_score(labels, predicted), f1_score(labels, predicted, average="macro")
    np.testing.assert_allclose(macro_averages(labels, predicted), expected)


def test_warnings_name_classes_and_images(crops):
    labels = np.repeat([0, 1], [50, 14])
    images = crops.copy()
    images[60] = images[3]
    images[61] = changed(images[50], "jpeg")
    parts = np.repeat([0, 1], [60, 4])
    names = [f"{k}.jpg" for k in range(64)]
    tiny, unequal, same, similar = concerns.concerns_about(images, labels, parts, ("pear", "plum"), names)
    assert "1 of 2 classes has fewer than 20 images" in tiny
    assert "plum (14)" in tiny
    assert "from 14 images (plum) to 50 (pear)" in unequal
    assert "1 image is the same as another" in same
    assert "3.jpg and 60.jpg. 1 of the pairs is of different classes" in same
    assert "50.jpg and 61.jpg" in similar
    assert "different classes" not in similar
    assert concerns.concerns_about(crops, np.arange(64) % 2, parts, ("pear", "plum")) == []


def record(classifier, accuracy, balanced, f1):
    measured = {"balanced_accuracy": balanced, "macro_f1": f1}
    return Record("raw", classifier, 0, accuracy, 0.5, 0.5, 1.0, None, 3, 0.1, 0.1, 0.1, 0.1, **measured)


def test_it_is_said_where_averages_over_classes_rank_differently():
    records = [record("ridge", 0.9, 0.5, 0.6), record("softmax", 0.8, 0.7, 0.6)]
    (sentence,) = concerns.averages_in_words(records, np.repeat([0, 1], [30, 10]))
    assert sentence.startswith(
        "On the test images pixels with ridge regression has the highest accuracy, but not"
    )
    assert "balanced accuracy, in which all classes count alike: 0.500, and pixels with softmax" in sentence
    assert sentence.endswith("0.700.")
    assert concerns.averages_in_words(records, np.repeat([0, 1], [20, 10])) == []
    assert concerns.averages_in_words(records[:1], np.repeat([0, 1], [30, 10])) == []
