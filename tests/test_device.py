"""Arrays on a GPU, as libraries have them: what comes back, and what is refused.

Libraries are stand-ins whose memory lies on the host, and kernels run there; see `tests.device`.
"""

import importlib.util
import operator
import re
import sys
import types

import numpy as np
import pytest
from imfeat_kernels.cuda import launch, quantizer, search
from sklearn.base import clone

import imfeat
from imfeat._device import CudaUnavailableError
from imfeat.comparison import METHODS
from tests import device, gpu_calls, ptx, reference_vectors

needs_compiler = pytest.mark.skipif(ptx.COMPILER is None, reason="there is no C compiler to run PTX with")


STREAM = 7 << 4  # the stream of the libraries, not the default one
DTYPES = "uint8", "uint16", "int16", "uint32", "uint64", "int32", "int64", "float32", "float64", "bool"


def full_of_nan(shape, dtype):
    """Return memory as a library may hand it out."""
    array = np.empty(shape, dtype)
    array.reshape(-1).view(np.uint8)[:] = 255
    return array


def library(name, type_name):
    """Return a class of arrays that belongs to a library."""

    class Stand:
        is_cuda, requires_grad = True, False

        def __init__(self, array, gpu=0):
            self.array, self.device = array, types.SimpleNamespace(id=gpu, index=gpu, type="cuda")
            self.shape, self.dtype = array.shape, array.dtype

        @property
        def __cuda_array_interface__(self):
            return self.array.__array_interface__

        def contiguous(self):
            return type(self)(np.ascontiguousarray(self.array))

        def reshape(self, *shape):
            return type(self)(self.array.reshape(*shape))

        def movedim(self, source, destination):
            return type(self)(np.moveaxis(self.array, source, destination))

        def detach(self):
            return type(self)(self.array)

    Stand.__name__, Stand.__module__ = type_name, name
    return Stand


@pytest.fixture
def cupy(monkeypatch):
    Stand = library("cupy", "ndarray")
    module = types.ModuleType("cupy")
    module.array, module.ascontiguousarray = Stand, Stand.contiguous
    module.empty = lambda shape, dtype: Stand(full_of_nan(shape, dtype))
    module.moveaxis = Stand.movedim
    for name in DTYPES:
        setattr(module, name, np.dtype(name))
    module.cuda = types.SimpleNamespace(
        get_current_stream=lambda: types.SimpleNamespace(ptr=STREAM),
        runtime=types.SimpleNamespace(getDevice=lambda: 0),
    )
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


@pytest.fixture
def torch(monkeypatch):
    Stand = library("torch", "Tensor")
    module = types.ModuleType("torch")
    module.array = Stand
    for name in DTYPES:
        setattr(module, name, np.dtype(name))
    module.empty = lambda shape, dtype, device: Stand(full_of_nan(shape, dtype))
    module.cuda = types.SimpleNamespace(
        current_stream=lambda _: types.SimpleNamespace(cuda_stream=STREAM), current_device=lambda: 0
    )
    monkeypatch.setitem(sys.modules, "torch", module)
    return module


@pytest.fixture
def runs():
    with device.on_host() as runs:
        yield runs


@pytest.fixture(params=["cupy", "torch"])
def gpu(request, runs):
    return request.getfixturevalue(request.param)


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (3, 24, 32, 3), dtype=np.uint8)


FLOATS = (
    *("color_histogram", "color_histogram of gray", "quantize_colors", "quantize_colors to many"),
    *("equalize", "equalize_value", "hog of roots", "hog padded", "lbp of variances"),
)

# Others need seconds each.
QUICK = (
    "rgb_to_hsv",
    "rgb_to_gray",
    "color_histogram",
    "equalize",
    "lbp_codes",
    "hog",
    "hog padded",
    "raw_pixels",
    "raw_pixels equalized",
    "dense_patches",
)


@needs_compiler
@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in gpu_calls.FEATURES],
)
def test_features_lie_where_images_do(gpu, runs, images, name):
    feature, tolerance = gpu_calls.FEATURES[name]
    found = feature(gpu.array(images))
    assert type(found) is gpu.array
    expected = feature(images)
    assert (found.array.shape, found.array.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found.array.astype(float), expected.astype(float), atol=tolerance, rtol=1e-6)
    assert {caller.stream_number for _, _, caller in runs.launched} == {STREAM}


@needs_compiler
@pytest.mark.parametrize("name", FLOATS)
def test_features_of_floats_lie_where_images_do(gpu, runs, images, name):
    feature, _ = gpu_calls.FEATURES[name]
    colors = (images / 255).astype(np.float32)
    found = feature(gpu.array(colors))
    assert type(found) is gpu.array
    np.testing.assert_allclose(found.array, feature(colors), atol=1e-5, rtol=1e-6)
    assert {caller.stream_number for _, _, caller in runs.launched} == {STREAM}


@needs_compiler
def test_floats_of_many_images_are_binned_at_once(gpu, runs, images, monkeypatch):
    monkeypatch.setattr("imfeat.histogram.PIXELS_AT_ONCE", 1 << 7)  # times 64 on a GPU
    colors = (images / 255).astype(np.float32)
    found = imfeat.color_histogram(gpu.array(colors))
    np.testing.assert_allclose(found.array, imfeat.color_histogram(colors), atol=1e-6)
    assert [body.name for body, _, _ in runs.launched].count("histogram._to_bytes") == 1


