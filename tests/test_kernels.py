"""Every kernel against its reference: odd sizes, read-only arrays, any number of threads."""

import inspect
import pkgutil

import numpy as np
import pytest
import reference
from imfeat_kernels import cpu
from imfeat_kernels.cpu import launch

RNG = np.random.default_rng(0)
U8 = RNG.integers(0, 256, (3, 21, 35, 3), dtype=np.uint8)
F32 = RNG.random((3, 21, 35, 3), dtype=np.float32)
F64 = RNG.random((3, 21, 35, 3))
ROWS, COLS = np.array([0, 10, 21]), np.array([0, 11, 23, 35])
WHOLE_ROWS, WHOLE_COLS = np.array([0, 21]), np.array([0, 35])
COUNTS = RNG.integers(0, 50, (5, 256)).astype(np.uint32) * (RNG.random((5, 256)) < 0.3)
COUNTS[3], COUNTS[4], COUNTS[4, 7] = 0, 0, 99
TABLES = RNG.integers(0, 256, (3, 3, 256), dtype=np.uint8)
VECTORS = RNG.normal(size=(301, 37)).astype(np.float32)
WORDS = VECTORS[::43] + np.float32(0.1)
COLORS = RNG.random((700, 3)).astype(np.float32)
BINS = np.array([8, 3, 5])
EDGES = np.stack([np.append(np.linspace(0, 1, n + 1), np.ones(8 - n)) for n in BINS])
BYTES = np.array(
    [[0, 32, 64, 96, 128, 160, 192, 224], [0, 85, 170, 0, 0, 0, 0, 0], [0, 51, 102, 153, 204, 0, 0, 0]],
    np.uint8,
)
WEIGHTS = RNG.random((2, 12)).astype(np.float32)
SPREAD = np.linspace(0, 1, 257)


def hog_edges(n_bins, signed, dtype):
    angles = np.deg2rad(np.arange(n_bins) * (360 if signed else 180) / n_bins)
    below = angles < np.pi - 1e-9
    angles = np.where(below, angles, angles - np.pi)
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(dtype), int(below.sum())


def hog_case(images, n_bins, signed):
    edges, n_lower = hog_edges(n_bins, signed, np.float64 if images.dtype == np.float64 else np.float32)
    expected = reference.cell_histograms(images, 6, n_bins, signed)
    return (images, 6, edges, n_lower), expected, np.float32


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
    "histogram.normalize_counts": (
        (COUNTS, 3),
        np.sqrt(COUNTS / np.maximum(COUNTS.sum(1), 1)[:, None]),
        np.float32,
    ),
    "histogram.joint_counts regions": (
        (U8, 0, BINS, ROWS, COLS),
        reference.joint_counts(U8, 0, BINS, ROWS, COLS),
        np.uint32,
    ),
    "histogram.joint_counts whole": (
        (U8, 0, BINS, WHOLE_ROWS, WHOLE_COLS),
        reference.joint_counts(U8, 0, BINS, WHOLE_ROWS, WHOLE_COLS),
        np.uint32,
    ),
    "histogram.joint_counts hsv": (
        (U8, 1, BINS, ROWS, COLS),
        reference.joint_counts(U8, 1, BINS, ROWS, COLS),
        np.uint32,
    ),
    "histogram.channel_counts rgb": ((U8, ROWS, COLS), reference.channel_counts(U8, ROWS, COLS), np.uint32),
    "histogram.channel_counts whole": (
        (U8, WHOLE_ROWS, WHOLE_COLS),
        reference.channel_counts(U8, WHOLE_ROWS, WHOLE_COLS),
        np.uint32,
    ),
    "histogram.channel_counts gray": (
        (U8[..., :1].copy(), ROWS, COLS),
        reference.channel_counts(U8[..., :1], ROWS, COLS),
        np.uint32,
    ),
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
    "exposure.torchvision_tables": ((COUNTS,), reference.torchvision_tables(COUNTS), np.uint8),
    "exposure.opencv_tables": ((COUNTS,), reference.opencv_tables(COUNTS), np.uint8),
    "exposure.apply_tables": (
        (U8.reshape(3, -1, 3), TABLES),
        reference.apply_tables(U8.reshape(3, -1, 3), TABLES),
        np.uint8,
    ),
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
    "patches.normalize_patches": (
        (VECTORS, np.float32(0.01)),
        reference.normalize_patches(VECTORS, 0.01),
        np.float32,
    ),
}


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
        np.testing.assert_allclose(out / scale, expected / scale, rtol=0, atol=2e-6)
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
    ("vectors", "words"), [(VECTORS, WORDS), (COLORS, COLORS[:9]), (VECTORS[:1], WORDS[:1])]
)
def test_assign_matches_the_reference(vectors, words):
    out, distances = np.empty(len(vectors), np.int32), np.empty(len(vectors), np.float32)
    cpu.nearest.assign(vectors, words, out, distances)
    nearest, squares = reference.assign(vectors, words)
    np.testing.assert_array_equal(out, nearest)
    np.testing.assert_allclose(distances, squares, atol=1e-4)


