"""Pixels of files of every format, depth and kind of transparency, against other decoders and by hand."""

import io
import struct
import warnings
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from pictures import as_file, crop
from PIL import Image
from raw_files import chunk, png, pnm, tiff

from imfeat.decoding import decode, decode_or_reason
from imfeat.decoding import decode as decoding

SIDE = 16
RNG = np.random.default_rng(0)
PIXELS = crop(7, SIDE)


def noise(maximum, *n):
    return RNG.integers(0, maximum + 1, (SIDE, SIDE, *n))


def decoded(content):
    pixels = decode_or_reason(content, (SIDE, SIDE), "crop")
    assert isinstance(pixels, np.ndarray), pixels
    return pixels.astype(float)


def assert_shows(content, expected, atol=1.0):
    """Compare with gray (height, width) or RGB, 0 to 255; with alpha 0 to 1 in a fourth channel, on white."""
    expected = np.asarray(expected, float)
    if expected.ndim == 2:
        expected = np.repeat(expected[..., np.newaxis], 3, axis=2)
    if expected.shape[2] == 4:
        alpha = expected[..., 3:]
        expected = expected[..., :3] * alpha + 255 * (1 - alpha)
    np.testing.assert_allclose(decoded(content), expected, atol=atol)


def with_alpha(colors, alpha):
    colors = np.asarray(colors, float)
    return np.dstack([colors] * 3 + [alpha] if colors.ndim == 2 else [colors, alpha])


def by_opencv(content):
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    scale = 257 if image.dtype == np.uint16 else 1
    if image.ndim == 2:
        return image / scale
    colors = image[..., 2::-1] / scale
    return colors if image.shape[2] == 3 else with_alpha(colors, image[..., 3] / (255 * scale))


# --- PNG -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_gray_pngs(bits):
    maximum = 2**bits - 1
    samples = noise(maximum)
    gray = samples * 255 / maximum
    content = png(samples, bits, 0)
    assert_shows(content, gray, 0.5)
    assert_shows(content, by_opencv(content))
    transparent = int(samples[3, 4])
    content = png(samples, bits, 0, chunk(b"tRNS", struct.pack(">H", transparent)))
    assert_shows(content, with_alpha(gray, samples != transparent), 0.5)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("n_alphas", [0, 1, -1])
def test_palette_pngs(bits, n_alphas):
    samples = noise(2**bits - 1)
    palette = RNG.integers(0, 256, (2**bits, 3), dtype=np.uint8)
    alphas = RNG.integers(0, 256, n_alphas % 2**bits, dtype=np.uint8)
    extra = chunk(b"PLTE", palette.tobytes()) + (chunk(b"tRNS", alphas.tobytes()) if n_alphas else b"")
    of_index = np.append(alphas, np.full(2**bits - len(alphas), 255)) / 255
    content = png(samples, bits, 3, extra)
    assert_shows(content, with_alpha(palette[samples], of_index[samples]), 1.5)
    assert_shows(content, by_opencv(content), 1.5)


@pytest.mark.parametrize("bits", [8, 16])
def test_colour_and_alpha_pngs(bits):
    maximum = 2**bits - 1
    samples = noise(maximum, 4)
    values = samples / maximum
    for color, n in ((2, 3), (6, 4)):
        content = png(samples[..., :n], bits, color)
        assert_shows(content, by_opencv(content), 2)
        assert_shows(
            content, with_alpha(values[..., :3] * 255, values[..., 3] if n == 4 else np.ones((16, 16))), 2
        )
    assert_shows(png(samples[..., :2], bits, 4), with_alpha(values[..., 0] * 255, values[..., 1]), 2)


def test_a_transparent_colour_is_compared_with_all_of_its_bits():
    for bits, low in ((8, 1), (16, 1), (16, 256)):
        samples = np.full((SIDE, SIDE, 3), 10 * low)
        samples[::2, :, 1] += low
        samples[1::4, :, 2] -= low
        extra = chunk(b"tRNS", struct.pack(">HHH", *samples[3, 0]))
        is_opaque = (samples != samples[3, 0]).any(axis=2)
        content = png(samples, bits, 2, extra)
        assert_shows(content, with_alpha(samples * 255 / (2**bits - 1), is_opaque))
        if bits == 8:
            assert_shows(content, by_opencv(content))


