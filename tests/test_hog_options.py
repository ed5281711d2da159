"""Options of HoG, windows and OpenCV's order, against scikit-image, OpenCV and brute force."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import reference
import skimage.feature
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import imfeat

NORMS = {"l1": "L1", "l1-sqrt": "L1-sqrt", "l2": "L2", "l2-hys": "L2-Hys"}
TRILINEAR = {"interpolation": "trilinear"}
SIZES = {"cell": (8, 8), "block": (2, 2), "stride": (1, 1)}  # OpenCV's, by default


def scikit_hog(image, cell_size, block_size, norm="l2-hys", orientations=9):
    """Return blocks (n_rows, n_cols, block_rows, block_cols, orientations)."""
    axis = -1 if image.ndim == 3 else None
    options = {"feature_vector": False, "channel_axis": axis}
    return skimage.feature.hog(image, orientations, cell_size, block_size, NORMS[norm], **options)


def opencv_descriptor(window, *, orientations=9, clip=0.2, sigma=-1.0, gamma=False, signed=False, **sizes):
    """Return a ``HOGDescriptor`` from sizes in rows and columns, as imfeat takes them."""
    cell, block, stride = (sizes.get(name, default) for name, default in SIZES.items())
    height, width = (c * b for c, b in zip(cell, block, strict=True))
    steps = round(stride[1] * cell[1]), round(stride[0] * cell[0])
    places = window[::-1], (width, height), steps, cell[::-1]
    return cv2.HOGDescriptor(*places, orientations, 1, sigma, 0, clip, gamma, 64, signed)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("cell_size", "block_size"), [((8, 5), (2, 3)), ((4, 16), (3, 1)), ((9, 6), 2)])
def test_cells_and_blocks_of_rows_and_columns_match_scikit_image(photo, norm, cell_size, block_size):
    images = np.stack([photo[60:105, 100:167], photo[200:245, 100:167]])
    pair = (block_size, block_size) if block_size == 2 else block_size
    for batch in (images, images[..., 1]):
        options = {"cell_size": cell_size, "block_size": block_size, "norm": norm}
        blocks = imfeat.hog(batch, flatten=False, **options)
        expected = np.stack([scikit_hog(image, cell_size, pair, norm) for image in batch])
        np.testing.assert_allclose(blocks, expected, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(imfeat.hog(batch, **options), blocks.reshape(2, -1))


@pytest.mark.parametrize("width", [64, 170, 500])
@pytest.mark.parametrize("interpolation", ["none", "trilinear"])
def test_blocks_further_apart_are_some_of_the_blocks(photo, width, interpolation):
    image = np.tile(photo[:72, :, 1], (1, 2))[:, :width]
    options = {"cell_size": (6, 4), "interpolation": interpolation, "flatten": False}
    every = imfeat.hog(image, **options)
    for stride in (2, (1, 3), (4, 5)):
        rows, cols = (stride, stride) if stride == 2 else stride
        some = imfeat.hog(image, block_stride=stride, **options)
        np.testing.assert_allclose(some, every[::rows, ::cols], rtol=0, atol=1e-6)
        np.testing.assert_array_equal(
            imfeat.hog(np.stack([image] * 2), block_stride=stride, **options)[1], some
        )


@pytest.mark.parametrize("padding", [3, 8, (5, 0), (0, 1), (60, 90)])
def test_padding_is_the_image_mirrored(photo, padding):
    images = photo[60:105, 100:167], photo[60:90, 100:140, 1]
    for image in images:
        rows, cols = (padding, padding) if isinstance(padding, int) else padding
        # Cells of a larger image: scikit-image has no gradients at the border of the image.
        margins = [(p + 8 if p else 0,) * 2 for p in (rows, cols)]
        padded = np.pad(image, (*margins, (0, 0))[: image.ndim], "reflect")
        inner = tuple(slice(1, -1) if p else slice(None) for p in (rows, cols))
        expected = scikit_hog(padded, (8, 8), (1, 1), "l1")
        # The last cell that is complete with one more cell at either side may not be without.
        blocks = imfeat.hog(image, padding=padding, block_size=1, norm="l1", flatten=False)
        n_rows, n_cols = ((s + 2 * p) // 8 for s, p in zip(image.shape, (rows, cols), strict=False))
        assert blocks.shape[:2] == (n_rows, n_cols)
        np.testing.assert_allclose(blocks, expected[inner][:n_rows, :n_cols], rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_padding_of_batches(rgb, dtype):
    images = rgb if dtype == "uint8" else (rgb / 255).astype(dtype)
    batch = imfeat.hog(images, padding=(4, 3), cell_size=(4, 1), sqrt=dtype == "float64")
    for features, image in zip(batch, images, strict=True):
        single = imfeat.hog(image, padding=(4, 3), cell_size=(4, 1), sqrt=dtype == "float64")
        np.testing.assert_array_equal(features, single)


def opencv_options(*, clip=0.2, sigma=-1.0, gamma=False, signed=False, **sizes):
    """Return imfeat's options for those of `opencv_descriptor`."""
    cell, block, stride = (sizes.get(name, default) for name, default in SIZES.items())
    options = {
        "cell_size": cell,
        "block_size": block,
        "block_stride": stride,
        "sqrt": gamma,
        "signed": signed,
    }
    options |= {
        "orientations": sizes.get("orientations", 9),
        "clip": clip,
        "sigma": None if sigma < 0 else sigma,
    }
    return options | TRILINEAR