# What takes no floats on a GPU, or learns.
WAITING = (
    *("equalize_clahe", "equalize_clahe continued", "PaletteHistogram"),
    *("quantize_colors dithered", "rgb_to_hsv bytes", "rgb_to_ycbcr bytes"),
)
LATE_AND_QUICK = "rgb_to_hsv", "hog", "assign", "equalize", "hog of roots"
LATE = [
    pytest.param(kind, name, marks=() if name in LATE_AND_QUICK else pytest.mark.slow)
    for kind, table in (("images", gpu_calls.FEATURES), ("descriptors", gpu_calls.DESCRIPTORS))
    for name in table
    if name not in (*WAITING, "Whitening", "principal axes", "tf_idf", "pool_regions", "pool_regions by sums")
    and name not in METHODS
]


def floats_for(kind, name, rng):
    """Return a function of one array, with floats that it takes."""
    if kind == "images":
        return gpu_calls.FEATURES[name][0], rng.random((2, 24, 32, 3)).astype(np.float32)
    x, words = (rng.random((n, 16)).astype(np.float32) for n in (50, 7))
    call, _ = gpu_calls.DESCRIPTORS[name]
    return lambda values: call(values, words), x


@needs_compiler
@pytest.mark.parametrize(("kind", "name"), LATE)
def test_checks_of_floats_are_read_after_the_last_kernel(gpu, runs, rng, monkeypatch, kind, name):
    launched = []  # when something was copied to the host
    original = device.HostCaller.copy_to_host

    def copy_to_host(*args):
        launched.append(len(runs.launched))
        return original(*args)

    monkeypatch.setattr(device.HostCaller, "copy_to_host", copy_to_host)
    call, values = floats_for(kind, name, rng)
    call(gpu.array(values))
    assert set(launched) == {len(runs.launched)}


@needs_compiler
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38, -3e38])
@pytest.mark.parametrize(("kind", "name"), LATE)
def test_kernels_access_their_memory_alone_whatever_values_are(gpu, runs, rng, kind, name, bad):
    call, values = floats_for(kind, name, rng)
    values.reshape(-1)[::7] = bad
    values[0] = bad
    if kind == "descriptors" and np.isfinite(bad):
        call(gpu.array(values))
        return
    with pytest.raises(ValueError, match="must") as expected:
        call(values)
    with pytest.raises(ValueError, match=re.escape(str(expected.value))):
        call(gpu.array(values))


@needs_compiler
@pytest.mark.parametrize("scale", [1, -4096])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_nearly_flat_image_is_stretched_on_a_gpu(gpu, dtype, scale):
    image = gpu_calls.nearly_flat(dtype) * np.array(scale, dtype)
    found = imfeat.equalize(gpu.array(image))
    np.testing.assert_allclose(found.array, imfeat.equalize(image), atol=1e-6)


@needs_compiler
def test_codes_of_many_chunks_are_searched_on_a_gpu(gpu, rng, monkeypatch):
    monkeypatch.setattr(search, "CHUNK", 100)
    x = gpu_calls.clusters(rng)
    model = gpu_calls.quantizer_of(x)
    codes = model.encode(x)
    found, expected = model.search(gpu.array(x[:5]), gpu.array(codes), k=40), model.search(x[:5], codes, k=40)
    np.testing.assert_allclose(found[0].array, expected[0], rtol=1e-5)
    _, n_equal = np.unique(expected[0][0], return_counts=True)
    assert n_equal.max() > 1
    decoded = model.decode(codes)[found[1].array]
    np.testing.assert_allclose(found[0].array, ((decoded - x[:5, None]) ** 2).sum(2), rtol=1e-4)
    assert (np.diff(found[1].array)[np.diff(found[0].array) == 0] > 0).all()  # of equal ones the lowest first


@needs_compiler
@pytest.mark.parametrize("dtype", gpu_calls.WORDS)
@pytest.mark.parametrize("name", ["equalize", "equalize_value"])
def test_words_are_equalized_on_a_gpu(gpu, images, rng, name, dtype):
    words = (images.astype(np.int64) * 128 + rng.integers(0, 128, images.shape)).astype(dtype)
    mask = rng.random(images.shape[:3]) < 0.5
    mask[1] = False
    equalize = getattr(imfeat, name)
    for options in ({}, {"mask": mask}):
        there = {key: gpu.array(value) for key, value in options.items()}
        found = equalize(gpu.array(words), **there)
        assert type(found) is gpu.array
        np.testing.assert_array_equal(found.array, equalize(words, **options))


@needs_compiler
@pytest.mark.parametrize("dtype", gpu_calls.WORDS)
@pytest.mark.parametrize("name", gpu_calls.LEVELS)
def test_levels_of_16_bits_are_counted_and_scaled_on_a_gpu(gpu, images, name, dtype):
    feature, tolerance = gpu_calls.LEVELS[name]
    levels = (images[..., 0] % 200).astype(dtype)
    found = feature(gpu.array(levels))
    assert type(found) is gpu.array
    np.testing.assert_allclose(found.array, feature(levels), atol=tolerance, rtol=0)
    if name == "glcm":
        levels[0, 0, 0] = 456  # whose lower byte is 200
        with pytest.raises(ValueError, match="images must have values below levels=200"):
            feature(gpu.array(levels))


@needs_compiler
@pytest.mark.parametrize("name", gpu_calls.TWO_CHANNELS)
def test_features_of_two_channels_lie_where_images_do(gpu, images, name):
    feature, tolerance = gpu_calls.TWO_CHANNELS[name]
    pixels = np.ascontiguousarray(images[..., 1:])
    for values in (pixels, (pixels / 255).astype(np.float32)):
        found = feature(gpu.array(values))
        assert type(found) is gpu.array
        np.testing.assert_allclose(found.array, feature(values), atol=max(tolerance, 1e-6))


