"""Pictures of what a linear classifier has learned: a picture for each class, by the kind of feature.

- ``glyphs``: the weights of HoG as lines along edges, positive ones on the left, negative ones on the right.
- ``words``: for each of the words that speak most for the class, a row of the training patches nearest to it.
- ``colors``: the bins with the largest weights as bars of their colour, up for the class or down against it.

Weights are those of standardized features.  For features side by side, each has its own pictures.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import FeatureUnion, Pipeline

from imfeat import _grid_shapes, estimators
from imfeat._backend import Array
from imfeat.estimators._base import ImageTransformer
from imfeat.hog import draw_hog
from imfeat.learn.network import Network
from imfeat.patches import normalize_patches, sample_patches

MOST_CLASSES = 30  # that get pictures
SIDE = 128  # pixels, about, of a picture
N_WORDS, N_NEAREST = 5, 6  # words of a class, and patches of a word
N_PATCHES = 20_000  # to look for the nearest ones in
N_IMAGES = 1_000  # to cut them out of
N_PIXELS = 20_000  # to look for the colours of bins in
N_BARS = 8  # for a class, and against it
VALUES_AT_ONCE = 1 << 22  # of histograms of pixels
DARK, GRAY = 17, 118  # backgrounds
FOR, AGAINST = np.array([86, 180, 233]), np.array([230, 159, 0])  # colours of lines
HOGS = (estimators.HOG, estimators.UoCTTI)
WORDS = (estimators.BagOfVisualWords, estimators.PatchFeatures)
COLORS = (estimators.ColorHistogram, estimators.PaletteHistogram)


def explain(pipeline: Pipeline, images: Array) -> dict[str, Array]:
    """Return pictures of the weights of a pipeline of a feature, a scaler and a linear classifier.

    Parameters
    ----------
    pipeline : fitted Pipeline
        Steps ``feature`` and ``classifier``.
    images : array of shape (n, height, width, 3), uint8
        Training images.

    Returns
    -------
    dict of arrays (n_classes, height, width, 3), uint8
        By the kind of picture, ``"glyphs"``, ``"words"`` or ``"colors"``, and a number if there are several;
        empty for other features.
    """
    weights = weights_of(pipeline.named_steps["classifier"])
    if weights is None:
        return {}
    pictures: dict[str, Array] = {}
    for transformer, part in _parts(pipeline.named_steps["feature"], weights[:MOST_CLASSES]):
        if isinstance(transformer, HOGS):
            kind, drawn = "glyphs", glyphs(transformer, part)
        elif isinstance(transformer, WORDS):
            kind, drawn = "words", words(transformer, part, images)
        elif isinstance(transformer, COLORS):
            kind, drawn = "colors", colors(transformer, part, images)
        else:
            continue
        n = sum(name.startswith(kind) for name in pictures)
        pictures[f"{kind}-{n + 1}" if n else kind] = drawn
    return pictures


def weights_of(classifier: Any) -> Array | None:
    """Return the weights (n_classes, n_features) of a linear classifier, None of others."""
    network = getattr(classifier, "network_", None)
    if isinstance(network, Network):
        weights = network.layers[0].weights.T if len(network.layers) == 1 else None
    else:
        weights = getattr(classifier, "coef_", None)
    if weights is None or np.ndim(weights) != 2:
        return None
    rows = np.asarray(weights, np.float64)
    return np.concatenate([-rows, rows]) if len(rows) == 1 else rows


def _parts(transformer: Any, weights: Array) -> Iterator[tuple[Any, Array]]:
    """Yield transformers side by side, each with the weights of its features."""
    members = [transformer]
    if isinstance(transformer, FeatureUnion):
        members = [member for _, member in transformer.transformer_list]
    first = 0
    for member in members:
        if len(members) > 1 and not isinstance(member, ImageTransformer):
            return  # of registered transformers the number of features isn't known
        n = len(member.get_feature_names_out()) if len(members) > 1 else weights.shape[1]
        yield member, weights[:, first : first + n]
        first += n


def glyphs(transformer: Any, weights: Array) -> Array:
    """Draw weights of HoG, positive and negative ones side by side."""
    signs = np.stack([np.maximum(weights, 0), np.maximum(-weights, 0)], 1)
    drawn = _drawn_uoctti(transformer, weights) if isinstance(transformer, HOGS[1]) else None
    if drawn is None:
        height, width = transformer.image_shape_[:2]
        k = max(1, SIDE // max(height, width))
        drawn = draw_hog(
            signs,
            (k * height, k * width),
            cell_size=_times(transformer.cell_size, k),
            block_size=transformer.block_size,
            block_stride=transformer.block_stride,
            orientations=transformer.orientations,
            signed=transformer.signed,
            padding=_times(transformer.padding, k),
        )
    drawn = np.sqrt(drawn)  # so that all but the largest are seen, too
    gap = np.zeros((*drawn.shape[:1], drawn.shape[2], 4, 3))
    both = [drawn[:, sign, :, :, None] * (color - DARK) + DARK for sign, color in enumerate((FOR, AGAINST))]
    return np.concatenate([both[0], gap, both[1]], 2).round().astype(np.uint8)


def _drawn_uoctti(transformer: Any, weights: Array) -> Array:
    """Draw weights of cells, over all directions, normalizations and texture of an orientation."""
    n = transformer.orientations
    rows, cols, n_values = _grid_shapes.hog_uoctti(
        transformer.image_shape_, cell_size=transformer.cell_size, orientations=n, variant=transformer.variant
    )
    values = weights.reshape(len(weights), rows, cols, n_values)
    if transformer.variant == "uoctti":  # two opposite directions, and their orientation
        folded = (values[..., :n] + values[..., n : 2 * n]) / 2 + values[..., 2 * n : 3 * n]
    else:
        folded = values.reshape(*values.shape[:3], 4, n).sum(3)
    fine = np.zeros(
        (*folded.shape[:3], 4 * n)
    )  # orientations o 180 / n, where draw_hog has (o + 1/2) 180 / n
    fine[..., ::4] = folded
    fine[..., 3::4] = np.roll(folded, -1, -1)
    signs = np.stack([np.maximum(fine, 0), np.maximum(-fine, 0)], 1).reshape(len(weights), 2, -1)
    side = max(4, SIDE // max(rows, cols))
    shape = rows * side, cols * side
    return draw_hog(signs, shape, cell_size=side, block_size=1, orientations=4 * n)


def words(transformer: Any, weights: Array, images: Array) -> Array:
    """Show the training patches nearest to the words with the largest weights, a row for each word."""
    size = transformer.patch_size
    few = images[:: max(1, len(images) // N_IMAGES)]
    patches = sample_patches(few, size, N_PATCHES, rng=0, channel_axis=-1)
    descriptors = normalize_patches(patches)
    if transformer.whitening_ is not None:
        descriptors = transformer.whitening_.transform(descriptors)
    descriptors = descriptors.reshape(len(patches), -1)
    codebook = transformer.codebook_
    signs = 2 if getattr(transformer, "encoding", "") == "threshold" else 1  # the second half speaks against
    of_words = weights.reshape(len(weights), -1, signs, len(codebook))[:, :, 0].mean(1)
    largest = np.argsort(-of_words, axis=1, kind="stable")[:, :N_WORDS]
    squares = np.einsum("ij,ij->i", descriptors, descriptors)
    nearest = {
        word: np.argsort(squares - 2 * descriptors @ codebook[word], kind="stable")[:N_NEAREST]
        for word in np.unique(largest)
    }
    k = max(1, SIDE // (N_NEAREST * (size + 1)))
    step = k * size + 2
    sheet = np.full((len(weights), N_WORDS * step - 2, N_NEAREST * step - 2, 3), GRAY, np.uint8)
    for i, row, col in np.ndindex(*largest.shape, N_NEAREST):
        patch = patches[nearest[largest[i, row]][col]].reshape(size, size, -1)
        large = np.kron(_bytes(patch), np.ones((k, k, 1), np.uint8))
        sheet[i, row * step : row * step + k * size, col * step : col * step + k * size] = large
    return sheet


def colors(transformer: Any, weights: Array, images: Array) -> Array:
    """Draw the bins with the largest weights as bars of their colour."""
    palette, seen = _colors_of_bins(transformer, images)
    of_bins = weights.reshape(len(weights), -1, len(palette)).mean(1)
    of_bins[:, ~seen] = 0
    half, width = SIDE // 2, SIDE // N_BARS
    sheet = np.full((len(weights), 2 * half, width * N_BARS, 3), GRAY, np.uint8)
    largest = np.maximum(np.abs(of_bins).max(1), 1e-12)
    for sheet_of_class, values, top in zip(sheet, of_bins, largest, strict=True):
        for sign in (1, -1):
            for rank, k in enumerate(np.argsort(-sign * values, kind="stable")[:N_BARS]):
                length = round(half * sign * values[k] / top)
                rows = slice(half - length, half) if sign > 0 else slice(half, half + length)
                if length > 0:
                    sheet_of_class[rows, rank * width : (rank + 1) * width - 2] = palette[k]
    return sheet


def _colors_of_bins(transformer: Any, images: Array) -> tuple[Array, Array]:
    """Return the mean colour of the training pixels in each bin, and whether there are any."""
    if isinstance(transformer, COLORS[1]):
        return _bytes(transformer.palette_), np.ones(len(transformer.palette_), bool)
    pixels = images.reshape(-1, images.shape[-1])
    pixels = np.ascontiguousarray(pixels[np.random.default_rng(0).integers(len(pixels), size=N_PIXELS)])
    single = clone(transformer).set_params(grid=(1, 1), norm=None).fit(pixels[:1, None, None])
    n_bins = single.transform(pixels[:1, None, None]).shape[1]
    sums, counts = np.zeros((n_bins, 3)), np.zeros(n_bins)
    for batch in np.array_split(pixels, -(-len(pixels) * n_bins // VALUES_AT_ONCE)):
        hits = single.transform(batch[:, None, None])
        sums += hits.T @ batch
        counts += hits.sum(0)
    return np.round(sums / np.maximum(counts, 1)[:, None]).astype(np.uint8), counts > 0


def _bytes(colors: Array) -> Array:
    """Return colours as uint8."""
    return colors if colors.dtype == np.uint8 else np.round(255 * np.clip(colors, 0, 1)).astype(np.uint8)


def _times(value: Any, k: int) -> Any:
    return tuple(k * side for side in value) if isinstance(value, Sequence) else k * value
