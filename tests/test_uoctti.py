"""HOG with signed, unsigned and texture numbers against VLFeat."""

from pathlib import Path

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from imfeat_kernels.cpu import launch

import imfeat

STORED = dict(np.load(Path(__file__).parent / "data" / "vlfeat_uoctti.npz"))
SIZES = [(name, size) for name in STORED["names"] for size in STORED[f"{name}_cell_sizes"].tolist()]
VARIANTS = dict(np.load(Path(__file__).parent / "data" / "vlfeat_hog.npz"))
OTHERS = [(name, key) for name in VARIANTS["names"] for key in VARIANTS["options"]]
# Where a gradient goes when left and right change places: its direction k pi / 9 to pi less that.
MIRRORED = [(9 - k) % 18 for k in range(18)] + [18 + (9 - k) % 9 for k in range(9)] + [28, 27, 30, 29]


def cells_of(image, n_rows, n_cols, **options):
    return imfeat.hog_uoctti(image, **options).reshape(n_rows, n_cols, 31)


def ramp(slope, size=40):
    """Return an image that gets brighter to the right."""
    return np.tile(np.arange(size, dtype=np.float32) * np.float32(slope), (size, 1))


def test_a_steep_ramp_is_clipped():
    cell = cells_of(ramp(1 / 64), 5, 5)[2, 2]
    # All energy is in one direction, so of four equal cells half the norm is in each: over 0.2.
    expected = np.zeros(31)
    expected[[0, 18]], expected[27:] = 0.5 * 4 * 0.2, 0.2 / np.sqrt(18)
    np.testing.assert_allclose(cell, expected, atol=1e-6)


@pytest.mark.parametrize("cell_size", [4, 8, 16, 50])
def test_a_flat_ramp_is_not(cell_size):
    slope = 0.001 / cell_size**2
    cell = cells_of(ramp(slope, 5 * cell_size), 5, 5, cell_size=cell_size)[2, 2]
    votes = cell_size**2 * 2 * slope  # the weights of the pixels for a cell sum to its area
    share = votes / np.sqrt(4 * votes**2 + 1e-4)
    expected = np.zeros(31)
    expected[[0, 18]], expected[27:] = 0.5 * 4 * share, share / np.sqrt(18)
    np.testing.assert_allclose(cell, expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize("k", range(18))
def test_directions_turn_from_right_to_down(k):
    y, x = np.mgrid[:40, :40] / 80
    image = 0.5 + 0.5 * (x * np.cos(k * np.pi / 9) + y * np.sin(k * np.pi / 9))
    cell = cells_of(image, 5, 5)[2, 2]
    assert np.flatnonzero(cell[:27] > 1e-3).tolist() == [k, 18 + k % 9]


def test_upright_gradients_count_as_80_degrees():
    upright = np.ascontiguousarray(ramp(1 / 64).T)
    assert np.argmax(cells_of(upright, 5, 5)[2, 2, :18]) == 4
    assert np.argmax(cells_of(upright[::-1], 5, 5)[2, 2, :18]) == 13


@pytest.mark.parametrize(("name", "cell_size"), SIZES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matches_vlfeat(name, cell_size, dtype):
    image, expected = STORED[f"{name}_in"], STORED[f"{name}_out_{cell_size}"]
    actual = imfeat.hog_uoctti((image / 255).astype(dtype), cell_size=cell_size).reshape(expected.shape)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "cell_size"), SIZES)
def test_bytes_match_vlfeat(name, cell_size):
    """Equal gradients of two channels, which are exact for bytes, count as the first."""
    image, expected = STORED[f"{name}_in"], STORED[f"{name}_of_bytes_{cell_size}"]
    actual = imfeat.hog_uoctti(image, cell_size=cell_size).reshape(expected.shape)
    # The constant of the norm counts more in 0..1 than in 0..255/256, by up to 0.8 % of it.
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-5)
    if image.ndim == 2:
        np.testing.assert_allclose(actual, STORED[f"{name}_out_{cell_size}"], rtol=0, atol=1e-5)


def test_equal_gradients_of_channels_count_as_the_first():
    red, green, blue = np.zeros((3, 24, 24), np.uint8)
    red[:, 12:] = 73  # to the right
    green[12:] = 73  # down: at the center both are as strong, and so is blue, to the left
    blue[:, :12] = 73
    first = imfeat.hog_uoctti(np.stack([red, green, blue], -1)).reshape(3, 3, 31)[1, 1]
    assert first[0] > 0 == first[9]
    last = imfeat.hog_uoctti(np.stack([blue, green, red], -1)).reshape(3, 3, 31)[1, 1]
    assert last[9] > 0 == last[0]