# --- PBM, PGM, PPM -------------------------------------------------------------------------------


@pytest.mark.parametrize("maximum", [1, 3, 100, 255, 1000, 65535])
@pytest.mark.parametrize("magic", [2, 3, 5, 6])
def test_gray_and_colour_pnms(magic, maximum):
    samples = noise(maximum, *([3] if magic in (3, 6) else []))
    content = pnm(samples, magic, maximum)
    assert_shows(content, samples * 255 / maximum)
    if maximum in (255, 65535) and magic > 3:
        assert_shows(content, by_opencv(content))


@pytest.mark.parametrize("magic", [1, 4])
def test_bitmaps_of_which_one_is_black(magic):
    samples = noise(1)
    content = pnm(samples, magic, 1)
    assert_shows(content, (1 - samples) * 255)
    assert_shows(content, by_opencv(content))


# --- TIFF ----------------------------------------------------------------------------------------


def by_tifffile(content, maximum):
    return tifffile.imread(io.BytesIO(content)) / maximum * 255


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_gray_and_palette_tiffs(bits, order):
    maximum = 2**bits - 1
    samples = noise(maximum, 1)
    gray = samples[..., 0] * 255 / maximum
    assert_shows(tiff(samples, bits, 1, order=order), gray, 0.5)
    assert_shows(tiff(samples, bits, 0, order=order), 255 - gray, 0.5)
    if bits in (8, 16):
        assert_shows(
            tiff(samples, bits, 0, order=order),
            255 - by_tifffile(tiff(samples, bits, 0, order=order), maximum),
        )
    if bits < 16:
        palette = RNG.integers(0, 256, (2**bits, 3)) * 257
        assert_shows(tiff(samples, bits, 3, order=order, palette=palette), palette[samples[..., 0]] / 257)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("name", ["lzw", "packbits", "deflate"])
def test_compressed_tiffs_of_which_zero_is_white(compression, name):
    samples = noise(65535).astype(np.uint16)
    if compression:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, samples, photometric="miniswhite", compression=compression, predictor=True)
        assert_shows(buffer.getvalue(), 255 - samples / 257, 0.6)
    black = as_file(
        Image.fromarray(samples),
        "TIFF",
        compression={"deflate": "tiff_adobe_deflate"}.get(name, f"tiff_{name}" if name == "lzw" else name),
    )
    at = tifffile.TiffFile(io.BytesIO(black)).pages[0].tags[262].valueoffset
    white = black[:at] + b"\0\0" + black[at + 2 :]
    assert_shows(white, 255 - samples / 257, 0.6)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("bits", [8, 16])
def test_colour_tiffs(bits, planes, order):
    maximum = 2**bits - 1
    rgba = noise(maximum, 4)
    values = rgba / maximum
    how = {"order": order, "planes": planes}
    rgb = tiff(rgba[..., :3], bits, 2, **how)
    assert_shows(rgb, values[..., :3] * 255)
    read = by_tifffile(rgb, maximum)
    assert_shows(rgb, read if planes == 1 else np.moveaxis(read, 0, -1))
    black = values[..., 3:]
    assert_shows(tiff(rgba, bits, 5, **how), (1 - values[..., :3]) * (1 - black) * 255, 2)
    assert_shows(tiff(rgba, bits, 2, extra=[2], **how), with_alpha(values[..., :3] * 255, values[..., 3]), 3)
    premultiplied = rgba.copy()
    premultiplied[..., :3] = np.rint(rgba[..., :3] * black)
    expected = with_alpha(values[..., :3] * 255, values[..., 3])
    assert_shows(tiff(premultiplied, bits, 2, extra=[1], **how), expected, 3)
    assert_shows(tiff(rgba, bits, 2, extra=[0], **how), values[..., :3] * 255)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("photometric", [0, 1])