@needs_compiler
def test_two_channels_are_matched_with_one_reference(gpu, images):
    pixels = np.ascontiguousarray(images[..., 1:])
    found = imfeat.match_histograms(gpu.array(pixels), gpu.array(pixels[0] // 2), channel_axis=-1)
    expected = imfeat.match_histograms(pixels, pixels[0] // 2, channel_axis=-1)
    np.testing.assert_array_equal(found.array, expected)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("of_one", [True, False])
def test_floats_are_matched_with_references_of_another_size(gpu, images, rng, dtype, of_one):
    pixels = (images / 255).astype(dtype)
    reference = rng.random((30, 35, 3) if of_one else (3, 30, 35, 3)).astype(dtype) ** 2
    found = imfeat.match_histograms(gpu.array(pixels), gpu.array(reference))
    assert type(found) is gpu.array
    np.testing.assert_allclose(found.array, imfeat.match_histograms(pixels, reference), atol=1e-6)


@needs_compiler
def test_words_are_equalized_by_tiles_on_a_gpu(gpu, images, rng):
    words = (images.astype(np.int64) * 256 + rng.integers(0, 256, images.shape)).astype(np.uint16)[:1]
    found = imfeat.equalize_clahe(gpu.array(words), tiles=(1, 3), clip_limit=300)
    assert type(found) is gpu.array
    np.testing.assert_array_equal(found.array, imfeat.equalize_clahe(words, tiles=(1, 3), clip_limit=300))


@needs_compiler
def test_integers_of_16_bits_must_not_be_negative_on_a_gpu(gpu, images):
    with pytest.raises(ValueError, match="images of int16 must not be negative here"):
        imfeat.equalize_value(gpu.array(images.astype(np.int16) - 1))


@needs_compiler
def test_images_without_chosen_pixels_stay(gpu, images):
    colors = (images / 255).astype(np.float32)
    mask = np.arange(24 * 32).reshape(24, 32) % 3 * np.array([1, 0, 1])[:, None, None] > 0
    found = imfeat.equalize(gpu.array(colors), mask=gpu.array(mask))
    np.testing.assert_allclose(found.array, imfeat.equalize(colors, mask=mask), atol=1e-6)
    np.testing.assert_array_equal(found.array[1], colors[1])


@needs_compiler
def test_two_channels_are_equalized(gpu, images, rng):
    pixels = np.ascontiguousarray(images[..., :2])
    mask = rng.random((24, 32)) < 0.5
    found = imfeat.equalize(gpu.array(pixels), channel_axis=-1, mask=gpu.array(mask))
    np.testing.assert_array_equal(found.array, imfeat.equalize(pixels, channel_axis=-1, mask=mask))


@needs_compiler
def test_roots_need_values_that_are_not_negative(gpu, images):
    colors = (images / 255).astype(np.float32)
    for low in (-0.0005, -0.5):
        colors[0, 0, 0, 0] = low
        if low > -0.001:
            found = imfeat.hog(gpu.array(colors), sqrt=True)
            np.testing.assert_allclose(found.array, imfeat.hog(colors, sqrt=True), atol=1e-5)
            assert type(found) is gpu.array
        else:
            with pytest.raises(ValueError, match="have no negative values, for sqrt=True"):
                imfeat.hog(gpu.array(colors), sqrt=True)


@needs_compiler
@pytest.mark.parametrize("name", ["hog", "color_histogram", "equalize"])
def test_a_repeated_call_allocates_at_most_its_result_and_uploads_nothing(runs, images, name):
    there = imfeat.to_device(images)
    feature, _ = gpu_calls.FEATURES[name]
    feature(there)
    caller = there.caller
    before = caller.n_allocations, caller.n_uploads, caller.n_downloads
    result = feature(there)
    assert caller.n_allocations <= before[0] + 1
    assert (caller.n_uploads, caller.n_downloads) == before[1:]
    np.testing.assert_allclose(result.copy_to_host(), feature(images), atol=1e-6)


@needs_compiler
@pytest.mark.parametrize("n_pieces", [1, 2])
def test_sums_by_centroid_go_over_all_vectors_of_few_pieces(runs, rng, monkeypatch, n_pieces):
    vectors = rng.integers(0, 9, (3 * quantizer.CODES + 7, 10)).astype(np.float32)
    codes = rng.integers(0, 20, (len(vectors), 2), dtype=np.uint8)
    sums, counts = np.empty((2, 20, 5)), np.empty((2, 20), np.int64)
    monkeypatch.setattr(quantizer, "SUMS", n_pieces * sums.size)
    arrays = [launch.to_device(array) for array in (vectors, codes, sums, counts)]
    quantizer.sum_by_centroid(*arrays)
    expected, n_expected = reference_vectors.sum_by_centroid(vectors, codes, counts)
    np.testing.assert_array_equal(arrays[2].copy_to_host(), expected)
    np.testing.assert_array_equal(arrays[3].copy_to_host(), n_expected)


@needs_compiler
def test_codes_of_one_image_have_its_shape(gpu, images):
    for method in ("uniform", "var"):
        found = imfeat.lbp_codes(gpu.array(images[0]), method=method)
        np.testing.assert_allclose(found.array, imfeat.lbp_codes(images[0], method=method), rtol=1e-6)


@needs_compiler
def test_levels_are_checked_where_images_lie(gpu, images):
    gray = images[0, ..., 0] // 8
    found = imfeat.glcm(gpu.array(gray), levels=32)
    np.testing.assert_array_equal(found.array, imfeat.glcm(gray, levels=32))
    with pytest.raises(ValueError, match="images must have values below levels=31"):
        imfeat.glcm(gpu.array(gray), levels=31)


@needs_compiler
def test_values_outside_by_rounding_are_those_at_the_border(gpu, rng):
    images = (rng.random((2, 8, 9, 3)) * 1.001 - 0.0005).astype(np.float32)
    found = imfeat.rgb_to_hsv(gpu.array(images))
    assert type(found) is gpu.array
    np.testing.assert_allclose(found.array, imfeat.rgb_to_hsv(np.clip(images, 0, 1)), rtol=0, atol=1e-6)


def test_arrays_are_views_of_memory_and_come_back(runs, images):
    there = imfeat.to_device(images)
    np.testing.assert_array_equal(there.copy_to_host(), images)
    np.testing.assert_array_equal(there[1:].reshape(-1, 3).copy_to_host(), images[1:].reshape(-1, 3))
    np.testing.assert_array_equal(
        there.ravel().view(np.uint64).copy_to_host(), images.ravel().view(np.uint64)
    )
    assert (len(there), there.ndim, there.size, there.nbytes) == (3, 4, images.size, images.nbytes)
    assert there.__cuda_array_interface__["shape"] == images.shape
    with pytest.raises(ValueError, match="can't have the shape"):
        there.reshape(5, -1)
    with pytest.raises(TypeError, match="give slices of rows"):
        there[0]
    with pytest.raises(TypeError, match=r"call copy_to_host\(\)"):
        np.asarray(there)


@needs_compiler
@pytest.mark.parametrize("name", gpu_calls.DESCRIPTORS)
def test_encodings_lie_where_descriptors_do(gpu, runs, rng, name):
    x, words = (rng.random((n, 16)).astype(np.float32) for n in (50, 7))
    call, tolerance = gpu_calls.DESCRIPTORS[name]
    found = call(gpu.array(x), words)
    assert type(found) is gpu.array
    np.testing.assert_allclose(found.array, call(x, words), atol=tolerance, rtol=1e-5)
    assert {caller.stream_number for _, _, caller in runs.launched} == {STREAM}


@pytest.fixture
def large_tables(monkeypatch):
    """The larger tables that stay on the device; none at first."""
    monkeypatch.setattr(launch, "_threads", types.SimpleNamespace(tables={}))
    return launch._threads.tables


@needs_compiler
def test_large_codebooks_stay_on_the_device_and_may_be_written_to(runs, rng, large_tables):
    x, words = (rng.random((n, 64)).astype(np.float32) for n in (50, 300))
    mixture = gpu_calls.mixture_of(words)
    there = imfeat.to_device(x)
    for encode, table in ((imfeat.vlad, words), (imfeat.assign, words), (imfeat.fisher_vector, mixture)):
        encode(there, table)
        encode(there, table)
        before = there.caller.n_uploads
        np.testing.assert_allclose(encode(there, table).copy_to_host(), encode(x, table), atol=1e-5)
        assert there.caller.n_uploads == before
    words[np.arange(len(words)), 1 + np.arange(len(words)) % 7] += 1  # not at what is sampled alone
    np.testing.assert_allclose(imfeat.vlad(there, words).copy_to_host(), imfeat.vlad(x, words), atol=1e-5)


def test_one_changed_value_of_a_large_table_is_noticed(runs, large_tables):
    caller = launch.caller_of("imfeat", 0, 0)
    table = np.zeros(1 << 15, np.float32)
    for _ in range(3):
        launch._on_device(table, caller)
    n_uploads = caller.n_uploads
    table[12345] = np.nan
    for _ in range(2):  # NaN equals itself here
        np.testing.assert_array_equal(launch._on_device(table, caller).copy_to_host(), table)
    assert caller.n_uploads == n_uploads + 1


def test_large_tables_are_kept_up_to_a_number_of_bytes(runs, monkeypatch, large_tables):
    caller = launch.caller_of("imfeat", 0, 0)
    monkeypatch.setattr(launch, "LARGE_TABLES", 5 << 17)
    for value in range(9):
        for _ in range(2):
            launch._on_device(np.full(1 << 15, value, np.float32), caller)
    kept = [there for pair in large_tables.values() if pair for there in pair[1:]]
    assert [there.copy_to_host()[0] for there in kept] == [4, 5, 6, 7, 8]
    launch._on_device(np.zeros(1 << 16, np.float32), caller)
    launch._on_device(np.zeros(1 << 16, np.float32), caller)
    assert all(pair is None or len(pair[0]) == 1 << 17 for pair in large_tables.values())


@needs_compiler
def test_words_may_lie_with_descriptors_but_not_alone_on_a_gpu(gpu, rng):
    x, words = (rng.random((n, 16)).astype(np.float32) for n in (50, 7))
    found = imfeat.assign(gpu.array(x), gpu.array(words))
    np.testing.assert_array_equal(found.array, imfeat.assign(x, words))
    with pytest.raises(TypeError, match="descriptors lie on the host and codebook on a GPU"):
        imfeat.assign(x, gpu.array(words))


@needs_compiler
@pytest.mark.parametrize("name", gpu_calls.DESCRIPTORS)
def test_descriptors_are_copied_neither_to_the_host_nor_from_it(runs, rng, monkeypatch, name):
    copied = []
    for method in ("upload", "copy_to_host"):
        original = getattr(device.HostCaller, method)
        monkeypatch.setattr(
            device.HostCaller, method, lambda *a, of=original: [result := of(*a), copied.append(result)][0]
        )
    x, words = (rng.random((n, 16)).astype(np.float32) for n in (50, 7))
    there = imfeat.to_device(x)
    call, _ = gpu_calls.DESCRIPTORS[name]
    call(there, words)
    copied.clear()
    call(there, words)
    assert all(counts.shape == (1,) and counts.dtype == np.int64 for counts in copied)  # of values not finite
    assert len(copied) <= 4


@needs_compiler
def test_images_become_fisher_vectors_on_the_gpu(gpu, runs, images, rng):
    mixture = gpu_calls.mixture_of(rng.normal(size=(5, 8)).astype(np.float32))
    axes = gpu_calls.PrincipalAxes().fit_sums(gpu_calls.Moments.of(rng.normal(size=(300, 128))), 8)

    def describe(pixels):
        positions, descriptors = imfeat.dense_sift(pixels, fast=True)
        return imfeat.pool_regions(
            lambda x, offsets: imfeat.fisher_vector(x, mixture, offsets=offsets),
            axes.transform(descriptors),
            positions,
            images.shape[1:3],
        )

    found = describe(gpu.array(images))
    assert type(found) is gpu.array
    np.testing.assert_allclose(found.array, describe(images), atol=1e-4)
    assert {caller.stream_number for _, _, caller in runs.launched} == {STREAM}


@needs_compiler
def test_encodings_of_stacked_images_and_of_none(gpu, rng):
    x, words = rng.random((2, 3, 20, 4)).astype(np.float32), rng.random((5, 4)).astype(np.float32)
    mixture = gpu_calls.mixture_of(words)
    for encode, table in (
        (imfeat.bag_of_words, words),
        (imfeat.soft_words, words),
        (imfeat.vlad, words),
        (imfeat.fisher_vector, mixture),
    ):
        found = encode(gpu.array(x), table)
        assert found.array.shape == encode(x, table).shape
        np.testing.assert_allclose(found.array, encode(x, table), atol=1e-5)
        empty = gpu.array(np.zeros((0, 4), np.float32))
        assert encode(empty, table, offsets=[0]).array.shape == encode(empty.array, table, offsets=[0]).shape
        np.testing.assert_array_equal(encode(empty, table).array, 0)
    positions = rng.random((20, 2))
    found = imfeat.pool_regions(_sums_of(words), gpu.array(x), positions, (1, 1), pool="sum")
    expected = imfeat.pool_regions(_sums_of(words), x, positions, (1, 1), pool="sum")
    np.testing.assert_allclose(found.array, expected, atol=1e-5)


def _sums_of(words):
    return lambda x, offsets: imfeat.vlad(x, words, offsets=offsets, norm=None)


@needs_compiler
def test_encodings_refuse_codebooks_on_a_gpu_for_descriptors_on_the_host(gpu, rng):
    x, words = (rng.random((n, 16)).astype(np.float32) for n in (50, 7))
    for encode in (imfeat.bag_of_words, imfeat.soft_words, imfeat.triangle, imfeat.vlad):
        found = encode(gpu.array(x), gpu.array(words))
        np.testing.assert_allclose(found.array, encode(x, words), atol=1e-5)
        with pytest.raises(TypeError, match="descriptors lie on the host and codebook on a GPU"):
            encode(x, gpu.array(words))
    with pytest.raises(TypeError, match="counts lie on the host and idf on a GPU"):
        imfeat.tf_idf(x, gpu.array(words[0]))
    with pytest.raises(TypeError, match="descriptors lie on the host and what encode returns on a GPU"):
        imfeat.pool_regions(lambda x, offsets: gpu.array(x[:1]), x, x[:, :2], (1, 1), grids=[(1, 1)])
    with pytest.raises(ValueError, match="counts must not be negative, got -1"):
        imfeat.tf_idf(gpu.array(-np.ones((2, 16), np.float32)), words[0])
    with pytest.raises(TypeError, match="axis=0 is not computed on a GPU"):
        imfeat.l2_normalize(gpu.array(x), axis=0)


@needs_compiler
@pytest.mark.parametrize("name", ["HOG", "ColorHistogram", "Equalize", "DenseSIFT", "LocalColor"])
def test_estimators_compute_on_a_gpu_if_told_to(gpu, images, name):
    here, there = (getattr(imfeat, name)(device=where).fit(images) for where in ("cpu", "cuda"))
    found = there.transform(images)
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found.astype(float), here.transform(images), atol=1e-5)
    with pytest.raises(ValueError, match="device must be one of 'cpu', 'cuda'"):
        getattr(imfeat, name)(device="gpu").fit(images)


ENCODERS = {
    "bag of words": imfeat.BagOfVisualWords(n_words=5, patch_size=6, stride=5, n_patches=200, random_state=0),
    "soft words": imfeat.BagOfVisualWords(
        n_words=5,
        patch_size=6,
        stride=5,
        grid=(2, 1),
        encoding="soft",
        norm="hellinger",
        n_patches=500,
        random_state=0,
    ),
    "VLAD": imfeat.VLAD(n_words=4, n_pca=8, random_state=0),
    "FisherVector": imfeat.FisherVector(n_components=3, n_pca=8, random_state=0),
    "mirrored FisherVector": imfeat.FisherVector(n_components=3, n_pca=8, mirror=True, random_state=0),
    "RegionPooling": imfeat.RegionPooling(),
    "PatchFeatures": imfeat.PatchFeatures(n_words=4, patch_size=4, n_patches=300, random_state=0),
    "TwoLayerPatches": imfeat.TwoLayerPatches(
        n_words=4, n_first_words=4, first_patch_size=3, n_pca=3, n_patches=300, random_state=0
    ),
    "HOG": imfeat.HOG(),
    "RawPixels": imfeat.RawPixels(equalize="value"),
    "Equalize": imfeat.Equalize(),
    "UoCTTI": imfeat.UoCTTI(),
    "LBP": imfeat.LBP(),
    "Haralick": imfeat.Haralick(levels=16),
}


@needs_compiler
@pytest.mark.parametrize("name", ENCODERS)
def test_estimators_fitted_on_the_host_transform_arrays_on_a_gpu(gpu, runs, images, monkeypatch, name):
    monkeypatch.setattr("imfeat.estimators._bands.VALUES_ON_GPU", 3_000)  # one image at a time
    monkeypatch.setattr("imfeat.estimators.encoding.BYTES_ON_GPU", 20_000)
    model = clone(ENCODERS[name]).fit(images)
    found = model.transform(gpu.array(images))
    assert type(found) is gpu.array
    np.testing.assert_allclose(found.array, model.transform(images), atol=2e-3)
    assert {caller.stream_number for _, _, caller in runs.launched} == {STREAM}
    if not model.learns:
        again = clone(model).fit(gpu.array(images)).transform(images)
        np.testing.assert_array_equal(again, model.transform(images))


@pytest.fixture
def copies(runs, monkeypatch):
    """Arrays that were copied to the host, in a list."""
    arrays = []
    original = device.HostCaller.copy_to_host

    def copy_to_host(*args):
        arrays.append(original(*args))
        return arrays[-1]

    monkeypatch.setattr(device.HostCaller, "copy_to_host", copy_to_host)
    return arrays


def is_table(array):
    """Tell whether an array holds sums, counts or candidates, or a number a descriptor: no vectors of all."""
    is_of_colors = array.shape == (256, 256, 256) and array.dtype == np.uint32
    return is_of_colors or array.ndim == 1 or (array.dtype != np.uint8 and len(array) <= 130)


LIE_THERE = ("learn_idf", *(f"ProductQuantizer.{call}" for call in ("encode", "distance_tables", "search")))


@needs_compiler
@pytest.mark.parametrize("name", gpu_calls.LEARNED)
def test_tables_are_learned_from_descriptors_on_a_gpu(gpu, runs, rng, copies, name):
    learn, tolerance = gpu_calls.LEARNED[name]
    x = gpu_calls.clusters(rng)
    found, expected = learn(gpu.array(x)), learn(x)
    assert all(map(is_table, copies))
    if name.startswith("learn_codebook") or name in LIE_THERE:
        assert type(found) is gpu.array
        found = found.array
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, atol=tolerance, rtol=1e-5)
    assert {caller.stream_number for _, _, caller in runs.launched} == {STREAM}


@needs_compiler
def test_moments_of_many_vectors_are_summed_in_pieces(runs, rng, monkeypatch):
    monkeypatch.setattr("imfeat_kernels.cuda.products.VALUES", 9000)  # two pieces at a time
    x = (rng.normal(size=(2100, 67)) + 5).astype(np.float32)
    found, expected = gpu_calls.Moments.of(imfeat.to_device(x)), gpu_calls.Moments.of(x)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-6)
    np.testing.assert_allclose(found.scatter, expected.scatter, atol=2e-3)
    diagonal = gpu_calls.Moments.of(imfeat.to_device(x), diagonal=True)
    np.testing.assert_array_equal(diagonal.scatter, np.diag(found.scatter))


