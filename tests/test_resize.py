"""Resizing, pixel for pixel as Pillow does it."""

import numpy as np
import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imfeat_kernels.cpu import resize as kernels
from imfeat_kernels.resampling import axis_weights
from PIL import Image, ImageOps

import imfeat
from imfeat import resize
from imfeat.resize import RESAMPLES, fit_box, takes_columns_first

# Before Pillow 13, rows were always taken first.
ORDERS = int(PIL.__version__.split(".")[0]) >= 13


def pillow(image, size, resample="bilinear", box=None):
    method = Image.Resampling[resample.upper()]
    return np.asarray(Image.fromarray(image).resize(size[::-1], method, box))


def noise(rng, shape, dtype="uint8"):
    """Return noise, half of which is black and white, so that filters overshoot."""
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    images = np.where(rng.random(shape) < 0.5, images, images // 128 * 255).astype(np.uint8)
    return images if dtype == "uint8" else (images / 255).astype(dtype)


def test_means_of_a_small_image():
    image = np.array([[0, 10, 100, 101], [20, 30, 102, 103]], np.uint8)
    for resample in ("box", "bilinear"):
        assert resize(image[:, :2], 1, resample=resample).tolist() == [[15]]
    assert resize(image, (1, 2), resample="box").tolist() == [[15, 102]]  # 5, 25 and 100.5, 102.5 rounded up
    assert resize(image / np.float32(255), (1, 2), resample="box") * 255 == pytest.approx(
        np.array([[15, 101.5]])
    )


def test_an_edge_grows_linearly():
    image = np.array([[0, 0, 200, 200]], np.uint8)
    assert resize(image, (1, 8)).tolist() == [[0, 0, 0, 50, 150, 200, 200, 200]]
    assert resize(image, (3, 4)).tolist() == [[0, 0, 200, 200]] * 3


@pytest.mark.parametrize("resample", RESAMPLES)
@pytest.mark.parametrize("channels", [(), (3,)])
def test_bytes_match_pillow(resample, channels, rng):
    shapes = [(60, 50), (33, 47), (1, 90), (90, 2), (5, 5), (20, 200)]
    sizes = [(13, 17), (70, 9), (33, 47), (1, 1), (120, 100), (3, 64)]
    for shape in shapes:
        image = noise(rng, (*shape, *channels))
        height, width = shape
        for size in sizes:
            if takes_columns_first(*shape, *size) and not ORDERS:
                continue
            for box in (None, (0.3 * width, 0.1, width - 0.25, height), (0, height / 2, width / 3, height)):
                np.testing.assert_array_equal(
                    resize(image, size, resample=resample, box=box), pillow(image, size, resample, box)
                )


@pytest.mark.parametrize("resample", RESAMPLES)
def test_weights_match_pillow(resample):
    """Images of 32 bits show weights that images of bytes round."""
    for size, start, stop, n_out in ((28, 0, 28, 18), (9, 0, 9, 3), (25, 6.97, 21.55, 68), (59, 0.5, 59, 3)):
        pixels = Image.fromarray(np.eye(size, dtype=np.int32) << 30)
        expected = pixels.resize((n_out, size), Image.Resampling[resample.upper()], (start, 0, stop, size))
        bounds, weights = axis_weights(size, start, stop, n_out, resample, np.float32)
        found = np.zeros((n_out, size))
        for row, (first, count), taps in zip(found, bounds, weights, strict=True):
            row[first : first + count] = taps[:count]
        np.testing.assert_allclose(found.T, np.asarray(expected) / 2**30, rtol=0, atol=0.51 / 2**30)


@given(
    st.integers(1, 60),
    st.integers(1, 300),
    st.sampled_from(RESAMPLES),
    st.tuples(*[st.floats(0, 1)] * 2),
)
@settings(max_examples=200, deadline=None)
def test_bounds_rise_and_stay_inside(size, n_out, resample, ends):
    start, stop = (float(np.float32(end * size)) for end in sorted(ends))
    if start >= stop:
        start, stop = 0, size
    full, _ = axis_weights(size, start, stop, n_out, resample, np.float32)
    bounds, weights = axis_weights(size, start, stop, n_out, resample, np.uint8)
    for first, count in (full.T, bounds.T):
        assert (np.diff(first) >= 0).all()
        assert (np.diff(first + count) >= 0).all()
        assert (first >= 0).all()
        assert (count >= 1).all()
        assert (first + count <= size).all()
    assert (np.abs(weights.sum(1) - (1 << 22)) <= weights.shape[1]).all()


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_bytes_of_any_shape_match_pillow(data):
    shape = data.draw(st.tuples(*[st.integers(1, 70)] * 2, st.sampled_from([1, 3])))
    size = data.draw(st.tuples(*[st.integers(1, 70)] * 2))
    resample = data.draw(st.sampled_from(RESAMPLES))
    ends = [sorted(data.draw(st.tuples(*[st.floats(0, n, width=32)] * 2))) for n in shape[1::-1]]
    box = tuple(end[k] for k in (0, 1) for end in ends)
    if box[0] == box[2] or box[1] == box[3]:
        box = None
    if takes_columns_first(*shape[:2], *size) and not ORDERS:
        return
    image = noise(np.random.default_rng(data.draw(st.integers(0, 99))), shape)
    image = image if shape[2] == 3 else image[..., 0]
    found = resize(image, size, resample=resample, box=box)
    np.testing.assert_array_equal(found, pillow(image, size, resample, box))


@pytest.mark.parametrize("shape", [(500, 600), (600, 400), (3, 3000), (3000, 3)])
def test_photos_match_pillow(shape, rng):
    """Rows of several blocks are kept, and rows behind the last block are not computed."""
    image = noise(rng, (*shape, 3))
    for size in ((128, 128), (224, 224), (700, 30)):
        if ORDERS or not takes_columns_first(*shape, *size):
            np.testing.assert_array_equal(resize(image, size), pillow(image, size))


@pytest.mark.parametrize("resample", RESAMPLES)
def test_floats_match_pillow(resample, rng):
    for shape, size in (((60, 50), (13, 17)), ((33, 47), (70, 90)), ((90, 8), (10, 8)), ((2, 500), (3, 1))):
        image = noise(rng, shape, "float32")
        for box in (None, (0.5, 0.25, shape[1] - 0.3, shape[0])):
            found = resize(image, size, resample=resample, box=box)
            assert found.dtype == np.float32
            expected = pillow(image, size, resample, box)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
            doubles = resize(image.astype(np.float64), size, resample=resample, box=box)
            np.testing.assert_array_equal(doubles, found)
    if resample in ("bicubic", "lanczos"):
        edge = resize(np.eye(8, dtype=np.float32), 32, resample=resample)
        assert edge.min() < -0.01


def test_other_integers_become_floats(rng):
    words = rng.integers(0, 65536, (9, 8)).astype(np.uint16)
    np.testing.assert_array_equal(resize(words, 5), resize(words / np.float32(65535), 5))
    mask = words > 30000
    np.testing.assert_array_equal(resize(mask, 5), resize(mask.astype(np.float32), 5))


SHAPES = [
    (6, 53),
    (53, 6),
    (1, 10000),
    (10000, 1),
    (7, 3),
    (3, 7),
    (1, 1),
    (50, 50),
    (333, 500),
    (500, 333),
    (64, 65),
    (97, 41),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_fit_box_gives_the_images_of_pillow(shape, rng):
    image = noise(rng, (*shape, 3))
    for size in ((16, 16), (32, 24), (5, 60), (396, 397)):
        if takes_columns_first(*shape, *size) and not ORDERS:
            continue
        for resample in ("bilinear", "bicubic"):
            expected = ImageOps.fit(Image.fromarray(image), size[::-1], Image.Resampling[resample.upper()])
            found = resize(image, size, resample=resample, box=fit_box(*shape, size))
            np.testing.assert_array_equal(found, np.asarray(expected))


def test_fit_boxes_of_huge_images_may_be_empty_in_float32():
    image = np.arange(20_000_000).astype(np.uint8)[None]
    expected = ImageOps.fit(Image.fromarray(image), (8, 4), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(resize(image, (4, 8), box=fit_box(*image.shape, (4, 8))), expected)


@given(st.integers(1, 5000), st.integers(1, 5000), st.tuples(*[st.integers(1, 300)] * 2))
@settings(max_examples=200, deadline=None)
def test_fit_boxes_are_those_of_pillow(height, width, size):
    class Recorder:
        def resize(self, size, method, box):
            return box

    picture = Recorder()
    picture.size = width, height
    assert fit_box(height, width, size) == ImageOps.fit(picture, size[::-1])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("resample", RESAMPLES)
def test_constant_images_stay_constant(dtype, resample):
    for value in (0, 1, 77, 255) if dtype == "uint8" else (0.1, 1):
        image = np.full((41, 300, 3), value, dtype)
        for size in (7, 60):
            np.testing.assert_allclose(resize(image, size, resample=resample), value, rtol=1e-6)


def test_batches_are_images_one_by_one(rng):
    for shape, size in (((40, 50), (20, 9)), ((90, 20), (7, 30)), ((6, 5), (12, 12))):
        for channels in ((), (3,)):
            images = noise(rng, (2, 3, *shape, *channels))
            options = {"channel_axis": -1 if channels else None}
            found = resize(images, size, **options)
            assert found.shape == (2, 3, *size, *channels)
            for i in np.ndindex(2, 3):
                np.testing.assert_array_equal(found[i], resize(images[i], size, **options))


def test_channels_are_resized_by_themselves(rng):
    images = noise(rng, (2, 40, 50, 3))
    found = resize(images, (9, 30))
    for c in range(3):
        np.testing.assert_array_equal(found[..., c], resize(images[..., c], (9, 30)))
    five = noise(rng, (5, 40, 50))
    found = resize(five, (9, 30), channel_axis=0)
    np.testing.assert_array_equal(found, resize(five, (9, 30), channel_axis=None))


def test_memory_layout_does_not_matter(rng):
    images = noise(rng, (40, 100, 3))
    expected = resize(images[:, ::2].copy(), 16)
    np.testing.assert_array_equal(resize(images[:, ::2], 16), expected)
    frozen = images[:, ::2].copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(resize(frozen, 16), expected)
    np.testing.assert_array_equal(resize(np.asfortranarray(frozen), 16), expected)


@pytest.mark.parametrize("shape", [(2, 300, 200, 3), (2, 300, 9, 1), (1, 900, 300), (40, 20, 30, 3)])
def test_threads_change_no_bit(shape, rng, monkeypatch):
    monkeypatch.setattr(kernels, "VALUES", 1)  # that are worth a thread
    images = noise(rng, shape)
    before = imfeat.get_num_threads()
    results = []
    try:
        for n_threads in (1, 2, 5):
            imfeat.set_num_threads(n_threads)
            results.append(resize(images, (150, 60)).tobytes())
    finally:
        imfeat.set_num_threads(before)
    assert len(set(results)) == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"size": 0}, ValueError, "size must be at least 1, got 0"),
        ({"size": (5, 6, 7)}, TypeError, "size must be an integer or"),
        ({"size": 5.0}, TypeError, "size must be an integer"),
        ({"resample": "nearest"}, ValueError, "resample must be one of 'bilinear', .*, got 'nearest'"),
        ({"box": (0, 0, 5)}, TypeError, "box must be 4 numbers"),
        ({"box": (0, 0, 8, 6.5)}, ValueError, "within images of width 8 and height 6"),
        ({"box": (-1, 0, 8, 6)}, ValueError, "within images of width 8"),
        ({"box": (2, 0, 2, 6)}, ValueError, "not empty"),
        ({"box": (7.99999999, 0, 8, 6)}, ValueError, "not empty"),
        ({"box": (0, 0, np.nan, 6)}, ValueError, "box must be"),
        ({"images": np.zeros((6, 0), np.uint8)}, ValueError, "images"),
        ({"images": np.full((6, 8), np.nan)}, ValueError, "images must be finite"),
        ({"images": np.zeros(8, np.uint8)}, ValueError, "images"),
        ({"images": np.zeros((6, 8), complex)}, TypeError, "images must be"),
    ],
)
def test_unusable_arguments_are_refused(options, error, message):
    arguments = {"images": np.zeros((6, 8), np.uint8), "size": 3} | options
    with pytest.raises(error, match=message):
        resize(**arguments)