@pytest.mark.parametrize("cell_size", [1, 3, 8, 20, 33])
def test_bytes_are_floats_times_255(gray, cell_size):
    expected = imfeat.hog_uoctti(gray, cell_size=cell_size)
    for dtype in ("float32", "float64"):
        floats = imfeat.hog_uoctti((gray / 255).astype(dtype), cell_size=cell_size)
        np.testing.assert_allclose(floats, expected, rtol=0, atol=1e-5)


def test_a_batch_is_its_images(photo):
    crops = np.stack([photo[y : y + 30, y : y + 35] for y in range(0, 400, 10)])
    for images in (crops, crops[..., 1], crops[..., ::-1, :] / 255):
        batch = imfeat.hog_uoctti(images.reshape(2, 20, *images.shape[1:]))
        assert batch.shape == (2, 20, 4 * 4 * 31)
        single = [imfeat.hog_uoctti(image) for image in images]
        np.testing.assert_array_equal(batch.reshape(40, -1), single)


@pytest.mark.parametrize("width", [170, 900, 2100])
def test_wide_images_are_their_parts(photo, width):
    image = np.tile(photo[:40, :, 1], (1, 5))[:, :width]
    whole = cells_of(image, 5, (width + 4) // 8)
    left = cells_of(image[:, :96], 5, 12)
    right = cells_of(image[:, width // 8 * 8 - 96 :], 5, whole.shape[1] - width // 8 + 12)
    np.testing.assert_allclose(whole[:, :10], left[:, :10], rtol=0, atol=1e-6)
    np.testing.assert_allclose(whole[:, width // 8 - 10 :], right[:, 2:], rtol=0, atol=1e-6)


def test_threads_that_share_an_image_change_no_bit(photo, monkeypatch):
    results = []
    for n in (1, 2, 5):
        monkeypatch.setattr(launch, "n_threads", n)
        monkeypatch.setattr(launch, "_pool", None)
        results.append(imfeat.hog_uoctti(photo).tobytes())
    assert len(set(results)) == 1


def test_out_is_filled_and_returned(rgb):
    out = np.full((3, 6 * 8 * 31), np.nan, np.float32)
    assert imfeat.hog_uoctti(rgb, out=out) is out
    np.testing.assert_array_equal(out, imfeat.hog_uoctti(rgb))


@given(
    arrays(np.uint8, (19, 26), elements=st.integers(0, 200)), st.sampled_from([4, 5, 8]), st.integers(1, 55)
)
def test_brighter_images_have_the_same_features(image, cell_size, more):
    brighter = imfeat.hog_uoctti(image + np.uint8(more), cell_size=cell_size)
    np.testing.assert_array_equal(brighter, imfeat.hog_uoctti(image, cell_size=cell_size))


@given(arrays(np.float32, (24, 32), elements=st.floats(0, 1, width=32)), st.sampled_from([4, 8]))
def test_mirrored_images_have_mirrored_features(noise, cell_size):
    image = noise / 2 + ramp(1 / 64, 32)[:24]  # hardly any gradient is upright or at an edge of a bin
    n_rows, n_cols = 24 // cell_size, 32 // cell_size
    cells = cells_of(image, n_rows, n_cols, cell_size=cell_size)
    mirrored = cells_of(image[:, ::-1], n_rows, n_cols, cell_size=cell_size)[:, ::-1]
    np.testing.assert_allclose(mirrored, cells[..., MIRRORED], rtol=0, atol=1e-5)


@given(arrays(np.uint8, (13, 17)), st.integers(1, 20))
def test_ranges(image, cell_size):
    cells = imfeat.hog_uoctti(image, cell_size=cell_size).reshape(-1, 31)
    assert (cells >= 0).all()
    assert (cells[:, :27] <= 0.4 + 1e-6).all()
    assert (cells[:, 27:] <= 0.2 * 9 / np.sqrt(18) + 1e-6).all()


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (9, 2), (3, 3)])
def test_an_image_without_inner_pixels_has_no_gradient(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    features = imfeat.hog_uoctti(image, cell_size=2)
    assert features.shape == ((shape[0] + 1) // 2 * ((shape[1] + 1) // 2) * 31,)
    assert features.any() == (min(shape) > 2)


def test_images_smaller_than_half_a_cell_are_refused():
    with pytest.raises(ValueError, match="images of 3 x 9 pixels are smaller than half a cell of 8 pixels"):
        imfeat.hog_uoctti(np.zeros((3, 9)))
    with pytest.raises(ValueError, match="cell_size must be at least 1"):
        imfeat.hog_uoctti(np.zeros((9, 9)), cell_size=0)


@pytest.mark.parametrize(("name", "key"), OTHERS)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_variants_match_vlfeat(name, key, dtype):
    cell_size, orientations, shared, variant = key.split("-")
    image, expected = VARIANTS[name], VARIANTS[f"{name}_{key}"]
    image = image if dtype == "uint8" else (image / 255).astype(dtype)
    options = {"orientations": int(orientations), "bilinear": shared == "1"}
    options["variant"] = {"UoCTTI": "uoctti", "DalalTriggs": "dalal-triggs"}[variant]
    cells = imfeat.hog_uoctti(image, cell_size=int(cell_size), **options)
    # VLFeat shares votes by the arc cosine of a float, whose errors are up to 5e-4 where it is 0.
    tolerance = 2e-3 if shared == "1" else 1e-4
    np.testing.assert_allclose(cells, expected.ravel(), rtol=0, atol=tolerance)


@pytest.mark.parametrize("cell_size", [1, 3, 8, 33])
@pytest.mark.parametrize("variant", reference.VARIANTS)
@pytest.mark.parametrize(
    ("orientations", "bilinear"), [(9, True), (9, False), (2, True), (18, False), (20, True)]
)
def test_variants_match_the_formula(gray, cell_size, variant, orientations, bilinear):
    votes = reference.direction_votes(gray[..., None], cell_size, np.empty(orientations), bilinear)
    expected = reference.normalize_directions(votes, reference.VARIANTS[variant])
    options = {"orientations": orientations, "bilinear": bilinear, "variant": variant}
    cells = imfeat.hog_uoctti(gray, cell_size=cell_size, **options)
    np.testing.assert_allclose(cells, expected.reshape(3, -1), rtol=0, atol=1e-5)


@pytest.mark.parametrize("width", [170, 900])
def test_wide_images_of_any_orientations_are_their_parts(photo, width):
    image = np.tile(photo[:40, :, 1], (1, 2))[:, :width]
    options = {"orientations": 12, "bilinear": True}
    whole = imfeat.hog_uoctti(image, **options).reshape(5, (width + 4) // 8, 40)
    left = imfeat.hog_uoctti(image[:, :96], **options).reshape(5, 12, 40)
    np.testing.assert_allclose(whole[:, :10], left[:, :10], rtol=0, atol=1e-6)
    right = imfeat.hog_uoctti(image[:, width // 8 * 8 - 96 :], **options).reshape(5, -1, 40)
    np.testing.assert_allclose(whole[:, width // 8 - 10 :], right[:, 2:], rtol=0, atol=1e-6)


def test_a_gradient_between_two_directions_is_shared():
    y, x = np.mgrid[:40, :40] / 4e5
    angle = np.deg2rad(25)  # a quarter of the way from 20 to 40 degrees
    image = x * np.cos(angle) + y * np.sin(angle)
    cell = imfeat.hog_uoctti(image, bilinear=True).reshape(5, 5, 31)[2, 2]
    assert np.flatnonzero(cell[:18] > 1e-4).tolist() == [1, 2]
    assert cell[1] == pytest.approx(3 * cell[2], rel=1e-3)


@pytest.mark.parametrize("variant", reference.VARIANTS)
def test_mirrored_variants_are_averaged(rgb, variant):
    options = {"orientations": 7, "bilinear": True, "variant": variant}
    both = [imfeat.hog_uoctti(images, **options) for images in (rgb, rgb[:, :, ::-1])]
    mean = imfeat.hog_uoctti(rgb, mirror=True, **options)
    np.testing.assert_allclose(mean, np.mean(both, 0), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"orientations": 0}, ValueError, "orientations must be at least 1, got 0"),
        ({"orientations": 1, "bilinear": True}, ValueError, "orientations must be at least 2, got 1"),
        ({"orientations": 9.0}, TypeError, "orientations must be an integer"),
        ({"bilinear": 1}, TypeError, "bilinear must be True or False"),
        ({"variant": "DalalTriggs"}, ValueError, "variant must be one of 'uoctti', 'dalal-triggs'"),
    ],
)
def test_wrong_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        imfeat.hog_uoctti(np.zeros((9, 9)), **options)