@needs_compiler
def test_first_words_may_lie_with_descriptors_but_not_alone_on_a_gpu(gpu, rng):
    x = gpu_calls.clusters(rng)
    found = imfeat.learn_codebook(gpu.array(x), 7, start=gpu.array(x[:7]))
    np.testing.assert_allclose(found.array, imfeat.learn_codebook(x, 7, start=x[:7]), rtol=1e-5, atol=1e-5)
    with pytest.raises(TypeError, match="descriptors lie on the host and start on a GPU"):
        imfeat.learn_codebook(x, 7, start=gpu.array(x[:7]))
    with pytest.raises(TypeError, match="descriptors on a GPU must be float32, got float64"):
        imfeat.learn_codebook(gpu.array(x.astype(float)), 7)
    with pytest.raises(ValueError, match="n_words must be at most the number of descriptors, 600, got 601"):
        imfeat.learn_codebook(gpu.array(x), 601)


@needs_compiler
def test_quantizers_decode_where_codes_lie(gpu, rng):
    x = gpu_calls.clusters(rng)
    model = gpu_calls.quantizer_of(x)
    codes = model.encode(x)
    found = model.decode(gpu.array(codes))
    assert type(found) is gpu.array
    np.testing.assert_array_equal(found.array, model.decode(codes))
    out = gpu.array(np.empty_like(x))
    assert model.decode(gpu.array(codes), out=out) is out
    np.testing.assert_array_equal(out.array, found.array)
    with pytest.raises(ValueError, match=r"codes must be less than 2\*\*bits = 8, got 9"):
        model.decode(gpu.array(codes + np.uint8(9 - codes.max())))
    with pytest.raises(TypeError, match="queries and codes must lie on the same device"):
        model.search(x[:1], gpu.array(codes))