def test_gray_tiffs_with_alpha(bits, photometric):
    maximum = 2**bits - 1
    samples = noise(maximum, 2)
    gray = samples[..., 0] * 255 / maximum
    shown = gray if photometric else 255 - gray
    alpha = samples[..., 1] / maximum
    assert_shows(tiff(samples, bits, photometric, extra=[0]), shown)
    assert_shows(tiff(samples, bits, photometric, extra=[2]), with_alpha(shown, alpha), 1.5)
    if photometric:
        samples[..., 0] = np.rint(samples[..., 0] * alpha)
        assert_shows(tiff(samples, bits, 1, extra=[1]), with_alpha(shown, alpha), 2)


@pytest.mark.parametrize("photometric", [0, 1])
def test_tiffs_are_turned_once(photometric):
    samples = noise(65535, 1)
    gray = samples[..., 0] / 257 if photometric else 255 - samples[..., 0] / 257
    assert_shows(tiff(samples, 16, photometric, orientation=6), np.rot90(gray, -1), 0.6)
    assert_shows(tiff(samples >> 8, 8, 1, orientation=8), np.rot90(samples[..., 0] >> 8))


def test_tiffs_in_lab():
    from skimage.color import lab2rgb

    lab = np.dstack([RNG.integers(80, 180, (SIDE, SIDE)), RNG.integers(-12, 13, (SIDE, SIDE, 2))])
    expected = lab2rgb(lab / [2.55, 1, 1]) * 255
    assert_shows(tiff(lab & 255, 8, 8), expected, 8)  # from white of D50 and of D65


@pytest.mark.parametrize(
    "content",
    [
        tiff(noise(255, 1), 8, 1, kind=2),
        tiff(noise(65535, 1), 16, 1, kind=2),
        tiff(noise(255, 3), 8, 2, kind=2),
        tiff(noise(65535, 1), 32, 1),
        tiff(noise(65535, 1), 32, 0, order=">"),
        tiff(noise(65535, 1), 32, 1, kind=3),
        tiff(noise(15, 3), 4, 2),
        tiff(noise(255, 1), 8, 32803),
    ],
)
def test_tiffs_without_an_agreed_range_are_refused(content):
    reason = decode_or_reason(content, (SIDE, SIDE), "crop")
    assert isinstance(reason, str)
    assert "no agreed range" in reason or "not supported; save it" in reason


def test_a_tiff_that_pillow_refuses_is_limited_as_others(monkeypatch):
    content = tiff(noise(65535, 2), 16, 1, extra=[2])
    monkeypatch.setattr(decoding, "MAX_PIXELS", SIDE * SIDE - 1)
    assert "16 x 16 pixels, more than 255" in decode_or_reason(content, (8, 8), "crop")


def test_a_strip_that_expands_beyond_its_image_is_refused():
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        noise(255, 2).astype(np.uint16),
        photometric="minisblack",
        planarconfig="contig",
        compression="zlib",
    )
    content = bytearray(buffer.getvalue())
    bomb = zlib.compress(bytes(10**7))
    page = tifffile.TiffFile(io.BytesIO(content)).pages[0]
    for name, value in (("StripOffsets", len(content)), ("StripByteCounts", len(bomb))):
        struct.pack_into("<I", content, page.tags[name].valueoffset, value)
    assert "a strip or tile of more than" in decode_or_reason(bytes(content + bomb), (8, 8), "crop")


# --- BMP, GIF, WebP, AVIF, JPEG 2000 --------------------------------------------------------------


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_bmps(mode):
    image = Image.fromarray(np.dstack([PIXELS, noise(255)]).astype(np.uint8))
    image = image.convert("RGB").convert(mode) if mode != "RGBA" else image
    content = as_file(image, "BMP")
    assert_shows(content, by_opencv(content)[..., :3] if mode == "RGBA" else by_opencv(content))


@pytest.mark.parametrize("masks", [(0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F)])
def test_bmps_of_16_bits(masks):
    samples = noise(65535 if masks[0] == 0xF800 else 32767)
    header = struct.pack("<IiiHHIIiiII", 40, SIDE, -SIDE, 1, 16, 3, 0, 0, 0, 0, 0) + struct.pack(
        "<3I", *masks
    )
    content = b"BM" + struct.pack("<IHHI", 14 + len(header) + 2 * SIDE * SIDE, 0, 0, 14 + len(header))
    content += header + samples.astype("<u2").tobytes()
    shown = np.dstack([(samples & mask) / mask * 255 for mask in masks])
    assert_shows(content, shown)


