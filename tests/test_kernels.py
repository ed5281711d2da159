"""Every kernel against its reference: odd sizes, read-only arrays, any number of threads."""

import inspect
import math
import pkgutil

import numba
import numpy as np
import pytest
import reference
from imfeat_kernels import cpu
from imfeat_kernels.cpu import launch

from imfeat.hog import _bin_edges
from imfeat.sift import _windows

RNG = np.random.default_rng(0)
U8 = RNG.integers(0, 256, (3, 21, 35, 3), dtype=np.uint8)
F32 = RNG.random((3, 21, 35, 3), dtype=np.float32)
F64 = RNG.random((3, 21, 35, 3))
ROWS, COLS = np.array([0, 10, 21]), np.array([0, 11, 23, 35])
WHOLE_ROWS, WHOLE_COLS = np.array([0, 21]), np.array([0, 35])
COUNTS = RNG.integers(0, 50, (5, 256)).astype(np.uint32) * (RNG.random((5, 256)) < 0.3)
COUNTS[3], COUNTS[4], COUNTS[4, 7] = 0, 0, 99
NO_MASK, MASK = np.empty((0, 0, 0), bool), RNG.random((3, 21, 35)) < 0.4
VECTORS = RNG.normal(size=(301, 37)).astype(np.float32)
WORDS = VECTORS[::43] + np.float32(0.1)
MANY = RNG.normal(size=(2600, 5)).astype(np.float32)  # more than a tile, as vectors and as words
COLORS = RNG.random((700, 3)).astype(np.float32)
BINS = np.array([8, 3, 5])
EDGES = np.stack([np.append(np.linspace(0, 1, n + 1), np.ones(8 - n)) for n in BINS])
BYTES = np.array(
    [[0, 32, 64, 96, 128, 160, 192, 224], [0, 85, 170, 0, 0, 0, 0, 0], [0, 51, 102, 153, 204, 0, 0, 0]],
    np.uint8,
)
CENTROIDS = RNG.normal(size=(6, 6, 19)).astype(np.float32)  # 6 groups of 6 of the dimensions of 36
GROUPED = np.ascontiguousarray(VECTORS[:, :36])
CODES = RNG.integers(0, 6, (301, 6)).astype(np.uint8)
DRAWN = np.stack([RNG.permutation(301)[:19] for _ in range(6)])
WEIGHTS = RNG.random((2, 12)).astype(np.float32)
SMOOTHING = np.array([0.2, 0.1, 0.05], np.float32)
SPREAD = np.linspace(0, 1, 257)
ASSIGNMENTS = RNG.integers(0, len(WORDS), len(VECTORS)).astype(np.int32)
BOUNDS = np.array([0, 150, 150, 301])
MIXTURE = (
    np.array([0.2, 0.1, 0, 0.3, 0.15, 0.15, 0.1], np.float32),
    VECTORS[:7] * np.float32(0.2),
    (0.7 + RNG.random((7, 37))).astype(np.float32),
)


def hog_case(images, n_bins, signed):
    dtype = np.float64 if images.dtype == np.float64 else np.float32
    edges, n_lower, mirrors = _bin_edges(n_bins, signed, dtype)
    expected = reference.cell_histograms(images, 6, n_bins, signed)
    return (images, 6, edges, n_lower, mirrors), expected, np.float32