@needs_compiler
@pytest.mark.parametrize("dtype", gpu_calls.DTYPES)
def test_palettes_are_learned_from_images_on_a_gpu(gpu, images, copies, dtype):
    pixels = images if dtype == "uint8" else (images / 255).astype(dtype)
    several = [gpu.array(pixels), gpu.array(pixels[:1])]
    for there, here in ((gpu.array(pixels), pixels), (several, [pixels, pixels[:1]])):
        found = imfeat.learn_palette(there, 6, rng=0)
        assert isinstance(found, np.ndarray)
        assert all(map(is_table, copies))
        np.testing.assert_allclose(found, imfeat.learn_palette(here, 6, rng=0), atol=1e-5)
    with pytest.raises(TypeError, match="images must lie on one device"):
        imfeat.learn_palette([gpu.array(pixels), pixels], 6)


FITTED = {
    "bag of words": ("whitening_.matrix_", "codebook_"),
    "soft words": ("whitening_.matrix_", "codebook_"),
    "VLAD": ("pca_.components_", "codebook_"),
    "FisherVector": ("pca_.components_", "mixture_.weights", "mixture_.means", "mixture_.variances"),
    "PatchFeatures": ("whitening_.matrix_", "codebook_"),
    "TwoLayerPatches": (
        *("first_whitening_.matrix_", "first_codebook_"),
        *("pca_.components_", "whitening_.matrix_", "codebook_"),
    ),
    "PaletteHistogram": ("palette_",),
}


