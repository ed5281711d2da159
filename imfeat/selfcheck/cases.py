"""What every kernel is called with, to compare one package of kernels with another."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat.hog import _bin_edges, _block_weights
from imfeat.sift import _windows

Inputs = tuple[Any, ...]
NO_MASK = np.empty((0, 0, 0), np.bool_)


@dataclass(frozen=True)
class Case:
    """A call of a kernel.

    Attributes
    ----------
    kernel : str
        Module and name.
    inputs : tuple
        What it is given.
    results : tuple of arrays
        What it fills, as it finds it.
    tolerance : float
        By how much results may differ from those of the CPU; 0 for not at all.
    items : int
        Pixels, descriptors or numbers that are worked on.
    """

    kernel: str
    inputs: Inputs
    results: tuple[Array, ...]
    tolerance: float
    items: int


def make_cases(images: Array, *, n_vectors: int = 300, seed: int = 0) -> Iterator[Case]:
    """Yield calls of all kernels, on uint8 images (n, height, width, 3) of at least 24 x 24 pixels."""
    rng = np.random.default_rng(seed)
    yield from _color_cases(images)
    yield from _histogram_cases(images, rng)
    yield from _exposure_cases(images, rng)
    yield from _hog_cases(images)
    yield from _patch_cases(images, rng)
    yield from _descriptor_cases(images)
    yield from _word_cases(n_vectors, rng)
    yield from _pooling_cases(rng)


def _case(kernel: str, inputs: Inputs, results: list[Any], tolerance: float, items: int) -> Case:
    filled = [room if isinstance(room, np.ndarray) else np.zeros(*room) for room in results]
    return Case(kernel, inputs, tuple(filled), tolerance, items)


def _color_cases(images: Array) -> Iterator[Case]:
    pixels, n, white = images.reshape(-1), images.size // 3, np.float32(255)
    floats, one = (pixels / white).astype(np.float32), np.float32(1)
    single, byte = (3 * n, np.float32), (3 * n, np.uint8)
    for values, unit in ((pixels, white), (floats, one)):
        yield _case("color.rgb_to_hsv", (values, unit), [single], 1e-6, n)
        yield _case("color.hsv_to_rgb", (values, unit), [single], 1e-6, n)
        yield _case("color.rgb_to_hsi", (values, unit), [single], 1e-6, n)
    yield _case("color.rgb_to_hsv_bytes", (pixels,), [byte], 0, n)
    yield _case("color.rgb_to_gray", (floats,), [(n, np.float32)], 1e-6, n)
    yield _case("color.rgb_to_gray_bytes", (pixels,), [(n, np.uint8)], 0, n)
    chunks = (-(-floats.size // (1 << 16)), np.int64)
    yield _case("check.count_outside", (floats, np.float32(0.1), np.float32(0.6)), [chunks], 0, 3 * n)
    for n_colors in (5, 300):
        palette = np.random.default_rng(n_colors).integers(0, 256, (n_colors, 3), dtype=np.uint8)
        room = (n, np.uint8 if n_colors <= 256 else np.uint16)
        yield _case("palette.nearest_colors", (pixels, palette), [room], 0, n)


def _histogram_cases(images: Array, rng: np.random.Generator) -> Iterator[Case]:
    inputs: Inputs
    room: Any
    n_images, height, width, _ = images.shape
    n, mask = n_images * height * width, rng.random(images.shape[:3]) < 0.5
    rows, cols = np.array([0, height // 3, height]), np.array([0, width // 2, width - 5, width])
    room = n_images, len(rows) - 1, len(cols) - 1
    for norm in range(4):
        for space, bins in ((0, (4, 5, 6)), (1, (8, 8, 8)), (0, (32, 32, 16))):
            result = ((*room, math.prod(bins)), np.float32)
            inputs = images, mask if norm == 2 else NO_MASK, space, np.array(bins), rows, cols, norm
            yield _case("histogram.joint_histograms", inputs, [result], 1e-6, n)
        inputs = images, NO_MASK, np.array([4, 256, 6]), rows, cols, norm
        yield _case("histogram.channel_histograms", inputs, [((*room, 266), np.float32)], 1e-6, n)
    counts = rng.integers(0, 1000, (5, 300)).astype(np.uint32)
    yield _case("histogram.normalize_counts", (counts, 1), [((5, 300), np.float32)], 1e-6, counts.size)
    n_bins = np.array([8, 3, 256])
    edges, smallest = np.ones((3, 257)), np.zeros((3, 257), np.uint8)
    for c, k in enumerate(n_bins):
        edges[c, : k + 1], smallest[c, :k] = np.linspace(0, 1, k + 1), -(-255 * np.arange(k) // k)
    floats = (images.reshape(-1) / 255).astype(np.float32)
    inputs = floats, n_bins, edges, smallest
    yield _case("histogram.to_bytes", inputs, [(3 * n, np.uint8)], 0, n)


def _exposure_cases(images: Array, rng: np.random.Generator) -> Iterator[Case]:
    inputs: Inputs
    n_images, height, width, _ = images.shape
    n, none = n_images * height * width, np.empty((0, 0), np.bool_)
    gray, odd = np.ascontiguousarray(images[..., 1]), height * width - 1
    of_words = height * width // 8 * 8
    for pixels in (images.reshape(n_images, -1, 3), gray.reshape(n_images, -1, 1)):
        for part in (pixels[:, :odd].copy(), pixels[:, :of_words].copy()):
            for convention in (0, 1):
                inputs = part, none, convention
                yield _case("exposure.equalize_bytes", inputs, [(part.shape, np.uint8)], 0, n)
        mask = rng.random(part.shape[:2]) < 0.3
        yield _case("exposure.equalize_bytes", (part, mask, 0), [(part.shape, np.uint8)], 0, n)
    flat: Array = images.reshape(-1, 3)
    for pixels in (flat, (flat / 255).astype(np.float32)):
        values = np.ascontiguousarray(pixels[::-1, 0])
        yield _case("exposure.largest_channel", (pixels,), [(n, pixels.dtype)], 0, n)
        exact = 0 if pixels.dtype == np.uint8 else 1e-6
        yield _case("exposure.scale_to_value", (pixels, values), [(pixels.shape, pixels.dtype)], exact, n)
    planes = (gray.reshape(n_images, -1) / 255).astype(np.float32)
    planes[:, 0], planes[:, 1] = 0, 1
    edges = np.stack([np.histogram_bin_edges(plane, 256) for plane in planes])
    inputs = planes, edges, np.ones(planes.shape, np.bool_)
    yield _case("exposure.edge_counts", inputs, [((n_images, 256), np.int64)], 0, n)
    inputs = (
        planes,
        ((edges[:, 1:] + edges[:, :-1]) / 2).astype(float),
        np.sort(rng.random((n_images, 256)), 1),
    )
    yield _case("exposure.interpolate", inputs, [planes], 1e-5, n)
    tiled = np.ascontiguousarray(gray[:, : height // 6 * 6, : width // 4 * 4])
    tables = ((n_images, 6, 4, 256), np.uint8)
    for clip in (0, 1, 5, 1000):
        yield _case("exposure.clahe_tables", (tiled, clip), [tables], 0, n)
    table = rng.integers(0, 256, tables[0], dtype=np.uint8)
    inputs = tiled, table, height // 6, width // 4
    yield _case("exposure.clahe_blend", inputs, [(tiled.shape, np.uint8)], 0, n)


def _hog_cases(images: Array) -> Iterator[Case]:
    inputs: Inputs
    room: Any
    n_images, height, width, _ = images.shape
    n, gray = n_images * height * width, np.ascontiguousarray(images[..., :1])
    floats = (images / 255).astype(np.float32)
    for pixels, size, bins, signed in ((images, 8, 9, False), (floats, 7, 9, True), (gray, 5, 300, False)):
        room = ((bins, n_images, height // size, width // size), np.float32)
        inputs = pixels, size, *_bin_edges(bins, signed, np.float32)
        tolerance = 1e-5 if pixels is floats else 1e-3
        yield _case("hog.cell_histograms", inputs, [room], tolerance, n)
    for size, block, bins, turns in ((8, 2, 9, 18), (8, 1, 9, 9), (5, 3, 6, 12)):
        shape = block, block, bins, n_images, height // size - block + 1, width // size - block + 1
        inputs = floats, size, _block_weights(size, block), turns
        yield _case("hog.block_histograms", inputs, [(shape, np.float32)], 1e-4, n)
    planes = np.random.default_rng(1).random((9, n_images, 6, 7)).astype(np.float32)
    for norm, block in ((0, 2), (1, 1), (2, 2), (3, 3), (4, 2)):
        inputs = planes, block, norm, np.array([1e-5, 1e-3, 1e-4], np.float32)
        room = ((n_images, 7 - block, 8 - block, block * block * 9), np.float32)
        yield _case("blocks.normalize_blocks", inputs, [room], 2e-6, planes.size)
    for pixels, size in ((images, 8), (floats, 5), (gray, 4), (images, 23)):
        room = ((n_images, (height + size // 2) // size, (width + size // 2) // size, 31), np.float32)
        yield _case("uoctti.cell_features", (pixels, size), [room], 2e-4, n)


def _patch_cases(images: Array, rng: np.random.Generator) -> Iterator[Case]:
    inputs: Inputs
    room: Any
    n_images, height, width, _ = images.shape
    white, d = np.float32(255), 6 * 6 * 3
    count = max(9, images.size // 200)
    corners = [rng.integers(0, limit, count) for limit in (n_images, height - 5, width - 5)]
    room = ((count, d), np.float32)
    inputs = images, np.stack(corners, 1), 6, white
    yield _case("patches.gather_patches", inputs, [room], 1e-6, count)
    shape = n_images, (height - 6) // 3 + 1, (width - 6) // 3 + 1
    room = ((*shape, d), np.float32)
    yield _case("patches.dense_patches", (images, 6, 3, white), [room], 1e-6, math.prod(shape))
    patches = rng.random((9, d)).astype(np.float32)
    room = (patches.shape, np.float32)
    yield _case("patches.normalize_patches", (patches, np.float32(0.01)), [room], 5e-6, 9)
    size = 22
    places = np.arange(size * size * 3).reshape(size, size, 3)
    sides = [half[:, : size // 2].reshape(-1).astype(np.uint64) for half in (places, places[:, ::-1])]
    center = rng.random(places.size).astype(np.float32)
    parts = ((n_images, height - size + 1, width - size + 1, places.size // 2), np.float32)
    inputs = images, size, white, np.float32(0.01), center, *sides
    yield _case("patches.mirror_parts", inputs, [parts, parts], 5e-5, math.prod(parts[0][:3]))


def _descriptor_cases(images: Array) -> Iterator[Case]:
    inputs: Inputs
    room: Any
    n_images, height, width, _ = images.shape
    gray = np.ascontiguousarray(images[..., 1])
    floats = (gray / 255).astype(np.float32)
    for pixels, tolerance in ((gray, 1e-4), (floats, 1e-6)):
        weights = np.array([0.2, 0.1, 0.05], np.float32)
        room = (pixels.shape, np.float32)
        yield _case("smooth.smooth", (pixels, weights), [room], tolerance, pixels.size)
    for pixels, size, step, fast in ((gray, 4, 4, False), (floats, 4, 3, True), (floats, 5, 6, False)):
        windows, spacing = _windows(size, fast), math.gcd(step, size) if fast else step
        grid = (height - 3 * size - 3) // step, (width - 3 * size - 3) // step
        inputs = pixels, size, step, spacing, 2, *windows, grid, 0
        room = ((n_images, grid[0] * grid[1], 128), np.float32)
        yield _case("sift.dense_sift", inputs, [room], 2e-5, n_images * grid[0] * grid[1])
    rows, cols = np.array([[0, 4], [3, 9], [9, height]]), np.array([[0, 4], [3, 9], [9, width], [20, 21]])
    for pixels, bits in ((images, 0), ((images / 255).astype(np.float32), 20)):
        scale = 1 / 255 if bits == 0 else 1 / (1 << bits)
        inputs = pixels.reshape(n_images, height, -1), rows, cols, np.float32(1 << bits), scale
        room = ((n_images, 3, 4, 6), np.float32)
        yield _case("local_color.bin_colors", inputs, [room], 1e-6, images.size // 3)
    bins = np.random.default_rng(2).random((n_images, 9, 8, 6)).astype(np.float32)
    which = [np.random.default_rng(3).integers(0, 8, (count, 4)) for count in (5, 6)]
    room = ((n_images, 30, 96), np.float32)
    yield _case("local_color.gather_bins", (bins, *which, 0), [room], 0, 30 * n_images)


def _word_cases(n: int, rng: np.random.Generator) -> Iterator[Case]:
    bounds = np.array([0, n // 3, n // 3, n])
    for d, k in ((20, 150), (3, 5), (64, 1)):
        x, words = (rng.normal(size=(count, d)).astype(np.float32) for count in (n, k))
        of, weights = rng.integers(0, k, n).astype(np.int32), rng.random(k).astype(np.float32)
        weights[1:2] = 0
        mixture = weights / weights.sum(), words, (rng.random((k, d)) + 0.5).astype(np.float32)
        near, square = (n, np.int32), (n, np.float32)
        yield _case("nearest.assign", (x, words), [near, square], 1e-3, n)
        for often in (np.empty(0, np.int64), rng.integers(1, 4, n)):
            sums, counts = (words.shape, np.float64), (k, np.int64)
            yield _case("nearest.sum_by_word", (x, often, of), [sums, counts], 1e-3, n)
        yield _case("nearest.approach", (x, words[0]), [np.full(n, d, np.float32)], 1e-4, n)
        yield _case("products.multiply_by_filters", (x, words), [((n, k), np.float32)], 1e-4, n)
        room = ((3, k, d), np.float64)
        yield _case("residuals.sum_residuals", (x, bounds, words, of), [room], 1e-3, n)
        yield _case("mixture.posteriors", (x, *mixture), [((n, k), np.float32)], 1e-4, n)
        rooms = [((3, k, 1 + 2 * d), np.float64), (3, np.float64)]
        yield _case("mixture.moments", (x, bounds, *mixture), rooms, 0.05, n)
        means = ((3, k), np.float64)
        yield _case("mixture.mean_posteriors", (x, bounds, *mixture), [means], 1e-4, n)
        yield _case("mixture.mean_triangles", (x, bounds, words), [means], 1e-4, n)
    for size, k, groups in ((8, 256, 3), (3, 17, 8), (4, 5, 1)):
        x = rng.normal(size=(n, size * groups)).astype(np.float32)
        centroids = rng.normal(size=(groups, size, k))
        centroids = centroids.astype(np.float32)
        codes = rng.integers(0, k, (n, groups), dtype=np.uint8)
        yield _case("quantizer.encode", (x, centroids), [((n, groups), np.uint8)], 0, n)
        flipped = np.ascontiguousarray(centroids.transpose(0, 2, 1))
        yield _case("quantizer.decode", (codes, flipped), [(x.shape, np.float32)], 0, n)
        start = np.stack([rng.choice(n, k, replace=n < k) for _ in range(groups)])
        yield _case("quantizer.learn_centroids", (x, start, 2), [(centroids.shape, np.float32)], 1e-4, n)


def _pooling_cases(rng: np.random.Generator) -> Iterator[Case]:
    inputs: Inputs

    def normal(*shape: int) -> Array:
        return rng.normal(size=shape).astype(np.float32)

    cells = np.array([[0, 4], [2, 9]]), np.array([[0, 3], [3, 6], [1, 5]])
    for mirrored in (True, False):
        odd = normal(2, 5, 6, 7) if mirrored else np.empty((2, 5, 6, 0), np.float32)
        filters = normal(40, 10), normal(40, odd.shape[3])
        inputs = normal(2, 5, 6, 10), odd, *filters, np.float32(0.3), 2, *cells
        yield _case("pooling.pool_thresholds", inputs, [((2, 2, 3, 2, 40), np.float32)], 1e-4, 60)
        odd = normal(2, 5, 6, 45) if mirrored else odd
        inputs = normal(2, 5, 6, 47), odd, 10 * rng.random(40).astype(np.float32), 2, *cells
        yield _case("pooling.pool_triangles", inputs, [((2, 2, 3, 1, 40), np.float32)], 1e-4, 60)
