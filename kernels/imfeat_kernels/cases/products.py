"""The multiply-adds that kernels of products need: beside bytes, what bounds them on a GPU.

They are those of the definition, with what is the same for all items computed once.
"""


def multiply_adds(case):
    """Return the multiply-adds that the call of a case needs, 0 if its kernel is not a product."""
    formula = FORMULAS.get(case.kernel)
    return formula(*case.inputs) if formula else 0


def _all_pairs(vectors, words, *_):
    """Count those of the products of all vectors and words."""
    return len(vectors) * words.size


def _all_centered(vectors, _, words):
    """Count as `_all_pairs`, where another parameter lies between."""
    return _all_pairs(vectors, words)


def _with_groups(vectors, centroids):
    """Count those of all centroids, of which each takes a group of the dimensions."""
    return vectors.size * centroids.shape[2]


def _once(vectors, *_):
    """Count a multiply-add for each number."""
    return vectors.size


def _posteriors(vectors, *mixture):
    """Count those of x and x^2, which each component weights."""
    return 2 * len(vectors) * mixture[-1].size


def _moments(*inputs):
    """Count those of posteriors, and as many of the sums of x and x^2 that these weight."""
    return 2 * _posteriors(*inputs)


def _scatter(vectors, _):
    """Count those of each pair of dimensions, of which (i, j) and (j, i) are the same."""
    n, d = vectors.shape
    return n * d * (d + 1) // 2


def _histograms(first, second, _):
    return len(first) * second.size


def _thresholds(even, odd, even_filters, odd_filters, *_):
    parts = (even, even_filters), (odd, odd_filters)
    return sum(part.size * len(filters) for part, filters in parts)


def _triangles(even, odd, *_):
    """Count one for each product with a word, and for each number of the lengths of patches."""
    return even.size + odd.size


FORMULAS = {
    "comparison.sum_products": _histograms,
    "comparison.sum_terms": _histograms,
    "mixture.mean_posteriors": _posteriors,
    "mixture.mean_triangles": _all_centered,
    "mixture.moments": _moments,
    "mixture.posteriors": _posteriors,
    "nearest.approach": _once,
    "nearest.assign": _all_pairs,
    "nearest.sum_by_word": _once,
    "pooling.pool_thresholds": _thresholds,
    "pooling.pool_triangles": _triangles,
    "products.multiply_by_filters": _all_centered,
    "products.scatter": _scatter,
    "quantizer.encode": _with_groups,
    "quantizer.sum_by_centroid": _once,
    "search.distance_tables": _with_groups,
}