@needs_compiler
@pytest.mark.parametrize("name", FITTED)
def test_estimators_are_fitted_to_images_on_a_gpu(gpu, runs, photo, copies, monkeypatch, name):
    monkeypatch.setattr("imfeat.estimators._bands.VALUES_ON_GPU", 8_000)  # two images at a time
    images = np.stack([photo[y : y + 30, x : x + 36] for y, x in ((0, 0), (90, 200), (200, 300), (330, 90))])
    palette = imfeat.PaletteHistogram(n_colors=300, n_pixels=900, norm="l2", grid=(2, 1), random_state=0)
    model = clone({**ENCODERS, "PaletteHistogram": palette}[name]).fit(gpu.array(images))
    found = model.transform(gpu.array(images))
    assert all(map(is_table, copies))
    assert type(found) is gpu.array
    assert {caller.stream_number for _, _, caller in runs.launched} == {STREAM}
    expected = clone(model).fit(images)
    for attribute in FITTED[name]:
        learned, on_host = (operator.attrgetter(attribute)(fitted) for fitted in (model, expected))
        assert isinstance(learned, np.ndarray)
        np.testing.assert_allclose(learned, on_host, atol=2e-3)
    np.testing.assert_allclose(found.array, model.transform(images), atol=2e-3)


@needs_compiler
@pytest.mark.parametrize("dtype", [*gpu_calls.DTYPES, "uint16"])
def test_images_are_equalized_with_their_channels_at_any_axis(gpu, images, dtype):
    pixels = (images / 255).astype(dtype) if dtype.startswith("float") else images.astype(dtype)
    pixels = np.ascontiguousarray(np.moveaxis(pixels, -1, 1))
    model = imfeat.Equalize(channel_axis=1).fit(gpu.array(pixels))
    found = model.transform(gpu.array(pixels))
    assert type(found) is gpu.array
    expected = model.transform(pixels)
    assert (found.array.shape, found.array.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found.array, expected, atol=1e-6)
    flat = np.ascontiguousarray(pixels[:, 0])
    found = imfeat.Equalize().fit(gpu.array(flat)).transform(gpu.array(flat))
    np.testing.assert_allclose(found.array, imfeat.Equalize().fit_transform(flat), atol=1e-6)


