"""Cases of the kernels for gradients, patches and descriptors of images.

A maker takes images (n_images, height, width, 3) of one dtype and a generator of random numbers.
"""

import math

import numpy as np

from imfeat_kernels import tables
from imfeat_kernels.cases.case import F32, case, gray_of, is_bytes, white_of
from imfeat_kernels.cpu import blocks, directions, glcm, lbp

NO_MASK = np.empty((0, 0, 0), np.bool_)


def hog_cases(images, rng):
    """Yield the cases of ``hog`` and ``uoctti``."""
    n_images, height, width, _ = images.shape
    n = n_images * height * width
    gray = gray_of(images)[..., None]
    dtype = np.float64 if images.dtype == np.float64 else F32
    scale = 255 if is_bytes(images) else 1  # of magnitudes
    mask = rng.random(images.shape[:3]) < 0.7
    bins = 300 if is_bytes(images) else 7
    for pixels, chosen, corner, cell_size, n_bins, signed in (
        (images, NO_MASK, (0, 0), (8, 8), 9, False),
        (images, mask, (1, 2), (7, 5), 9, True),
        (gray, NO_MASK, (0, 3), (5, 1), bins, False),
    ):
        grid = (height - corner[0]) // cell_size[0], (width - corner[1]) // cell_size[1]
        inputs = pixels, chosen, corner, cell_size, *tables.bin_edges(n_bins, signed, dtype)
        results = [((n_bins, n_images, *grid), F32)]
        yield case("hog.cell_histograms", inputs, results, 4e-6 * scale, n, read_only=(0, 1))
    for chosen, corner, cell_size, block_size, stride, n_bins, turns in (
        (NO_MASK, (0, 0), (8, 8), (2, 2), (8, 8), 9, 18),
        (mask, (1, 2), (5, 4), (2, 3), (3, 6), 6, 12),
        (mask, (0, 0), (8, min(20, width // 2)), (2, 2), (5, 9), 18, 36),  # wide for a GPU
        (NO_MASK, (0, 1), (8, 6), (1, 2), (8, 12), 9, 9),
    )[: 3 if is_bytes(images) else 4]:
        sides = [c * b for c, b in zip(cell_size, block_size, strict=True)]
        grid = [
            (size - start - side) // step + 1
            for size, start, side, step in zip((height, width), corner, sides, stride, strict=True)
        ]
        weights = [
            tables.block_weights(c, b, sum(sides) / 8) for c, b in zip(cell_size, block_size, strict=True)
        ]
        results = [((*block_size, n_bins, n_images, *grid), F32)]
        inputs = images, chosen, corner, cell_size, stride, *weights, turns
        yield case("hog.block_histograms", inputs, results, 2e-5 * scale, n, read_only=(0, 1))
    large = 70 if min(height, width) >= 40 else 23
    for pixels, cell_size in ((images, 8), (images, 5), (gray, 4), (images, 23), (images, large)):
        grid = (height + cell_size // 2) // cell_size, (width + cell_size // 2) // cell_size
        result = ((n_images, *grid, 31), F32)
        yield case("uoctti.cell_features", (pixels, cell_size), [result], 2e-4, n)
    for pixels, cell_size, orientations, shared in (
        (images, 8, 12, False),
        (gray, 5, 17, True),
        (images, large, 4, True),
    ):
        grid = (height + cell_size // 2) // cell_size, (width + cell_size // 2) // cell_size
        inputs = pixels, cell_size, tables.directions(orientations), shared
        results = [((n_images, *grid, 2 * orientations), F32)]
        yield case("directions.direction_votes", inputs, results, 2e-4, n)


def block_cases(images, rng):
    """Yield the cases of ``blocks``, which depend on the number and the dtype of images only."""
    if not is_bytes(images):
        return
    for norm, block_size, stride, clip, n_cols in (
        (blocks.NO_NORM, (2, 2), (1, 1), 0.2, 7),
        (blocks.L1, (1, 1), (1, 2), 0.2, 7),
        (blocks.L1_SQRT, (2, 2), (1, 1), 0.2, 600),
        (blocks.L2, (3, 2), (2, 1), 0.2, 7),
        (blocks.L2_HYS, (2, 2), (1, 1), 0.2, 7),
        (blocks.L2_HYS, (2, 3), (3, 2), 0.3, 5),
    ):
        planes = rng.random((9, len(images), 6, n_cols)).astype(F32)
        inputs = planes, block_size, stride, norm, np.array([1e-5, 1e-3, 1e-4, clip], F32)
        grid = [(n - b) // step + 1 for n, b, step in zip(planes.shape[2:], block_size, stride, strict=True)]
        results = [((len(images), *grid, math.prod(block_size) * 9), F32)]
        yield case("blocks.normalize_blocks", inputs, results, 2e-6, planes.size, read_only=())


def direction_cases(images, rng):
    """Yield the cases of normalized directions, which depend on the number and the dtype of images only."""
    if is_bytes(images):
        for variant, n_values, orientations in (
            (directions.UOCTTI, 40, 12),
            (directions.DALAL_TRIGGS, 20, 5),
        ):
            votes = rng.random((len(images), 5, 6, 2 * orientations)).astype(F32)
            results = [((*votes.shape[:3], n_values), F32)]
            inputs = votes, variant
            yield case("directions.normalize_directions", inputs, results, 2e-6, votes.size, read_only=())


def patch_cases(images, rng):
    """Yield the cases of ``patches``."""
    n_images, height, width, n_channels = images.shape
    white = F32(white_of(images))
    d = 6 * 6 * n_channels
    count = max(9, images.size // 200)
    corners = [rng.integers(0, limit, count) for limit in (n_images, height - 5, width - 5)]
    inputs = images, np.stack(corners, 1), 6, white
    yield case("patches.gather_patches", inputs, [((count, d), F32)], 1e-6, count)
    shape = n_images, (height - 6) // 3 + 1, (width - 6) // 3 + 1
    yield case("patches.dense_patches", (images, 6, 3, white), [((*shape, d), F32)], 1e-6, math.prod(shape))
    patches = rng.random((9, d)).astype(F32)
    yield case("patches.normalize_patches", (patches, F32(0.01)), [(patches.shape, F32)], 5e-6, 9)
    small = patches[:, : 5 * 5 * n_channels].copy()
    yield case("patches.mirror_patches", (small, 5, n_channels), [(small.shape, F32)], 0, 9)
    whole = images.reshape(n_images, -1)
    yield case(
        "patches.mirror_patches", (whole, width, n_channels), [(whole.shape, whole.dtype)], 0, n_images
    )
    images = images[:, :64, :64].copy()  # of many pixels, the parts of all patches would fill the memory
    _, height, width, _ = images.shape
    sizes = ((22, images), (4, images), (5, images[..., :1].copy())) if is_bytes(images) else ((5, images),)
    for patch_size, pixels in sizes:
        left, right = _mirror_indices(patch_size, pixels.shape[3])
        center = rng.random(patch_size**2 * pixels.shape[3]).astype(F32)
        shape = n_images, height - patch_size + 1, width - patch_size + 1
        results = [((*shape, d), F32) for d in (len(left), center.size - len(left))]
        inputs = pixels, patch_size, white, F32(0.01), center, left, right
        yield case("patches.mirror_parts", inputs, results, 5e-5, math.prod(shape))


def _mirror_indices(patch_size, n_channels):
    """Return the indices of the left half and the middle of a patch, and of their mirror images."""
    indices = np.arange(patch_size**2 * n_channels, dtype=np.uint64)
    indices = indices.reshape(patch_size, patch_size, n_channels)
    half = patch_size // 2
    columns = slice(half), slice(half, patch_size - half)
    return [
        np.concatenate([patch[:, side].ravel() for side in columns]) for patch in (indices, indices[:, ::-1])
    ]


def descriptor_cases(images, rng):
    """Yield the cases of ``smooth``, ``sift``, ``planes``, ``borders`` and ``local_color``."""
    n_images, height, width, _ = images.shape
    gray = gray_of(images)
    scale = 255 if is_bytes(images) else 1
    for weights, read_only in (([0.2, 0.1, 0.05], (0,)), ([0.25], ())):
        inputs = gray, np.array(weights, F32)
        results = [(gray.shape, F32)]
        yield case("smooth.smooth", inputs, results, 1e-6 * scale, gray.size, read_only=read_only)
    for bin_size, step, fast, read_only in (
        (4, 4, False, (0,)),
        (4, 3, True, (0,)),
        (5, 6, False, ()),
        (3, 6, True, ()),
    ):
        spacing = math.gcd(step, bin_size) if fast else step
        grid = (height - 3 * bin_size - 3) // step, (width - 3 * bin_size - 3) // step
        n = grid[0] * grid[1]
        inputs = gray, bin_size, step, spacing, 2, *tables.bin_weights(bin_size, fast, 2.0), grid, 0
        n_channels = n_images if step == 6 and n_images < 4 else 1
        results = [((n_images // n_channels, n, n_channels, 128), F32)]
        yield case("sift.dense_sift", inputs, results, 2e-5, n_images * n, read_only=read_only)
    rows = np.array([[0, 4], [3, 9], [9, height]])
    cols = np.array([[0, 4], [3, 9], [9, width], [20, 21]])
    bits = 0 if is_bytes(images) else 20
    levels = images.dtype.type(1 << bits) if bits else F32(1)
    lines = images.reshape(n_images, height, -1)
    flat = images.reshape(n_images, -1)
    planes = n_images, 3, height * width
    for read_only in ((0,), ()):
        yield case("planes.split", (flat,), [(planes, flat.dtype)], 0, images.size // 3, read_only=read_only)
    yield from _layout_cases(images, rng)
    inputs = flat, F32(white_of(images))
    yield case("planes.split_opponent", inputs, [(planes, F32)], 1e-6, images.size // 3)
    inputs = lines, rows, cols, levels, 1 / (1 << bits) if bits else 1 / 255
    yield case("local_color.bin_colors", inputs, [((n_images, 3, 4, 6), F32)], 1e-6, images.size // 3)
    if is_bytes(images):
        bins = rng.random((n_images, 9, 8, 6)).astype(F32)
        indices = [rng.integers(0, 8, (count, 4)) for count in (5, 6)]
        result = ((n_images, 30, 96), F32)
        inputs = bins, *indices, 0
        yield case("local_color.gather_bins", inputs, [result], 0, 30 * n_images, read_only=())


def _layout_cases(images, rng):
    """Yield more cases of ``planes``, and those of ``borders``."""
    n_images, height, width, _ = images.shape
    dtype = images.dtype
    two = np.ascontiguousarray(images[..., :2])
    for pixels in (images, two):
        n_channels = pixels.shape[3]
        flat = pixels.reshape(n_images, -1)
        planes = np.ascontiguousarray(flat[:, ::-1]).reshape(n_images, n_channels, -1)
        if n_channels != 3:
            yield case("planes.split", (flat,), [(planes.shape, dtype)], 0, flat.size // n_channels)
        results = [(flat.shape, dtype)]
        yield case("planes.join", (planes,), results, 0, flat.size // n_channels, read_only=())
    if is_bytes(images):
        rows = rng.random((2, height * width)) < 0.5
        yield case("planes.repeat", (rows,), [((6, height * width), np.bool_)], 0, 3 * rows.size)
        values = rows.reshape(-1, 1)
        yield case("planes.repeat", (values,), [((3 * rows.size, 1), np.bool_)], 0, 3 * rows.size)
        yield case("planes.repeat", (rows[:1],), [((n_images, height * width), np.bool_)], 0, n_images)
    for pixels, corner, size in (
        (images, (8, 5), (height + 16, width + 10)),
        (two, (0, 0), (height + 7, width + 1)),
        (images[:, :2, :1].copy(), (3, 9), (9, 14)),  # mirrored several times, and of a single column
    ):
        shape = n_images, *size, pixels.shape[3]
        yield case("borders.mirror", (pixels, corner), [(shape, dtype)], 0, math.prod(shape[:3]))


def pattern_cases(images, rng):
    """Yield the cases of ``lbp``."""
    n_images, height, width, _ = images.shape
    gray = gray_of(images)
    white = 255 if is_bytes(images) else 1
    for n_neighbors, radius in ((8, 1), (5, 2.3), (24, 3)):
        angles = 2 * np.pi * np.arange(n_neighbors) / n_neighbors
        offsets = np.round(-radius * np.sin(angles), 5), np.round(radius * np.cos(angles), 5)
        places = []
        for offset, n in zip(offsets, (height, width), strict=True):
            places += [np.floor(offset).astype(np.int64), (np.arange(n) + offset[:, None]) % 1]
        for method in lbp.METHODS.values():
            results = [(gray.shape, np.uint32)]
            yield case("lbp.pattern_codes", (gray, *places, method), results, 0, gray.size)
        results = [(gray.shape, F32)]
        yield case("lbp.neighbor_variances", (gray, *places), results, 1e-6 * white**2, gray.size)
    kind = white_of(images).dtype.type
    variances = (rng.random(gray.size) * white**2 / 4).astype(F32)
    inputs = variances, kind(white), kind(16)
    yield case("lbp.bin_variances", inputs, [(gray.size, np.uint32)], 0, gray.size, read_only=())
    if is_bytes(images):
        table = np.unique(rng.integers(0, 1 << 16, 4000))
        codes = rng.choice(table, gray.size).astype(np.uint32)
        results = [(gray.size, np.uint32)]
        yield case("lbp.rank_codes", (codes, table), results, 0, gray.size, read_only=(1,))
        codes = rng.integers(0, 10, gray.shape)
        rows = np.array([0, height // 3, height])
        cols = np.array([0, width // 2, width - 5, width])
        results = [((n_images, 2, 3, 10), np.uint32)]
        for kind in (np.uint32, np.uint16, np.uint8):
            inputs = codes.astype(kind), rows, cols
            yield case("lbp.count_codes", inputs, results, 0, codes.size, read_only=())


def pair_cases(images, rng):
    """Yield the cases of ``glcm``, and of the check of levels."""
    n_images, height, width, _ = images.shape
    gray = gray_of(images)
    flat = gray.reshape(-1)
    kernel = "glcm.to_levels_bytes" if is_bytes(images) else "glcm.to_levels"
    for n_levels, read_only in ((32, (0,)), (7, ())):
        results = [(flat.shape, np.uint8)]
        yield case(kernel, (flat, n_levels), results, 0, flat.size, read_only=read_only)
    if not is_bytes(images):
        return
    inputs = flat, np.uint8(0), np.uint8(199)
    yield case("check.count_outside", inputs, [(-(-flat.size // (1 << 16)), np.int64)], 0, flat.size)
    whole = np.array([0, height]), np.array([0, width])
    cells = np.array([0, height // 3, height]), np.array([0, 9, 21])
    offsets = np.array([[0, 1], [1, 1], [1, 0], [1, -1], [-4, 2], [40, 2]])
    for n_levels, bounds, n_offsets, read_only in (
        (32, whole, 4, (0,)),
        (9, cells, 6, ()),
        (5, whole, 4, ()),
        (200, whole, 2, ()),
    ):
        shape = n_images, len(bounds[0]) - 1, len(bounds[1]) - 1, n_levels, n_levels, n_offsets
        inputs = gray % n_levels, *bounds, offsets[:n_offsets]
        yield case("glcm.count_pairs", inputs, [(shape, np.uint32)], 0, gray.size, read_only=read_only)
    counts = rng.integers(0, 900, (500, 4), dtype=np.uint32)
    inputs = counts, np.array([900, 899, 1000, 7])
    yield case("glcm.to_shares", inputs, [(counts.shape, np.float64)], 1e-12, counts.size, read_only=())
    for n_levels, n_offsets, n_groups in ((16, 4, 1), (9, 6, 3), (4, 1, 1)):
        counts = rng.integers(0, 9, (2, n_levels, n_levels, n_offsets), dtype=np.uint32)
        counts *= counts % 2
        yield case("glcm.add_transposed", (), [counts], 0, counts.size)
        counts[1, 2] *= np.uint32(1000)  # beyond the table of products
        counts[0, ..., -1] = 0
        products = np.arange(100) * np.log(np.maximum(np.arange(100), 1))
        chosen = np.array([k for k in range(len(glcm.PROPERTIES)) if k not in (3, 7)])
        results = [((2, n_groups, len(chosen)), F32)]
        inputs = counts, products, chosen
        yield case("glcm.properties", inputs, results, 1e-4, counts.size, read_only=())


MAKERS = hog_cases, block_cases, direction_cases, patch_cases, descriptor_cases, pattern_cases, pair_cases