def test_gifs_with_a_transparent_colour_and_a_small_first_frame():
    image = Image.fromarray(PIXELS).quantize(16)
    for how in ({}, {"transparency": 3}, {"interlace": 1, "transparency": 0}):
        content = as_file(image, "GIF", **how)
        alpha = np.asarray(image) != how["transparency"] if "transparency" in how else np.ones((SIDE, SIDE))
        assert_shows(content, with_alpha(np.asarray(image.convert("RGB")), alpha))


@pytest.mark.parametrize("n_channels", [3, 4])
def test_webps(n_channels):
    pixels = np.dstack([PIXELS, noise(255)]).astype(np.uint8)[..., :n_channels]
    content = as_file(pixels, "WEBP", lossless=True, exact=True)
    assert_shows(content, by_opencv(content), 1.5)
    assert_shows(
        content, with_alpha(pixels[..., :3], pixels[..., 3] / 255) if n_channels == 4 else pixels, 1.5
    )


@pytest.mark.skipif("AVIF" not in decode._formats(), reason="Pillow reads AVIF since 11.3")
@pytest.mark.parametrize("n_channels", [1, 3, 4])
def test_avifs(n_channels):
    pixels = np.dstack([PIXELS, noise(255)]).astype(np.uint8)[..., :n_channels].squeeze()
    content = as_file(pixels, "AVIF", quality=100, subsampling="4:4:4")
    assert_shows(content, by_opencv(content), 2)
    content = cv2.imencode(
        ".avif", pixels.astype(np.uint16) * 16, [cv2.IMWRITE_AVIF_QUALITY, 100, cv2.IMWRITE_AVIF_DEPTH, 12]
    )[1].tobytes()
    assert_shows(content, (pixels if n_channels == 1 else by_opencv(content) * 257 / 16), 3)


def jpeg_2000(pixels):
    return cv2.imencode(".jp2", pixels, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])[1].tobytes()


@pytest.mark.parametrize(("n_channels", "factor"), [(1, 1), (3, 1), (4, 1), (1, 257)])
def test_jpeg_2000s(n_channels, factor):
    pixels = np.dstack([crop(3, 64), crop(9, 64)])[..., :n_channels].squeeze()
    content = jpeg_2000(pixels * np.uint16(257) if factor == 257 else pixels)
    shown = by_opencv(content)
    if n_channels == 4:
        shown = shown[..., :3] * shown[..., 3:] + 255 * (1 - shown[..., 3:])
    found = decode_or_reason(content, (64, 64), "crop")
    np.testing.assert_allclose(found, np.broadcast_to(shown.reshape(64, 64, -1), found.shape), atol=1)


def test_colour_in_jpeg_2000_of_16_bits_is_refused():
    """Pillow 13 turns 65535 to 0."""
    reason = decode_or_reason(jpeg_2000(np.full((64, 64, 3), 65535, np.uint16)), (64, 64), "crop")
    assert "JPEG 2000 of 3 components of 16 bits" in reason


# --- metadata ------------------------------------------------------------------------------------


def exif(entries, n=None, order="<"):
    """Return EXIF with entries of 12 bytes, n of which it claims."""
    n = len(entries) if n is None else n
    return {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, n) + b"".join(entries)


def entry(tag, kind, count, value, order="<"):
    return struct.pack(f"{order}HHI", tag, kind, count) + (
        value if isinstance(value, bytes) else struct.pack(f"{order}HH", value, 0)
    )


TURN = entry(274, 3, 1, 6)
FLAWED = {
    "whole": exif([TURN]) + bytes(4),
    "five for one": exif([TURN], 5),
    "five for one, big-endian": exif([entry(274, 3, 1, 6, ">")], 5, ">"),
    "half an entry": exif([TURN, b"\x1a\x01\x05"], 3),
    "a value outside the file": exif([entry(271, 2, 100, b"\xff\xff\0\0"), TURN]) + bytes(4),
    "an unknown type": exif([entry(271, 99, 1, b"abcd"), TURN]) + bytes(4),
    "two orientations in one": exif([entry(274, 3, 2, struct.pack("<HH", 6, 6))]) + bytes(4),
    "a byte": exif([entry(274, 1, 1, b"\x06\0\0\0")]) + bytes(4),
    "a directory in itself": exif([TURN, entry(0x8769, 4, 1, b"\x08\0\0\0")]) + bytes(4),
    "a maker note of nothing": exif([TURN, entry(0x927C, 7, 2**31, b"\x20\0\0\0")]) + bytes(4),
}
UNTURNED = {
    "empty": b"",
    "no directory": b"II*\0",
    "no order of bytes": b"XX" + FLAWED["whole"][2:],
    "orientation 9": exif([entry(274, 3, 1, 9)]) + bytes(4),
    "orientation in letters": exif([entry(274, 2, 2, b"x\0\0\0")]) + bytes(4),
}