# name: (arguments, expected result, dtype of out, tolerance)
CASES = {
    "check.count_outside": (
        (F64.ravel(), 0.1, 0.9),
        reference.count_outside(F64.ravel(), 0.1, 0.9),
        np.int64,
    ),
    "color.rgb_to_hsv u8": ((U8.ravel(), np.float32(255)), reference.rgb_to_hsv(U8, 255), np.float32),
    "color.rgb_to_hsv f32": ((F32.ravel(), np.float32(1)), reference.rgb_to_hsv(F32, 1), np.float32),
    "color.rgb_to_hsv f64": ((F64.ravel(), np.float64(1)), reference.rgb_to_hsv(F64, 1), np.float32),
    "color.hsv_to_rgb f32": ((F32.ravel(), np.float32(1)), reference.hsv_to_rgb(F32, 1), np.float32),
    "color.hsv_to_rgb u8": ((U8.ravel(), np.float32(255)), reference.hsv_to_rgb(U8, 255), np.float32),
    "color.rgb_to_hsi u8": ((U8.ravel(), np.float32(255)), reference.rgb_to_hsi(U8, 255), np.float32),
    "color.rgb_to_hsi f64": ((F64.ravel(), np.float64(1)), reference.rgb_to_hsi(F64, 1), np.float32),
    "color.rgb_to_gray": ((F32.ravel(),), reference.rgb_to_gray(F32), np.float32),
    "histogram.to_bytes": (
        (F32.ravel(), BINS, EDGES, BYTES),
        reference.to_bytes(F32.ravel(), BINS, EDGES, BYTES),
        np.uint8,
    ),
    "histogram.normalize_counts": ((COUNTS, 3), reference.normalize_counts(COUNTS, 3), np.float32),
    **{
        f"histogram.joint_histograms {name}": (
            arguments,
            reference.joint_histograms(*arguments),
            np.float32,
        )
        for name, arguments in {
            "regions": (U8, NO_MASK, 0, BINS, ROWS, COLS, 1),
            "whole": (U8, NO_MASK, 0, BINS, WHOLE_ROWS, WHOLE_COLS, 0),
            "hsv": (U8, NO_MASK, 1, BINS, ROWS, COLS, 2),
            "masked": (U8, MASK, 0, BINS, ROWS, COLS, 3),
        }.items()
    },
    **{
        f"histogram.channel_histograms {name}": (
            arguments,
            reference.channel_histograms(*arguments),
            np.float32,
        )
        for name, arguments in {
            "regions": (U8, NO_MASK, BINS, ROWS, COLS, 1),
            "whole": (U8, NO_MASK, np.array([256, 256, 256]), WHOLE_ROWS, WHOLE_COLS, 0),
            "masked": (U8, MASK, BINS, ROWS, COLS, 2),
        }.items()
    },
    "palette.nearest_colors 70": (
        (U8.ravel(), U8[0].reshape(-1, 3)[:70]),
        reference.nearest_colors(U8, U8[0].reshape(-1, 3)[:70]),
        np.uint8,
    ),
    "palette.nearest_colors 300": (
        (U8.ravel(), U8[0].reshape(-1, 3)[:300]),
        reference.nearest_colors(U8, U8[0].reshape(-1, 3)[:300]),
        np.uint16,
    ),
    **{
        f"exposure.equalize_bytes {name}": (
            arguments,
            reference.equalize_bytes(*arguments),
            np.uint8,
        )
        for name, arguments in {
            "torchvision": (U8.reshape(3, -1, 3), NO_MASK.reshape(0, 0), 0),
            "opencv": (U8.reshape(3, -1, 3), NO_MASK.reshape(0, 0), 1),
            "gray": (U8[..., 0].reshape(3, -1, 1).copy(), NO_MASK.reshape(0, 0), 0),
            "masked": (U8.reshape(3, -1, 3), MASK.reshape(3, -1), 1),
        }.items()
    },
    "exposure.largest_channel": ((U8.reshape(-1, 3),), U8.reshape(-1, 3).max(1), np.uint8),
    "exposure.scale_to_value u8": (
        (U8.reshape(-1, 3), U8[..., 1].ravel()),
        reference.scale_to_value(U8.reshape(-1, 3), U8[..., 1].ravel()),
        np.uint8,
    ),
    "exposure.scale_to_value f32": (
        (F32.reshape(-1, 3), F32[..., 1].ravel()),
        reference.scale_to_value(F32.reshape(-1, 3), F32[..., 1].ravel()),
        np.float32,
    ),
    "exposure.edge_counts": (
        (F64.reshape(3, -1), np.tile(SPREAD, (3, 1)), F32.reshape(3, -1) > 0.4),
        reference.edge_counts(F64.reshape(3, -1), np.tile(SPREAD, (3, 1)), F32.reshape(3, -1) > 0.4),
        np.int64,
    ),
    "exposure.interpolate": (
        (F64.reshape(3, -1), np.tile(SPREAD[1:] * 0.9, (3, 1)), np.tile(SPREAD[1:] ** 2, (3, 1))),
        reference.interpolate(
            F64.reshape(3, -1), np.tile(SPREAD[1:] * 0.9, (3, 1)), np.tile(SPREAD[1:] ** 2, (3, 1))
        ),
        np.float64,
    ),
    "hog.cell_histograms u8": hog_case(U8, 9, signed=False),
    "hog.cell_histograms f32": hog_case(F32, 9, signed=False),
    "hog.cell_histograms f64": hog_case(F64[..., :1].copy(), 7, signed=False),
    "hog.cell_histograms signed": hog_case(U8[..., :1].copy(), 9, signed=True),
    "hog.block_histograms": (
        (U8, 6, WEIGHTS, 18),
        reference.block_histograms(U8, 6, WEIGHTS, 18, 9),
        np.float32,
    ),
    "hog.block_histograms signed": (
        (F32[..., :1].copy(), 6, WEIGHTS, 9),
        reference.block_histograms(F32[..., :1], 6, WEIGHTS, 9, 9),
        np.float32,
    ),
    "uoctti.cell_features u8": ((U8, 5), reference.cell_features(U8, 5), np.float32),
    "uoctti.cell_features f32": ((F32, 4), reference.cell_features(F32, 4), np.float32),
    "uoctti.cell_features f64": (
        (F64[..., :1].copy(), 18),
        reference.cell_features(F64[..., :1], 18),
        np.float32,
    ),
    "uoctti.cell_features gray": (
        (U8[..., :1].copy(), 8),
        reference.cell_features(U8[..., :1], 8),
        np.float32,
    ),
    "patches.gather_patches": (
        (U8, np.array([[0, 0, 0], [2, 14, 28], [1, 3, 5]]), 7, np.float32(255)),
        reference.gather_patches(U8, [[0, 0, 0], [2, 14, 28], [1, 3, 5]], 7, 255),
        np.float32,
    ),
    "patches.dense_patches": (
        (F64, 5, 3, np.float32(1)),
        reference.dense_patches(F64, 5, 3, 1),
        np.float32,
    ),
    "products.multiply_by_filters": (
        (VECTORS, VECTORS[:45]),
        reference.multiply_by_filters(VECTORS, VECTORS[:45]),
        np.float32,
    ),
    "quantizer.encode": ((GROUPED, CENTROIDS), reference.encode(GROUPED, CENTROIDS), np.uint8),
    "quantizer.decode": ((CODES, CENTROIDS), reference.decode(CODES, CENTROIDS), np.float32),
    "quantizer.learn_centroids": (
        (GROUPED, DRAWN, 5),
        reference.learn_centroids(GROUPED, DRAWN, 5),
        np.float32,
    ),
    "mixture.posteriors": ((VECTORS, *MIXTURE), reference.posteriors(VECTORS, *MIXTURE), np.float32),
    "mixture.mean_posteriors": (
        (VECTORS, BOUNDS, *MIXTURE),
        reference.mean_posteriors(VECTORS, BOUNDS, *MIXTURE),
        np.float64,
    ),
    "mixture.mean_triangles": (
        (VECTORS, BOUNDS, WORDS),
        reference.mean_triangles(VECTORS, BOUNDS, WORDS),
        np.float64,
    ),
    "residuals.sum_residuals": (
        (VECTORS, BOUNDS, WORDS, ASSIGNMENTS),
        reference.sum_residuals(VECTORS, BOUNDS, WORDS, ASSIGNMENTS),
        np.float64,
    ),
    "patches.normalize_patches": (
        (VECTORS, np.float32(0.01)),
        reference.normalize_patches(VECTORS, 0.01),
        np.float32,
    ),
}


