"""Scaled features against NumPy and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.feature_extraction.text import TfidfTransformer

import imfeat


def test_roots_keep_the_sign():
    np.testing.assert_array_equal(imfeat.signed_sqrt([[4, -9], [0, 0.25]]), [[2, -3], [0, 0.5]])


def test_vectors_of_zeros_stay_zeros():
    features = np.array([[3.0, -4, 0], [0, 0, 0]])
    np.testing.assert_allclose(imfeat.l2_normalize(features), [[0.6, -0.8, 0], [0, 0, 0]], rtol=1e-6)
    np.testing.assert_allclose(imfeat.l2_normalize(features, axis=0), [[1, -1, 0], [0, 0, 0]])


@given(
    arrays(np.float32, (3, 4, 5), elements=st.floats(-(2**50), 2**50, width=32)), st.sampled_from([-1, 0, 1])
)
def test_lengths_are_one_or_zero(features, axis):
    lengths = np.linalg.norm(imfeat.l2_normalize(features, axis=axis), axis=axis)
    before = np.linalg.norm(features.astype(float), axis=axis)
    np.testing.assert_allclose(lengths, before > 1e-12, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_tf_idf_matches_scikit_learn(rng, dtype):
    counts = rng.poisson(0.7, (50, 30)).astype(dtype)
    counts[:, 4], counts[:, 5] = 0, 1
    peer = TfidfTransformer().fit(counts[:40])
    idf = imfeat.learn_idf(counts[:40])
    np.testing.assert_allclose(idf, peer.idf_, rtol=1e-6)
    actual = imfeat.l2_normalize(imfeat.tf_idf(counts, idf))
    np.testing.assert_allclose(actual, peer.transform(counts).toarray(), rtol=1e-5)
    assert actual.dtype == np.float32
    np.testing.assert_array_equal(imfeat.tf_idf(counts[3], idf), imfeat.tf_idf(counts, idf)[3])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: imfeat.signed_sqrt([1, np.nan]), "features must be finite"),
        (lambda: imfeat.l2_normalize([1, np.inf]), "features must be finite"),
        (lambda: imfeat.l2_normalize([1, 2], axis=1), "axis must be one of the 1 axes of features, got 1"),
        (lambda: imfeat.learn_idf([1, 2]), "counts must have the shape"),
        (lambda: imfeat.learn_idf([[1, -2]]), "counts must not be negative, got -2"),
        (lambda: imfeat.tf_idf([[1, 2]], [1, 2, 3]), "counts must be vectors of length 3, got length 2"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
