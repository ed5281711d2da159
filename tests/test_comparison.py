"""Comparison of histograms against OpenCV's, pair by pair."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from imfeat_kernels.cpu import comparison
from sklearn.metrics.pairwise import additive_chi2_kernel

import imfeat

METHODS = {
    "chi-square": cv2.HISTCMP_CHISQR,
    "chi-square-alt": cv2.HISTCMP_CHISQR_ALT,
    "intersection": cv2.HISTCMP_INTERSECT,
    "correlation": cv2.HISTCMP_CORREL,
    "bhattacharyya": cv2.HISTCMP_BHATTACHARYYA,
    "hellinger": cv2.HISTCMP_HELLINGER,
    "kl": cv2.HISTCMP_KL_DIV,
}
COUNTS = arrays(np.float32, (3, 5), elements=st.integers(0, 9).map(float))


def opencv(first, second, method):
    return np.array([[cv2.compareHist(x, y, METHODS[method]) for y in second] for x in first])


def sparse(rng, n, n_bins):
    """Return histograms of which bins are empty in one or in both of two."""
    counts = rng.integers(0, 50, (n, n_bins)) * (rng.random((n, n_bins)) < 0.6)
    counts[:, 0] += 1
    return counts.astype(np.float32)


def test_two_bins_by_hand():
    first, second = np.array([4.0, 1.0]), np.array([2.0, 3.0])
    expected = {
        "chi-square": 4 / 4 + 4 / 1,
        "chi-square-alt": 2 * (4 / 6 + 4 / 4),
        "intersection": 3,
        "correlation": -1,
        "hellinger": np.sqrt(1 - (np.sqrt(8) + np.sqrt(3)) / 5),
        "kl": 4 * np.log(4 / 2) + 1 * np.log(1 / 3),
    }
    for method, value in expected.items():
        found = imfeat.compare_histograms(first, second, method=method)
        assert found.shape == ()
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, value, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_bins", [1, 9, 256, 515])
@pytest.mark.parametrize("shares", [False, True])
def test_all_pairs_match_opencv(rng, method, n_bins, shares):
    first, second = sparse(rng, 7, n_bins), sparse(rng, 70, n_bins)
    first[0] = second[0] = 3  # constant
    first[1, 1:] = 0
    if shares:
        first, second = (x / x.sum(1, keepdims=True) for x in (first, second))
    found = imfeat.compare_histograms(first, second, method=method)
    assert found.shape == (7, 70)
    # OpenCV takes roots in float32.
    atol = 2e-4 if method in ("bhattacharyya", "hellinger") else 1e-6
    np.testing.assert_allclose(found, opencv(first, second, method), rtol=1e-6, atol=atol)


@pytest.mark.parametrize("method", METHODS)
def test_empty_histograms_are_those_of_opencv(method):
    histograms = np.array([[0, 0, 0], [1, 0, 0], [0, 0, 2], [1e-17, 1, 1e-17]], np.float32)
    found = imfeat.compare_histograms(histograms, histograms, method=method)
    np.testing.assert_allclose(found, opencv(histograms, histograms, method), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("method", ["bhattacharyya", "kl", "correlation"])
def test_what_opencv_rounds_matches_the_formula(rng, method):
    first, second = (sparse(rng, 5, 300).astype(float) for _ in range(2))
    second[3] = first[3] * 2
    x, y = (h / h.sum(1, keepdims=True) for h in (first, second))
    expected = {
        "bhattacharyya": lambda: np.sqrt(np.maximum(1 - np.einsum("ik,jk->ij", x**0.5, y**0.5), 0)),
        "correlation": lambda: np.corrcoef(first, second)[:5, 5:],
        "kl": lambda: np.array(
            [
                [sum(p * np.log(p / max(q, 1e-10)) for p, q in zip(a, b, strict=True) if p) for b in y]
                for a in x
            ]
        ),
    }[method]()
    inputs = (x, y) if method == "kl" else (first, second)
    found = imfeat.compare_histograms(*inputs, method=method)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=2e-7)


@pytest.mark.parametrize("method", METHODS)
def test_single_histograms_are_rows_and_columns(rng, method):
    first, second = sparse(rng, 3, 20), sparse(rng, 4, 20)
    pairs = imfeat.compare_histograms(first, second, method=method)
    for found, expected in (
        (imfeat.compare_histograms(first[1], second, method=method), pairs[1]),
        (imfeat.compare_histograms(first, second[2], method=method), pairs[:, 2]),
        (imfeat.compare_histograms(first[1], second[2], method=method), pairs[1, 2]),
        (imfeat.compare_histograms(first[:0], second, method=method), pairs[:0]),
    ):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_many_pairs_are_computed_in_parts(rng, monkeypatch):
    first, second = sparse(rng, 9, 20), sparse(rng, 5, 20)
    expected = imfeat.compare_histograms(first, second, method="correlation")
    monkeypatch.setattr(comparison, "VALUES_AT_ONCE", 41)
    np.testing.assert_allclose(
        imfeat.compare_histograms(first, second, method="correlation"), expected, rtol=1e-6, atol=1e-7
    )


def test_twice_the_chi_square_kernel_of_scikit_learn(rng):
    first, second = sparse(rng, 4, 30), sparse(rng, 3, 30)
    found = imfeat.compare_histograms(first, second, method="chi-square-alt")
    np.testing.assert_allclose(found, -2 * additive_chi2_kernel(first, second), rtol=1e-6)


@given(COUNTS, COUNTS)
def test_symmetric_methods_and_equal_histograms(first, second):
    for method in ("chi-square-alt", "intersection", "correlation", "bhattacharyya"):
        there = imfeat.compare_histograms(first, second, method=method)
        back = imfeat.compare_histograms(second, first, method=method)
        np.testing.assert_allclose(there, back.T, rtol=1e-6, atol=1e-6)
    for method in ("chi-square", "chi-square-alt"):
        np.testing.assert_array_equal(np.diag(imfeat.compare_histograms(first, first, method=method)), 0)


@pytest.mark.parametrize("dtype", ["int64", "float64", "uint8", ">f4"])
def test_counts_of_other_dtypes(rng, dtype):
    first, second = sparse(rng, 3, 20), sparse(rng, 4, 20)
    found = imfeat.compare_histograms(first.astype(dtype), second.astype(dtype))
    np.testing.assert_array_equal(found, imfeat.compare_histograms(first, second))


@pytest.mark.parametrize(
    ("first", "second", "options", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), {}, "first and second must have as many bins, got 3 and 4"),
        (-np.ones((2, 3)), np.ones((2, 3)), {}, "first must not be negative"),
        (np.ones((2, 3)), np.full((2, 3), np.nan), {}, "second must be finite"),
        (np.ones((2, 3, 4)), np.ones((2, 4)), {}, r"first must have the shape \(n, n_bins\) or"),
        (np.ones((2, 3)), np.ones((2, 3)), {"method": "emd"}, "method must be one of 'chi-square'"),
    ],
)
def test_wrong_histograms_are_refused(first, second, options, message):
    with pytest.raises(ValueError, match=message):
        imfeat.compare_histograms(first, second, **options)