for fast in (False, True):
    windows, shares = _windows(3, fast)
    for name, images, step in (("u8", U8, 2), ("f32", F32, 3), ("f64", F64, 6)):
        images = np.ascontiguousarray(images[..., 0])
        grid = (19 - 9) // step + 1, (33 - 9) // step + 1
        spacing = math.gcd(step, 3) if fast else step
        CASES[f"sift.dense_sift {name}{' fast' * fast}"] = (
            (images, 3, step, spacing, 1, windows, shares, grid, 0),
            reference.dense_sift(images, 3, step, 1, windows, shares, grid),
            np.float32,
        )
SIDES = np.array([[0, 2], [1, 6], [5, 21]])
for images, levels in ((U8, 1), (F32, 1 << 22), (F64, 1 << 22)):
    lines, scale = images.reshape(3, 21, -1), 1 / 255 if levels == 1 else 1.0
    CASES[f"local_color.bin_colors {images.dtype}"] = (
        (lines, SIDES, SIDES + 3, np.result_type(images, np.float32).type(levels), scale / levels),
        reference.bin_colors(lines, SIDES, SIDES + 3, scale),
        np.float32,
    )
BLOCKS = F32[:, :, :34].reshape(3, 21, -1, 6)
ROW_OF, COL_OF = (
    np.array([[0, 5, 7, 20], [3, 3, 2, 1]]),
    np.array([[1, 2, 3, 4], [9, 0, 0, 16], [2, 3, 4, 5]]),
)
CASES["local_color.gather_bins"] = (
    (BLOCKS, ROW_OF, COL_OF, 0),
    reference.gather_bins(BLOCKS, ROW_OF, COL_OF),
    np.float32,
)
for images in (U8[..., 0].copy(), F32[..., 0].copy(), F64[..., 0].copy()):
    CASES[f"smooth.smooth {images.dtype}"] = (
        (images, SMOOTHING),
        reference.smooth(images, SMOOTHING),
        np.float32,
    )