def test_sum_by_word_matches_the_reference():
    assignments = RNG.integers(0, 6, len(VECTORS)).astype(np.int32)
    sums, counts = np.full((8, 37), 7.0), np.full(8, 7)
    cpu.nearest.sum_by_word(VECTORS, assignments, sums, counts)
    expected_sums, expected_counts = reference.sum_by_word(VECTORS, assignments, 8)
    np.testing.assert_allclose(sums, expected_sums, atol=1e-9)
    np.testing.assert_array_equal(counts, expected_counts)


def test_approach_matches_the_reference():
    distances = np.full(len(VECTORS), 60, np.float32)
    expected = reference.approach(VECTORS, VECTORS[5], distances)
    cpu.nearest.approach(VECTORS, VECTORS[5], distances)
    np.testing.assert_allclose(distances, expected, atol=1e-4)


@pytest.mark.parametrize("norm", ["l1", "l1-sqrt", "l2", "l2-hys"])
@pytest.mark.parametrize("n_cols", [7, 1200])
def test_normalize_blocks_matches_the_reference(norm, n_cols):
    n_cells = np.array([6, n_cols + 1])
    n_positions = 2 * n_cells.prod()
    values = np.abs(RNG.normal(size=5 * n_positions + n_cols + 2)).astype(np.float32)
    offsets = np.array(
        [p * n_positions + r * n_cells[1] + c for r in range(2) for c in range(2) for p in range(5)]
    )
    constants = np.array([1e-5, 0.3 if norm == "l2-hys" else 0, 1e-3], np.float32)
    code = {
        "l1": cpu.blocks.L1,
        "l1-sqrt": cpu.blocks.L1_SQRT,
        "l2": cpu.blocks.L2,
        "l2-hys": cpu.blocks.L2_HYS,
    }[norm]
    out = np.full((2, 5, n_cols, 20), 77, np.float32)
    cpu.blocks.normalize_blocks(values, n_cells, offsets, code, constants, out)
    expected = reference.normalize_blocks(values, n_cells, offsets, norm, constants, out.shape)
    np.testing.assert_allclose(out, expected, atol=1e-6)


# Compared exactly, over all inputs, with the library whose rounding they follow.
ELSEWHERE = {
    "color.rgb_to_hsv_bytes": "test_color",
    "color.rgb_to_gray_bytes": "test_color",
    "exposure.clahe_tables": "test_exposure",
    "exposure.clahe_blend": "test_exposure",
    "nearest.assign": "here",
    "nearest.sum_by_word": "here",
    "nearest.approach": "here",
    "blocks.normalize_blocks": "here",
}


def test_no_kernel_is_untested():
    tested = {name.split()[0] for name in CASES} | set(ELSEWHERE)
    kernels = {
        f"{module.name}.{name}"
        for module in pkgutil.iter_modules(cpu.__path__)
        if module.name != "launch"
        for name, value in vars(getattr(cpu, module.name)).items()
        if inspect.isfunction(value) and not name.startswith("_")
        if value.__module__ == f"imfeat_kernels.cpu.{module.name}"
    }
    assert kernels == tested
