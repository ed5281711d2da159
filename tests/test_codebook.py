"""Codebooks and bags of words against scikit-learn and NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.cluster import KMeans

import imfeat
from imfeat import _kmeans, _sums
from imfeat._kmeans import plus_plus_start


@pytest.fixture
def descriptors(rng):
    centers = rng.normal(size=(12, 20)) * 4
    return (centers[rng.integers(0, 12, 3000)] + rng.normal(size=(3000, 20))).astype(np.float32)


def inertia(descriptors, codebook):
    words = codebook[imfeat.assign(descriptors, codebook)].astype(np.float64)
    return ((descriptors - words) ** 2).sum()


def test_two_heaps_have_two_words():
    descriptors = np.array([[0.0, 0], [0, 1], [10, 10], [10, 11]])
    codebook = imfeat.learn_codebook(descriptors, 2, rng=0)
    assert sorted(codebook.tolist()) == [[0, 0.5], [10, 10.5]]
    assert len(set(imfeat.assign(descriptors, codebook)[:2])) == 1


@pytest.mark.parametrize("d", [2, 3, 20])
def test_learning_matches_scikit_learn_from_the_same_start(descriptors, d):
    descriptors = np.ascontiguousarray(descriptors[:, :d])
    start = descriptors[:15]
    codebook = imfeat.learn_codebook(descriptors, 15, start=start, n_iterations=10)
    peer = KMeans(15, init=start.astype(float), n_init=1, max_iter=10, tol=0, algorithm="lloyd")
    peer.fit(descriptors.astype(float))
    np.testing.assert_array_equal(
        imfeat.assign(descriptors, codebook), peer.predict(descriptors.astype(float))
    )
    assert inertia(descriptors, codebook) == pytest.approx(peer.inertia_, rel=1e-5)


def test_a_spread_start_beats_a_random_one(descriptors, rng):
    spread = [
        inertia(descriptors, imfeat.learn_codebook(descriptors, 12, rng=s, n_iterations=1)) for s in range(5)
    ]
    chance = [
        inertia(
            descriptors,
            imfeat.learn_codebook(descriptors, 12, start=rng.choice(descriptors, 12), n_iterations=1),
        )
        for _ in range(5)
    ]
    assert np.median(spread) < np.median(chance)


@pytest.mark.parametrize("start", ["k-means++", "k-means||", "random"])
def test_every_start_draws_words_among_the_descriptors(descriptors, start):
    words = _kmeans.STARTS[start](descriptors, 40, 3)
    assert words.shape == (40, 20)
    known = {row.tobytes() for row in descriptors}
    assert all(row.tobytes() in known for row in words)
    np.testing.assert_array_equal(words, _kmeans.STARTS[start](descriptors, 40, 3))
    codebook = imfeat.learn_codebook(descriptors, 40, start=start, rng=3, n_iterations=2)
    np.testing.assert_array_equal(
        codebook, imfeat.learn_codebook(descriptors, 40, start=words, n_iterations=2)
    )


def test_a_start_in_rounds_is_as_good_as_one_by_one(descriptors):
    errors = {
        start: np.median(
            [
                inertia(descriptors, imfeat.learn_codebook(descriptors, 12, start=start, rng=s))
                for s in range(5)
            ]
        )
        for start in ("k-means++", "k-means||", "random")
    }
    assert errors["k-means||"] < 1.05 * errors["k-means++"]
    assert errors["k-means||"] < errors["random"]


def test_a_start_in_rounds_copes_with_few_distinct_descriptors():
    descriptors = np.repeat(np.eye(3, 5, dtype=np.float32), 10, axis=0)
    assert inertia(descriptors, imfeat.learn_codebook(descriptors, 7, start="k-means||", rng=0)) == 0


def test_many_words_start_in_rounds(rng, monkeypatch):
    asked = []
    for name, start in list(_kmeans.STARTS.items()):
        monkeypatch.setitem(
            _kmeans.STARTS, name, lambda *a, name=name, start=start: asked.append(name) or start(*a)
        )
    vectors = rng.normal(size=(400, 5))
    for n_words in (256, 257):
        imfeat.learn_codebook(vectors, n_words, rng=0, n_iterations=1)
    assert asked[0] == "k-means++"
    assert asked[1] == "k-means||"


def test_batches_come_close_to_all_descriptors(descriptors):
    whole = inertia(descriptors, imfeat.learn_codebook(descriptors, 12, rng=0))
    few = imfeat.learn_codebook(descriptors, 12, rng=0, batch_size=300, n_iterations=40)
    assert inertia(descriptors, few) < 1.1 * whole
    again = imfeat.learn_codebook(descriptors, 12, rng=0, batch_size=300, n_iterations=40)
    np.testing.assert_array_equal(few, again)


def test_a_batch_of_everything_is_one_step_of_lloyd(descriptors):
    start = descriptors[::250]
    step = imfeat.learn_codebook(descriptors, 12, start=start, n_iterations=1)
    batch = imfeat.learn_codebook(descriptors, 12, start=start, n_iterations=1, batch_size=10_000)
    np.testing.assert_allclose(batch, step, atol=1e-5)


def test_batches_are_read_from_a_file(descriptors, tmp_path):
    stored = np.memmap(tmp_path / "descriptors", np.float32, "w+", shape=descriptors.shape)
    stored[:] = descriptors
    options = {"rng": 0, "batch_size": 200, "n_iterations": 10}
    np.testing.assert_array_equal(
        imfeat.learn_codebook(stored, 12, **options), imfeat.learn_codebook(descriptors, 12, **options)
    )


def test_words_that_batches_never_meet_are_moved(descriptors):
    start = np.concatenate([descriptors[:8], np.full((4, 20), 1e3, np.float32)])
    codebook = imfeat.learn_codebook(descriptors, 12, start=start, batch_size=300, n_iterations=20, rng=0)
    assert np.abs(codebook).max() < 100


@pytest.mark.parametrize("batch_size", [None, 500])
def test_spherical_words_go_by_angle(descriptors, batch_size):
    options = {"rng": 0, "spherical": True, "batch_size": batch_size}
    codebook = imfeat.learn_codebook(descriptors, 12, **options)
    np.testing.assert_allclose(np.linalg.norm(codebook, axis=1), 1, atol=1e-5)
    scaled = descriptors * np.linspace(1, 9, len(descriptors))[:, None].astype(np.float32)
    np.testing.assert_allclose(imfeat.learn_codebook(scaled, 12, **options), codebook, atol=1e-4)


def test_empty_words_are_moved_to_far_descriptors(descriptors):
    start = np.concatenate(
        [descriptors[:8], np.full((4, 20), 1e3, np.float32)]
    )  # four that nothing is near to
    codebook = imfeat.learn_codebook(descriptors, 12, start=start)
    assert np.abs(codebook).max() < 100
    assert len(np.unique(imfeat.assign(descriptors, codebook))) == 12


def test_fewer_distinct_descriptors_than_words():
    descriptors = np.repeat(np.eye(3, 5, dtype=np.float32), 10, axis=0)
    codebook = imfeat.learn_codebook(descriptors, 7, rng=0)
    assert np.isfinite(codebook).all()
    assert inertia(descriptors, codebook) == 0


def test_the_seed_decides(descriptors):
    first, again, other = (imfeat.learn_codebook(descriptors, 9, rng=s, n_iterations=2) for s in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_progress_is_shown_when_asked(descriptors, capsys):
    imfeat.learn_codebook(descriptors, 3, rng=0, progress=True)
    assert "k-means" in capsys.readouterr().err


@given(arrays(np.float32, (6, 3), elements=st.floats(-4, 4, width=16)))
def test_a_word_is_its_own_nearest(words):
    distances = np.linalg.norm(words - words[imfeat.assign(words, words)], axis=1)
    np.testing.assert_allclose(distances, 0, atol=5e-3)  # roots of what float32 loses of 48


def test_assign_takes_any_leading_axes(descriptors):
    grid = descriptors[:60].reshape(3, 4, 5, 20)
    expected = imfeat.assign(descriptors[:60], descriptors[:7])
    np.testing.assert_array_equal(imfeat.assign(grid, descriptors[:7]).ravel(), expected)
    assert imfeat.assign(grid, descriptors[:7]).dtype == np.int32


def test_words_are_counted(descriptors):
    codebook = descriptors[:10]
    words = imfeat.assign(descriptors, codebook)
    counts = imfeat.bag_of_words(descriptors, codebook, norm=None)
    np.testing.assert_array_equal(counts, np.bincount(words, minlength=10))
    np.testing.assert_allclose(imfeat.bag_of_words(descriptors, codebook), counts / 3000, rtol=1e-6)
    bags = imfeat.bag_of_words(descriptors, codebook, offsets=[0, 1000, 1000, 3000], norm=None)
    np.testing.assert_array_equal(bags[0], np.bincount(words[:1000], minlength=10))
    assert not bags[1].any()


def test_a_stack_of_images_is_counted_image_by_image(descriptors):
    stack, codebook = descriptors[:60].reshape(3, 4, 5, 20), descriptors[:7]
    bags = imfeat.bag_of_words(stack, codebook, norm=None)
    assert bags.shape == (3, 4, 7)
    np.testing.assert_array_equal(bags[2, 1], imfeat.bag_of_words(stack[2, 1], codebook, norm=None))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: imfeat.learn_codebook(x[:5], 6),
            "n_words must be at most the number of descriptors, 5, got 6",
        ),
        (lambda x: imfeat.learn_codebook(x * np.nan, 6), "descriptors must be finite"),
        (lambda x: imfeat.learn_codebook(x, 3, start=x[:2]), "start must have n_words=3 rows, got 2"),
        (lambda x: imfeat.learn_codebook(x, 3, start="far"), "start must be one of 'k-means\\+\\+'"),
        (lambda x: imfeat.learn_codebook(x, 6, batch_size=5), "descriptors of a batch, 5, got 6"),
        (lambda x: imfeat.learn_codebook(x, 6, batch_size=0), "batch_size must be at least 1, got 0"),
        (lambda x: imfeat.learn_codebook(x[0], 3), r"descriptors must have the shape \(n, d\), got \(20,\)"),
        (lambda x: imfeat.assign(x, x[:3, :9]), "descriptors must be vectors of length 9, got length 20"),
        (lambda x: imfeat.assign(x, x[:0]), "codebook must have at least one word"),
        (lambda x: imfeat.bag_of_words(x, x[:3], offsets=[0, 5]), "offsets must rise from 0 to the number"),
        (lambda x: imfeat.bag_of_words(x[0], x[:3]), r"descriptors must have the shape \(\.\.\., n, d\)"),
    ],
)
def test_wrong_arguments_are_refused(descriptors, call, message):
    with pytest.raises(ValueError, match=message):
        call(descriptors)


@pytest.mark.parametrize("start", [None, "k-means++", "k-means||", "random", "zeros"])
@pytest.mark.parametrize("n_distinct", [1, 3])
def test_words_are_descriptors_where_there_are_few_distinct_ones(rng, start, n_distinct):
    descriptors = np.tile(rng.normal(size=(n_distinct, 5)) + 3, (600, 1)).astype(np.float32)
    there = {row.tobytes() for row in descriptors}
    for n_words in (n_distinct, 7, 300):
        first = np.zeros((n_words, 5)) if start == "zeros" else start
        words = imfeat.learn_codebook(descriptors, n_words, rng=0, start=first)
        assert {row.tobytes() for row in words} <= there
        if start != "zeros":
            batched = imfeat.learn_codebook(descriptors, n_words, rng=0, start=first, batch_size=400)
            assert {row.tobytes() for row in batched.round(5)} <= {
                row.tobytes() for row in descriptors.round(5)
            }


def test_more_words_without_descriptors_than_are_replaced_at_one_time(rng):
    descriptors = rng.normal(size=(3 * _sums.MOST_FAR, 2)).astype(np.float32) + 5
    n_words = 2 * _sums.MOST_FAR
    words = imfeat.learn_codebook(descriptors, n_words, start=np.zeros((n_words, 2)), n_iterations=1)
    assert (words > 0).all()
    few = np.tile(descriptors[:3], (_sums.MOST_FAR, 1))
    words = imfeat.learn_codebook(few, n_words, start=np.zeros((n_words, 2)))
    assert {row.tobytes() for row in words} == {row.tobytes() for row in few}


@pytest.mark.parametrize("weighted", [False, True])
def test_plus_plus_draws_no_vector_twice_while_others_are_left(weighted):
    """More vectors than are summed at a time, 40 of them different: drawn words get probability 0."""
    rng = np.random.default_rng(0)
    values = rng.random((40, 3), np.float32)
    indices = np.concatenate([np.arange(40), rng.integers(40, size=1000)])
    vectors = values[indices]
    weights = rng.integers(0, 3, len(vectors)) if weighted else np.empty(0, np.int64)
    weights[:40] = 1
    for seed in range(20):
        words = plus_plus_start(vectors, 40, seed, weights)
        assert len(np.unique(words, axis=0)) == 40


def test_plus_plus_draws_by_squared_distance():
    """Of two vectors at distances 1 and 2 from all others, the farther one is drawn four times of five."""
    vectors = np.zeros((600, 3), np.float32)
    vectors[300, 0], vectors[599, 1] = 1, 2
    drawn = [plus_plus_start(vectors, 2, seed) for seed in range(400)]
    farther = np.mean([words[1, 1] == 2 for words in drawn if not words[0].any()])
    assert 0.74 < farther < 0.86