def kernel(name):
    module, function = name.split()[0].split(".")
    return getattr(getattr(cpu, module), function)


def run(name, arguments, expected, dtype):
    out = np.full(expected.shape, 77, dtype)
    kernel(name)(*arguments, out)
    if np.issubdtype(dtype, np.integer):
        np.testing.assert_array_equal(out, expected)
    else:
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(out / scale, expected / scale, rtol=0, atol=4e-6)
    return out


@pytest.mark.parametrize("name", CASES)
def test_matches_the_reference(name):
    run(name, *CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_takes_read_only_arrays(name):
    arguments, expected, dtype = CASES[name]
    run(name, [frozen(a) for a in arguments], expected, dtype)


@pytest.mark.parametrize("name", CASES)
def test_threads_change_no_bit(name, monkeypatch):
    results = []
    for n in (1, 2, 5):
        monkeypatch.setattr(launch, "n_threads", n)
        monkeypatch.setattr(launch, "_pool", None)
        results.append(run(name, *CASES[name]).tobytes())
    assert len(set(results)) == 1


def frozen(argument):
    if isinstance(argument, np.ndarray):
        argument = argument.view()
        argument.flags.writeable = False
    return argument


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (VECTORS, WORDS),
        (COLORS, COLORS[:9]),
        (VECTORS[:1], WORDS[:1]),
        (MANY, MANY[:2500]),
        (MANY, MANY[3:6]),
    ],
)
def test_assign_matches_the_reference(vectors, words):
    out, distances = np.empty(len(vectors), np.int32), np.empty(len(vectors), np.float32)
    cpu.nearest.assign(vectors, words, out, distances)
    nearest, squares = reference.assign(vectors, words)
    np.testing.assert_array_equal(out, nearest)
    np.testing.assert_allclose(distances, squares, atol=1e-4)


@pytest.mark.parametrize("weights", [np.empty(0, np.int64), RNG.integers(0, 9, len(VECTORS))])
def test_sum_by_word_matches_the_reference(weights):
    assignments = RNG.integers(0, 6, len(VECTORS)).astype(np.int32)
    sums, counts = np.full((8, 37), 7.0), np.full(8, 7)
    cpu.nearest.sum_by_word(VECTORS, weights, assignments, sums, counts)
    expected_sums, expected_counts = reference.sum_by_word(VECTORS, weights, assignments, 8)
    np.testing.assert_allclose(sums, expected_sums, atol=1e-9)
    np.testing.assert_array_equal(counts, expected_counts)


def test_approach_matches_the_reference():
    distances = np.full(len(VECTORS), 60, np.float32)
    expected = reference.approach(VECTORS, VECTORS[5], distances)
    cpu.nearest.approach(VECTORS, VECTORS[5], distances)
    np.testing.assert_allclose(distances, expected, atol=1e-4)


@pytest.mark.parametrize("norm", ["l1", "l1-sqrt", "l2", "l2-hys"])
@pytest.mark.parametrize(("n_cols", "block_size"), [(7, 3), (900, 2), (5, 1)])
def test_normalize_blocks_matches_the_reference(norm, n_cols, block_size):
    planes = np.abs(RNG.normal(size=(5, 3, 6, n_cols))).astype(np.float32)
    constants = np.array([1e-5, 0.3 if norm == "l2-hys" else 0, 1e-3], np.float32)
    code = {
        "l1": cpu.blocks.L1,
        "l1-sqrt": cpu.blocks.L1_SQRT,
        "l2": cpu.blocks.L2,
        "l2-hys": cpu.blocks.L2_HYS,
    }[norm]
    out = np.full((3, 7 - block_size, n_cols + 1 - block_size, 5 * block_size**2), 77, np.float32)
    cpu.blocks.normalize_blocks(planes, block_size, code, constants, out)
    expected = reference.normalize_blocks(planes, block_size, norm, constants)
    np.testing.assert_allclose(out, expected, atol=1e-6)


def halves(patch_size, n_channels):
    """Return the places of the left half and the middle of a patch, and of their mirror images."""
    places = np.arange(patch_size**2 * n_channels).reshape(patch_size, patch_size, n_channels)
    half = patch_size // 2
    parts = slice(half), slice(half, patch_size - half)
    pairs = [[p[:, part].ravel() for part in parts] for p in (places, places[:, ::-1])]
    return [np.concatenate(pair).astype(np.uint64) for pair in pairs]


