"""Spatial pyramids against encoding the descriptors of each region by themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imfeat

RNG = np.random.default_rng(0)
X, WORDS = RNG.normal(size=(400, 6)).astype(np.float32), RNG.normal(size=(9, 6)).astype(np.float32)
MIXTURE = imfeat.Mixture(np.full(9, 1 / 9), WORDS, np.full((9, 6), 0.5))
POSITIONS = RNG.random((400, 2)) * [60, 90]
ENCODERS = {
    "fisher": ("mean", lambda x, offsets: imfeat.fisher_vector(x, MIXTURE, offsets=offsets)),
    "soft": ("mean", lambda x, offsets: imfeat.soft_words(x, WORDS, offsets=offsets)),
    "triangle": ("mean", lambda x, offsets: imfeat.triangle(x, WORDS, offsets=offsets)),
    "bag": ("mean", lambda x, offsets: imfeat.bag_of_words(x, WORDS, offsets=offsets)),
    "counts": ("sum", lambda x, offsets: imfeat.bag_of_words(x, WORDS, offsets=offsets, norm=None)),
    "vlad": ("sum", lambda x, offsets: imfeat.vlad(x, WORDS, offsets=offsets, norm=None)),
}


def region_by_region(encode, descriptors, positions, size, grids):
    vectors = []
    for n_rows, n_cols in grids:
        for r in range(n_rows):
            for c in range(n_cols):
                y, x = (positions / size * [n_rows, n_cols]).T
                inside = (np.minimum(y.astype(int), n_rows - 1) == r) & (
                    np.minimum(x.astype(int), n_cols - 1) == c
                )
                vectors.append(encode(descriptors[inside], offsets=[0, inside.sum()])[0])
    return np.stack(vectors)


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("grids", [((1, 1), (3, 1)), ((2, 3), (1, 1), (4, 2)), [(1, 5)]])
def test_regions_are_what_lies_in_them(name, grids):
    pool, encode = ENCODERS[name]
    actual = imfeat.pool_regions(encode, X, POSITIONS, (60, 90), grids=grids, pool=pool)
    expected = region_by_region(encode, X, POSITIONS, (60, 90), grids)
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-6 * max(1, np.abs(expected).max()))


def test_stripes_lie_one_above_the_other():
    positions, encode = np.array([[0, 5], [10, 0], [29, 9], [30, 9]]), ENCODERS["counts"][1]
    counts = imfeat.pool_regions(encode, X[:4], positions, (30, 10), pool="sum").sum(-1)
    assert counts.tolist() == [4, 1, 1, 2]  # 30 is the lower edge, which belongs to the last stripe


def test_everything_is_encoded_once():
    calls = []

    def encode(descriptors, offsets):
        calls.append((len(descriptors), len(offsets) - 1))
        return ENCODERS["fisher"][1](descriptors, offsets)

    imfeat.pool_regions(encode, X, POSITIONS, (60, 90), grids=[(1, 1), (2, 2), (3, 1)])
    assert calls == [(400, 4 * 2)]  # stripes at 0, 1/3, 1/2 and 2/3


@pytest.mark.parametrize("sizes", [(60, 90), [[60, 90], [77, 99], [60, 90], [120, 90]]])
def test_batches_are_their_images(sizes):
    encode, offsets = ENCODERS["fisher"][1], [0, 3, 3, 250, 400]
    batch = imfeat.pool_regions(encode, X, POSITIONS, sizes, offsets=offsets)
    assert batch.shape == (4, 4, 9 * 6 * 2)
    for i in range(4):
        part = slice(offsets[i], offsets[i + 1])
        alone = imfeat.pool_regions(encode, X[part], POSITIONS[part], np.broadcast_to(sizes, (4, 2))[i])
        np.testing.assert_allclose(batch[i], alone, rtol=0, atol=1e-6)
    stack = X.reshape(2, 2, 100, 6)
    stacked = imfeat.pool_regions(encode, stack, POSITIONS[:100], (60, 90))
    assert stacked.shape == (2, 2, 4, 9 * 6 * 2)
    alone = imfeat.pool_regions(encode, stack[1, 0], POSITIONS[:100], (60, 90))
    np.testing.assert_allclose(stacked[1, 0], alone, rtol=0, atol=1e-6)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=3))
def test_each_grid_counts_every_descriptor(grids):
    encode = ENCODERS["counts"][1]
    counts = imfeat.pool_regions(encode, X, POSITIONS, (60, 90), grids=grids, pool="sum").sum(-1)
    ends = np.cumsum([rows * cols for rows, cols in grids])
    assert [part.sum() for part in np.split(counts, ends[:-1])] == [400] * len(grids)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"positions": POSITIONS[:9]}, "positions must be those of 400 descriptors, got 9"),
        ({"positions": POSITIONS + 50}, "positions must lie in images of the size"),
        ({"positions": POSITIONS * np.nan}, "positions must be finite"),
        ({"image_size": (0, 90)}, "image_size must be"),
        ({"pool": "max"}, "pool must be one of"),
        ({"grids": []}, "grids must be at least one"),
        ({"grids": [(0, 1)]}, "each of grids must be at least 1"),
        ({"offsets": [0, 7]}, "offsets must rise from 0"),
        ({"encode": lambda x, offsets: x}, "encode must return one vector for each of 3 groups, got"),
        ({"descriptors": X[0]}, "descriptors must have the shape"),
    ],
)
def test_wrong_arguments_are_refused(changes, message):
    arguments = {
        "encode": ENCODERS["soft"][1],
        "descriptors": X,
        "positions": POSITIONS,
        "image_size": (60, 90),
    }
    with pytest.raises(ValueError, match=message):
        imfeat.pool_regions(**{**arguments, **changes})
