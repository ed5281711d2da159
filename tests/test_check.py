"""Every public function under arrays that are hard to digest: a right answer or a clear error."""

import numpy as np
import pytest

import imfeat

RNG = np.random.default_rng(0)
PALETTE = RNG.integers(0, 256, (9, 3), dtype=np.uint8)
RGB = RNG.integers(0, 256, (2, 24, 28, 3), dtype=np.uint8)

# What takes images: with one argument, and whether gray images are among them, and floats.
IMAGE_FUNCTIONS = {
    "rgb_to_hsv": (imfeat.rgb_to_hsv, False, True),
    "hsv_to_rgb": (imfeat.hsv_to_rgb, False, True),
    "rgb_to_hsi": (imfeat.rgb_to_hsi, False, True),
    "rgb_to_gray": (imfeat.rgb_to_gray, False, True),
    "rgb_to_lab": (imfeat.rgb_to_lab, False, True),
    "rgb_to_ycbcr": (imfeat.rgb_to_ycbcr, False, True),
    "ycbcr_to_rgb": (imfeat.ycbcr_to_rgb, False, True),
    "color_histogram": (imfeat.color_histogram, False, True),
    "learn_palette": (lambda x: imfeat.learn_palette(x, 4, rng=0, n_iterations=2), False, True),
    "quantize_colors": (lambda x: imfeat.quantize_colors(x, PALETTE), False, True),
    "quantize_colors dithered": (
        lambda x: imfeat.quantize_colors(x, PALETTE, dither="floyd-steinberg"),
        False,
        False,
    ),
    "equalize": (imfeat.equalize, True, True),
    "equalize_value": (imfeat.equalize_value, False, True),
    "equalize_clahe": (imfeat.equalize_clahe, True, False),
    "match_histograms": (lambda x: imfeat.match_histograms(x, x), True, True),
    "resize": (lambda x: imfeat.resize(x, (9, 20)), True, True),
    "hog": (imfeat.hog, True, True),
    "hog trilinear": (lambda x: imfeat.hog(x, interpolation="trilinear"), True, True),
    "hog_windows": (lambda x: imfeat.hog_windows(x, (16, 16), 4), True, True),
    "hog_uoctti": (imfeat.hog_uoctti, True, True),
    "hog_uoctti variant": (lambda x: imfeat.hog_uoctti(x, variant="dalal-triggs"), True, True),
    "sample_patches": (lambda x: imfeat.sample_patches(x, 5, 20, rng=0), True, True),
    "dense_patches": (lambda x: imfeat.dense_patches(x, 5), True, True),
}
OF_ANY_RANGE = ("rgb_to_gray", "equalize", "hog", "hog trilinear", "hog_uoctti")
OF_ANY_RANGE += ("sample_patches", "dense_patches", "match_histograms")
OF_ANY_RANGE += ("hog_windows", "hog_uoctti variant", "resize")
PER_IMAGE = sorted(set(IMAGE_FUNCTIONS) - {"learn_palette", "sample_patches"})
WORDS = RNG.normal(size=(5, 12)).astype(np.float32)
VECTOR_FUNCTIONS = {
    "learn_codebook": lambda x: imfeat.learn_codebook(x, 3, rng=0),
    "assign": lambda x: imfeat.assign(x, WORDS),
    "bag_of_words": lambda x: imfeat.bag_of_words(x, WORDS),
    "normalize_patches": imfeat.normalize_patches,
    "Whitening": lambda x: imfeat.Whitening().fit(x).transform(x),
}


def same(actual, expected):
    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype == expected.dtype


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "negative strides": lambda x: np.ascontiguousarray(x[..., ::-1, :, :])[..., ::-1, :, :],
    "gaps": lambda x: np.repeat(x, 2, axis=-2)[..., ::2, :],
    "read-only": lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
    "memory map": lambda x: x,
    "list": lambda x: x,
}


@pytest.mark.parametrize("name", IMAGE_FUNCTIONS)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("layout", ["Fortran order", "negative strides", "gaps", "read-only", "byte order"])
def test_layouts_of_memory_change_nothing(name, dtype, layout):
    function, _, floats = IMAGE_FUNCTIONS[name]
    if dtype != "uint8" and not floats:
        pytest.skip(f"{name} takes uint8 only")
    images = RGB if dtype == "uint8" else (RGB / 255).astype(dtype)
    variant = (
        images.astype(images.dtype.newbyteorder(">")) if layout == "byte order" else LAYOUTS[layout](images)
    )
    before = variant.copy()
    same(function(variant), function(images))
    same(variant, before)


