"""JPEGs by simplejpeg: the pixels, orientations and reasons of Pillow, and smaller scales."""

import io
import itertools
import struct
import threading
import warnings

import cv2
import numpy as np
import pytest
import simplejpeg
from pictures import as_file, crop
from PIL import Image, ImageOps
from test_decoding import FLAWED, UNTURNED, entry, exif, jpeg_with
from test_hostile import FILES

from imfeat.decoding import decode, decode_or_reason, jpeg
from imfeat.decoding.jpeg import read_header, read_jpeg
from imfeat.decoding.metadata import orientation_of_exif
from imfeat.decoding.quiet import warnings_of_pillow

SHAPES = [(1, 1), (1, 17), (5, 7), (16, 16), (33, 47), (130, 95)]
PHOTO = crop(5, 140)


@pytest.fixture
def by_pillow(monkeypatch):
    """Return a function that decodes without simplejpeg."""

    def decoded(content, *how):
        with monkeypatch.context() as patch:
            patch.setattr(decode, "read_jpeg", lambda *_: None)
            return decode_or_reason(content, *how)

    return decoded


def assert_read_as_by_pillow(content):
    """Check that simplejpeg reads a file, and compare with Pillow alone."""
    pixels, orientation = read_jpeg(content, 10**6)
    with Image.open(io.BytesIO(content)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
        if orientation != 1:
            assert image.getexif()[274] == orientation
    np.testing.assert_array_equal(decode.upright(Image.fromarray(pixels), orientation), expected)


def assert_same(content, by_pillow, size=(24, 20)):
    for fit in decode.FITS:
        found = decode_or_reason(content, size, fit)
        np.testing.assert_array_equal(found, by_pillow(content, size, fit))
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_pixels_are_those_of_pillow(shape):
    pixels = np.ascontiguousarray(PHOTO[: shape[0], : shape[1]])
    for subsampling, progressive, quality in itertools.product((0, 1, 2), (False, True), (10, 90)):
        how = {"subsampling": subsampling, "progressive": progressive, "quality": quality}
        assert_read_as_by_pillow(as_file(pixels, "JPEG", **how, restart_marker_blocks=quality // 45))
    for subsampling in ("444", "422", "420", "440", "411", "gray"):
        assert_read_as_by_pillow(simplejpeg.encode_jpeg(pixels, colorsubsampling=subsampling))
    for subsampling, progressive in itertools.product((0x411111, 0x121111), (0, 1)):
        options = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, subsampling, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive]
        assert_read_as_by_pillow(cv2.imencode(".jpg", pixels, options)[1].tobytes())
    for progressive in (False, True):
        assert_read_as_by_pillow(as_file(pixels[..., 0], "JPEG", progressive=progressive))
    assert_read_as_by_pillow(as_file(pixels, "JPEG", keep_rgb=True))
    several = {"save_all": True, "append_images": [Image.fromarray(pixels[::-1])]}
    assert_read_as_by_pillow(as_file(pixels, "MPO", **several))


def in_colours(ids, transform, has_jfif):
    """Return a JPEG with other names of its components, and with or without the markers of JFIF and Adobe."""
    content = as_file(PHOTO, "JPEG")
    body = bytearray(content[20:])
    frame, scan = body.index(b"\xff\xc0"), body.index(b"\xff\xda")
    body[frame + 10 : frame + 19 : 3] = ids
    body[scan + 5 : scan + 11 : 2] = ids
    adobe = b"" if transform is None else b"\xff\xee\0\x0eAdobe\0d\0\0\0\0" + bytes([transform])
    return content[: 20 if has_jfif else 2] + adobe + bytes(body)


@pytest.mark.parametrize("has_jfif", [False, True])
@pytest.mark.parametrize("transform", [None, 0, 1, 2])
@pytest.mark.parametrize("ids", [b"\1\2\3", b"RGB", b"\0\1\2"])
def test_colour_spaces_are_those_that_pillow_sees(ids, transform, has_jfif, by_pillow):
    content = in_colours(ids, transform, has_jfif)
    assert_same(content, by_pillow)
    assert_same(content[:2] + b"\xff\xe2\0\x0eICC_PROFILE\0" + content[2:], by_pillow)  # without a number
    if (ids == b"\1\2\3" and transform in (None, 1)) or (not has_jfif and transform != 2):
        assert_read_as_by_pillow(content)


def test_gray_is_scaled_as_one_channel(by_pillow):
    content = as_file(PHOTO[..., 1], "JPEG")
    assert read_jpeg(content, 10**6)[0].shape == (140, 140)
    found = assert_same(content, by_pillow)
    np.testing.assert_array_equal(found, np.repeat(found[..., :1], 3, axis=2))


@pytest.mark.parametrize("name", FILES)
def test_hostile_files_are_the_same_by_pillow(name, by_pillow):
    assert_same(FILES[name][0], by_pillow)


WHOLE = as_file(PHOTO, "JPEG")
OTHERS = {
    "cmyk": as_file(Image.fromarray(PHOTO).convert("CMYK"), "JPEG"),
    "arithmetic": WHOLE.replace(b"\xff\xc0\0\x11", b"\xff\xc9\0\x11"),
    "12 bits": WHOLE.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"),
    "no end": WHOLE[:-2],
    "cut": WHOLE[:1500],
    "filled": WHOLE[:2] + b"\xff" + WHOLE[2:],
    "two frames": WHOLE[:2] + WHOLE[WHOLE.index(b"\xff\xc0") :][:19] + WHOLE[2:],
    "a restart in the header": WHOLE[:2] + b"\xff\xd0" + WHOLE[2:],
    "start": b"\xff\xd8",
    "empty": b"",
    "PNG": as_file(PHOTO),
}


@pytest.mark.parametrize("name", OTHERS)
def test_others_are_left_to_pillow(name, by_pillow):
    assert read_jpeg(OTHERS[name], 10**6) is None
    assert_same(OTHERS[name], by_pillow)


@pytest.mark.parametrize(("version", "is_read"), [("3.0.0", True), ("2.1.5", False), (None, False)])
def test_pillow_decodes_alone_if_it_is_of_another_library(version, is_read, monkeypatch):
    monkeypatch.setattr(jpeg.features, "version_feature", {"libjpeg_turbo": version}.get)
    is_same = jpeg.is_of_libjpeg_turbo.__wrapped__
    monkeypatch.setattr(jpeg, "is_of_libjpeg_turbo", is_same)
    content = as_file(PHOTO, "JPEG")
    assert (read_jpeg(content, 10**6) is not None) == is_read
    assert read_jpeg(content, 10**6, (32, 32))[0].shape == (35, 35, 3)


@pytest.mark.parametrize("at", range(2, 40))
def test_files_that_end_anywhere_are_the_same_by_pillow(at, by_pillow):
    content = jpeg_with((0xE1, b"Exif\0\0" + FLAWED["whole"]))
    assert_same(content[: len(content) * at // 40], by_pillow)


# --- orientation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("orientation", range(10))
def test_orientations_are_read_without_pillow(orientation, order):
    data = exif([entry(271, 2, 9, struct.pack(f"{order}I", 30), order), entry(274, 3, 1, orientation, order)])
    data = exif([data[10:22], data[22:34]], order=order) + bytes(20)
    assert orientation_of_exif(data) == orientation
    if orientation in range(1, 9):
        assert_read_as_by_pillow(jpeg_with((0xE1, b"Exif\0\0" + data)))


@pytest.mark.parametrize("name", [*FLAWED, *UNTURNED])
def test_flawed_exif_is_read_as_by_pillow(name, by_pillow):
    data = {**FLAWED, **UNTURNED}[name]
    content = jpeg_with((0xE1, b"Exif\0\0" + data))
    assert_same(content, by_pillow)
    header = read_header(content)
    expected = 6 if name in FLAWED else 9 if name.endswith("9") else 1
    assert header is None or header.orientation == expected


@pytest.mark.parametrize("value", [b'"6"', b">6<", b"='6'"])
def test_xmp_tells_the_orientation_where_exif_does_not(value, by_pillow):
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation=" + value
    plain = (0xE1, b"Exif\0\0" + exif([entry(296, 3, 1, 2)]) + bytes(4))
    turned = (0xE1, b"Exif\0\0" + exif([entry(274, 3, 1, 3)]) + bytes(4))
    for segments in ([(0xE1, xmp)], [(0xE1, xmp), plain], [(0xE1, xmp), turned], [plain, turned]):
        assert_same(jpeg_with(*segments), by_pillow)
    assert read_header(jpeg_with((0xE1, xmp))) is None


@pytest.mark.parametrize(("tag", "kind"), [(282, 5), (282, 2), (296, 3), (274, 3)])
def test_empty_values_in_exif_are_what_pillow_takes_them_for(tag, kind, by_pillow):
    for count in (0, 1, 2):
        others = [entry(305, 2, 1, 0), *([entry(296, 3, 1, 2)] if tag != 296 else [])]
        data = exif([entry(tag, kind, count, struct.pack("<I", 0)), *others]) + bytes(20)
        assert_same(jpeg_with((0xE1, b"Exif\0\0" + data)), by_pillow)


# --- limits and warnings -------------------------------------------------------------------------


def of_size(height, width):
    content = as_file(PHOTO, "JPEG")
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


@pytest.mark.parametrize("side", [8001, 9500, 14000])
def test_limits_are_those_of_pillow(side, by_pillow):
    reason = decode_or_reason(of_size(side, side), (8, 8), "crop")
    assert reason == by_pillow(of_size(side, side), (8, 8), "crop")
    kind = {8001: "ValueError", 9500: "DecompressionBombWarning", 14000: "DecompressionBombError"}[side]
    assert reason.startswith(f"{kind}: ")


def test_a_lower_limit_of_pillow_holds(monkeypatch):
    content = as_file(PHOTO, "JPEG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 140 * 140 - 1)
    assert decode_or_reason(content, (8, 8), "crop").startswith("DecompressionBombWarning: ")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert not isinstance(decode_or_reason(content, (8, 8), "crop"), str)


@pytest.mark.parametrize("action", ["error", "always", "ignore"])
def test_filters_of_warnings_change_no_result(action):
    contents = [as_file(PHOTO, "JPEG"), jpeg_with((0xE1, b"Exif\0\0" + FLAWED["five for one"]))]
    expected = [decode_or_reason(content, (9, 9), "crop") for content in contents]
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter(action)
        before = list(warnings.filters)
        found = [decode_or_reason(content, (9, 9), "crop") for content in contents]
        assert isinstance(decode_or_reason(of_size(9500, 9500), (9, 9), "crop"), str)
        assert warnings.filters == before
    assert not shown
    np.testing.assert_array_equal(found, expected)


def warn(text):
    warnings.warn_explicit(text, Image.DecompressionBombWarning, "a.py", 1, module="PIL.a")


def test_warnings_of_other_threads_stay_theirs():
    inside, done = threading.Event(), threading.Event()

    def stay_inside():
        with warnings_of_pillow():
            inside.set()
            done.wait(60)

    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        thread = threading.Thread(target=stay_inside)
        thread.start()
        try:
            inside.wait(60)
            warn("of a user")
            assert [str(warning.message) for warning in shown] == ["of a user"]
            with warnings_of_pillow(), pytest.raises(Image.DecompressionBombWarning):
                warn("of imfeat")
        finally:
            done.set()
            thread.join()
        assert warnings.filters == before


def test_no_file_waits_for_another(monkeypatch):
    """A PNG that takes long keeps neither JPEGs nor other PNGs waiting."""
    jpeg, png, slow = as_file(PHOTO, "JPEG"), as_file(PHOTO), as_file(PHOTO[:9])
    reading, done = threading.Event(), threading.Event()
    read = decode._read

    def read_slowly(content):
        if content == slow:
            reading.set()
            assert done.wait(60)
        return read(content)

    monkeypatch.setattr(decode, "_read", read_slowly)
    thread = threading.Thread(target=decode_or_reason, args=(slow, (8, 8), "crop"))
    thread.start()
    try:
        assert reading.wait(60)
        others = threading.Thread(target=lambda: [decode_or_reason(c, (8, 8), "crop") for c in (jpeg, png)])
        others.daemon = True
        others.start()
        others.join(60)
        assert not others.is_alive()
    finally:
        done.set()
        thread.join()


# --- smaller scales ------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("shape", [(140, 95), (64, 128), (17, 33), (9, 140), (15, 12)])
def test_fast_is_the_smallest_scale_that_covers_the_size(shape, orientation):
    turn = Image.Exif()
    turn[274] = orientation
    content = as_file(PHOTO[: shape[0], : shape[1]], "JPEG", exif=turn, quality=95)
    upright = shape[::-1] if orientation == 6 else shape
    for size in itertools.product((1, 8, 16, 17, 32, 70, 141), repeat=2):
        for fit in decode.FITS:
            covering = [
                scale
                for scale in (8, 4, 2, 1)
                if max(shape) >= 16
                and all(-(-side // scale) >= least for side, least in zip(upright, size, strict=True))
            ]
            scale = [*covering, 1][0]
            with Image.open(io.BytesIO(content)) as image:
                if scale > 1:
                    image.draft("RGB", (max(shape[1] // scale, 1), max(shape[0] // scale, 1)))
                assert image.size == (-(-shape[1] // scale), -(-shape[0] // scale))
                image = ImageOps.exif_transpose(image)
                fitted = ImageOps.fit if fit == "crop" else Image.Image.resize
                expected = fitted(image, size[::-1], Image.Resampling.BILINEAR)
            np.testing.assert_array_equal(decode_or_reason(content, size, fit, "fast"), expected)


def test_fast_leaves_other_files_as_they_are():
    for content in (as_file(PHOTO), as_file(Image.fromarray(PHOTO).convert("CMYK"), "JPEG"), b""):
        found = [decode_or_reason(content, (16, 16), "crop", how) for how in decode.DECODES]
        np.testing.assert_array_equal(*found)
