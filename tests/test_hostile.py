"""Broken, hostile and unusual image files: each is an image, checked, or a row with an error."""

import io
import os
import re
import struct
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pictures import as_file, crop
from PIL import Image
from raw_files import chunk

from imfeat import extract
from imfeat.decoding import decode
from imfeat.extract import images as reading
from imfeat.sources import Item, find

SIDE = 24
PIXELS = crop(7, SIDE)
PHOTO = Image.fromarray(PIXELS)
JPEG, PNG = as_file(PIXELS, "JPEG", quality=95), as_file(PIXELS)
GRAY = np.asarray(PHOTO.convert("L"))
FRAMES = {"save_all": True, "append_images": [PHOTO.rotate(90), PHOTO.rotate(180)]}


def png(width, height, depth=8, color=2, data=b"", extra=b"", interlaced=0):
    """Return a PNG by hand."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def interlaced():
    """Return the picture as a PNG in the seven passes of Adam7."""
    passes = (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)
    parts = [PIXELS[y::dy, x::dx] for y, x, dy, dx in passes]
    rows = [b"\0" + row.tobytes() for part in parts for row in part]
    return png(SIDE, SIDE, data=b"".join(rows), interlaced=1)


def replaced(content, at, new):
    return content[:at] + new + content[at + len(new) :]


def upside_down_bmp():
    """Return the picture as a BMP of negative height: its rows go downward."""
    content = as_file(PHOTO.transpose(Image.Transpose.FLIP_TOP_BOTTOM), "BMP")
    return replaced(content, 22, struct.pack("<i", -SIDE))


def tiff_in_a_loop():
    """Return a TIFF whose first directory says that it is also the next one."""
    content = as_file(PHOTO, "TIFF")
    (first,) = struct.unpack_from("<I", content, 4)
    (n,) = struct.unpack_from("<H", content, first)
    return replaced(content, first + 2 + 12 * n, struct.pack("<I", first))


def many_scans(n):
    """Return a progressive JPEG whose last scan comes n times."""
    content = as_file(PIXELS, "JPEG", progressive=True)
    last = content.rfind(b"\xff\xda")
    return content[:last] + content[last:-2] * n + b"\xff\xd9"


def tiff(pixels, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def with_exif(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return as_file(PHOTO, "JPEG", exif=exif, quality=95)


def rgba():
    alpha = np.full((SIDE, SIDE, 1), 255, np.uint8)
    alpha[: SIDE // 2] = 0
    return np.concatenate([PIXELS, alpha], axis=2)


WHITE_ABOVE = np.concatenate([np.full((SIDE // 2, SIDE, 3), 255, np.uint8), PIXELS[SIDE // 2 :]])
AS_GRAY = np.repeat(GRAY[..., None], 3, axis=2)
BLACK_WHITE = np.repeat(np.asarray(PHOTO.convert("1"))[..., None] * np.uint8(255), 3, axis=2)
PALETTE = PHOTO.convert("P", palette=Image.Palette.ADAPTIVE)
OF_PALETTE = np.asarray(PALETTE.convert("RGB"))
CMYK = PHOTO.convert("CMYK")
RANDOM = np.random.default_rng(0)

# What each is, and the picture or what its error says; None where either will do, but nothing else.
FILES = {
    "whole.jpg": (JPEG, PIXELS),
    "whole.png": (PNG, PIXELS),
    "wrong-extension.txt": (PNG, PIXELS),
    "junk-after.jpg": (JPEG + b"\0" * 1000 + b"junk", PIXELS),
    "polyglot.jpg": (JPEG + b"PK\x03\x04" + b"\0" * 40, PIXELS),
    "empty.jpg": (b"", "not a readable image"),
    "text.png": (b"this is no image", "not a readable image"),
    "page.jpg": (b"<!DOCTYPE html><html><body>404</body></html>", "not a readable image"),
    "drawing.svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not a readable image"),
    "drawing.eps": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "not a readable image",
    ),
    "damaged-chunk-type.png": (PNG.replace(b"IDAT", b"I\xffAT", 1), "not a readable image|Error"),
    "no-width.png": (png(0, 8), "not a readable image|Error"),
    "half.jpg": (JPEG[: len(JPEG) // 2], "OSError"),
    "header.jpg": (JPEG[:200], "OSError|not a readable image"),
    "no-end.jpg": (JPEG[:-2], None),
    "half.png": (PNG[: len(PNG) // 2], "OSError"),
    "noise-inside.jpg": (replaced(JPEG, len(JPEG) // 2, RANDOM.bytes(200)), None),
    "bomb.png": (png(50_000, 50_000), "pixels|Bomb"),
    "bomb-of-one-bit.png": (png(12_000, 12_000, 1, 0, b"\0" * 1501 * 12_000), "pixels|Bomb"),
    "text-bomb.png": (
        png(8, 8, data=b"\0" * 200, extra=chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 10**8))),
        np.zeros((SIDE, SIDE, 3), np.uint8),  # text is not read
    ),
    "16-bit-gray.png": (as_file(Image.fromarray(GRAY.astype(np.uint16) * 257)), AS_GRAY),
    "16-bit-colour.png": (
        png(
            SIDE,
            SIDE,
            16,
            2,
            b"".join(b"\0" + row.astype(">u2").tobytes() for row in PIXELS * np.uint16(257)),
        ),
        PIXELS,
    ),
    "cmyk.jpg": (as_file(CMYK, "JPEG", quality=95), np.asarray(CMYK.convert("RGB"))),
    "gray.jpg": (as_file(GRAY, "JPEG", quality=95), AS_GRAY),
    "gray-alpha.png": (as_file(Image.fromarray(rgba()).convert("LA")), "gray"),
    "palette.png": (as_file(PALETTE), np.asarray(PALETTE.convert("RGB"))),
    "transparent-palette.png": (
        as_file(PALETTE, transparency=bytes([255] * 256)),
        np.asarray(PALETTE.convert("RGB")),
    ),
    "one-bit.png": (as_file(PHOTO.convert("1")), BLACK_WHITE),
    "alpha.png": (as_file(Image.fromarray(rgba())), WHITE_ABOVE),
    "float.tif": (tiff(np.full((8, 8), np.nan, np.float32)), "no agreed range"),
    "int32.tif": (tiff(np.arange(64, dtype=np.int32).reshape(8, 8)), "no agreed range"),
    "frames.gif": (as_file(PALETTE, "GIF", **FRAMES), OF_PALETTE),
    "pages.tif": (as_file(PHOTO, "TIFF", **FRAMES), PIXELS),
    "frames.png": (as_file(PHOTO, "PNG", **FRAMES), PIXELS),
    "turned.jpg": (with_exif(6), np.rot90(PIXELS, -1)),
    "mirrored.jpg": (with_exif(2), PIXELS[:, ::-1]),
    "interlaced.png": (interlaced(), PIXELS),
    "progressive.jpg": (as_file(PIXELS, "JPEG", progressive=True, quality=95), PIXELS),
    "some-scans.jpg": (many_scans(20), None),
    "thousands-of-scans.jpg": (many_scans(5000), "scans"),
    "12-bit.jpg": (
        JPEG.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"),
        "Error|not a readable image",
    ),
    "arithmetic.jpg": (JPEG.replace(b"\xff\xc0\x00\x11", b"\xff\xc9\x00\x11"), None),
    "big.tif": (tiff(PIXELS, bigtiff=True), PIXELS),
    "tiled.tif": (tiff(PIXELS, tile=(16, 16)), PIXELS),
    "loop.tif": (tiff_in_a_loop(), None),
    "upside-down.bmp": (upside_down_bmp(), PIXELS),
    "profile.jpg": (as_file(PIXELS, "JPEG", icc_profile=b"garbage" * 99, quality=95), PIXELS),
    "picture.webp": (as_file(PIXELS, "WEBP", lossless=True), PIXELS),
    "größe.png": (PNG, PIXELS),
    "图像 one.png": (PNG, PIXELS),
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """All of them in one run: features and rows by name."""
    root = tmp_path_factory.mktemp("hostile")
    folder = root / "files"
    folder.mkdir()
    for name, (content, _) in FILES.items():
        (folder / name).write_bytes(content)
    os.mkfifo(folder / "pipe.jpg")
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    (folder / "away.jpg").symlink_to(folder / "nowhere")
    (folder / "zeros.jpg").symlink_to("/dev/zero")
    with open(folder / "huge.jpg", "wb") as file:
        file.truncate(5 << 30)  # and takes no room on disk
    with open(os.fsencode(folder) + b"/not-utf8-\xff.png", "wb") as file:
        file.write(PNG)
    (folder / ".hidden.jpg").write_bytes(b"")
    found = extract.run(folder, ["raw"], root / "out", size=SIDE, shard_size=7)
    return {
        Path(row["path"]).name: (row["error"], pixels)
        for row, pixels in zip(found.rows(), found["raw"], strict=True)
    }


@pytest.mark.parametrize("name", FILES)
def test_files_are_pictures_or_errors(rows, name):
    error, pixels = rows[name]
    expected = FILES[name][1]
    assert (error is None) == (not np.isnan(pixels).any())
    if isinstance(expected, np.ndarray):
        assert error is None
        off = 16 if name.endswith(".jpg") else 0
        difference = np.abs(pixels.reshape(SIDE, SIDE, 3) * 255 - expected)
        assert difference.mean() <= off / 4
        assert difference.max() <= 4 * off + 1e-3
    elif expected == "gray":
        assert error is None
        np.testing.assert_array_equal(pixels.reshape(SIDE, SIDE, 3)[: SIDE // 2], 1)
    elif expected is not None:
        assert error is not None
        assert re.search(expected, error), error


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pipe.jpg", "not a regular file"),
        ("zeros.jpg", "not a regular file"),
        ("loop.jpg", "symbolic links|symlink"),
        ("away.jpg", "No such file"),
        ("huge.jpg", "5,368,709,120 bytes, more than"),
    ],
)
def test_what_is_no_file_is_an_error(rows, name, message):
    error, pixels = rows[name]
    assert re.search(message, error), error
    assert np.isnan(pixels).all()


def test_names_that_are_no_text_are_shown_as_text(rows):
    assert rows["not-utf8-\\xff.png"][0] is None
    assert ".hidden.jpg" not in rows


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read")
def test_files_without_permission_are_errors(tmp_path):
    folder = tmp_path / "files"
    (folder / "closed").mkdir(parents=True)
    (folder / "a.png").write_bytes(PNG)
    (folder / "secret.png").write_bytes(PNG)
    for path in (folder, tmp_path, *tmp_path.parents):
        if path.stat().st_mode & 0o777 == 0o700:
            path.chmod(0o755)
    (folder / "closed").chmod(0)
    (folder / "secret.png").chmod(0)
    os.seteuid(65534)
    try:
        rows = [reading.read_image(item, (SIDE, SIDE), "crop")[0] for item in find(str(folder))]
    finally:
        os.seteuid(0)
    denied = "PermissionError: Permission denied"
    assert [row.error for row in rows] == [None, denied, denied]


def test_lists_with_missing_doubled_and_odd_entries(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b").mkdir()
    (tmp_path / "list.txt").write_text("a.png\nmissing.png\na.png\n\nb\n../" + tmp_path.name + "/a.png\n")
    found = extract.run(tmp_path / "list.txt", ["color"], tmp_path / "out")
    errors = [row["error"] for row in found.rows()]
    assert errors[0] is errors[2] is errors[4] is None
    assert errors[1].startswith("FileNotFoundError: ")
    assert errors[3].startswith("IsADirectoryError: ")
    np.testing.assert_array_equal(found["color"][0], found["color"][4])


def test_a_file_that_changes_after_it_was_found_is_an_error_or_what_it_is_now(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("a.png")
        info.size = len(PNG)
        tar.addfile(info, io.BytesIO(PNG))
    (item,) = find(str(path))
    path.write_bytes(path.read_bytes()[:600])
    row, pixels = reading.read_image(item, (SIDE, SIDE), "crop")
    assert pixels is None
    assert "the tar ends after 88" in row.error
    path.unlink()
    assert "No such file" in reading.read_image(item, (SIDE, SIDE), "crop")[0].error


def test_damaged_tars_and_tables_are_rows_and_not_the_end(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.tar").write_bytes(b"no tar" * 200)
    (folder / "b.parquet").write_bytes(b"PAR1 no table PAR1")
    (folder / "c.tar").write_bytes(b"")
    with tarfile.open(folder / "d.tar", "w") as tar:
        for k in range(2):
            info = tarfile.TarInfo(f"{k}.png")
            info.size = len(PNG)
            tar.addfile(info, io.BytesIO(PNG))
    content = (folder / "d.tar").read_bytes()
    second = content.index(b"1.png")
    (folder / "d.tar").write_bytes(content[:second] + b"\xff" * 300 + content[second + 300 :])
    (folder / "e.png").write_bytes(PNG)
    rows = extract.run(folder, ["color"], tmp_path / "out").rows()
    names = [os.path.relpath(row["path"], folder) for row in rows]
    good = [name for name, row in zip(names, rows, strict=True) if row["error"] is None]
    assert good == ["d.tar/0.png", "e.png"]
    assert {"a.tar", "b.parquet", "c.tar", "d.tar"} <= set(names)


def test_limits_come_before_decoding(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    item = Item("a.png", "file", (str(path),))
    with pytest.raises(ValueError, match=f"{len(PNG):,} bytes, more than 100"):
        item.read(100)
    monkeypatch.setattr(decode, "MAX_PIXELS", 100)
    row, _ = reading.read_image(item, (8, 8), "crop")
    assert row.error == f"ValueError: {SIDE} x {SIDE} pixels, more than 100"


@pytest.mark.slow
def test_half_a_minute_of_damaged_files():
    command = [sys.executable, Path(__file__).with_name("fuzz.py"), "--seconds", "30"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("inputs") == 2