@pytest.mark.parametrize("name", PER_IMAGE)
def test_one_image_equals_its_row_in_a_batch(name):
    function, gray, floats = IMAGE_FUNCTIONS[name]
    for images in [RGB] + [RGB[..., 0]] * gray + [RGB / 255] * floats:
        batch = function(images)
        same(function(images[1]), batch[1])
        same(function(images[None]), batch[None])


@pytest.mark.parametrize("name", PER_IMAGE)
def test_an_empty_batch_gives_an_empty_result(name):
    function, _, floats = IMAGE_FUNCTIONS[name]
    for images in [RGB] + [RGB / 255] * floats:
        out = function(images[:0])
        assert out.shape == (0, *function(images).shape[1:])
        assert function(images.reshape(1, 2, 24, 28, 3)[:, :0]).shape == (1, *out.shape)


@pytest.mark.parametrize("name", IMAGE_FUNCTIONS)
@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (RGB[0, 0, 0], ValueError, r"images must have the shape .*, got \(3,\)"),
        (np.uint8(3), ValueError, r"got \(\)"),
        (np.zeros((24, 28, 4), np.uint8), ValueError, r"drop the alpha channel|images\[\.\.\., :3\]"),
        (np.zeros((0, 28, 3), np.uint8), ValueError, r"at least one pixel each, got the shape \(0, 28, 3\)"),
        (RGB.astype(np.int64), TypeError, "images must be uint8 .*, got int64"),
        (
            RGB.astype(np.uint32),
            TypeError,
            r"images must be uint8 .*, got uint32; write images.astype\('uint8'\)",
        ),
        (RGB.astype(complex), TypeError, "images must be an array of numbers, got complex128"),
        (RGB.astype(object), TypeError, "images must be an array of numbers, got object"),
        ("a picture", TypeError, "images must be an array of numbers, got the path 'a picture'"),
        (None, TypeError, "images must be an array of numbers, got None"),
        ([[[1, 2, 3]], [[1, 2]]], ValueError, "images must be one array of one shape"),
        (np.ma.masked_array(RGB), TypeError, "images is a masked array"),
        (np.zeros(3, [("r", "u1")]), TypeError, "images must be an array of numbers"),
    ],
)
def test_what_is_no_image_is_refused(name, images, error, message):
    with pytest.raises(error, match=message):
        IMAGE_FUNCTIONS[name][0](images)


@pytest.mark.parametrize("name", [name for name, (_, _, floats) in IMAGE_FUNCTIONS.items() if floats])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "images must be finite, got NaN or infinite values"),
        (np.inf, "images must be finite"),
        (-0.01, r"images of dtype float64 must lie in \[0, 1\], got -0.01 to .*; divide by 255"),
        (255, r"must lie in \[0, 1\], got .* to 255; divide by 255 if they are 0..255, or pass uint8"),
        (1e38, r"must lie in \[0, 1\]"),
    ],
)
def test_floats_out_of_range_are_refused(name, value, message):
    images = RGB / 255
    images[1, 20, 20, 2] = value
    if name in OF_ANY_RANGE and abs(value) < 1e30:
        assert np.isfinite(IMAGE_FUNCTIONS[name][0](images)).all()
        return
    message = "must not exceed 1e" if name in OF_ANY_RANGE and value == 1e38 else message
    with pytest.raises(ValueError, match=message):
        IMAGE_FUNCTIONS[name][0](images)


@pytest.mark.parametrize("name", [name for name, (_, gray, _) in IMAGE_FUNCTIONS.items() if not gray])
def test_gray_images_are_refused_where_color_is_needed(name):
    with pytest.raises(
        ValueError, match=r"images must have the shape \(\.\.\., height, width, 3\), got \(24, 28\)"
    ):
        IMAGE_FUNCTIONS[name][0](RGB[0, ..., 0])
    with pytest.raises(ValueError, match=r"move the channels last with np.moveaxis\(images, -3, -1\)"):
        IMAGE_FUNCTIONS[name][0](np.moveaxis(RGB, -1, -3))