def window_of(n_strides=4, **options):
    """Return the height and width of windows with one block more than ``n_strides``, as OpenCV requires."""
    sizes = zip(*(options.get(name, default) for name, default in SIZES.items()), strict=True)
    height, width = (cell * block + n_strides * round(cell * stride) for cell, block, stride in sizes)
    return height, width


def crops_of(photo, window):
    """Return a colour and a gray image."""
    height, width = window
    return photo[40 : 40 + height, 20 : 20 + width].copy(), photo[
        300 : 300 + height, 180 : 180 + width, 0
    ].copy()


# Widths are multiples of 4: in columns left over, OpenCV prefers another of channels with equal gradients.
OPENCV = [
    {"cell": (8, 8), "block": (2, 2), "stride": (1, 1)},
    {"cell": (4, 8), "block": (4, 1), "stride": (2, 1), "orientations": 6},
    {"cell": (8, 4), "block": (1, 3), "stride": (1, 2), "signed": True, "orientations": 18},
    {"stride": (0.5, 0.5), "gamma": True},
    {"cell": (6, 8), "block": (2, 2), "stride": (1 / 3, 0.75)},
    {"cell": (12, 20), "block": (1, 1), "stride": (1.5, 1.25)},
    {"sigma": 3.0, "orientations": 4},
    {"sigma": 0.3},  # weights that are 0 in float32
    {"sigma": 100.0, "block": (3, 3), "cell": (5, 4), "gamma": True, "signed": True},
]


@pytest.mark.parametrize("options", OPENCV, ids=str)
def test_options_match_opencv(photo, options):
    window = window_of(**options)
    for image in crops_of(photo, window):
        expected = opencv_descriptor(window, **options).compute(image, locations=[(0, 0)])
        blocks = imfeat.hog(image, flatten=False, **opencv_options(**options))
        np.testing.assert_allclose(imfeat.hog_to_opencv(blocks), expected, rtol=0, atol=1e-3)


THRESHOLD = """
import sys, cv2, numpy as np
import test_hog_options as here
image, clip, path = np.load(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
descriptor = here.opencv_descriptor(image.shape[:2], clip=clip)
np.save(path, descriptor.compute(image, locations=[(0, 0)]))
"""


