"""Palettes against brute force in integers."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import imfeat
from imfeat import _kmeans
from imfeat._sums import InMemory


def test_the_corners_of_the_cube():
    palette = imfeat.uniform_palette(2)
    assert palette.tolist() == [[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)]
    image = np.array([[[200, 10, 127], [3, 128, 250]]], np.uint8)
    assert imfeat.quantize_colors(image, palette).tolist() == [[4, 3]]


def test_levels_may_differ():
    palette = imfeat.uniform_palette((3, 1, 2))
    assert palette.tolist() == [[r, 128, b] for r in (0, 128, 255) for b in (0, 255)]


@pytest.mark.parametrize("n_colors", [1, 2, 63, 64, 65, 256, 257, 1000])
def test_the_nearest_color_is_exact(rgb, rng, n_colors):
    palette = rng.integers(0, 256, (n_colors, 3), dtype=np.uint8)
    palette[n_colors // 2 :] = palette[: n_colors - n_colors // 2]  # each colour twice: ties
    indices = imfeat.quantize_colors(rgb, palette)
    np.testing.assert_array_equal(indices.ravel(), reference.nearest_colors(rgb, palette))
    assert indices.dtype == (np.uint8 if n_colors <= 256 else np.uint16)


@given(arrays(np.uint8, (2, 3, 3)), arrays(np.uint8, (5, 3), elements=st.integers(0, 3)))
def test_ties_go_to_the_lowest_index(image, palette):
    indices = imfeat.quantize_colors(image, palette)
    np.testing.assert_array_equal(indices.ravel(), reference.nearest_colors(image, palette))


def test_half_gray_dithers_to_a_checkerboard():
    image = np.full((4, 6, 3), 128, np.uint8)
    palette = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)
    indices = imfeat.quantize_colors(image, palette, dither="floyd-steinberg")
    assert indices[0].tolist() == [
        1,
        0,
        1,
        0,
        1,
        0,
    ]  # errors to the right: 128 - 56 = 72, 128 + 31 = 159, ...
    assert indices.mean() == 0.5


@pytest.mark.parametrize("n_colors", [1, 2, 64, 256, 257])
def test_dithering_matches_the_definition(rgb, rng, n_colors):
    images = np.ascontiguousarray(rgb[:2, :21, :26])
    palette = rng.integers(0, 256, (n_colors, 3), dtype=np.uint8)
    palette[n_colors // 2 :] = palette[: n_colors - n_colors // 2]  # each colour twice: ties
    indices = imfeat.quantize_colors(images, palette, dither="floyd-steinberg")
    np.testing.assert_array_equal(indices, reference.dither_colors(images, palette))
    assert indices.dtype == (np.uint8 if n_colors <= 256 else np.uint16)


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 19), st.integers(1, 9), st.just(3))),
    arrays(np.uint8, st.tuples(st.integers(1, 30), st.just(3))),
)
def test_dithering_of_any_size_matches_the_definition(image, palette):
    found = imfeat.quantize_colors(image, palette, dither="floyd-steinberg")
    np.testing.assert_array_equal(found, reference.dither_colors(image[None], palette)[0])


def test_many_near_colors_are_all_compared(photo, rng):
    palette = rng.integers(100, 116, (300, 3), dtype=np.uint8)  # more in a cell than its list holds
    image = photo[100:120, 100:130] // 16 + np.uint8(100)
    found = imfeat.quantize_colors(image, palette, dither="floyd-steinberg")
    np.testing.assert_array_equal(found, reference.dither_colors(image[None], palette)[0])


def test_dithering_keeps_mean_colours_as_pillow_does(photo):
    palette = imfeat.uniform_palette(3)
    swatch = Image.new("P", (1, 1))
    swatch.putpalette(palette.ravel().tolist())
    peer = Image.fromarray(photo).quantize(palette=swatch, dither=Image.Dither.FLOYDSTEINBERG)

    def off(indices):
        """Return the difference of means of squares of 64 pixels."""
        squares = [x.reshape(8, 64, 8, 64, 3).mean((1, 3)) for x in (palette[indices], photo)]
        return abs(squares[0] - squares[1]).mean()

    ours = off(imfeat.quantize_colors(photo, palette, dither="floyd-steinberg"))
    assert ours < 1.5 < 5 < off(imfeat.quantize_colors(photo, palette))
    assert ours < off(np.asarray(peer)) + 0.1


def test_dithering_of_gray_levels_is_that_of_pillow(photo):
    """Pillow's nearest of 2 levels is exact for gray pixels, but it mixes channels up in the last column.

    What the last column passes on gets one pixel further to the left in each row.
    """
    gray = np.repeat(photo[:100, :, 1:2], 3, 2)
    palette = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)
    swatch = Image.new("P", (1, 1))
    swatch.putpalette(palette.ravel().tolist())
    peer = Image.fromarray(gray).quantize(palette=swatch, dither=Image.Dither.FLOYDSTEINBERG)
    found = imfeat.quantize_colors(gray, palette, dither="floyd-steinberg")
    np.testing.assert_array_equal(found[:, :412], np.asarray(peer)[:, :412])


def test_dithering_of_floats_is_refused(rgb):
    palette = imfeat.uniform_palette(2)
    with pytest.raises(TypeError, match="dither='floyd-steinberg' takes uint8 images, got float64"):
        imfeat.quantize_colors(rgb / 255, palette, dither="floyd-steinberg")
    with pytest.raises(ValueError, match="dither must be one of None, 'floyd-steinberg', got 'ordered'"):
        imfeat.quantize_colors(rgb, palette, dither="ordered")


def test_floats_take_palettes_of_bytes_and_of_floats(rgb, rng):
    palette = rng.integers(0, 256, (40, 3), dtype=np.uint8)
    images = (rgb / 255).astype(np.float32)
    expected = imfeat.quantize_colors(rgb, palette)
    assert (imfeat.quantize_colors(images, palette) == expected).mean() > 0.99  # but for ties
    assert (imfeat.quantize_colors(images, (palette / 255).astype(np.float32)) == expected).mean() > 0.99


def test_an_image_of_few_colors_gets_them_back(rng):
    colors = rng.integers(0, 256, (5, 3), dtype=np.uint8)
    image = colors[rng.integers(0, 5, (40, 40))]
    palette = imfeat.learn_palette(image, 5, rng=0)
    assert {*map(tuple, palette)} == {*map(tuple, colors)}
    np.testing.assert_array_equal(palette[imfeat.quantize_colors(image, palette)], image)


def test_more_colors_lose_less(photo):
    errors = []
    for n_colors in (2, 8, 32):
        palette = imfeat.learn_palette(photo[::4, ::4], n_colors, rng=0)
        picture = palette[imfeat.quantize_colors(photo, palette)]
        errors.append(((picture.astype(float) - photo) ** 2).mean())
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_colors_count_as_often_as_they_occur(photo, monkeypatch):
    monkeypatch.setattr(imfeat.palette, "PIXELS_AT_ONCE", 1000)
    pixels = (photo[::4, ::4] // 8).reshape(-1, 3)
    colors, counts = imfeat.palette._distinct(pixels)
    assert len(colors) < len(pixels) / 4
    expected = np.unique(pixels, axis=0, return_counts=True)
    np.testing.assert_array_equal(colors, expected[0])
    np.testing.assert_array_equal(counts, expected[1])
    start = colors[:: len(colors) // 7].copy()
    np.testing.assert_array_equal(
        _kmeans.lloyd(InMemory(colors, None), start, range(5), weights=counts),
        _kmeans.lloyd(InMemory(pixels.astype(np.float32), None), start, range(5)),
    )


def test_the_seed_decides(photo):
    image = photo[::8, ::8]
    first, again, other = (imfeat.learn_palette(image, 16, rng=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_palettes_come_in_the_type_of_the_images(photo):
    image = photo[::16, ::16]
    assert imfeat.learn_palette(image, 3, rng=0).dtype == np.uint8
    palette = imfeat.learn_palette((image / 255), 3, rng=0)
    assert palette.dtype == np.float32
    assert 0 <= palette.min() <= palette.max() <= 1


@pytest.mark.parametrize(
    ("palette", "error", "message"),
    [
        (np.zeros((2, 4), np.uint8), ValueError, "palette must be vectors of length 3, got length 4"),
        (np.zeros((0, 3), np.uint8), ValueError, "1 to 65,536 colours, got 0"),
        (np.zeros((2, 3)), TypeError, "palette must be uint8 for uint8 images, got float64"),
    ],
)
def test_wrong_palettes_are_refused(palette, error, message):
    with pytest.raises(error, match=message):
        imfeat.quantize_colors(np.zeros((4, 4, 3), np.uint8), palette)


def test_a_palette_of_0_to_255_floats_is_refused():
    with pytest.raises(ValueError, match=r"palette of floats must lie in \[0, 1\], got 0 to 255"):
        imfeat.quantize_colors(np.zeros((4, 4, 3)), np.array([[0, 0, 255.0]]))


def test_more_colors_than_pixels_are_refused():
    with pytest.raises(
        ValueError, match="n_colors must be at most 65,536 and the number of pixels, 4, got 5"
    ):
        imfeat.learn_palette(np.zeros((2, 2, 3), np.uint8), 5)


@pytest.mark.parametrize("levels", [0, 257, (64, 64, 64), "3", (2, 2), 2.0])
def test_wrong_levels_are_refused(levels):
    with pytest.raises((TypeError, ValueError), match="levels must be"):
        imfeat.uniform_palette(levels)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("n_distinct", [1, 2, 5])
def test_colours_of_a_palette_occur_where_there_are_few(rng, dtype, n_distinct):
    colors = rng.integers(1, 256, (n_distinct, 3), dtype=np.uint8)
    images = colors[np.arange(2 * 6 * 7) % n_distinct].reshape(2, 6, 7, 3)
    images = images if dtype == "uint8" else (images / 255).astype(dtype)
    there = {color.tobytes() for color in images.reshape(-1, 3).astype(np.float32)}
    for n_colors in (n_distinct, 8, 84):
        learned = imfeat.learn_palette(images, n_colors, rng=0)
        estimator = imfeat.PaletteHistogram(n_colors=n_colors, random_state=0).fit(images)
        for palette in (learned, estimator.palette_):
            assert palette.shape == (n_colors, 3)
            assert {color.tobytes() for color in palette.astype(np.float32)} == there