def test_slight_overshoot_is_rounding():
    images = RGB / 255
    images[0, 0, 0], images[0, 0, 1] = 1 + 1e-7, -1e-7
    for name, (function, _, floats) in IMAGE_FUNCTIONS.items():
        if floats:
            assert np.isfinite(function(images)).all(), name


def test_a_picture_of_pillow_is_an_image():
    image = pytest.importorskip("PIL.Image").fromarray(RGB[0])
    same(imfeat.rgb_to_hsv(image), imfeat.rgb_to_hsv(RGB[0]))


class OnAGPU:
    @property
    def __cuda_array_interface__(self):
        return {"shape": (4, 4, 3), "typestr": "|u1", "data": (0, True), "version": 3}


@pytest.mark.parametrize("name", IMAGE_FUNCTIONS)
def test_arrays_on_a_gpu_need_one(name):
    with pytest.raises((TypeError, imfeat.CudaUnavailableError), match="on a GPU"):
        IMAGE_FUNCTIONS[name][0](OnAGPU())


@pytest.mark.parametrize("name", VECTOR_FUNCTIONS)
@pytest.mark.parametrize(
    ("vectors", "error", "message"),
    [
        (np.full((4, 12), np.nan), ValueError, "must be finite"),
        (np.full((4, 12), 1e39), ValueError, "must be finite"),
        (np.zeros((4, 12), bool), TypeError, "must be numbers, got bool"),
        (np.zeros((4, 12), object), TypeError, "must be an array of numbers, got object"),
        (np.zeros((4, 0)), ValueError, "at least one dimension|length 12, got length 0"),
        (np.float32(1), ValueError, "must have the shape"),
    ],
)
def test_what_is_no_vectors_is_refused(name, vectors, error, message):
    with pytest.raises(error, match=message):
        VECTOR_FUNCTIONS[name](vectors)


@pytest.mark.parametrize("name", VECTOR_FUNCTIONS)
def test_layouts_of_vectors_change_nothing(name):
    vectors = RNG.normal(size=(30, 12)).astype(np.float32)
    expected = VECTOR_FUNCTIONS[name](vectors)
    variants = [
        np.asfortranarray(vectors),
        np.ascontiguousarray(vectors[::-1])[::-1],
        vectors.astype(">f4"),
        vectors.astype(np.float64),
    ]
    for variant in variants:
        same(VECTOR_FUNCTIONS[name](variant), expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: imfeat.hog(RGB, cell_size=8.0), "cell_size must be an integer, got 8.0"),
        (lambda: imfeat.hog_uoctti(RGB, cell_size="8"), "cell_size must be an integer, got '8'"),
        (lambda: imfeat.hog(RGB, signed=1), "signed must be True or False, got 1"),
        (lambda: imfeat.hog(RGB, orientations=True), "orientations must be an integer, got True"),
        (lambda: imfeat.color_histogram(RGB, bins=(8, 8)), r"bins must be 3 integers, got \(8, 8\)"),
        (lambda: imfeat.color_histogram(RGB, grid=2), "grid must be 2 integers, got 2"),
        (
            lambda: imfeat.color_histogram(RGB, mask=RGB[..., 0]),
            "mask must be bool, got uint8; write mask > 0",
        ),
        (lambda: imfeat.equalize_clahe(RGB, clip_limit="2"), "clip_limit must be a number, got '2'"),
        (lambda: imfeat.set_num_threads(2.5), "n must be an integer, got 2.5"),
        (lambda: imfeat.bag_of_words(WORDS, WORDS, offsets=[0.0, 5.0]), "offsets must be integers"),
    ],
)
def test_options_of_the_wrong_type_are_refused(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def frozen(array):
    array.flags.writeable = False
    return array


OUT = {
    "rgb_to_hsv": {},
    "rgb_to_hsv bytes": {"dtype": "uint8"},
    "hsv_to_rgb": {},
    "rgb_to_hsi": {},
    "rgb_to_gray": {},
    "rgb_to_lab": {},
    "rgb_to_ycbcr": {},
    "ycbcr_to_rgb": {},
    "color_histogram": {"grid": (2, 1)},
    "quantize_colors": {"palette": imfeat.uniform_palette(3)},
    "quantize_colors dithered": {"palette": imfeat.uniform_palette(3), "dither": "floyd-steinberg"},
    "equalize": {},
    "equalize_value": {},
    "equalize_clahe": {},
    "match_histograms": {"reference": RGB[0]},
    "resize": {"size": (9, 20)},
    "hog": {},
    "hog_uoctti": {},
    "dense_patches": {"patch_size": 5},
    "patch_features": {
        "patch_size": 3,
        "codebook": np.eye(4, 27),
        "whitening": imfeat.Whitening().fit(np.eye(27)),
        "mirror": False,
    },
    "response_maps": {
        "patch_size": 3,
        "codebook": np.eye(4, 27),
        "whitening": imfeat.Whitening().fit(np.eye(27)),
    },
}


@pytest.mark.parametrize("name", OUT)
def test_results_are_written_to_out(rgb, name):
    function, options = getattr(imfeat, name.split()[0]), OUT[name]
    expected = function(rgb, **options)
    out = np.full(expected.shape, 7, expected.dtype)
    assert function(rgb, **options, out=out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("name", OUT)
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda out: out[1:], "out must be .* of shape"),
        (lambda out: out.astype("int64"), "out must be .* of shape .*, got int64"),
        (lambda out: np.asfortranarray(out), "out must be C-contiguous and writable"),
        (frozen, "out must be C-contiguous and writable"),
    ],
)
def test_unsuitable_arrays_are_refused_as_out(rgb, name, spoil, message):
    function, options = getattr(imfeat, name.split()[0]), OUT[name]
    with pytest.raises(ValueError, match=message):
        function(rgb, **options, out=spoil(function(rgb, **options)))


