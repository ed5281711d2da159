"""Slow and simple definitions of all kernels.

Each function has the name of its kernel and returns the result, or a tuple of results.  It takes those
parameters of the kernel that it needs, by the same names; parameters of results hold their start values.
Only the names of norms, colour spaces and conventions are shared with the kernels.
"""

import inspect
import itertools
import warnings

import numpy as np
import skimage.color
from imfeat_kernels import cpu
from imfeat_kernels.cpu._histogram import HELLINGER, HSV, L2, NO_NORM
from imfeat_kernels.cpu.blocks import L1, L1_SQRT, L2_HYS
from imfeat_kernels.cpu.directions import DALAL_TRIGGS, UOCTTI, VARIANTS  # noqa: F401
from imfeat_kernels.cpu.equalize import OPENCV
from imfeat_kernels.cpu.lbp import DEFAULT, ROR, UNIFORM
from PIL import Image
from reference_vectors import *  # noqa: F403


def run(case):
    """Return the results that a case of the table of kernels should have, as a tuple."""
    names = inspect.signature(case.launcher(cpu)).parameters
    values = dict(zip(names, (*case.inputs, *case.results), strict=True))
    definition = globals()[case.kernel.split(".")[1]]
    results = definition(**{name: values[name] for name in inspect.signature(definition).parameters})
    return results if isinstance(results, tuple) else (results,)


def clip(values, low, high):
    return np.clip(values, low, high)


def count_outside(values, low, high):
    chunk = 1 << 16
    inside = (values >= low) & (values <= high)
    return np.array([(~inside[i : i + chunk]).sum() for i in range(0, len(values), chunk)])


def rgb_to_hsv(pixels, white):
    r, g, b = (pixels.reshape(-1, 3).astype(np.float64) / white).T
    high, low = np.maximum(np.maximum(r, g), b), np.minimum(np.minimum(r, g), b)
    delta = np.where(high > low, high - low, 1)
    hue = (
        np.select([r == high, g == high], [(g - b) / delta, (b - r) / delta + 2], (r - g) / delta + 4) / 6 % 1
    )
    saturation = (high - low) / np.where(high > 0, high, 1)
    return np.stack([hue, saturation, high], 1).ravel()


def hsv_to_rgb(pixels, white):
    hue, saturation, value = (pixels.reshape(-1, 3).astype(np.float64) / white).T
    sector = np.floor(hue * 6)
    f = hue * 6 - sector
    p = value * (1 - saturation)
    q = value * (1 - saturation * f)
    t = value * (1 - saturation * (1 - f))
    which = (sector % 6).astype(int)
    channels = [[value, q, p, p, t, value], [t, value, value, q, p, p], [p, p, t, value, value, q]]
    return np.stack([np.choose(which, channel) for channel in channels], 1).ravel()


def rgb_to_hsi(pixels, white):
    r, g, b = (pixels.reshape(-1, 3).astype(np.float64) / white).T
    root = np.sqrt((r - g) ** 2 + (r - b) * (g - b))
    angle = np.arccos(np.clip(((r - g) + (r - b)) / 2 / np.where(root > 0, root, 1), -1, 1))
    hue = np.where(root > 0, np.where(b <= g, angle, 2 * np.pi - angle) / (2 * np.pi), 0) % 1
    total = r + g + b
    saturation = np.where(
        total > 0, 1 - 3 * np.minimum(np.minimum(r, g), b) / np.where(total > 0, total, 1), 0
    )
    return np.stack([hue, saturation, total / 3], 1).ravel()


def rgb_to_lab(pixels):
    return skimage.color.rgb2lab(pixels.reshape(-1, 3).astype(np.float64)).ravel()


def rgb_to_lab_bytes(pixels):
    return skimage.color.rgb2lab(pixels.reshape(-1, 3)).ravel()


def lab_to_rgb(pixels):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Conversion from CIE-LAB")
        return skimage.color.lab2rgb(pixels.reshape(-1, 3).astype(np.float64)).ravel()


JFIF = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.299 / 1.772, -0.587 / 1.772, 0.886 / 1.772],
        [0.701 / 1.402, -0.587 / 1.402, -0.114 / 1.402],
    ]
)