def jpeg_with(*segments):
    content = as_file(PIXELS, "JPEG", quality=95)
    extra = b"".join(
        b"\xff" + bytes([kind]) + struct.pack(">H", len(data) + 2) + data for kind, data in segments
    )
    return content[:2] + extra + content[2:]


@pytest.mark.parametrize("name", [*FLAWED, *UNTURNED])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_what_can_be_read_of_exif_is_applied(name, kind):
    data = {**FLAWED, **UNTURNED}[name]
    if kind == "JPEG":
        content = jpeg_with((0xE1, b"Exif\0\0" + data))
    elif kind == "PNG":
        content = png(PIXELS, extra=chunk(b"eXIf", data))
    else:
        content = as_file(PIXELS, "WEBP", lossless=True, exif=data or b"\0")
    plain = decoded(
        as_file(PIXELS, kind, **{"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {}))
    )
    np.testing.assert_array_equal(decoded(content), np.rot90(plain, -1) if name in FLAWED else plain)
    if kind == "JPEG" and name == "whole":
        assert_shows(content, cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1], 4)


FLAWED_CHUNKS = {
    "text of a wrong sum": chunk(b"tEXt", b"a\0b")[:-4] + b"\0\0\0\0",
    "exif of a wrong sum": chunk(b"eXIf", FLAWED["whole"])[:-4] + b"\0\0\0\0",
    "text that would fill memory": chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 10**8)),
    "text that is not compressed": chunk(b"zTXt", b"a\0\0no zlib"),
    "a profile of an unknown kind": chunk(b"iCCP", b"a\0\x07no zlib"),
    "half a resolution": chunk(b"pHYs", b"\0\0"),
    "half a time and gamma": chunk(b"tIME", b"\0") + chunk(b"gAMA", b"\0") + chunk(b"cHRM", b"\0"),
    "international text without end": chunk(b"iTXt", b"a"),
    "an animation of no frames": chunk(b"acTL", struct.pack(">II", 0, 0)),
    "half an animation": chunk(b"acTL", b"\0"),
    "a chunk of one's own": chunk(b"abCd", b"x" * 99),
}


@pytest.mark.parametrize("name", FLAWED_CHUNKS)
def test_pngs_with_flawed_metadata_are_read(name):
    content = png(PIXELS, extra=FLAWED_CHUNKS[name])
    np.testing.assert_array_equal(
        decoded(content), np.rot90(PIXELS, -1) if name.startswith("exif") else PIXELS
    )


@pytest.mark.parametrize(
    "segment",
    [
        (0xE2, b"MPF\0garbage"),
        (0xE2, b"MPF\0" + FLAWED["five for one"]),
        (0xE2, b"ICC_PROFILE\0\x01\x02garbage"),
        (0xE2, b"FPXR\0"),
        (0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\xff\xff\xff\xff"),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta tiff:Orientation='"),
        (0xE0, b"JFIF\0"),
        (0xFE, b""),
    ],
)
def test_jpegs_with_flawed_metadata_are_read(segment):
    np.testing.assert_array_equal(decoded(jpeg_with(segment)), decoded(jpeg_with()))


def test_orientations_are_those_of_opencv():
    for orientation in range(1, 9):
        content = jpeg_with((0xE1, b"Exif\0\0" + exif([entry(274, 3, 1, orientation)]) + bytes(4)))
        turned = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert_shows(content, turned, 4)


def test_warnings_about_metadata_are_not_shown():
    content = jpeg_with((0xE1, b"Exif\0\0" + FLAWED["five for one"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decoded(content)