def test_clip_matches_opencv(photo, tmp_path):
    """Within a process, OpenCV clips at the value of the first descriptor that computed anything."""
    image = np.ascontiguousarray(photo[300:348, 180:228])
    np.save(tmp_path / "image.npy", image)
    command = [sys.executable, "-c", THRESHOLD, tmp_path / "image.npy", "0.1", tmp_path / "features.npy"]
    subprocess.run(command, check=True, cwd=Path(__file__).parent)
    blocks = imfeat.hog(image, clip=0.1, flatten=False, **TRILINEAR)
    expected = np.load(tmp_path / "features.npy")
    np.testing.assert_allclose(imfeat.hog_to_opencv(blocks), expected, rtol=0, atol=1e-3)
    assert np.abs(imfeat.hog_to_opencv(imfeat.hog(image, flatten=False, **TRILINEAR)) - expected).max() > 0.01


@pytest.mark.parametrize("clip", [0.05, 0.3, 2.0])
@pytest.mark.parametrize("interpolation", ["none", "trilinear"])
def test_clip_is_that_of_the_formula(photo, clip, interpolation):
    image = photo[300:348, 180:228]
    options = {"interpolation": interpolation, "flatten": False}
    raw = imfeat.hog(image, norm=None, **options).astype(np.float64)
    before, after = (0.1 * 36, 1e-3) if interpolation == "trilinear" else (0, 0)

    def norm(blocks):
        return np.sqrt((blocks**2).sum((2, 3, 4), keepdims=True))

    expected = np.minimum(raw / (norm(raw) + before), clip)
    expected /= norm(expected) + after
    np.testing.assert_allclose(imfeat.hog(image, clip=clip, **options), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("padding", "stride"), [((0, 0), 8), ((16, 8), (16, 8)), ((0, 16), 8), ((40, 56), 8)]
)
def test_windows_and_padding_match_opencv(photo, padding, stride):
    """The sizes of the padding are multiples of the stride of blocks, up to which OpenCV rounds them."""
    window = 48, 32
    rows, cols = (stride, stride) if isinstance(stride, int) else stride
    for image in (photo[40:101, 20:88], photo[300:361, 180:248, 0]):
        image = np.ascontiguousarray(image)
        descriptor = opencv_descriptor(window)
        expected = descriptor.compute(image, winStride=(cols, rows), padding=padding[::-1])
        windows = imfeat.hog_windows(image, window, stride, padding=padding, **TRILINEAR)
        n_rows, n_cols = (
            (s + 2 * p - w) // t + 1
            for s, p, w, t in zip(image.shape, padding, window, (rows, cols), strict=False)
        )
        assert windows.shape == (n_rows, n_cols, 5, 3, 2, 2, 9)
        features = imfeat.hog_to_opencv(windows)
        np.testing.assert_allclose(features, expected.reshape(n_rows, n_cols, -1), rtol=0, atol=1e-3)


def test_the_detector_of_people_gives_the_scores_of_opencv(photo):
    detector = cv2.HOGDescriptor_getDefaultPeopleDetector().ravel()
    image = np.ascontiguousarray(photo[:200, 100:300, 0])
    windows = imfeat.hog_windows(image, (128, 64), 8, sqrt=True, **TRILINEAR)
    scores = imfeat.hog_to_opencv(windows) @ detector[:-1] + detector[-1]
    features = cv2.HOGDescriptor().compute(image, winStride=(8, 8)).reshape(*scores.shape, -1)
    np.testing.assert_allclose(scores, features @ detector[:-1] + detector[-1], rtol=0, atol=2e-3)
    # OpenCV's own detector, from a threshold below all scores on, which it gives for windows at one scale.
    descriptor = cv2.HOGDescriptor()
    descriptor.setSVMDetector(detector)
    places, weights = descriptor.detect(image, hitThreshold=-9, winStride=(8, 8))
    found = {(x, y): weight for (x, y), weight in zip(places.tolist(), weights.ravel().tolist(), strict=True)}
    assert len(found) == scores.size
    for (r, c), score in np.ndenumerate(scores):
        assert found[8 * c, 8 * r] == pytest.approx(score, abs=2e-3)


