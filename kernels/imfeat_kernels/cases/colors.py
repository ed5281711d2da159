"""Cases of the kernels for colours, brightness and size.

A maker takes images (n_images, height, width, 3) of one dtype and a generator of random numbers.
"""

import math

import numpy as np

from imfeat_kernels import resampling, tables
from imfeat_kernels.cases.case import F32, case, gray_of, is_bytes, white_of
from imfeat_kernels.cpu import _histogram, equalize, histogram

NO_MASK = np.empty((0, 0, 0), np.bool_)
NO_PIXEL_MASK = NO_MASK.reshape(0, 0)


def color_cases(images, rng):
    """Yield the cases of ``check``, ``color``, ``lab``, ``ycbcr`` and ``palette``."""
    pixels = images.reshape(-1)
    n = images.size // 3
    white = white_of(images)
    for name in ("rgb_to_hsv", "hsv_to_rgb", "rgb_to_hsi"):
        yield case(f"color.{name}", (pixels, white), [(3 * n, F32)], 1e-6, n)
    yield case("ycbcr.rgb_to_ycbcr", (pixels, F32(white)), [(3 * n, F32)], 1e-6, n)
    inputs = pixels, F32(white), F32(128 if is_bytes(images) else 0.5)
    yield case("ycbcr.ycbcr_to_rgb", inputs, [(3 * n, F32)], 1e-6, n)
    if not is_bytes(images):
        yield case("lab.rgb_to_lab", (pixels,), [(3 * n, F32)], 1e-5, n)
        yield case("color.rgb_to_gray", (pixels,), [(n, F32)], 1e-6, n)
        low, high = pixels.dtype.type(0.1), pixels.dtype.type(0.6)
        n_chunks = -(-pixels.size // (1 << 16))
        yield case("check.count_outside", (pixels, low, high), [(n_chunks, np.int64)], 0, 3 * n)
        yield case("check.clip", (pixels, low, high), [(3 * n, pixels.dtype)], 0, 3 * n)
        return
    yield case("color.rgb_to_hsv_bytes", (pixels,), [(3 * n, np.uint8)], 0, n)
    yield case("color.hsv_to_rgb_bytes", (pixels,), [(3 * n, np.uint8)], 0, n)
    yield case("color.rgb_to_gray_bytes", (pixels,), [(n, np.uint8)], 0, n)
    yield case("ycbcr.rgb_to_ycbcr_bytes", (pixels,), [(3 * n, np.uint8)], 0, n)
    yield case("lab.rgb_to_lab_bytes", (pixels,), [(3 * n, F32)], 1e-5, n)
    lab = (pixels.reshape(-1, 3) * [100 / 255, 0.8, 0.8] - [0, 100, 100]).astype(F32)
    yield case("lab.lab_to_rgb", (lab.reshape(-1),), [(3 * n, F32)], 1e-6, n)
    for n_levels in (16, 3):
        results = [((n_levels,) * 3, np.uint32)]
        yield case("palette.count_colors", (pixels % n_levels,), results, 0, n, read_only=())
    for n_colors, dtype in ((5, np.uint8), (70, np.uint8), (300, np.uint16)):
        palette = rng.integers(0, 256, (n_colors, 3), dtype=np.uint8)
        yield case("palette.nearest_colors", (pixels, palette), [(n, dtype)], 0, n)
        small = images[:, :24, :40].copy()  # a row waits for the one above it
        results = [(small.shape[:3], dtype)]
        yield case("dither.dither_colors", (small, palette), results, 0, small.size // 3)


def histogram_cases(images, rng):
    """Yield the cases of ``histogram``."""
    n_images, height, width, _ = images.shape
    n = n_images * height * width
    if not is_bytes(images):
        n_bins = np.array([8, 3, 256])
        for ranges in (tables.UNIT_RANGES, ((-1, 0.7), (0.1, 5), (-0.2, 1.1))):
            inputs = images.reshape(-1), n_bins, *tables.bytes_of_bins(n_bins, ranges)
            yield case("histogram.to_bytes", inputs, [(3 * n, np.uint8)], 0, n, read_only=())
        return
    mask = rng.random(images.shape[:3]) < 0.5
    rows = np.array([0, height // 3, height])
    cols = np.array([0, width // 2, width - 5, width])
    image = np.array([0, height]), np.array([0, width])
    sizes = (_histogram.RGB, (4, 5, 6)), (_histogram.HSV, (8, 8, 8)), (_histogram.RGB, (32, 32, 16))
    for norm in histogram.NORMS.values():
        for bounds, counted in (((rows, cols), mask if norm == _histogram.L2 else NO_MASK), (image, NO_MASK)):
            shape = n_images, len(bounds[0]) - 1, len(bounds[1]) - 1
            for space, bins in sizes:
                inputs = images, counted, space, np.array(bins), *bounds, norm
                result = ((*shape, math.prod(bins)), F32)
                yield case("histogram.joint_histograms", inputs, [result], _of_counts(norm), n)
            inputs = images, counted, np.array([4, 256, 6]), *bounds, norm
            result = ((*shape, 266), F32)
            yield case("histogram.channel_histograms", inputs, [result], _of_counts(norm), n, read_only=())
        for dtype in (np.uint32, np.int64):
            counts = rng.integers(0, 1000, (5, 300)).astype(dtype)
            counts[3] = 0
            inputs = counts, norm
            result = (counts.shape, F32)
            yield case(
                "histogram.normalize_counts", inputs, [result], _of_counts(norm), counts.size, read_only=()
            )


def _of_counts(norm):
    """Return the tolerance of histograms: counts are exact."""
    return 1e-6 if norm else 0


def equalization_cases(images, rng):
    """Yield the cases of ``brightness``, of all kinds of ``equalize``, and of ``clahe``."""
    n_images, height, width, _ = images.shape
    n = n_images * height * width
    pixels = images.reshape(-1, 3)
    values = np.ascontiguousarray(pixels[::-1, 0])
    yield case("brightness.largest_channel", (pixels,), [(n, pixels.dtype)], 0, n)
    tolerance = 0 if is_bytes(images) else 1e-6
    results = [(pixels.shape, pixels.dtype)]
    yield case("brightness.scale_to_value", (pixels, values), results, tolerance, n)
    flat = images.reshape(-1)
    for dtype in ("float32",) if images.dtype == F32 else ("float32", "float64"):
        yield case("brightness.square_roots", (flat,), [(flat.shape, np.dtype(dtype))], 1e-6, flat.size)
    if is_bytes(images):
        yield from _byte_equalization_cases(images, rng)
        return
    planes = gray_of(images).reshape(n_images, -1)
    planes[:, 0] = 0
    planes[:, 1] = 1
    edges = np.stack([np.histogram_bin_edges(plane, 256) for plane in planes]).astype(planes.dtype)
    mask = rng.random(planes.shape) < 0.7
    centers = (edges[:, 1:] + edges[:, :-1]) / 2
    heights = np.sort(rng.random((n_images, 256)), 1)
    for counted, read_only in ((NO_PIXEL_MASK, (0,)), (mask, ()), (mask[:1], ())):
        inputs = planes, edges, counted
        results = [((n_images, 256), np.int64)]
        yield case("equalize_floats.edge_counts", inputs, results, 0, n, read_only=read_only)
        results = [((n_images, 2), planes.dtype)]
        yield case("equalize_floats.extremes", (planes, counted), results, 0, n, read_only=read_only)
        results = [(planes.shape, planes.dtype)]
        inputs = planes, centers, heights
        yield case("equalize_floats.interpolate", inputs, results, 1e-5, n, read_only=read_only)
    ends = np.array([[0, 1], [-3, 7], [0.3, 0.3], [np.inf, -np.inf], [0.5, 0.5000001]], planes.dtype)
    results = [((len(ends), width), planes.dtype) for width in (257, 256)]
    yield case("equalize_floats.lay_edges", (ends,), [*results, (len(ends), np.int64)], 0, n, read_only=())
    counts = np.concatenate([np.zeros((1, 256), np.int64), rng.integers(0, n, (n_images, 256))])
    yield case(
        "equalize_floats.cumulate", (counts,), [(counts.shape, np.float64)], 1e-12, counts.size, read_only=()
    )
    few = mask & (np.arange(n_images)[:, None] > 0)  # none in the first
    yield case("equalize_floats.extremes", (planes, few), [((n_images, 2), planes.dtype)], 0, n)
    inputs = planes.reshape(-1), planes.dtype.type(0.2), planes.dtype.type(0.7)
    yield case("equalize_floats.stretch", inputs, [(planes.size, np.float64)], 1e-12, n)


def _byte_equalization_cases(images, rng):
    n_images, height, width, _ = images.shape
    n = n_images * height * width
    for flat in (images.reshape(n_images, -1, 3), gray_of(images).reshape(n_images, -1, 1)):
        # Sizes that 8-byte words divide and that they don't.
        for n_pixels in (height * width - 1, height * width // 8 * 8):
            pixels = flat[:, :n_pixels].copy()
            results = [(pixels.shape, np.uint8)]
            for convention in equalize.CONVENTIONS.values():
                inputs = pixels, NO_PIXEL_MASK, convention
                yield case("equalize.equalize_bytes", inputs, results, 0, n)
        mask = rng.random(pixels.shape[:2]) < 0.3
        inputs = pixels, mask, equalize.TORCHVISION
        yield case("equalize.equalize_bytes", inputs, results, 0, n, read_only=(0, 1))
    gray = gray_of(images)
    tiled = np.ascontiguousarray(gray[:, : height // 6 * 6, : width // 4 * 4])
    shape = n_images, 6, 4, 256
    for clip, read_only in ((0, (0,)), (1, ()), (5, (0,)), (1000, ())):
        results = [(shape, np.uint8)]
        yield case("clahe.clahe_tables", (tiled, clip), results, 0, n, read_only=read_only)
    inputs = tiled, rng.integers(0, 256, shape, dtype=np.uint8), height // 6, width // 4
    for read_only in ((0,), ()):
        yield case("clahe.clahe_blend", inputs, [(tiled.shape, np.uint8)], 0, n, read_only=read_only)
    words = (tiled.astype(np.uint16) << 8) + tiled[:, ::-1]
    yield from _word_cases(words, rng)
    shape = (*shape[:3], 1 << 16)
    for clip, read_only in ((1, (0,)), (3, ())):
        yield case("clahe.clahe_tables", (words, clip), [(shape, np.uint16)], 0, n, read_only=read_only)
    inputs = words, rng.integers(0, 1 << 16, shape, dtype=np.uint16), height // 6, width // 4
    for read_only in ((0,), ()):
        yield case("clahe.clahe_blend", inputs, [(words.shape, np.uint16)], 0, n, read_only=read_only)


def _word_cases(words, rng):
    """Yield the cases of integers of 16 bits, words (n_images, height, width)."""
    planes = words.reshape(len(words), -1)
    signed = (planes.astype(np.int32) - 32768).astype(np.int16)
    mask = rng.random(planes.shape) < 0.4
    none = mask & (np.arange(len(mask))[:, None] > 0)  # in the first
    for values, counted, largest in (
        (planes, NO_PIXEL_MASK, 65535),
        (planes % 300 + 1000, mask[:1], 65535),
        (signed, none, 32767),
    ):
        results = [(values.shape, values.dtype)]
        inputs = values, counted, largest
        yield case("equalize_words.equalize_words", inputs, results, 0, values.size, read_only=(1,))
    for dtype in (np.uint16, np.int16):
        pixels = rng.permuted(planes.reshape(-1)[: planes.size // 3 * 3] >> 1).reshape(-1, 3).astype(dtype)
        pixels[::7] = 0
        values = np.ascontiguousarray(pixels[::-1, 0])
        yield case("brightness.largest_channel", (pixels,), [(values.shape, dtype)], 0, len(pixels))
        results = [(pixels.shape, dtype)]
        yield case("brightness.scale_to_value", (pixels, values), results, 0, len(pixels))


def _sorting_cases(pixels, rng):
    """Yield a case of planes shorter than a block, and one of longer ones, with equal values."""
    planes = np.ascontiguousarray(pixels.transpose(0, 2, 1)).reshape(-1, pixels.shape[1])
    longer = rng.integers(0, 1000, (2, 2100)).astype(pixels.dtype)
    for values in (planes, longer):
        yield case("sorting.sort_planes", (values,), [(values.shape, values.dtype)], 0, values.size)


def matching_cases(images, rng):
    """Yield the cases of ``matching`` and ``sorting``."""
    n_images, height, width, _ = images.shape
    n = n_images * height * width
    if not is_bytes(images):
        pixels = images.reshape(n_images, -1, 3).copy()
        pixels[:, ::3] = rng.random(pixels[:, ::3].shape)
        yield from _sorting_cases(pixels, rng)
        ordered = np.sort(pixels.transpose(0, 2, 1).reshape(3 * n_images, -1))
        for reference in (np.sort(ordered[:3, : n // 2] ** 2), ordered[::-1].copy()):
            inputs = pixels, ordered, reference
            yield case("matching.match_floats", inputs, [(pixels.shape, pixels.dtype)], 1e-6, 3 * n)
        return
    for pixels in (images.reshape(n_images, -1, 3), gray_of(images).reshape(n_images, -1, 1)):
        n_channels = pixels.shape[2]
        results = [((n_images, n_channels, 256), np.uint32)]
        yield case("matching.count_bytes", (pixels,), results, 0, n)
        for n_wanted, top in ((n_images, 30), (1, 2)):
            wanted = rng.integers(0, top, (n_wanted, n_channels, 256), dtype=np.uint32)
            wanted[:, 0, :50] = 0
            wanted[:, :, 77] += 1
            yield case("matching.match_bytes", (pixels, wanted), [(pixels.shape, np.uint8)], 0, n)


def resize_cases(images, rng):
    """Yield the cases of ``resize``, which takes no float64."""
    if images.dtype == np.float64:
        return
    height, width = images.shape[1:3]
    gray = gray_of(images)[..., None]
    for pixels, size, resample, box, down_first in (
        (images, (11, 14), "bilinear", (0, 0, width, height), False),
        (gray, (40, 5), "bicubic", (1.5, 2, width - 3.25, height), False),
        (images, (5, width), "lanczos", (0, 0, width, height), False),  # whose columns stay
        (images, (7, 40), "hamming", (3, 4.5, width - 1, height - 2), True),
        (images[:, :, :3].copy(), (7, 1), "box", (0, 0, 3, height), True),
        (gray[:, :, :9].copy(), (30, 4), "bilinear", (0, 0.5, 9, 20), False),
    ):
        _, height_in, width_in, n_channels = pixels.shape
        columns = resampling.axis_weights(width_in, box[0], box[2], size[1], resample, pixels.dtype)
        rows = resampling.axis_weights(height_in, box[1], box[3], size[0], resample, pixels.dtype)
        results = [((len(pixels), *size, n_channels), pixels.dtype)]
        inputs = pixels, *columns, *rows, down_first
        tolerance = 0 if is_bytes(images) else 1e-6
        yield case("resize.resize", inputs, results, tolerance, pixels.size // n_channels)


MAKERS = color_cases, histogram_cases, equalization_cases, matching_cases, resize_cases