def test_out_must_be_another_array_than_the_images(rgb):
    with pytest.raises(ValueError, match="out must not share memory"):
        imfeat.equalize(rgb, out=rgb)
    with pytest.raises(TypeError, match="out must be a NumPy array, got list"):
        imfeat.equalize(rgb, out=[])


# What is undefined just outside [0, 1]: roots of negative values, saturation of more than 1, empty bins.
OUTSIDE = {
    "rgb_to_hsv": imfeat.rgb_to_hsv,
    "rgb_to_hsi": imfeat.rgb_to_hsi,
    "hsv_to_rgb": imfeat.hsv_to_rgb,
    "rgb_to_lab": imfeat.rgb_to_lab,
    "rgb_to_ycbcr": imfeat.rgb_to_ycbcr,
    "ycbcr_to_rgb": imfeat.ycbcr_to_rgb,
    "equalize_value": imfeat.equalize_value,
    "learn_palette": lambda x: imfeat.learn_palette(x, 8, rng=0),
    "local_color": lambda x: imfeat.local_color(x)[1],
    "hog": lambda x: imfeat.hog(x, sqrt=True),
    "hog gray": lambda x: imfeat.hog(x[..., 0], sqrt=True),
    "hog trilinear": lambda x: imfeat.hog(x, sqrt=True, interpolation="trilinear"),
    **{
        f"color_histogram {space}": lambda x, space=space: imfeat.color_histogram(x, space=space, norm=None)
        for space in ("rgb", "hsv", "hsi", "lab", "ycbcr", "gray")
    },
    "dense_sift of HSV": lambda x: imfeat.dense_sift(x, color="hsv", bin_size=3)[1],
    "HOG": lambda x: imfeat.HOG(sqrt=True).fit_transform(x),
    "LocalColor": lambda x: imfeat.LocalColor().fit_transform(x),
}


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_outside_by_rounding_are_those_at_the_border(name, dtype, rng):
    images = (rng.random((2, 24, 28, 3)) * 1.002 - 0.001).astype(dtype)
    images[:, :4] = [-1e-4, 1e-5, -9e-4]  # the largest is small
    images[rng.random(images.shape) < 0.2] = -0.0009
    before = images.copy()
    found = OUTSIDE[name](images)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, OUTSIDE[name](np.clip(images, 0, 1)))
    np.testing.assert_array_equal(images, before)
    images[0, 9, 9] = -0.5
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\], got -0.5"):
        OUTSIDE[name](images)
    images[0, 9, 9] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        OUTSIDE[name](images)


def test_roots_of_dark_pixels_keep_their_gradients():
    image = np.full((16, 16), -0.001, np.float32)
    image[:, 8:] = 0.25
    expected = imfeat.hog(np.maximum(image, 0), sqrt=True)
    np.testing.assert_array_equal(imfeat.hog(image, sqrt=True), expected)
    assert expected.max() > 0.1
