"""Product quantization against brute force and scikit-learn's k-means."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imfeat_kernels.cpu import launch, search
from sklearn.cluster import KMeans

from imfeat import ProductQuantizer


@pytest.fixture
def features(rng):
    return rng.normal(size=(400, 24)).astype(np.float32)


def test_two_heaps_in_each_group():
    features = np.array([[0, 0, 5, 5], [0, 1, 9, 9], [8, 8, 5, 6], [8, 9, 9, 8.0]])
    quantizer = ProductQuantizer(2, 1, rng=1).fit(features)
    codes = quantizer.encode(features)
    assert codes.dtype == np.uint8
    assert codes[0, 0] == codes[1, 0] != codes[2, 0] == codes[3, 0]
    assert codes[0, 1] == codes[2, 1] != codes[1, 1] == codes[3, 1]
    expected = [[0, 0.5, 5, 5.5], [0, 0.5, 9, 8.5], [8, 8.5, 5, 5.5], [8, 8.5, 9, 8.5]]
    np.testing.assert_array_equal(quantizer.decode(codes), expected)


def test_centroids_are_those_of_scikit_learn(features):
    quantizer = ProductQuantizer(8, 3, n_iterations=5, rng=0).fit(features)
    rng = np.random.default_rng(0)
    for g in range(3):
        group = features[:, 8 * g : 8 * g + 8].astype(float)
        start = group[rng.permutation(400)[:8]]
        peer = KMeans(8, init=start, n_init=1, max_iter=5, tol=0, algorithm="lloyd").fit(group)
        np.testing.assert_allclose(quantizer.centroids_[g], peer.cluster_centers_, atol=1e-5)
        np.testing.assert_array_equal(quantizer.encode(features)[:, g], peer.predict(group))


def test_a_code_is_a_thirty_second_of_the_features(features):
    quantizer = ProductQuantizer(rng=0).fit(features)
    codes = quantizer.encode(features)
    assert 32 * codes.nbytes == features.nbytes
    assert ((quantizer.decode(codes) - features) ** 2).mean() < 0.2 * features.var()


@given(st.integers(1, 8))
def test_what_is_decoded_has_the_same_code(bits):
    features = np.random.default_rng(bits).normal(size=(300, 12)).astype(np.float32)
    quantizer = ProductQuantizer(3, bits, n_iterations=2, rng=0).fit(features)
    codes = quantizer.encode(features)
    np.testing.assert_array_equal(quantizer.encode(quantizer.decode(codes)), codes)
    assert codes.max() < 2**bits


def test_parts_share_their_centroids(features):
    quantizer = ProductQuantizer(4, 4, n_parts=3, rng=0).fit(features)
    parts = features.reshape(1200, 8)
    alone = ProductQuantizer(4, 4, rng=0).fit(parts)
    np.testing.assert_array_equal(quantizer.centroids_, alone.centroids_)
    codes = quantizer.encode(features)
    np.testing.assert_array_equal(codes, alone.encode(parts).reshape(400, 6))
    np.testing.assert_array_equal(quantizer.decode(codes), alone.decode(alone.encode(parts)).reshape(400, 24))


def test_decoding_into_an_array_and_pickling(features):
    quantizer = pickle.loads(pickle.dumps(ProductQuantizer(4, 4, rng=3).fit(features)))
    codes = quantizer.encode(features)
    out = np.empty((400, 24), np.float32)
    assert quantizer.decode(codes, out=out) is out
    np.testing.assert_array_equal(out, quantizer.decode(codes))
    np.testing.assert_array_equal(
        quantizer.centroids_, ProductQuantizer(4, 4, rng=3).fit(features).centroids_
    )
    assert repr(quantizer) == "ProductQuantizer(group_size=4, bits=4)"
    assert quantizer.encode(features[:0]).shape == (0, 6)


@pytest.mark.parametrize("n_parts", [1, 3])
@pytest.mark.parametrize(("group_size", "bits"), [(4, 8), (2, 3), (8, 1)])
def test_distance_tables_are_distances_to_centroids(features, group_size, bits, n_parts):
    quantizer = ProductQuantizer(group_size, bits, n_parts=n_parts, n_iterations=2, rng=0).fit(features)
    tables = quantizer.distance_tables(features[:5])
    assert tables.shape == (5, 24 // group_size, 2**bits)
    centroids = np.tile(quantizer.centroids_, (n_parts, 1, 1)).astype(float)
    groups = features[:5].reshape(5, -1, 1, group_size).astype(float)
    np.testing.assert_allclose(tables, ((groups - centroids) ** 2).sum(-1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n_queries", [1, 2, 3, 8, 21])
@pytest.mark.parametrize("n_parts", [1, 2])
@pytest.mark.parametrize("k", [1, 10, 400])
def test_search_finds_the_nearest_of_the_decoded(features, rng, n_queries, n_parts, k, monkeypatch):
    quantizer = ProductQuantizer(4, 4, n_parts=n_parts, n_iterations=2, rng=0).fit(features)
    codes = quantizer.encode(features)
    queries = rng.normal(size=(n_queries, 24)).astype(np.float32)
    found, indices = quantizer.search(queries, codes, k)
    decoded = quantizer.decode(codes).astype(float)
    squares = ((queries[:, None] - decoded) ** 2).sum(-1)
    np.testing.assert_allclose(found, np.take_along_axis(squares, indices, 1), rtol=1e-5)
    np.testing.assert_allclose(found, np.sort(squares, 1)[:, :k], rtol=1e-5)
    assert all(len({*row}) == k for row in indices)
    assert (indices.dtype, found.dtype) == (np.int64, np.float32)
    np.testing.assert_array_equal(quantizer.search(queries[:1], codes, k)[0][0], found[0])
    # The same in chunks.
    monkeypatch.setattr(search, "CHUNK", 130)
    for n_threads in (1, 3):
        monkeypatch.setattr(launch, "n_threads", n_threads)
        monkeypatch.setattr(launch, "_pool", None)
        again = quantizer.search(queries, codes, k)
        np.testing.assert_array_equal(again[0], found)
        np.testing.assert_array_equal(again[1], indices)


def test_of_equal_codes_the_first_is_found(features):
    quantizer = ProductQuantizer(4, 2, n_iterations=2, rng=0).fit(features)
    codes = np.tile(quantizer.encode(features[:3]), (200, 1))
    for n_queries in (1, 5):
        distances, indices = quantizer.search(quantizer.decode(codes[: n_queries % 3 + 1]), codes, 4)
        np.testing.assert_array_equal(indices[0], [0, 3, 6, 9])
        np.testing.assert_array_equal(distances[0], 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda q, x: q.fit(x[:, :23]),
            "features must have a multiple of n_parts \\* group_size = 8 dimensions",
        ),
        (
            lambda q, x: q.fit(x[:255]),
            r"features must be at least 2\*\*bits = 256 to learn from, parts counted, got 255",
        ),
        (lambda q, x: q.fit(x * np.nan), "features must be finite"),
        (lambda q, x: q.encode(x), "this ProductQuantizer has not been fitted; call fit"),
        (lambda q, x: q.fit(x).encode(x[:, :16]), "features must be vectors of length 24, got length 16"),
        (lambda q, x: q.fit(x).decode(x), r"codes must be uint8 of shape \(n, 3\), got float32 \(400, 24\)"),
        (lambda q, x: q.search(x, x), "this ProductQuantizer has not been fitted"),
        (lambda q, x: q.distance_tables(x), "this ProductQuantizer has not been fitted"),
        (lambda q, x: q.fit(x).search(x[:, :5], q.encode(x)), "queries must be vectors of length 24"),
        (
            lambda q, x: q.fit(x).search(x, q.encode(x[:9])),
            "k must be at most the number of codes, 9, got 10",
        ),
        (lambda q, x: q.fit(x).search(x, x), r"codes must be uint8 of shape \(n, 3\)"),
        (lambda q, x: q.fit(x).search(x, q.encode(x), 0), "k must be at least 1"),
        (lambda q, x: ProductQuantizer(bits=9), "bits must be at most 8, as a code is a byte, got 9"),
        (
            lambda q, x: ProductQuantizer(bits=1).fit(x).decode(np.full((1, 3), 2, np.uint8)),
            r"codes must be less than 2\*\*bits = 2, got 2",
        ),
    ],
)
def test_wrong_arguments_are_refused(features, call, message):
    with pytest.raises(ValueError, match=message):
        call(ProductQuantizer(rng=0), features)


def test_centroids_are_groups_where_there_are_few_distinct_ones(rng):
    features = np.tile(rng.normal(size=(3, 8)) + 3, (30, 1)).astype(np.float32)
    quantizer = ProductQuantizer(4, 4, rng=0).fit(features)
    for g, centroids in enumerate(quantizer.centroids_):
        groups = features[:, 4 * g : 4 * g + 4]
        assert {row.tobytes() for row in centroids} <= {row.tobytes() for row in groups}
    np.testing.assert_array_equal(quantizer.decode(quantizer.encode(features)), features)