WINDOWS = [
    ((40, 32), 8, {}),
    ((45, 32), (4, 12), {"cell_size": (8, 4)}),
    ((31, 29), (3, 5), {"cell_size": 5, "block_size": (1, 2), "block_stride": (1, 2), "norm": "l1"}),
    ((32, 32), 8, {"padding": (5, 9), "sqrt": True}),
    ((33, 40), (2, 8), {"block_stride": (0.5, 1)} | TRILINEAR),
    ((36, 30), 7, {"cell_size": 6, "block_stride": (1, 1 / 3), "signed": True} | TRILINEAR),
    ((45, 67), 4, {}),  # as large as an image
]


@pytest.mark.parametrize(("window", "stride", "options"), WINDOWS)
def test_windows_are_crops_but_for_gradients_at_their_border(rgb, window, stride, options):
    windows = imfeat.hog_windows(rgb, window, stride, **options)
    rows, cols = (stride, stride) if isinstance(stride, int) else stride
    p, q = options.get("padding", (0, 0))
    others = {name: value for name, value in options.items() if name != "padding"}
    padded = np.pad(rgb, ((0, 0), (p, p), (q, q), (0, 0)), "reflect")
    n_rows, n_cols = (padded.shape[1] - window[0]) // rows + 1, (padded.shape[2] - window[1]) // cols + 1
    assert windows.shape[:3] == (3, n_rows, n_cols)
    for r, c in {(0, 0), (n_rows - 1, n_cols - 1), (n_rows // 2, n_cols // 2)}:
        y, x = r * rows, c * cols
        crop = padded[:, y : y + window[0], x : x + window[1]]
        blocks = imfeat.hog(crop, flatten=False, **others)
        assert windows.shape[3:] == blocks.shape[1:]
        np.testing.assert_allclose(windows[:, r, c, 1:-1, 1:-1], blocks[:, 1:-1, 1:-1], rtol=0, atol=1e-5)


def test_windows_share_the_memory_of_blocks(photo):
    image = photo[:200, :200, 0]
    blocks = imfeat.hog(image, flatten=False)
    windows = imfeat.hog_windows(image, (64, 32), 16)
    assert windows.base is not None
    assert not windows.flags.writeable
    assert windows.size > 3 * blocks.size
    np.testing.assert_array_equal(windows[3, 4], blocks[6 : 6 + 7, 8 : 8 + 3])
    low, high = np.lib.array_utils.byte_bounds(windows)
    assert high - low <= blocks.nbytes


def test_windows_of_batches_keep_leading_axes(rgb):
    batch = np.stack([rgb, rgb[::-1]])
    windows = imfeat.hog_windows(batch, (32, 32), (3, 4))
    assert windows.shape == (2, 3, 5, 9, 3, 3, 2, 2, 9)
    np.testing.assert_array_equal(windows[1, 0], imfeat.hog_windows(rgb[2], (32, 32), (3, 4)))
    narrow = rgb[:, :, :36]  # blocks that begin at column 4 end at the border
    windows = imfeat.hog_windows(narrow, (32, 32), 4)
    np.testing.assert_array_equal(windows[0], imfeat.hog_windows(narrow[0], (32, 32), 4))


def masked_histograms(image, mask, cell_size, orientations):
    """Return the votes of pixels that are True, divided by all pixels of a cell."""
    gy, gx = reference.gradients(image.astype(np.float64))
    n_rows, n_cols = (side // cell for side, cell in zip(image.shape, cell_size, strict=False))
    y, x = np.mgrid[: n_rows * cell_size[0], : n_cols * cell_size[1]]
    bins = (np.rad2deg(np.arctan2(gy, gx)) % 180 // (180 / orientations)).astype(int)[y, x]
    votes = (np.hypot(gy, gx) * mask)[y, x]
    cells = np.zeros((n_rows, n_cols, orientations))
    np.add.at(cells, (y // cell_size[0], x // cell_size[1], bins), votes)
    return cells / (cell_size[0] * cell_size[1])


@given(arrays(np.bool_, (21, 30)), st.sampled_from([(4, 4), (7, 3)]))
def test_only_pixels_of_the_mask_vote(mask, cell_size):
    image = np.random.default_rng(0).integers(0, 256, (21, 30, 3), dtype=np.uint8)
    expected = masked_histograms(image, mask, cell_size, 9)
    options = {"cell_size": cell_size, "block_size": 1, "norm": None, "flatten": False, "mask": mask}
    cells = imfeat.hog(image, **options)[:, :, 0, 0]
    np.testing.assert_allclose(cells, expected, rtol=0, atol=1e-3)  # of up to 360


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("interpolation", ["none", "trilinear"])
def test_masks_of_batches(rgb, rng, dtype, interpolation):
    images = rgb if dtype == "uint8" else (rgb / 255).astype(dtype)
    masks = rng.random(images.shape[:3]) < 0.6
    options = {"interpolation": interpolation, "block_stride": 2, "padding": (3, 0)}
    batch = imfeat.hog(images, mask=masks, **options)
    for features, image, mask in zip(batch, images, masks, strict=True):
        np.testing.assert_array_equal(features, imfeat.hog(image, mask=mask, **options))
    same = imfeat.hog(images, mask=np.ones((45, 67), bool), **options)
    np.testing.assert_array_equal(same, imfeat.hog(images, **options))
    assert not imfeat.hog(images, mask=np.zeros((45, 67), bool), **options).any()
    # Pixels that vote do so as without a mask: the votes of a mask and of the others add up.
    parts = [imfeat.hog(images, mask=chosen, norm=None, **options) for chosen in (masks, ~masks)]
    whole = imfeat.hog(images, norm=None, **options)
    np.testing.assert_allclose(sum(parts), whole, rtol=1e-4, atol=1e-4 * max(1, whole.max()))


@pytest.mark.parametrize(
    ("options", "same"), [({"sigma": 1e-300}, {"sigma": 1e-2}), ({"sigma": 1e300}, {"sigma": 1e9})]
)
def test_extreme_deviations_give_finite_features(rgb, options, same):
    features = imfeat.hog(rgb, **options, **TRILINEAR)
    np.testing.assert_array_equal(features, imfeat.hog(rgb, **same, **TRILINEAR))
    assert np.isfinite(features).all()


def test_any_clip_is_a_number(rgb):
    for clip in (1e-300, 1e300):
        assert np.isfinite(imfeat.hog(rgb, clip=clip)).all()


def test_large_padding_takes_a_few_images_at_a_time(photo):
    images = np.stack([photo[y : y + 20, :20, 0] for y in range(200)])
    features = imfeat.hog(images, cell_size=50, padding=100, block_stride=9)
    np.testing.assert_array_equal(
        features[7], imfeat.hog(images[7], cell_size=50, padding=100, block_stride=9)
    )


def test_opencv_s_order_goes_by_columns():
    blocks = np.arange(2 * 3 * 2 * 2 * 1).reshape(2, 3, 2, 2, 1)
    ordered = imfeat.hog_to_opencv(blocks)
    assert ordered[:8].tolist() == [0, 2, 1, 3, 12, 14, 13, 15]  # the left column of blocks, each by columns
    assert ordered.dtype == blocks.dtype
    np.testing.assert_array_equal(imfeat.hog_to_opencv(np.stack([blocks] * 4))[3], ordered)


def test_drawings_with_padding_are_cut_out(photo):
    image = photo[40:90, 20:84]
    padding = {"padding": (4, 16)}
    features = imfeat.hog(image, **padding)
    whole = imfeat.draw_hog(features, (58, 96))
    np.testing.assert_array_equal(imfeat.draw_hog(features, (50, 64), **padding), whole[4:-4, 16:-16])


def test_drawings_of_all_options():
    image = np.zeros((48, 64), np.uint8)
    image[:, 32:] = 255
    for options in (
        {"cell_size": (8, 16)},
        {"block_size": (1, 3), "block_stride": (2, 1)},
        {"padding": (4, 16)},
    ):
        picture = imfeat.draw_hog(imfeat.hog(image, **options), image.shape, **options)
        assert picture.shape == image.shape
        assert picture.max() == 1
        assert picture[:, 16:48].sum() > 10 * picture[:, :16].sum()
        # Lines lie along the edge, upright.
        assert picture.sum(0).max() > picture.sum(1).max()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cell_size": (8, 0)}, ValueError, "cell_size must be at least 1, got 0"),
        (
            {"cell_size": (8, 8, 8)},
            TypeError,
            r"cell_size must be an integer or \(rows, columns\), got \(8, 8, 8\)",
        ),
        ({"block_size": "2"}, TypeError, "block_size must be an integer, got '2'"),
        ({"block_size": (2, 9)}, ValueError, "are smaller than a block of 2 x 9 cells of 8 pixels"),
        ({"cell_size": (8, 40)}, ValueError, "a block of 2 x 2 cells of 8 x 40 pixels"),
        (
            {"block_stride": 0.5},
            ValueError,
            "block_stride must be whole cells unless interpolation='trilinear', got 0.5",
        ),
        (
            {"block_stride": 0.3} | TRILINEAR,
            ValueError,
            "block_stride must come to whole pixels, got 0.3 of cells of 8 x 8",
        ),
        ({"block_stride": 0}, ValueError, "block_stride must be above 0"),
        ({"block_stride": (1, 2, 3)}, TypeError, "block_stride must be 2 numbers"),
        (
            {"block_stride": 1e300},
            ValueError,
            "block_stride must be above 0 and below 1000000.0, got 1e\\+300",
        ),
        ({"block_stride": "1"}, TypeError, "block_stride must be a number"),
        ({"padding": -1}, ValueError, "padding must be at least 0, got -1"),
        ({"padding": 1.5}, TypeError, "padding must be an integer, got 1.5"),
        ({"clip": 0}, ValueError, "clip must be above 0"),
        ({"clip": np.nan}, ValueError, "clip must be above 0"),
        ({"sigma": 4.0}, ValueError, "sigma is for interpolation='trilinear' only, got 4.0"),
        ({"sigma": 0} | TRILINEAR, ValueError, "sigma must be above 0"),
        ({"mask": np.ones((45, 67))}, TypeError, "mask must be bool"),
        ({"mask": np.ones((45, 66), bool)}, ValueError, "mask must have the shape"),
        ({"flatten": 1}, TypeError, "flatten must be True or False"),
    ],
    ids=str,
)
def test_wrong_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        imfeat.hog(np.zeros((45, 67), np.uint8), **options)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (((64, 32), 8), ValueError, "images of 45 x 67 pixels are smaller than a window of 64 x 32 pixels"),
        (
            ((15, 32), 8),
            ValueError,
            "windows of 15 x 32 pixels are smaller than a block of 2 x 2 cells of 8 pixels",
        ),
        (((32, 32), 0), ValueError, "stride must be at least 1"),
        (((32, 32), 4.0), TypeError, "stride must be an integer, got 4.0"),
        (((32, 32, 3), 4), TypeError, "window must be an integer or"),
    ],
)
def test_wrong_windows_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        imfeat.hog_windows(np.zeros((45, 67), np.uint8), *arguments)


def test_flat_features_are_not_put_into_opencv_s_order(rgb):
    with pytest.raises(
        ValueError, match=r"block_cols, orientations\), got \(3, \d+\); call hog with flatten=False"
    ):
        imfeat.hog_to_opencv(imfeat.hog(rgb))
    with pytest.raises(TypeError, match="features must be numbers"):
        imfeat.hog_to_opencv(np.full((1, 1, 1, 1, 1), "a"))