@needs_compiler
@pytest.mark.parametrize("values", [1, 20_000])
def test_patch_features_are_computed_by_rows_of_large_images(gpu, images, monkeypatch, values):
    monkeypatch.setattr("imfeat._responses.VALUES_ON_GPU", values)
    feature, tolerance = gpu_calls.FEATURES["patch_features"]
    small = np.ascontiguousarray(images[:2, :9, :12])
    np.testing.assert_allclose(feature(gpu.array(small)).array, feature(small), atol=tolerance)


@needs_compiler
def test_estimators_give_arrays_of_the_package_for_such_arrays(runs, images):
    model = imfeat.RegionPooling().fit(images)
    found = model.transform(imfeat.to_device(images))
    np.testing.assert_allclose(found.copy_to_host(), model.transform(images), atol=1e-5)


@needs_compiler
def test_histograms_are_compared_and_matched_where_they_lie(gpu, images):
    reference = np.ascontiguousarray(images[0, ::-2] // 2)
    found = imfeat.match_histograms(gpu.array(images), gpu.array(reference))
    np.testing.assert_array_equal(found.array, imfeat.match_histograms(images, reference))
    with pytest.raises(TypeError, match="images and reference must lie on the same device"):
        imfeat.match_histograms(gpu.array(images), reference)
    first, second = imfeat.color_histogram(images), imfeat.color_histogram(images[:2] // 2)
    for method in METHODS:
        found = imfeat.compare_histograms(gpu.array(first), gpu.array(second), method=method)
        expected = imfeat.compare_histograms(first, second, method=method)
        np.testing.assert_allclose(found.array, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(TypeError, match="first and second must lie on the same device"):
        imfeat.compare_histograms(gpu.array(first), second)


@needs_compiler
def test_a_result_goes_into_out(gpu, images):
    out = gpu.array(np.zeros((3, 512), np.float32))
    assert imfeat.color_histogram(gpu.array(images), out=out) is out
    np.testing.assert_allclose(out.array, imfeat.color_histogram(images), atol=1e-6)
    with pytest.raises(TypeError, match="out must lie on the GPU"):
        imfeat.color_histogram(gpu.array(images), out=np.zeros((3, 512), np.float32))
    with pytest.raises(ValueError, match="out must be float32 of shape"):
        imfeat.color_histogram(gpu.array(images), out=gpu.array(np.zeros((3, 5), np.float32)))


@needs_compiler
def test_floats_on_a_gpu_are_checked(gpu, images):
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\].*divide by 255"):
        imfeat.rgb_to_hsv(gpu.array(images.astype(np.float32)))
    with pytest.raises(TypeError, match="on a GPU must be uint8, float32 or float64, got uint16"):
        imfeat.hog(gpu.array(images.astype(np.uint16)))
    small = (images / 255).astype(np.float32)
    np.testing.assert_allclose(imfeat.hog(gpu.array(small)).array, imfeat.hog(small), atol=1e-4)


@needs_compiler
def test_masks_lie_where_images_do(gpu, images, rng):
    mask = rng.random(images.shape[:3]) < 0.5
    found = imfeat.color_histogram(gpu.array(images), mask=gpu.array(mask))
    np.testing.assert_allclose(found.array, imfeat.color_histogram(images, mask=mask), atol=1e-6)
    for interpolation in ("none", "trilinear"):
        found = imfeat.hog(gpu.array(images), mask=gpu.array(mask), interpolation=interpolation)
        expected = imfeat.hog(images, mask=mask, interpolation=interpolation)
        np.testing.assert_allclose(found.array, expected, atol=1e-5)
    for call in gpu_calls.MASKED.values():
        found = call(gpu.array(images), mask=gpu.array(mask[0]))  # for all images
        np.testing.assert_allclose(found.array, call(images, mask=mask[0]), atol=1e-5)
    with pytest.raises(TypeError, match="images and mask must lie on the same device"):
        imfeat.color_histogram(gpu.array(images), mask=mask)
    with pytest.raises(TypeError, match="images and mask must lie on the same device"):
        imfeat.color_histogram(images, mask=gpu.array(mask))


def test_what_is_not_computed_there_says_so(gpu, images):
    words = images.astype(np.uint16)
    with pytest.raises(TypeError, match="matching of integers of 16 bits is not computed on a GPU; copy"):
        imfeat.match_histograms(gpu.array(words), gpu.array(words))
    with pytest.raises(TypeError, match="features lie on a GPU"):
        imfeat.hog_to_opencv(imfeat.hog(gpu.array(images), flatten=False))


def test_gradients_are_not_passed_on(torch, runs, images):
    tensor = torch.array(images)
    tensor.requires_grad = True
    with pytest.raises(TypeError, match=r"images requires grad.*images\.detach\(\)"):
        imfeat.hog(tensor)


def test_an_array_on_another_gpu_is_refused(gpu, images):
    with pytest.raises(
        ValueError,
        match=r"GPU 1, and the current one is 0; write with (cupy\.cuda\.D|torch\.cuda\.d)evice\(1\)",
    ):
        imfeat.hog(gpu.array(images, gpu=1))


def test_what_lies_on_a_gpu_is_not_copied_to_it(gpu, runs, images):
    there = gpu.array(images)
    held = imfeat.to_device(there)
    assert held.__cuda_array_interface__["data"][0] == images.ctypes.data
    assert isinstance(imfeat.raw_pixels(held), launch.DeviceArray)
    assert imfeat.to_device(held).owner is not None
    np.testing.assert_array_equal(imfeat.to_device(held).copy_to_host(), images)
    with pytest.raises(ValueError, match=r"array lies on GPU 1, and the current one is 0; write with"):
        imfeat.to_device(gpu.array(images, gpu=1))


def test_an_array_of_imfeat_stays_on_the_gpu_that_was_current(runs, images, monkeypatch):
    there = imfeat.to_device(images)
    monkeypatch.setattr(launch, "current_device", lambda: 1)
    expected = (
        r"lies on GPU 0, and the current one is 1; write cuda\.core\.Device\(0\)\.set_current\(\) first"
    )
    for call in (imfeat.hog, imfeat.to_device):
        with pytest.raises(ValueError, match=expected):
            call(there)
    np.testing.assert_array_equal(there.copy_to_host(), images)


@needs_compiler
@pytest.mark.parametrize("norm", ["intra", "l2", "sqrt"])
def test_a_descriptor_that_is_its_word_has_no_residual(gpu, rng, norm):
    x = (100 * rng.random((40, 16))).astype(np.float32)
    words = x[:3].copy()
    words[1] = np.nextafter(words[1], np.float32(0))
    x = np.concatenate([x[:2], x[3:]])  # two words are descriptors, but for rounding
    nearest = imfeat.assign(x, words)
    x = x[(nearest == 2) | (np.arange(len(x)) < 2)]
    expected = imfeat.vlad(x, words, norm=norm).reshape(3, 16)
    assert not expected[:2].any()
    assert expected[2].any()
    np.testing.assert_allclose(imfeat.vlad(gpu.array(x), words, norm=norm).array, expected.ravel(), atol=1e-5)


def test_an_array_of_any_library_on_another_gpu_is_refused(runs, images, monkeypatch):
    expected = r"GPU 1, and the current one is 0; write cuda\.core\.Device\(1\)\.set_current\(\) first"
    monkeypatch.setattr(launch, "device_of", lambda pointer: 1)
    with pytest.raises(ValueError, match=expected):
        imfeat.hog(library("other", "Array")(images))
    exchanged = types.SimpleNamespace(__dlpack_device__=lambda: (2, 1), __dlpack__=None, shape=images.shape)
    with pytest.raises(ValueError, match=expected):
        imfeat.hog(exchanged)


def test_an_array_with_gaps_is_refused(runs, images):
    Stand = library("other", "Array")
    with pytest.raises(ValueError, match="must be C-contiguous on the GPU"):
        imfeat.hog(Stand(images[:, :, ::2]))


def test_too_large_a_result_says_how_large(gpu, images, monkeypatch):
    def full(*_, **__):
        raise type("OutOfMemoryError", (Exception,), {})("out of memory")

    monkeypatch.setattr(gpu, "empty", full)
    with pytest.raises(MemoryError, match=r"not enough memory on the GPU for .* bytes; pass fewer images"):
        imfeat.hog(gpu.array(images))


def test_without_the_extra_or_a_gpu_the_error_says_what_to_do(cupy, images, monkeypatch):
    monkeypatch.setattr(launch, "reason", lambda: "no driver")
    if importlib.util.find_spec("cuda"):
        with pytest.raises(
            CudaUnavailableError, match=r"no usable GPU was found \(no driver\).*pass NumPy arrays"
        ):
            imfeat.hog(cupy.array(images))
        with pytest.raises(CudaUnavailableError, match="no usable GPU"):
            imfeat.to_device(images)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CudaUnavailableError, match=r'pip install -e "\.\[cuda\]" in a clone'):
        imfeat.hog(cupy.array(images))
