"""Changed test images, against other libraries and by hand."""

import io

import cv2
import numpy as np
import pytest
import skimage
from pictures import PHOTO
from PIL import Image

from imfeat.compare import shifts
from imfeat.compare.shifts import BY_NAME, SHIFTS

IMAGES = np.stack([PHOTO[:96, :80], PHOTO[100:196, 100:180]])
SMALL = IMAGES[:, :32, :32]


def changed(name, strength, images=IMAGES):
    return np.concatenate(list(BY_NAME[name].batches(images, strength)))


def close(found, expected, most=1):
    """Test that bytes differ by at most a step of rounding."""
    return np.abs(found.astype(int) - expected.astype(int)).max() <= most


@pytest.mark.parametrize("shift", SHIFTS, ids=lambda shift: shift.name)
@pytest.mark.parametrize("images", [IMAGES, SMALL], ids=["large", "small"])
def test_images_keep_their_shape_and_differ_more_the_stronger(shift, images):
    images = np.repeat(images, 16, axis=0)  # which square is covered is random
    results = [changed(shift.name, strength, images) for strength in range(3)]
    assert all(result.shape == images.shape and result.dtype == np.uint8 for result in results)
    differences = [np.abs(result.astype(int) - images).mean() for result in results]
    assert 0 < differences[0] < differences[1] < differences[2]


@pytest.mark.parametrize("shift", SHIFTS, ids=lambda shift: shift.name)
def test_changes_are_the_same_at_each_call_and_leave_the_images_alone(shift):
    before = IMAGES.copy()
    np.testing.assert_array_equal(changed(shift.name, 1), changed(shift.name, 1))
    np.testing.assert_array_equal(IMAGES, before)


def test_gamma_is_that_of_scikit_image():
    for strength, gamma in enumerate(BY_NAME["gamma"].strengths):
        expected = skimage.exposure.adjust_gamma(IMAGES / 255, gamma)
        assert close(changed("gamma", strength), np.rint(255 * expected))


@pytest.mark.parametrize(("images", "added"), [(IMAGES, 0.3), (SMALL, 0.15)])
def test_brightness_is_added_to_the_value(images, added):
    hsv = skimage.color.rgb2hsv(images)
    hsv[..., 2] = np.clip(hsv[..., 2] + added, 0, 1)
    assert close(changed("brightness", 1, images), np.rint(255 * skimage.color.hsv2rgb(hsv)))


def test_black_becomes_gray_when_it_is_brighter():
    black = np.zeros((1, 64, 64, 3), np.uint8)
    assert (changed("brightness", 1, black) == round(0.3 * 255 + 1e-3)).all()


def test_contrast_is_a_share_of_the_difference_from_the_mean():
    image = np.zeros((1, 64, 64, 3), np.uint8)
    image[:, :32] = 200  # the mean is 100
    np.testing.assert_array_equal(np.unique(changed("contrast", 1, image)), [80, 120])


def test_a_cast_is_warm():
    gray = np.full((1, 64, 64, 3), 100, np.uint8)
    np.testing.assert_array_equal(changed("color-cast", 1, gray)[0, 0, 0], [120, 100, 80])


def test_noise_has_its_deviation():
    gray = np.full((4, 128, 128, 3), 128, np.uint8)
    noise = changed("noise", 0, gray) / 255 - 128 / 255
    assert abs(noise.mean()) < 0.001
    assert noise.std() == pytest.approx(0.08, rel=0.01)


def test_blur_is_that_of_opencv():
    for image, result in zip(IMAGES, changed("blur", 1), strict=True):
        expected = cv2.GaussianBlur(
            image.astype(np.float32), (25, 25), 3, borderType=cv2.BORDER_REPLICATE
        )  # 4 deviations to each side, as ours
        assert close(result, np.rint(expected))


def test_jpeg_has_the_pixels_of_pillow():
    out = io.BytesIO()
    Image.fromarray(IMAGES[1]).save(out, "JPEG", quality=15)
    np.testing.assert_array_equal(changed("jpeg", 1)[1], np.asarray(Image.open(out)))


def test_translation_repeats_the_edges():
    result = changed("translation", 1)  # by an eighth: 12 rows and 10 columns
    np.testing.assert_array_equal(result[:, 12:, 10:], IMAGES[:, :-12, :-10])
    np.testing.assert_array_equal(result[:, 5, 10:], IMAGES[:, 0, :-10])


def test_rotation_is_that_of_opencv():
    height, width = IMAGES.shape[1:3]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 20, 1)
    for image, result in zip(IMAGES, changed("rotation", 1), strict=True):
        pixels = image.astype(np.float32)
        expected = cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        assert np.abs(result - expected).mean() < 1  # OpenCV rounds positions to 1/32 pixel


def test_zoom_is_that_of_pillow():
    width, height = 80, 96
    box = (
        width / 2 - width / 2.6,
        height / 2 - height / 2.6,
        width / 2 + width / 2.6,
        height / 2 + height / 2.6,
    )
    expected = Image.fromarray(IMAGES[0]).resize((width, height), Image.Resampling.BILINEAR, box)
    assert close(changed("zoom", 1)[0], np.asarray(expected))


def test_a_square_of_its_share_is_covered():
    white = np.full((1, 64, 64, 3), 255, np.uint8)
    white[:, ::2] = 1  # the mean is 128
    covered = (changed("occlusion", 2, white) == 128).all(-1)[0]
    rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
    assert len(rows) == len(columns) == 32
    assert covered.sum() == 32 * 32


def test_gray_images_have_no_cast():
    gray = IMAGES[..., :1]
    assert "color-cast" not in {shift.name for shift in shifts.shifts_for(gray.shape[1:])}
    for shift in shifts.shifts_for(gray.shape[1:]):
        assert changed(shift.name, 1, gray).shape == gray.shape