def hsv_to_rgb_bytes(pixels):
    image = Image.frombytes("HSV", (len(pixels) // 3, 1), pixels.tobytes())
    return np.asarray(image.convert("RGB")).ravel()


def rgb_to_ycbcr(pixels, white):
    return (pixels.reshape(-1, 3) / np.float64(white) @ JFIF.T + [0, 0.5, 0.5]).ravel()


def rgb_to_ycbcr_bytes(pixels):
    return np.asarray(Image.fromarray(pixels.reshape(1, -1, 3)).convert("YCbCr")).ravel()


def ycbcr_to_rgb(pixels, white, center):
    centered = (pixels.reshape(-1, 3).astype(np.float64) - [0, center, center]) / np.float64(white)
    return np.clip(centered @ np.linalg.inv(JFIF).T, 0, 1).ravel()


def rgb_to_gray(pixels):
    return pixels.reshape(-1, 3).astype(np.float64) @ [0.2125, 0.7154, 0.0721]


def rgb_to_hsv_bytes(pixels):
    return np.asarray(Image.fromarray(pixels.reshape(1, -1, 3)).convert("HSV")).ravel()


def rgb_to_gray_bytes(pixels):
    return np.asarray(Image.fromarray(pixels.reshape(1, -1, 3)).convert("L")).ravel()


def to_bytes(values, n_bins, edges, bytes_of_bins):
    out = np.empty((len(values) // 3, 3), np.uint8)
    for c in range(3):
        bins = np.searchsorted(edges[c, 1 : n_bins[c]], values[c::3].astype(np.float64), side="right")
        out[:, c] = bytes_of_bins[c][bins]
    return out.ravel()


def joint_histograms(images, mask, space, n_bins, rows, cols, norm):
    values = images / 255
    if space == HSV:
        values = rgb_to_hsv(images, 255).astype(np.float32).reshape(images.shape)
    bins = np.minimum(np.floor(values * n_bins + 1e-9), np.array(n_bins) - 1).astype(int)
    index = (bins[..., 0] * n_bins[1] + bins[..., 1]) * n_bins[2] + bins[..., 2]
    return normalize_counts(_count_regions(index, mask, np.prod(n_bins), rows, cols), norm)


def channel_histograms(images, mask, n_bins, rows, cols, norm):
    parts = []
    for c, n in enumerate(n_bins):
        bins = np.minimum(images[..., c].astype(int) * n // 255, n - 1)
        parts.append(normalize_counts(_count_regions(bins, mask, n, rows, cols), norm))
    return np.concatenate(parts, -1)


def normalize_counts(counts, norm):
    if norm == NO_NORM:
        return counts
    sizes = np.sqrt((counts.astype(float) ** 2).sum(-1)) if norm == L2 else counts.sum(-1)
    shares = counts / np.maximum(sizes, 1)[..., None]
    return np.sqrt(shares) if norm == HELLINGER else shares


def _count_regions(values, mask, n, rows, cols):
    out = np.zeros((len(values), len(rows) - 1, len(cols) - 1, n), np.int64)
    for i, r, c in np.ndindex(out.shape[:3]):
        region = i, slice(rows[r], rows[r + 1]), slice(cols[c], cols[c + 1])
        chosen = values[region][mask[region]] if len(mask) else values[region].ravel()
        out[i, r, c] = np.bincount(chosen, minlength=n)
    return out


def nearest_colors(pixels, palette):
    apart = pixels.reshape(-1, 1, 3).astype(np.int64) - palette.astype(np.int64)
    return (apart**2).sum(-1).argmin(1)


def count_colors(pixels, out):
    bins = np.arange(len(out) + 1)
    return np.histogramdd(pixels.reshape(-1, 3), bins=(bins, bins, bins))[0]


def equalize_bytes(images, mask, convention):
    out = np.empty_like(images)
    make_table = opencv_table if convention == OPENCV else torchvision_table
    for i, c in np.ndindex(len(images), images.shape[2]):
        chosen = images[i, mask[i], c] if len(mask) else images[i, :, c]
        out[i, :, c] = make_table(np.bincount(chosen, minlength=256))[images[i, :, c]]
    return out


def torchvision_table(count):
    used = count[count > 0]
    step = (used.sum() - used[-1]) // 255 if len(used) else 0
    if step == 0:
        return np.arange(256)
    return np.array([min((step // 2 + count[:i].sum()) // step, 255) for i in range(256)])


def opencv_table(count):
    if (count > 0).sum() <= 1:
        return np.arange(256)
    first = np.flatnonzero(count)[0]
    scale = np.float32(255) / np.float32(count.sum() - count[first])
    after = np.maximum(np.cumsum(count) - count[first], 0)
    return np.rint(after.astype(np.float32) * scale)


def dither_colors(images, palette):
    out = np.empty(images.shape[:3], int)
    colors = palette.astype(int)
    for i, image in enumerate(images.astype(int)):
        height, width, _ = image.shape
        errors = np.zeros((height + 1, width + 2, 3), int)
        for y, x in np.ndindex(height, width):
            total = errors[y, x + 1]
            value = np.clip(image[y, x] + np.sign(total) * (abs(total) // 16), 0, 255)
            out[i, y, x] = ((value - colors) ** 2).sum(1).argmin()
            error = value - colors[out[i, y, x]]
            errors[y, x + 2] += 7 * error
            errors[y + 1, x : x + 3] += np.outer([3, 5, 1], error)
    return out


def count_bytes(images):
    pairs = np.ndindex(len(images), images.shape[2])
    counts = [np.bincount(images[i, :, c], minlength=256) for i, c in pairs]
    return np.reshape(counts, (len(images), images.shape[2], 256))


def match_bytes(images, wanted):
    out = np.empty_like(images)
    for i, c in np.ndindex(len(images), images.shape[2]):
        reference = wanted[i % len(wanted), c]
        ranks = np.cumsum(reference[reference > 0]) / reference.sum()
        counts = np.bincount(images[i, :, c], minlength=256)
        table = np.interp(np.cumsum(counts) / counts.sum(), ranks, np.flatnonzero(reference))
        out[i, :, c] = table.astype(np.uint8)[images[i, :, c]]
    return out


def sort_planes(planes):
    return np.sort(planes, axis=1)


def match_floats(images, wanted):
    out = np.empty_like(images)
    for k, (i, c) in enumerate(np.ndindex(len(images), images.shape[2])):
        _, inverse, counts = np.unique(images[i, :, c], return_inverse=True, return_counts=True)
        values, wanted_counts = np.unique(wanted[k % len(wanted)], return_counts=True)
        ranks = np.cumsum(wanted_counts) / wanted.shape[1]
        out[i, :, c] = np.interp(np.cumsum(counts) / images.shape[1], ranks, values)[inverse]
    return out


def largest_channel(images):
    return images.max(1)


def scale_to_value(images, values):
    high = images.max(1, keepdims=True).astype(np.float64)
    if images.dtype.itemsize == 2:
        factors = values[:, None] / np.maximum(high, 1)
        return np.where(high > 0, np.rint(images * factors), values[:, None])
    scaled = np.where(high > 0, images / np.where(high > 0, high, 1) * values[:, None], values[:, None])
    return np.floor(scaled + 0.5 + 1e-9).astype(np.uint8) if images.dtype == np.uint8 else scaled


def square_roots(values):
    return np.sqrt(values, dtype=np.float64)


def masks_of_planes(planes, mask):
    """Return the mask of each plane."""
    return np.repeat(mask, len(planes) // len(mask), 0) if len(mask) else np.ones(planes.shape, np.bool_)


def extremes(planes, mask):
    values = [p[m] for p, m in zip(planes, masks_of_planes(planes, mask), strict=True)]
    return np.array([[v.min(initial=np.inf), v.max(initial=-np.inf)] for v in values])


def stretch(values, low, high):
    return np.clip((values.astype(float) - float(low)) / (float(high) - float(low)), 0, 1)


def lay_edges(extremes):
    edges, states = [], []
    for low, high in extremes:
        is_empty = low > high
        low, high = (0, 0) if is_empty else (low, high)
        half = extremes.dtype.type(0.5 if low == high else 0)
        edges.append(np.linspace(low - half, high + half, 257, dtype=extremes.dtype))
        centers = (edges[-1][1:] + edges[-1][:-1]) / 2
        states.append(
            2 if is_empty else int((np.diff(edges[-1]) <= 0).any() or (np.diff(centers) <= 0).any())
        )
    edges = np.stack(edges)
    return edges, (edges[:, 1:] + edges[:, :-1]) / 2, np.array(states)


def cumulate(counts):
    return np.cumsum(counts, 1) / np.maximum(counts.sum(1, keepdims=True), 1)


def edge_counts(planes, edges, mask):
    masks = masks_of_planes(planes, mask)
    return np.stack([np.histogram(p[m], e)[0] for p, e, m in zip(planes, edges, masks, strict=True)])


def equalize_words(planes, mask, largest):
    out = planes.astype(float)
    for k, (plane, m) in enumerate(zip(planes, masks_of_planes(planes, mask), strict=True)):
        if m.any():
            values = np.sort(plane[m])
            ranks = np.searchsorted(values, np.clip(plane, values[0], values[-1]), "right")
            out[k] = np.rint(ranks / len(values) * largest)
    return out


def interpolate(planes, centers, heights):
    return np.stack([np.interp(p, c, h) for p, c, h in zip(planes, centers, heights, strict=True)])


def clahe_tables(images, clip, out):
    tables = np.empty(out.shape)
    n_bins = out.shape[3]
    height, width = images.shape[1] // out.shape[1], images.shape[2] // out.shape[2]
    for i, r, c in np.ndindex(out.shape[:3]):
        tile = images[i, r * height : (r + 1) * height, c * width : (c + 1) * width]
        count = np.bincount(tile.ravel(), minlength=n_bins)
        if clip > 0:
            each, remainder = divmod(np.maximum(count - clip, 0).sum(), n_bins)
            count = np.minimum(count, clip) + each
            step = max(n_bins // max(remainder, 1), 1)
            count[: remainder * step : step] += 1
        scale = np.float32(n_bins - 1) / np.float32(height * width)
        tables[i, r, c] = np.minimum(np.rint(np.cumsum(count).astype(np.float32) * scale), n_bins - 1)
    return tables


def clahe_blend(images, tables, tile_height, tile_width):
    """Return the blend in float32, whose rounding OpenCV's results depend on."""
    sides = []
    for size, tile, n in zip(images.shape[1:], (tile_height, tile_width), tables.shape[1:3], strict=True):
        place = np.arange(size).astype(np.float32) * (np.float32(1) / np.float32(tile)) - np.float32(0.5)
        before = np.floor(place).astype(int)
        share = place - before.astype(np.float32)
        sides.append((np.maximum(before, 0), np.minimum(before + 1, n - 1), share))
    (top, bottom, down), (left, right, across) = sides
    down = down[:, None]
    i = np.arange(len(images))[:, None, None]
    upper, lower = (
        tables[i, rows[:, None], left, images].astype(np.float32) * (1 - across)
        + tables[i, rows[:, None], right, images].astype(np.float32) * across
        for rows in (top, bottom)
    )
    return np.rint(upper * (1 - down) + lower * down)


def gradients(image, slack=0):
    """Return the gradients (height, width) of the strongest channel of (height, width, n_channels).

    A later channel must be stronger by a factor of 1 + slack.
    """
    gy = np.zeros(image.shape)
    gx = np.zeros(image.shape)
    gy[1:-1] = image[2:].astype(np.float64) - image[:-2]
    gx[:, 1:-1] = image[:, 2:].astype(np.float64) - image[:, :-2]
    squares = gy**2 + gx**2
    best = squares[..., 0]
    strongest = np.zeros(best.shape, int)
    for c in range(1, image.shape[-1]):
        stronger = squares[..., c] > best * (1 + slack)
        strongest[stronger] = c
        best = np.where(stronger, squares[..., c], best)
    return tuple(np.take_along_axis(g, strongest[..., None], -1)[..., 0] for g in (gy, gx))


def cell_histograms(images, mask, corner, cell_size, edges, n_lower):
    return orientation_histograms(images, cell_size, len(edges), n_lower < len(edges), mask, corner)


def orientation_histograms(images, cell_size, n_bins, signed, mask=None, corner=(0, 0)):
    height, width = cell_size
    n_rows, n_cols = (images.shape[1] - corner[0]) // height, (images.shape[2] - corner[1]) // width
    out = np.zeros((n_bins, len(images), n_rows, n_cols))
    turn = 360 if signed else 180
    for i, image in enumerate(images):
        gy, gx = masked_gradients(image, mask, i)
        bins = (np.rad2deg(np.arctan2(gy, gx)) % turn // (turn / n_bins)).astype(int) % n_bins
        for y, x in np.ndindex(n_rows * height, n_cols * width):
            at = corner[0] + y, corner[1] + x
            out[bins[at], i, y // height, x // width] += np.hypot(gy[at], gx[at])
    return out / (height * width)


def masked_gradients(image, mask, i, slack=0):
    gy, gx = gradients(image, slack)
    voting = 1 if mask is None or mask.size == 0 else mask[i]
    return gy * voting, gx * voting


def block_histograms(images, mask, corner, stride, row_weights, col_weights, turns, out):
    n_bins, _, n_rows, n_cols = out.shape[2:]
    out = np.zeros(out.shape)
    for i, image in enumerate(images):
        gy, gx = masked_gradients(image, mask, i, 1e-5)
        place = np.arctan2(gy, gx) / (2 * np.pi) % 1 * turns - 0.5
        below = np.floor(place).astype(int)
        for r, c, y, x in np.ndindex(n_rows, n_cols, row_weights.shape[1], col_weights.shape[1]):
            at = corner[0] + r * stride[0] + y, corner[1] + c * stride[1] + x
            vote = np.outer(row_weights[:, y], col_weights[:, x]) * np.hypot(gy[at], gx[at])
            share = place[at] - below[at]
            out[:, :, below[at] % n_bins, i, r, c] += vote * (1 - share)
            out[:, :, (below[at] + 1) % n_bins, i, r, c] += vote * share
    return out


def normalize_blocks(planes, block_size, stride, norm, constants):
    windows = np.lib.stride_tricks.sliding_window_view(planes, block_size, axis=(2, 3))
    windows = windows[:, :, :: stride[0], :: stride[1]]
    values = np.moveaxis(windows, 0, -1).reshape(*windows.shape[1:4], -1).astype(np.float64)
    inside, outside, after, clip = constants
    if norm == NO_NORM:
        return values
    if norm in (L1, L1_SQRT):
        values = values / (values.sum(-1, keepdims=True) + inside + outside)
        return np.sqrt(values) if norm == L1_SQRT else values
    values = values / (np.sqrt((values**2).sum(-1, keepdims=True) + inside) + outside)
    if norm == L2_HYS:
        values = np.minimum(values, clip)
        values = values / (np.sqrt((values**2).sum(-1, keepdims=True) + inside) + after)
    return values


def cell_features(images, cell_size):
    return normalize_directions(direction_votes(images, cell_size, np.empty(9), False), UOCTTI)


def direction_votes(images, cell_size, table, shared):
    n_images, height, width, _ = images.shape
    n_rows, n_cols = (height + cell_size // 2) // cell_size, (width + cell_size // 2) // cell_size
    white = 255 if images.dtype == np.uint8 else 1
    n = len(table)
    out = np.zeros((n_images, n_rows, n_cols, 2 * n))
    rows, cols = (
        np.maximum(1 - abs((np.arange(1, size - 1) + 0.5) / cell_size - 0.5 - np.arange(count)[:, None]), 0)
        for size, count in ((height, n_rows), (width, n_cols))
    )
    for i, image in enumerate(images.astype(np.float32) if min(height, width) > 2 else []):
        gy, gx = image[2:, 1:-1] - image[:-2, 1:-1], image[1:-1, 2:] - image[1:-1, :-2]
        strongest = (gx * gx + gy * gy).argmax(-1)[..., None]
        gy, gx = (np.take_along_axis(g, strongest, -1)[..., 0].astype(np.float64) for g in (gy, gx))
        shares = (shared_directions if shared else nearest_direction)(gy, gx, n)
        for direction in range(2 * n):
            out[i, ..., direction] = rows @ (shares[direction] * np.hypot(gy, gx) / white) @ cols.T
    return out


def nearest_direction(gy, gx, n):
    """Return the shares of 2 n directions: 1 for the direction with the largest product."""
    angles = np.arange(n)[:, None, None] * np.pi / n
    products = (gx * np.cos(angles) + gy * np.sin(angles)).astype(np.float32)
    k = abs(products).argmax(0)
    k += n * (np.take_along_axis(products, k[None], 0)[0] < 0)
    return np.arange(2 * n)[:, None, None] == k


def shared_directions(gy, gx, n):
    """Return the share of each of 2 n directions, which falls linearly to 0 at the next directions."""
    place = np.arctan2(gy, gx) / np.pi * n % (2 * n)
    apart = abs(place - np.arange(2 * n)[:, None, None])
    return np.maximum(1 - np.minimum(apart, 2 * n - apart), 0)


def normalize_directions(votes, variant):
    signed = votes.astype(np.float64)
    n = signed.shape[-1] // 2
    unsigned = signed[..., :n] + signed[..., n:]
    energy = np.pad((unsigned**2).sum(-1), ((0, 0), (1, 1), (1, 1)), "edge")
    squares = energy[:, 1:, 1:] + energy[:, 1:, :-1] + energy[:, :-1, 1:] + energy[:, :-1, :-1]
    factors = 1 / np.sqrt(squares + 1e-4)[..., None]
    factors = factors[:, :-1, :-1], factors[:, :-1, 1:], factors[:, 1:, :-1], factors[:, 1:, 1:]
    if variant == DALAL_TRIGGS:
        return np.concatenate([np.minimum(unsigned * f, 0.2) for f in factors], -1)
    parts = [np.minimum(np.concatenate([signed, unsigned], -1) * f, 0.2) for f in factors]
    texture = [part[..., 2 * n :].sum(-1, keepdims=True) / np.sqrt(18) for part in parts]
    return np.concatenate([sum(parts) / 2, *texture], -1)


def gather_patches(images, positions, patch_size, white):
    cut = [images[i, y : y + patch_size, x : x + patch_size].ravel() for i, y, x in positions]
    return np.array(cut, np.float64) / white


def dense_patches(images, patch_size, stride, white):
    windows = np.lib.stride_tricks.sliding_window_view(images, (patch_size, patch_size), axis=(1, 2))
    windows = np.moveaxis(windows[:, ::stride, ::stride], 3, 5)
    return windows.reshape(*windows.shape[:3], -1).astype(np.float64) / white


def normalize_patches(patches, epsilon):
    values = patches.astype(np.float64)
    return (values - values.mean(1, keepdims=True)) / np.sqrt(values.var(1, keepdims=True) + epsilon)


def mirror_patches(patches, width, n_channels):
    return patches.reshape(len(patches), -1, width, n_channels)[:, :, ::-1].reshape(patches.shape)


def mirror_parts(images, patch_size, white, epsilon, center):
    patches = dense_patches(images, patch_size, 1, white)
    p = normalize_patches(patches.reshape(-1, patches.shape[-1]), epsilon) - center
    windows = p.reshape(*patches.shape[:3], patch_size, patch_size, -1)
    turned = windows[..., ::-1, :]
    half = patch_size // 2
    sides = [(windows + turned)[..., :half, :], (windows - turned)[..., :half, :]]
    even, odd = (side.reshape(*patches.shape[:3], -1) for side in sides)
    middle = 2 * windows[..., half : patch_size - half, :].reshape(*patches.shape[:3], -1)
    return np.concatenate([even, middle], -1), odd


def dense_sift(images, bin_size, step, offset, kernels, weights, grid, out):
    n_channels = out.shape[2]
    out = np.zeros((len(images), *grid, 4, 4, 8))
    steps = np.arange(1 - bin_size, bin_size)
    for i, image in enumerate(images.astype(np.float64)):
        gy, gx = np.gradient(image)
        across, up = abs(gx), abs(gy)
        ratio = (across - up) / np.maximum(across + up, 1e-30)
        turn = np.clip(1 + (0.1821 * ratio**2 - 0.9675) * ratio * 4 / np.pi, 0, 2)
        turn = np.where(gx < 0, 4 - turn, turn)
        turn = np.where(gy < 0, 8 - turn, turn)
        distances = abs((turn[..., None] - np.arange(8) + 4) % 8 - 4)
        votes = np.hypot(gy, gx)[..., None] * np.maximum(1 - distances, 0)
        for r, c, j, m in np.ndindex(*grid, 4, 4):
            y = np.clip(offset + r * step + j * bin_size + steps, 0, image.shape[0] - 1)
            x = np.clip(offset + c * step + m * bin_size + steps, 0, image.shape[1] - 1)
            down, right = (kernels[k % len(kernels), : len(steps)] for k in (j, m))
            out[i, r, c, j, m] = np.einsum("y,x,yxk->k", down, right, votes[y][:, x])
    out = out.reshape(len(images), -1, 128) * weights
    lengths = np.linalg.norm(out, axis=-1, keepdims=True)
    out = np.minimum(np.divide(out, lengths, where=lengths > 0, out=np.zeros_like(out)), 0.2)
    lengths = np.linalg.norm(out, axis=-1, keepdims=True)
    out = np.divide(out, lengths, where=lengths > 0, out=np.zeros_like(out))
    return out.reshape(-1, n_channels, *out.shape[1:]).transpose(0, 2, 1, 3)


def split(images, out):
    return images.reshape(len(images), -1, out.shape[1]).transpose(0, 2, 1)


def join(planes):
    return planes.transpose(0, 2, 1).reshape(len(planes), -1)


def repeat(rows, out):
    return np.repeat(rows, len(out) // len(rows), 0)


def mirror(images, corner, out):
    widths = [
        (first, size - first - n)
        for first, size, n in zip(corner, out.shape[1:3], images.shape[1:3], strict=True)
    ]
    return np.pad(images, ((0, 0), *widths, (0, 0)), "reflect")


def split_opponent(images, white):
    r, g, b = (images.reshape(len(images), -1, 3) / np.float64(white)).transpose(2, 0, 1)
    mu = 0.3 * r + 0.59 * g + 0.11 * b
    return np.stack([mu, (r - g) / np.sqrt(2) + 0.01 * mu, (r + g - 2 * b) / np.sqrt(6) + 0.01 * mu], 1)


def smooth(images, weights):
    n, (_, height, width) = len(weights), images.shape
    kernel = np.concatenate([weights[::-1], [1 - 2 * weights.sum(dtype=np.float64)], weights])
    padded = np.pad(images.astype(np.float64), ((0, 0), (n, n), (n, n)), "edge")
    rows = sum(w * padded[:, k : k + height] for k, w in enumerate(kernel))
    return sum(w * rows[:, :, k : k + width] for k, w in enumerate(kernel))


def bin_colors(images, rows, cols, levels, scale):
    out = np.zeros((len(images), len(rows), len(cols), 6))
    for i, r, c in np.ndindex(out.shape[:3]):
        pixels = images[i, slice(*rows[r]), 3 * cols[c, 0] : 3 * cols[c, 1]].reshape(-1, 3).astype(np.float64)
        out[i, r, c] = np.concatenate([pixels.mean(0), pixels.std(0)]) * levels * scale
    return out


def gather_bins(bins, row_of, col_of):
    return bins[:, row_of[:, None, :, None], col_of[None, :, None, :]].reshape(len(bins), -1, 96)


def neighbors(images, rows, row_shares, cols, col_shares):
    """Return the values of the neighbours of each pixel (n_neighbors, n_images, height, width)."""
    _, height, width = images.shape
    margin = max(abs(rows).max(), abs(cols).max()) + 1
    padded = np.pad(images.astype(np.float64), ((0, 0), (margin, margin), (margin, margin)))

    def shifted(dy, dx):
        return padded[:, margin + dy : margin + dy + height, margin + dx : margin + dx + width]

    values = []
    for row, below, col, right in zip(rows, row_shares[:, :, None], cols, col_shares, strict=True):
        upper = (1 - right) * shifted(row, col) + right * shifted(row, col + 1)
        lower = (1 - right) * shifted(row + 1, col) + right * shifted(row + 1, col + 1)
        values.append((1 - below) * upper + below * lower)
    return np.stack(values)


def pattern_codes(images, rows, row_shares, cols, col_shares, method):
    bits = neighbors(images, rows, row_shares, cols, col_shares) >= images
    patterns = np.moveaxis(bits, 0, -1).reshape(-1, len(rows)).astype(int)
    return np.array([pattern_code(list(pattern), method) for pattern in patterns]).reshape(images.shape)


def pattern_code(bits, method):
    n = len(bits)
    number = sum(bit << k for k, bit in enumerate(bits))
    n_changes = sum(a != b for a, b in itertools.pairwise(bits))
    if method == DEFAULT:
        return number
    if method == ROR:
        return min((number >> k) | (number << (n - k)) & (2**n - 1) for k in range(n))
    if method == UNIFORM:
        return sum(bits) if n_changes <= 2 else n + 1
    if n_changes > 2 or sum(bits) in (0, n):
        return n * (n - 1) + 2 if n_changes > 2 else 0 if not any(bits) else n * (n - 1) + 1
    turn = sum(bits) - bits.index(0) if bits[0] else n - bits.index(1)
    return 1 + (sum(bits) - 1) * n + turn


def neighbor_variances(images, rows, row_shares, cols, col_shares):
    return neighbors(images, rows, row_shares, cols, col_shares).var(0)


def rank_codes(codes, table):
    return np.searchsorted(table, codes)


def bin_variances(variances, white, n_bins):
    return np.minimum(2 * np.sqrt(variances) / white * n_bins, n_bins - 1).astype(int)


def count_codes(codes, rows, cols, out):
    regions = [
        [codes[:, top:bottom, left:right] for left, right in itertools.pairwise(cols)]
        for top, bottom in itertools.pairwise(rows)
    ]
    counts = [
        [[np.bincount(x.ravel(), minlength=out.shape[3]) for x in cell] for cell in line] for line in regions
    ]
    return np.array(counts).transpose(2, 0, 1, 3)


def to_levels(values, n_levels):
    return np.minimum((values * values.dtype.type(n_levels)).astype(int), n_levels - 1)


def to_levels_bytes(values, n_levels):
    return values.astype(int) * n_levels // 256


def count_pairs(levels, rows, cols, offsets, out):
    counts = np.zeros(out.shape, int)
    for (i, r, c, k), _ in np.ndenumerate(out[:, :, :, 0, 0]):
        cell = levels[i, rows[r] : rows[r + 1], cols[c] : cols[c + 1]]
        for (y, x), level in np.ndenumerate(cell):
            v, u = (y, x) + offsets[k]
            if 0 <= v < cell.shape[0] and 0 <= u < cell.shape[1]:
                counts[i, r, c, level, cell[v, u], k] += 1
    return counts


def to_shares(counts, n_pairs):
    return counts / n_pairs


def add_transposed(counts):
    return counts + counts.transpose(0, 2, 1, 3)


def properties(counts, chosen, out):
    n_groups = out.shape[1]
    values = [[matrix_properties(matrix[..., k]) for k in range(matrix.shape[2])] for matrix in counts]
    return np.array(values).reshape(len(counts), n_groups, -1, len(values[0][0])).mean(2)[..., chosen]


def matrix_properties(counts):
    p = counts / max(counts.sum(), 1)
    i, j = np.indices(p.shape)
    levels = np.arange(len(p))
    rows, cols = p.sum(1), p.sum(0)
    mean, other = levels @ rows, levels @ cols
    variance, other_variance = (levels - mean) ** 2 @ rows, (levels - other) ** 2 @ cols
    covariance = (p * (i - mean) * (j - other)).sum()
    differences = np.array([p[abs(i - j) == d].sum() for d in levels])
    sums = np.array([p[i + j == total].sum() for total in range(2 * len(p) - 1)])
    total = np.arange(len(sums)) @ sums
    information = entropy(rows) + entropy(cols) - entropy(p)
    largest = max(entropy(rows), entropy(cols))
    return [
        (p * (i - j) ** 2).sum(),
        (p * abs(i - j)).sum(),
        (p / (1 + (i - j) ** 2)).sum(),
        (p**2).sum(),
        np.sqrt((p**2).sum()),
        covariance / np.sqrt(variance * other_variance) if variance * other_variance else 1,
        mean,
        variance,
        np.sqrt(variance),
        entropy(p) * np.log(2),
        entropy(p),
        total,
        (np.arange(len(sums)) - total) ** 2 @ sums,
        entropy(sums),
        differences.var(),
        entropy(differences),
        -information / largest if largest else 0,
        np.sqrt(max(0, 1 - np.exp(-2 * information))),
    ]


def entropy(shares):
    """Return the entropy in bits."""
    positive = shares[shares > 0]
    return -(positive * np.log2(positive)).sum()


def resize(images, columns, column_weights, rows, row_weights, down_first):
    passes = [(2, columns, column_weights), (1, rows, row_weights)]
    for axis, bounds, weights in reversed(passes) if down_first else passes:
        images = weighted(images, axis, bounds, weights)
    return images


def weighted(images, axis, bounds, weights):
    lines = np.moveaxis(images, axis, 0)
    results = []
    for (first, count), taps in zip(bounds, weights, strict=True):
        if images.dtype == np.uint8:
            total = np.tensordot(taps[:count].astype(np.int64), lines[first : first + count], 1)
            results.append(np.clip((total + (1 << 21)) >> 22, 0, 255))
        else:
            results.append(np.tensordot(taps[:count], lines[first : first + count].astype(np.float64), 1))
    return np.moveaxis(np.array(results, images.dtype), 0, axis)