@pytest.mark.parametrize("patch_size", [4, 5])
@pytest.mark.parametrize("images", [U8, F32, F64[..., :1].copy()])
def test_mirror_parts_match_the_reference(patch_size, images):
    n_channels = images.shape[-1]
    center = RNG.normal(size=patch_size**2 * n_channels).astype(np.float32)
    white = np.float32(255 if images.dtype == np.uint8 else 1)
    expected = reference.mirror_parts(images, patch_size, white, 0.01, center)
    even, odd = (np.full(part.shape, 77, np.float32) for part in expected)
    options = patch_size, white, np.float32(0.01), center, *halves(patch_size, n_channels)
    cpu.patches.mirror_parts(images, *options, even, odd)
    np.testing.assert_allclose(even, expected[0], atol=5e-5)
    np.testing.assert_allclose(odd, expected[1], atol=5e-5)


# Cells that overlap; numbers of words and positions that are no multiples of what is computed at once.
PARTS = RNG.normal(size=(2, 3, 7, 19, 10)).astype(np.float32)
FILTERS = RNG.normal(size=(2, 600, 10)).astype(np.float32)
CELLS = np.array([[0, 3], [2, 5], [4, 7]]), np.array([[0, 11], [8, 19]])


@pytest.mark.parametrize("n_threads", [1, 5])
@pytest.mark.parametrize("mirrored", [True, False])
@pytest.mark.parametrize("kernel", ["pool_thresholds", "pool_triangles"])
def test_pooling_matches_the_reference(kernel, mirrored, n_threads, monkeypatch):
    monkeypatch.setattr(launch, "n_threads", n_threads)
    monkeypatch.setattr(launch, "_pool", None)
    even, odd = PARTS if mirrored else (PARTS[0], PARTS[1, ..., :0])
    if kernel == "pool_thresholds":
        filters = FILTERS if mirrored else (FILTERS[0], FILTERS[1, :, :0])
        options, shape = (*filters, np.float32(2.3)), (3, 3, 2, 2, 600)
    else:
        even, odd = even @ FILTERS[0].T, odd @ FILTERS[1, :, : odd.shape[-1]].T if mirrored else odd
        options, shape = (RNG.random(590).astype(np.float32),), (3, 3, 2, 1, 590)
    sums = np.full(shape, 0.5, np.float32)
    for first, last in ((0, 4), (4, 7)):  # a strip of rows at a time
        strips = [np.ascontiguousarray(part[:, first:last]) for part in (even, odd)]
        getattr(cpu.pooling, kernel)(*strips, *options, first, *CELLS, sums)
    expected = getattr(reference, kernel)(even, odd, *options, *CELLS)
    np.testing.assert_allclose(sums - np.float32(0.5), expected, atol=5e-6)


def test_moments_match_the_reference():
    out, likelihoods = np.full((3, 7, 75), 7.0), np.full(3, 7.0)
    cpu.mixture.moments(VECTORS, BOUNDS, *MIXTURE, out, likelihoods)
    expected_out, expected_likelihoods = reference.moments(VECTORS, BOUNDS, *MIXTURE)
    np.testing.assert_allclose(out, expected_out, atol=1e-5 * np.abs(expected_out).max())
    np.testing.assert_allclose(likelihoods, expected_likelihoods, rtol=1e-6)


# Compared exactly, over all inputs, with the library whose rounding they follow.
ELSEWHERE = {
    "color.rgb_to_hsv_bytes": "test_color",
    "color.rgb_to_gray_bytes": "test_color",
    "exposure.clahe_tables": "test_exposure",
    "exposure.clahe_blend": "test_exposure",
    "mixture.moments": "here",
    "nearest.assign": "here",
    "nearest.sum_by_word": "here",
    "nearest.approach": "here",
    "optimize.adapt_moments": "test_learn",
    "optimize.descend": "test_learn",
    "optimize.follow_momentum": "test_learn",
    "optimize.scale_by_squares": "test_learn",
    "patches.mirror_parts": "here",
    "pooling.pool_thresholds": "here",
    "pooling.pool_triangles": "here",
    "blocks.normalize_blocks": "here",
}


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="then all functions look like kernels")
def test_no_kernel_is_untested():
    tested = {name.split()[0] for name in CASES} | set(ELSEWHERE)
    kernels = {
        f"{module.name}.{name}"
        for module in pkgutil.iter_modules(cpu.__path__)
        if module.name not in ("cache", "launch", "instruction", "tile")
        for name, value in vars(getattr(cpu, module.name)).items()
        if inspect.isfunction(value) and not name.startswith("_")
        if value.__module__ == f"imfeat_kernels.cpu.{module.name}"
    }
    assert kernels == tested
