"""Cases of the kernels that take descriptors, parameters or responses.

A maker takes a number of descriptors and a generator of random numbers.
"""

import numpy as np

from imfeat_kernels.cases.case import F32, case
from imfeat_kernels.cpu import comparison

ROUNDING = 1e-7  # allowed difference of sums in float32, for each number that is added


def _normal(rng, *shape):
    return rng.normal(size=shape).astype(F32)


def word_cases(n, rng):
    """Yield the cases of ``nearest``, ``products`` and ``residuals``."""
    bounds = np.array([0, n // 3, n // 3, n])
    for d, k in ((20, 150), (3, 5), (64, 1), (5, 2500 if 100 < n < 10_000 else 40)):
        vectors, words = (_normal(rng, count, d) for count in (n, k))
        assignments = rng.integers(0, k, n).astype(np.int32)
        for read_only in ((0,), (), (1,), (0, 1)) if d < 5 else ((0,),):
            results = [(n, np.int32), (n, F32)]
            yield case("nearest.assign", (vectors, words), results, 1e-3, n, read_only=read_only)
        for weights, read_only in ((np.empty(0, np.int64), (0,)), (rng.integers(1, 4, n), ())):
            inputs = vectors, weights, assignments
            results = [(words.shape, np.float64), (k, np.int64)]
            yield case("nearest.sum_by_word", inputs, results, 1e-3 + ROUNDING * n, n, read_only=read_only)
        read_only = (0,) if d > 5 else ()
        inputs = vectors, words[0]
        yield case("nearest.approach", inputs, [np.full(n, d, F32)], 1e-4, n, read_only=read_only)
        far = words + F32(1000)
        yield case("nearest.assign", (vectors + F32(1000), far), [(n, np.int32), (n, F32)], 1e-3, n)
        center = _normal(rng, d)
        results = [((n, k), F32)]
        inputs = vectors, center, words
        yield case("products.multiply_by_filters", inputs, results, 1e-4, n, read_only=read_only)
        inputs = vectors, center.astype(np.float64)
        tolerance = 1e-3 + 50 * ROUNDING * n  # of sums of n squares in float32
        yield case("products.scatter", inputs, [((d, d), np.float64)], tolerance, n, read_only=())
        inputs = vectors, bounds, words, assignments
        results = [((3, k, d), np.float64)]
        yield case("residuals.sum_residuals", inputs, results, 1e-3 + ROUNDING * n, n, read_only=(0, 2))
        sums = _normal(rng, 3, k, d)
        sums[:2, ::2] *= F32(1e-8)
        yield case("residuals.clear_rounding", (words,), [sums], 0, 3 * k, read_only=())


def mixture_cases(n, rng):
    """Yield the cases of ``mixture``."""
    bounds = np.array([0, n // 3, n // 3, n])
    for d, k in ((20, 150), (3, 5), (37, 7), (64, 1)):
        vectors, means = (_normal(rng, count, d) for count in (n, k))
        weights = rng.random(k).astype(F32)
        weights[1:2] = 0
        mixture = weights / weights.sum(), means, (rng.random((k, d)) + 0.5).astype(F32)
        yield case("mixture.posteriors", (vectors, *mixture), [((n, k), F32)], 1e-4, n)
        results = [((3, k, 1 + 2 * d), np.float64), (3, np.float64)]
        yield case("mixture.moments", (vectors, bounds, *mixture), results, 0.05, n)
        averages = ((3, k), np.float64)
        yield case("mixture.mean_posteriors", (vectors, bounds, *mixture), [averages], 1e-4, n)
        yield case("mixture.mean_triangles", (vectors, bounds, means), [averages], 1e-4, n)


def fisher_cases(n, rng):
    """Yield the cases of ``fisher``: with and without numbers for the weights."""
    counts = np.array([n, 0, 7])
    for d, k in ((20, 50), (3, 5)):
        weights = rng.random(k) + 0.1
        weights /= weights.sum()
        scales = 1 / np.sqrt(weights)
        scales[1] = 0
        sums = rng.normal(size=(3, k, 1 + 2 * d)) * counts[:, None, None]
        for n_masses, factor in ((0, np.sqrt(0.5)), (k, -np.sqrt(0.5))):
            inputs = sums, counts, scales, weights * scales, factor
            results = [((3, n_masses + 2 * k * d), F32)]
            yield case("fisher.likelihood_gradients", inputs, results, 1e-4, results[0][0][1], read_only=())


def group_cases(n, rng):
    """Yield the cases of ``groups``."""
    bounds = np.array([0, n // 3, n // 3, n])
    for d, k in ((20, 150), (3, 5), (300, 1)):
        vectors = _normal(rng, n, d)
        order = rng.permutation(n)
        yield case("groups.gather_rows", (vectors, order), [((n, d), F32)], 0, n)
        runs = vectors[: n // 3 * 3].copy()
        yield case("groups.gather_rows", (runs, np.array([2, 0, 1])), [(runs.shape, F32)], 0, n, read_only=())
        few = order[: n // 4]
        for rows in (vectors, (np.abs(vectors) * 40).astype(np.uint8)):
            results = [((len(few), d), rows.dtype)]
            yield case("groups.gather_rows", (rows, few), results, 0, len(few), read_only=())
        assignments = rng.integers(0, k, n).astype(np.int32)
        inputs = bounds, assignments
        yield case("groups.count_words", inputs, [((3, k), np.uint32)], 0, n, read_only=())
        yield case("groups.mean_vectors", (vectors, bounds), [((3, d), F32)], 1e-5, n)
        shares = rng.random((2, 4, 5)).astype(F32)
        shares[:, 1:, 2:] = 0
        inputs = shares, _normal(rng, 2, 5, d)
        yield case("groups.combine_groups", inputs, [((2, 4, d), F32)], 1e-5, 8 * d, read_only=())


def scaling_cases(n, rng):
    """Yield the cases of ``scaling``."""
    for n_rows, d in ((n, 100), (3, 700)):
        vectors = _normal(rng, n_rows, d)
        vectors[1] = 0
        results = [(vectors.shape, F32)]
        for read_only in ((0,), ()):
            flat = vectors.reshape(-1)
            roots = [(flat.shape, F32)]
            yield case("scaling.signed_roots", (flat,), roots, 1e-6, flat.size, read_only=read_only)
            inputs = (vectors,)
            yield case("scaling.divide_by_lengths", inputs, results, 1e-6, n_rows, read_only=read_only)
        inputs = (np.abs(vectors),)
        yield case("scaling.divide_by_sums", inputs, results, 1e-6, n_rows, read_only=())
        inputs = np.abs(vectors), rng.random(d).astype(F32)
        yield case("scaling.multiply_by_weights", inputs, results, 0, n_rows, read_only=(0, 1))
        counts = np.maximum(np.round(vectors), 0)
        yield case("scaling.count_occurring", (counts,), [(d, np.uint32)], 0, n_rows)


def quantizer_cases(n, rng):
    """Yield the cases of ``quantizer`` and ``search``."""
    for group_size, k, n_groups in ((8, 256, 3), (3, 17, 8), (4, 5, 1), (12, 30, 2)):
        vectors = _normal(rng, n, group_size * n_groups)
        centroids = _normal(rng, n_groups, group_size, k)
        codes = rng.integers(0, k, (n, n_groups), dtype=np.uint8)
        yield case("quantizer.encode", (vectors, centroids), [((n, n_groups), np.uint8)], 0, n)
        by_centroid = np.ascontiguousarray(centroids.transpose(0, 2, 1))
        yield case("quantizer.decode", (codes, by_centroid), [(vectors.shape, F32)], 0, n, read_only=())
        queries = vectors[: 13 if k > 5 else 2]
        results = [((len(queries), n_groups, k), F32)]
        yield case("search.distance_tables", (queries, centroids), results, 1e-4, queries.size)
        # Whole numbers add up exactly, and some sums are equal.
        tables = rng.integers(0, 99, (len(queries), n_groups, k)).astype(F32)
        for count in (3, 40):
            results = [((len(queries), 1, count), F32), ((len(queries), 1, count), np.int64)]
            yield case("search.nearest_codes", (tables, codes), results, 0, n, read_only=())
        yield _merging_case(len(queries), rng)
        results = [(by_centroid.shape, np.float64), ((n_groups, k), np.int64)]
        yield case("quantizer.sum_by_centroid", (vectors, codes), results, 1e-3, n, read_only=())


def _merging_case(n, rng):
    """Return the case of nearest codes of four chunks, some at equal distances."""
    distances = np.sort(rng.integers(0, 40, (n, 4, 7)).astype(F32), axis=2)
    distances[:, 3, 5:] = np.inf
    indices = np.arange(28).reshape(4, 7) * np.ones((n, 1, 1), np.int64)
    indices[:, 3, 5:] = -1
    results = [((n, 7), F32), ((n, 7), np.int64)]
    return case("search.merge_nearest", (distances, indices), results, 0, n, read_only=())


def pooling_cases(n, rng):
    """Yield the cases of ``pooling``: a strip of rows of positions, and cells that overlap."""
    covering = np.array([[0, 4], [2, 9]]), np.array([[0, 3], [3, 6], [1, 5]])
    sparse = np.array([[3, 4], [5, 6]]), np.array([[1, 2], [4, 5], [3, 4]])  # between 2 and 7, and 0 and 6
    for d_odd, n_words, cells in (
        (7, 40, covering),
        (0, 40, covering),
        (7, 600 if n > 100 else 70, covering),
        (0, 40, sparse),
    ):
        even = _normal(rng, 2, 5, 6, 10)
        odd = _normal(rng, 2, 5, 6, d_odd)
        filters = _normal(rng, n_words, 10), _normal(rng, n_words, d_odd)
        inputs = even, odd, *filters, F32(0.3), 2, *cells
        sums = _normal(rng, 2, 2, 3, 2, n_words)
        yield case("pooling.pool_thresholds", inputs, [sums], 1e-4, 60, read_only=())
        even = _normal(rng, 2, 5, 6, n_words + 7)
        odd = _normal(rng, 2, 5, 6, n_words + 5 if d_odd else 0)
        squares = 10 * rng.random(n_words).astype(F32)
        sums = _normal(rng, 2, 2, 3, 1, n_words)
        yield case("pooling.pool_triangles", (even, odd, squares, 2, *cells), [sums], 1e-4, 60, read_only=())


def optimizer_cases(n, rng):
    """Yield the cases of ``optimize``, in both types."""
    for real in (np.float32, np.float64):
        gradients, parameters, moments = (rng.normal(size=n).astype(real) for _ in range(3))
        squares = rng.random(n).astype(real)
        rate, decay, epsilon = real(0.1), real(0.01), real(1e-8)
        inputs = gradients, rate, decay
        yield case("optimize.descend", inputs, [parameters], 1e-6, n, read_only=())
        inputs = gradients, decay, real(0.9), real(0.09), real(0.1)
        yield case("optimize.follow_momentum", inputs, [moments, parameters], 1e-6, n, read_only=())
        inputs = gradients, rate, decay, real(0.9), real(0.1), epsilon
        yield case("optimize.scale_by_squares", inputs, [squares, parameters], 1e-5, n, read_only=())
        shares = np.array([0.9, 0.1, 0.99, 0.01], real)
        inputs = gradients, rate, decay, real(0.999), shares, real(1.1), epsilon
        results = [moments, squares, parameters]
        yield case("optimize.adapt_moments", inputs, results, 1e-5, n, read_only=())


def comparison_cases(n, rng):
    """Yield the cases of ``comparison``."""
    for m, n_bins in ((40, 300), (3, 7)):
        first, second = (rng.random((count, n_bins)).astype(F32) for count in (max(1, n // 20), m))
        first[rng.random(first.shape) < 0.3] = 0
        second[rng.random(second.shape) < 0.3] = 0
        first[first < 0.01] *= F32(1e-20)
        first[first > 0.01] += F32(0.1)  # terms of small x are large, and so are their errors
        for term in comparison.TERMS.values():
            results = [((len(first), m), F32)]
            inputs = first, second, term
            yield case("comparison.sum_terms", inputs, results, 1e-3, len(first) * m, read_only=(0, 1))
        first[0] = F32(0.25)  # constant
        for measure in dict.fromkeys(comparison.MEASURES.values()):
            results = [((len(first), m), F32)]
            inputs = first, second, measure
            yield case("comparison.sum_products", inputs, results, 1e-4, len(first) * m, read_only=(0, 1))


MAKERS = (
    word_cases,
    mixture_cases,
    fisher_cases,
    group_cases,
    scaling_cases,
    quantizer_cases,
    pooling_cases,
    optimizer_cases,
    comparison_cases,
)
