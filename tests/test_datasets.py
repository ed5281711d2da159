"""Data sets: what comes out of each source, and what happens when a source is not as it should be."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import as_file, crop
from PIL import Image, ImageFile

from imfeat.datasets import DataSet, ImageSet, cifar10, load, photos, sizes, suggest_size
from imfeat.decoding import decode

RED, GREEN, BLUE, GRAY, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128), (255, 255, 255)


# --- what every source gives ---------------------------------------------------------------------


def image_set(images=None, labels=None, class_names=("a", "b")):
    images = np.zeros((3, 4, 5, 3), np.uint8) if images is None else images
    labels = np.array([0, 1, 1]) if labels is None else labels
    return ImageSet(images, labels, class_names)


def test_an_image_set_says_what_it_holds():
    assert len(image_set()) == 3
    assert repr(image_set()) == "<ImageSet: 3 images of 4 x 5, 2 classes>"


def test_a_data_set_unpacks():
    train, test = DataSet(image_set(), image_set())
    assert len(train) == len(test) == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"images": np.zeros((3, 4, 5, 3))}, "uint8"),
        ({"images": np.zeros((3, 4, 5), np.uint8)}, "shape"),
        ({"labels": np.array([0, 1])}, "3 images need labels"),
        ({"labels": np.array([0.0, 1.0, 1.0])}, "int64"),
        ({"labels": np.array([0, 1, 2])}, "0 to 1"),
        ({"labels": np.array([0, 1, -1])}, "0 to 1"),
    ],
)
def test_an_image_set_that_does_not_fit_together_is_refused(wrong, message):
    with pytest.raises((TypeError, ValueError), match=message):
        image_set(**wrong)


def test_importing_stays_light():
    heavy = ("numba", "matplotlib", "skimage", "sklearn", "scipy", "pooch")
    code = f"import sys, imfeat.datasets; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


# --- photos --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def patches():
    return load()


def digest(data):
    return hashlib.sha256(
        b"".join(part.images.tobytes() + part.labels.tobytes() for part in data)
    ).hexdigest()


def test_photos_are_balanced(patches):
    for part, n_each in zip(patches, (400, 100), strict=True):
        assert part.images.shape == (10 * n_each, 32, 32, 3)
        assert part.images.dtype == np.uint8
        assert part.labels.dtype == np.int64
        assert np.bincount(part.labels).tolist() == [n_each] * 10
        assert len(part.class_names) == 10


def test_photos_come_in_random_order(patches):
    assert len(np.unique(patches.train.labels[:100])) == 10


def test_photos_are_the_same_bytes_again(patches):
    assert digest(load("photos", rng=np.random.default_rng(0))) == digest(patches)


def test_photos_differ_with_the_seed(patches):
    assert digest(load("photos", rng=1)) != digest(patches)


def test_photos_take_another_share_for_testing():
    train, test = load("photos", test_size=0.5)
    assert len(train) == len(test) == 2500


@given(
    height=st.integers(128, 700),
    width=st.integers(64, 700),
    test_size=st.floats(0.01, 0.99),
    seed=st.integers(0, 99),
)
def test_blocks_for_training_and_testing_share_no_pixel(height, width, test_size, seed):
    train, test = photos.split_blocks(height, width, test_size, np.random.default_rng(seed))
    uses = np.zeros((height, width), int)
    for y, x in np.concatenate([train, test]):
        assert 0 <= y <= height - 64
        assert 0 <= x <= width - 64
        uses[y : y + 64, x : x + 64] += 1
    assert uses.max() == 1
    assert len(train) > 0
    assert len(test) > 0
    assert uses.sum() == 64 * 64 * (height // 64) * (width // 64)


def colours_of(part, label):
    return part.images[part.labels == label, 0, 0].tolist()


def test_patches_for_training_and_testing_share_no_block(monkeypatch):
    """Paint every block in its own colour: a patch then says which block it was cut from."""
    rows, columns = np.divmod(np.arange(64), 8)
    colours = np.stack([rows * 30, columns * 30, np.full(64, 7)], axis=1).astype(np.uint8)
    picture = Image.fromarray(colours.reshape(8, 8, 3).repeat(64, axis=0).repeat(64, axis=1))
    monkeypatch.setattr(photos, "_open_picture", lambda file_name: picture)
    monkeypatch.setattr(photos, "_tones", lambda rng: list(range(256)) * 3)
    train, test = load("photos")
    for part in (train, test):
        assert (part.images == part.images[:, :1, :1]).all()  # nothing from across a border
    for label in range(10):
        of_train, of_test = (set(map(tuple, colours_of(part, label))) for part in (train, test))
        assert len(of_train) == 51
        assert len(of_test) == 13
        assert not of_train & of_test


def test_a_missing_picture_says_where_it_comes_from(monkeypatch):
    monkeypatch.setitem(photos.PICTURES, "astronaut", "nowhere.png")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png is missing.*reinstall"):
        load("photos")


# --- CIFAR-10 ------------------------------------------------------------------------------------

CIFAR_FILES = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]


def write_cifar10(folder, n=2):
    """Write files in CIFAR-10's layout and return the records of each."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    records = {}
    for name in CIFAR_FILES:
        records[name] = rng.integers(256, size=(n, 3073), dtype=np.uint8)
        records[name][:, 0] %= 10
        records[name].tofile(folder / name)
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    (folder / "batches.meta.txt").write_text("\n".join(names) + "\n\n")
    return records


@pytest.mark.parametrize("inside", ["", "cifar-10-batches-bin"])
def test_cifar10_is_read_from_its_folder_and_from_the_one_around_it(tmp_path, inside):
    records = write_cifar10(tmp_path / "data" / inside)
    train, test = load(tmp_path / "data")
    assert train.images.shape == (10, 32, 32, 3)
    assert test.images.shape == (2, 32, 32, 3)
    assert train.class_names[3] == "cat"
    assert len(train.class_names) == 10
    second = records["data_batch_2.bin"]
    np.testing.assert_array_equal(train.labels[2:4], second[:, 0])
    for channel in range(3):
        for y, x in [(0, 0), (0, 1), (1, 0), (31, 31)]:
            expected = second[:, 1 + channel * 1024 + y * 32 + x]
            np.testing.assert_array_equal(train.images[2:4, y, x, channel], expected)


def test_cifar10_is_unpacked_from_an_archive_in_the_cache(tmp_path, monkeypatch):
    write_cifar10(tmp_path / "elsewhere" / "cifar-10-batches-bin")
    cache = tmp_path / "cache"
    cache.mkdir()
    archive = cache / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "elsewhere" / "cifar-10-batches-bin", "cifar-10-batches-bin")
    monkeypatch.setenv("IMFEAT_CACHE", str(cache))
    monkeypatch.setattr(cifar10, "MD5", hashlib.md5(archive.read_bytes()).hexdigest())
    assert len(load("cifar10").train) == 10
    archive.unlink()
    assert len(load("cifar10").train) == 10


def test_cifar10_without_a_network_says_what_to_put_where(tmp_path, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setenv("IMFEAT_CACHE", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(cifar10, "URL", f"http://127.0.0.1:{port}/cifar-10-binary.tar.gz")
    with pytest.raises(FileNotFoundError, match=r"Download .* put cifar-10-binary.tar.gz into") as error:
        load("cifar10")
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("n_bytes", [0, 3072, 3074])
def test_a_file_of_cifar10_of_the_wrong_size_is_refused(tmp_path, n_bytes):
    write_cifar10(tmp_path / "cifar-10-batches-bin")
    (tmp_path / "cifar-10-batches-bin" / "data_batch_3.bin").write_bytes(bytes(n_bytes))
    with pytest.raises(ValueError, match=r"data_batch_3\.bin is .* bytes long"):
        load(tmp_path)


def test_a_missing_file_of_cifar10_is_named(tmp_path):
    write_cifar10(tmp_path / "cifar-10-batches-bin")
    (tmp_path / "cifar-10-batches-bin" / "data_batch_4.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"data_batch_4\.bin is missing"):
        load(tmp_path)


def test_a_label_outside_cifar10_is_refused(tmp_path):
    write_cifar10(tmp_path / "cifar-10-batches-bin")
    (tmp_path / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(b"\x0a" + bytes(3072))
    with pytest.raises(ValueError, match=r"test_batch\.bin has a label 10"):
        load(tmp_path)


# --- folders of image files ----------------------------------------------------------------------


def write(path, colour=GRAY, size=(8, 8), **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **how)
    return path


def write_classes(root, n=4, classes=("apple", "pear")):
    """Write gray images whose value is their number, so that each can be told apart."""
    for name in classes:
        for i in range(n):
            write(root / name / f"{i:02}.png", (i, i, i))
    return root


def numbers(part, label):
    return [red for red, _, _ in colours_of(part, label)]


def test_train_and_test_folders_are_taken_as_they_are(tmp_path):
    write_classes(tmp_path / "train", 3, ("pear", "apple", "plum"))
    write_classes(tmp_path / "test", 2, ("plum", "pear"))
    train, test = load(str(tmp_path), size=8)
    assert train.class_names == test.class_names == ("apple", "pear", "plum")
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert test.labels.tolist() == [1, 1, 2, 2]
    assert numbers(train, 2) == [0, 1, 2]
    assert numbers(test, 1) == [0, 1]


def test_class_folders_are_split_in_each_class(tmp_path):
    write_classes(tmp_path, 10, ("apple", "pear"))
    write_classes(tmp_path, 2, ("plum",))
    train, test = load(tmp_path, size=8, test_size=0.3)
    assert np.bincount(test.labels).tolist() == [3, 3, 1]
    for label, n in enumerate([10, 10, 2]):
        assert sorted(numbers(train, label) + numbers(test, label)) == list(range(n))


def test_each_image_has_the_path_of_its_file(tmp_path):
    write_classes(tmp_path / "fruit", 9)
    archive = shutil.make_archive(str(tmp_path / "made"), "zip", tmp_path / "fruit")
    for source in (tmp_path / "fruit", archive):
        for part in load(source, size=8):
            expected = [
                f"{part.class_names[label]}/{image[0, 0, 0]:02}.png"
                for image, label in zip(part.images, part.labels, strict=True)
            ]
            assert list(part.paths) == expected
    with pytest.raises(ValueError, match="a path each"):
        ImageSet(np.zeros((3, 4, 5, 3), np.uint8), np.array([0, 1, 1]), ("a", "b"), paths=("one",))
    assert load("photos").train.paths == ()


def test_the_split_depends_on_the_seed_alone(tmp_path):
    write_classes(tmp_path, 20)
    assert digest(load(tmp_path)) == digest(load(tmp_path))
    assert digest(load(tmp_path)) != digest(load(tmp_path, rng=1))


def test_the_order_does_not_depend_on_the_file_system(tmp_path, monkeypatch):
    write_classes(tmp_path, 5)
    before = digest(load(tmp_path))
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: sorted(listed(folder), reverse=True))
    assert digest(load(tmp_path)) == before


def test_many_files_keep_their_order(tmp_path):
    write_classes(tmp_path / "train", decode.FILES_AT_ONCE + 9)
    write_classes(tmp_path / "test", 1)
    assert numbers(load(tmp_path, size=1).train, 1) == list(range(decode.FILES_AT_ONCE + 9))


def test_a_class_may_be_called_train(tmp_path):
    write_classes(tmp_path, 2, ("bus", "train"))
    assert load(tmp_path).train.class_names == ("bus", "train")


def test_hidden_files_are_no_images(tmp_path):
    write_classes(tmp_path)
    for name in (".DS_Store", "._00.png", "Thumbs.db", "desktop.ini"):
        (tmp_path / "apple" / name).write_text("not an image")
    write_classes(tmp_path / ".git")
    (tmp_path / "README.txt").write_text("beside the classes")
    assert sum(map(len, load(tmp_path))) == 8


def striped(width, height, stripe):
    """Blue, with a red stripe of the given width on the left."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, stripe, height))
    return image


def test_fast_decoding_takes_the_smallest_scale_that_covers_the_size(tmp_path):
    for k, name in enumerate("aabb"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / f"{k}.jpg").write_bytes(as_file(crop(k, 128), "JPEG", quality=95))
    fast = load(tmp_path, size=32, decode="fast", test_size=0.5)
    for images in (fast.train.images, fast.test.images):
        for image in images:
            found = [k for k in range(4) if np.array_equal(image, by_draft(tmp_path, k))]
            assert len(found) == 1
    assert digest(load(tmp_path, size=32, test_size=0.5)) != digest(fast)
    with pytest.raises(ValueError, match="decode must be 'exact' or 'fast', got None"):
        load(tmp_path, decode=None)


def by_draft(folder, k):
    """Return a JPEG as Pillow decodes it at a quarter of its size."""
    with Image.open(next(folder.glob(f"*/{k}.jpg"))) as image:
        image.draft("RGB", (32, 32))
        return np.asarray(image)


def load_one(tmp_path, image, name="0.png", size=8, fit="crop", **how):
    """Write an image twice, beside another class, and return what is made of it."""
    write(tmp_path / "train" / "other" / "0.png")
    (tmp_path / "train" / "one").mkdir()
    image.save(tmp_path / "train" / "one" / name, **how)
    write(tmp_path / "test" / "one" / "0.png")
    train = load(tmp_path, size=size, fit=fit).train
    return train.images[train.labels == 0][0]


def test_crop_keeps_the_middle(tmp_path):
    assert (load_one(tmp_path, striped(24, 8, 8)) == BLUE).all()


def test_stretch_keeps_everything(tmp_path):
    image = load_one(tmp_path, striped(24, 8, 12), fit="stretch")
    assert (image[:, :3] == RED).all()
    assert (image[:, 5:] == BLUE).all()


def test_size_is_height_and_width(tmp_path):
    image = load_one(tmp_path, striped(40, 20, 20), size=(4, 8))
    assert image.shape == (4, 8, 3)
    assert (image[:, :3] == RED).all()


def test_size_is_64_if_not_given(tmp_path):
    assert load(write_classes(tmp_path)).train.images.shape[1:] == (64, 64, 3)


def test_an_extreme_shape_is_cropped_first(tmp_path):
    assert (load_one(tmp_path, Image.new("RGB", (100_000, 1), RED)) == RED).all()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_images_are_turned_upright(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6  # the right side of the stored picture is its bottom
    image = load_one(tmp_path, striped(32, 32, 16), f"0.{suffix}", exif=exif.tobytes())
    assert image[:3, :, 0].min() > 200  # red above
    assert image[5:, :, 2].min() > 200  # blue below


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_transparency_is_laid_on_white(tmp_path, suffix):
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((255, 0, 0, 128), (0, 0, 4, 8))
    pixels = load_one(tmp_path, image, f"0.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    assert (pixels[:, 4:] == WHITE).all()
    np.testing.assert_allclose(pixels[:, :4].astype(int) - (255, 127, 127), 0, atol=1)


def test_gray_with_alpha_is_laid_on_white(tmp_path):
    assert (load_one(tmp_path, Image.new("LA", (8, 8), (9, 0))) == WHITE).all()


def test_a_transparent_palette_colour_is_laid_on_white(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.paste(2, (0, 0, 4, 8))
    pixels = load_one(tmp_path, image, transparency=1)
    assert (pixels[:, :4] == GREEN).all()
    assert (pixels[:, 4:] == WHITE).all()


@pytest.mark.parametrize(
    ("mode", "colour", "name", "expected"),
    [
        ("1", 1, "0.png", WHITE),
        ("L", 77, "0.bmp", (77, 77, 77)),
        ("RGB", GREEN, "0.gif", GREEN),
        ("RGB", GREEN, "no_extension.tiff", GREEN),
        ("CMYK", (0, 255, 255, 0), "0.tif", RED),
    ],
)
def test_other_modes_are_converted(tmp_path, mode, colour, name, expected):
    assert (load_one(tmp_path, Image.new(mode, (8, 8), colour), name) == expected).all()


def test_a_cmyk_jpeg_is_converted(tmp_path):
    image = load_one(tmp_path, Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "0.jpg")
    np.testing.assert_allclose(image.astype(int) - RED, 0, atol=3)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_gray_is_scaled_down_not_clipped(tmp_path, suffix):
    gray = np.repeat(np.array([[0, 128, 129, 300, 32768, 65535 - 129, 65535, 257]], np.uint16), 8, axis=0)
    image = load_one(tmp_path, Image.fromarray(gray), f"0.{suffix}")
    assert image[0, :, 0].tolist() == [0, 0, 1, 1, 128, 254, 255, 1]
    assert (image == image[:1, :, :1]).all()


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_the_first_frame_of_an_animation_is_taken(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (GREEN, RED, BLUE)]
    lossless = {"lossless": True} if suffix == "webp" else {}
    image = load_one(tmp_path, frames[0], f"0.{suffix}", save_all=True, append_images=frames[1:], **lossless)
    assert (image == GREEN).all()


# --- broken files --------------------------------------------------------------------------------


def noise(suffix, **how):
    pixels = np.random.default_rng(0).integers(256, size=(40, 40, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, suffix, **how)
    return file.getvalue()


def png_header_of(width, height):
    content = bytearray(noise("png"))
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


def float_tiff():
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(file, "tiff")
    return file.getvalue()


BROKEN = {
    "half.jpg": (noise("jpeg")[:1500], "OSError"),
    "half.png": (noise("png")[:1500], ""),
    "text.jpg": (b"<html>404</html>", "not a readable image of the formats JPEG, PNG"),
    "list": (b"0.png apple", "not a readable image"),
    "empty.png": (b"", "not a readable image"),
    "bomb.png": (png_header_of(50_000, 50_000), "DecompressionBomb"),
    "warned.png": (png_header_of(10_000, 10_000), "DecompressionBomb"),
    "large.png": (png_header_of(8_001, 8_000), "8001 x 8000 pixels, more than 64,000,000"),
    "float.tif": (float_tiff(), "no agreed range"),
    "script.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a readable image"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_skipped_with_a_reason(tmp_path, name):
    content, reason = BROKEN[name]
    write_classes(tmp_path / "train")
    write_classes(tmp_path / "test")
    (tmp_path / "train" / "apple" / name).write_bytes(content)
    with pytest.warns(UserWarning, match="skipped 1 of the 17 files"):
        train, test = load(tmp_path, size=8)
    ((path, why),) = train.skipped
    assert path == str(tmp_path / "train" / "apple" / name)
    assert reason in why
    assert test.skipped == ()
    assert numbers(train, 0) == numbers(train, 1) == [0, 1, 2, 3]


def test_skipped_files_are_warned_of_once(tmp_path):
    write_classes(tmp_path)
    for name, (content, _) in BROKEN.items():
        (tmp_path / "pear" / name).write_bytes(content)
    with pytest.warns(UserWarning, match="skipped") as caught:
        data = load(tmp_path, size=8)
    (warning,) = caught
    assert warning.filename == __file__
    message = str(warning.message)
    assert f"skipped {len(BROKEN)} of the {8 + len(BROKEN)} files in {tmp_path}" in message
    assert len(data.train.skipped) + len(data.test.skipped) == len(BROKEN)
    assert data.train.skipped[0][0] in message
    assert data.train.skipped[0][1] in message
    assert "files skipped" in repr(data.train)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_not_a_file_is_skipped(tmp_path):
    write_classes(tmp_path / "train")
    write_classes(tmp_path / "test")
    (tmp_path / "train" / "apple" / "folder").mkdir()  # and nothing in it
    (tmp_path / "train" / "apple" / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "train" / "apple" / "pipe")
    with pytest.warns(UserWarning, match="skipped 2 of the 18 files"):
        train = load(tmp_path).train
    assert [Path(path).name for path, _ in train.skipped] == ["loop", "pipe"]


def test_a_file_of_too_many_bytes_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "MAX_BYTES", 100_000)
    write_classes(tmp_path)
    with open(tmp_path / "pear" / "03.png", "ab") as file:
        file.truncate(100_001)
    with pytest.warns(UserWarning, match="100,001 bytes"):
        load(tmp_path)


def test_pillow_is_left_as_it_was(tmp_path):
    write_classes(tmp_path)
    (tmp_path / "pear" / "warned.png").write_bytes(BROKEN["warned.png"][0])
    before = list(warnings.filters), Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    with pytest.warns(UserWarning, match="DecompressionBombWarning"):
        load(tmp_path)
    assert (list(warnings.filters), Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES) == before


def test_calls_from_several_threads_leave_the_warning_filters_alone(tmp_path):
    write_classes(tmp_path, 30)
    before, results = list(warnings.filters), []
    threads = [threading.Thread(target=lambda: results.append(digest(load(tmp_path)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert len(set(results)) == 1
    assert warnings.filters == before


RARE = [pytest.param(suffix, marks=pytest.mark.slow) for suffix in ("webp", "bmp", "tiff", "gif")]


@pytest.mark.parametrize("suffix", ["jpeg", "png", *RARE])
def test_damaged_bytes_never_stop_the_rest(tmp_path, suffix):
    write_classes(tmp_path / "train", 2)
    write_classes(tmp_path / "test", 2)
    rng, sound = np.random.default_rng(0), np.frombuffer(noise(suffix), np.uint8)
    for i in range(40):
        damaged = sound.copy()
        # most of what a decoder acts on is at the front
        damaged[rng.integers(min(len(sound), (64, 512)[i % 2]), size=4)] = rng.integers(256, size=4)
        (tmp_path / "train" / "pear" / f"x{i}").write_bytes(damaged.tobytes())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train = load(tmp_path, size=8).train
    assert len(caught) == bool(train.skipped)
    assert len(train) + len(train.skipped) == 44
    assert numbers(train, 1)[:2] == [0, 1]


# --- folders that are laid out otherwise ---------------------------------------------------------


def test_a_folder_without_folders_is_refused(tmp_path):
    write(tmp_path / "0.png")
    with pytest.raises(ValueError, match="holds no folders; expected <class>/<image files>"):
        load(tmp_path)


@pytest.mark.parametrize("seed", range(12))
def test_sidecars_take_no_part_in_the_split(tmp_path, seed):
    write_classes(tmp_path, 5)
    for name in ("apple", "pear"):
        for i in range(5):
            (tmp_path / name / f"{i:02}.json").write_text("{}")
            (tmp_path / name / f"{i:02}b.png").write_bytes(b"broken")
    with pytest.warns(UserWarning, match="skipped 10 of the 20 files"):
        train, test = load(tmp_path, size=8, rng=seed)
    assert np.bincount(test.labels).tolist() == [1, 1]
    assert np.bincount(train.labels).tolist() == [4, 4]
    assert len(train.left_out) == 10
    assert train.left_out[0] == (str(tmp_path / "apple" / "00.json"), "sidecar")


@pytest.mark.parametrize(
    ("train_name", "test_name"),
    [
        *(("train", "val"), ("train", "valid"), ("Train", "Test"), ("training", "testing")),
        *(("TRAIN", "Validation"), ("Final_Training", "Final_Test")),
    ],
)
def test_names_of_subsets(tmp_path, train_name, test_name):
    write_classes(tmp_path / train_name, 4)
    write_classes(tmp_path / test_name, 2)
    (tmp_path / "README.md").write_text("about")
    train, test = load(tmp_path, size=8)
    assert train.class_names == test.class_names == ("apple", "pear")
    assert numbers(train, 1) == [0, 1, 2, 3]
    assert numbers(test, 1) == [0, 1]


def test_validation_images_join_the_training_set_where_there_is_a_test_set(tmp_path):
    for name, n in (("train", 4), ("val", 3), ("test", 2)):
        write_classes(tmp_path / name, n)
    train, test = load(tmp_path, size=8)
    assert numbers(train, 0) == numbers(train, 1) == [0, 1, 2, 3, 0, 1, 2]
    assert numbers(test, 1) == [0, 1]


def test_folders_below_those_of_classes_and_above_them(tmp_path):
    for name in ("apple", "pear"):
        for i in range(4):
            write(tmp_path / "data" / "images" / name / f"part{i % 2}" / "x" / f"{i}.png", (i, i, i))
    (tmp_path / "data" / "LICENSE.txt").write_text("free")
    train, test = load(tmp_path, size=8)
    assert train.class_names == ("apple", "pear")
    assert sorted(numbers(train, 0) + numbers(test, 0)) == [0, 1, 2, 3]


def test_images_outside_the_folders_of_classes_are_skipped_with_a_reason(tmp_path):
    write_classes(tmp_path)
    write(tmp_path / "lone.png")
    with pytest.warns(UserWarning, match="skipped 1 of the 9 files"):
        train, _ = load(tmp_path)
    assert train.skipped == ((str(tmp_path / "lone.png"), "not in the folder of a class"),)


@pytest.mark.parametrize("layout", ["official", "kaggle"])
def test_gtsrb(tmp_path, layout):
    """Test images are in one folder, and a table has their classes."""
    names = (
        ("Final_Training/Images/{:05}", "Final_Test/Images") if layout == "official" else ("Train/{}", "Test")
    )
    for label in (0, 1, 12):
        for i in range(3):
            path = write(tmp_path / names[0].format(label) / f"{label:05}_{i:05}.ppm", (label, i, 0))
        (path.parent / f"GT-{label:05}.csv").write_text("Filename;ClassId\n")
    rows = [("00000.ppm", 12), ("00001.ppm", 0), ("00002.ppm", 12)]
    for name, label in rows:
        write(tmp_path / names[1] / name, (label, 99, 0))
    if layout == "official":
        text = "".join(f"{name};50;50;5;5;45;45;{label}\r\n" for name, label in rows)
        header = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\r\n"
        (tmp_path / "GT-final_test.csv").write_text(header + text)
        (tmp_path / names[1] / "GT-final_test.test.csv").write_text("Filename;Width\n00000.ppm;50\n")
    else:
        text = "".join(f"50,50,{label},Test/{name}\n" for name, label in rows)
        (tmp_path / "Test.csv").write_text("Width,Height,ClassId,Path\n" + text)
    train, test = load(tmp_path, size=8)
    assert train.class_names == (("00000", "00001", "00012") if layout == "official" else ("0", "1", "12"))
    assert np.bincount(train.labels).tolist() == [3, 3, 3]
    assert test.labels.tolist() == [0, 2, 2]
    assert [red for red, _, _ in colours_of(test, 2)] == [12, 12]


def test_test_images_without_classes_are_refused_or_skipped(tmp_path):
    write_classes(tmp_path / "train")
    write(tmp_path / "test" / "0.png")
    with pytest.raises(ValueError, match=r"the images for testing in .* have no classes"):
        load(tmp_path)
    write_classes(tmp_path / "val", 2)
    with pytest.warns(UserWarning, match=r"0\.png \(not in the folder of a class, and no \.csv"):
        _, test = load(tmp_path, size=8)
    assert numbers(test, 0) == [0, 1]


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"])
def test_archives_are_read_as_the_folders_they_hold(tmp_path, suffix):
    write_classes(tmp_path / "fruit" / "train", 70)
    write_classes(tmp_path / "fruit" / "test", 2)
    (tmp_path / "fruit" / "__MACOSX").mkdir()
    (tmp_path / "fruit" / "__MACOSX" / "0.png").write_bytes(b"")
    kind = {".zip": "zip", ".tar": "tar", ".tar.bz2": "bztar", ".tar.xz": "xztar"}.get(suffix, "gztar")
    made = Path(shutil.make_archive(str(tmp_path / "made"), kind, tmp_path, "fruit"))
    path = made.rename(tmp_path / f"fruit{suffix}")
    expected = load(tmp_path / "fruit", size=8)
    data = load(path, size=8)
    assert digest(data) == digest(expected)
    assert data.train.left_out == ((f"{path}/fruit/__MACOSX/0.png", "of an operating system"),)
    assert len(expected.train.left_out) == 1


@pytest.mark.parametrize("names", [None, ["pear", "apple"]])
@pytest.mark.parametrize("layout", ["data/{}-00000-of-00001.parquet", "default/{}/0000.parquet"])
def test_parquet_files_of_hugging_face(tmp_path, names, layout):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    write_classes(tmp_path / "files", 4)
    for subset, n in (("train", 4), ("test", 2)):
        paths = [tmp_path / "files" / name / f"{i:02}.png" for i in range(n) for name in ("pear", "apple")]
        images = [{"bytes": path.read_bytes(), "path": path.name} for path in paths]
        table = pa.table({"image": images, "label": pa.array([0, 1] * n, pa.int64())})
        if names:
            features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": names}}
            table = table.replace_schema_metadata(
                {"huggingface": json.dumps({"info": {"features": features}})}
            )
        path = tmp_path / "hub" / layout.format(subset)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, row_group_size=3)
    (tmp_path / "hub" / "README.md").write_text("a card")
    train, test = load(tmp_path / "hub", size=8)
    assert train.class_names == (("apple", "pear") if names else ("0", "1"))
    assert numbers(train, 0) == numbers(train, 1) == [0, 1, 2, 3]
    assert numbers(test, 1) == [0, 1]
    assert sorted(test.paths) == [
        f"{layout.format('test')}/{place}" for place in ("0/0", "0/1", "0/2", "1/0")
    ]
    alone = load(tmp_path / "hub" / layout.format("train"), size=8)
    assert len(alone.train) == 6
    assert np.bincount(alone.test.labels).tolist() == [1, 1]


def test_a_parquet_file_without_labels_says_what_it_has(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"image": [b"0"], "text": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"no column of labels, called label.*; it has image, text"):
        load(tmp_path / "a.parquet")


def test_linked_folders_are_classes_and_cycles_are_noticed(tmp_path):
    write_classes(tmp_path / "away")
    (tmp_path / "data").mkdir()
    for name in ("apple", "pear"):
        (tmp_path / "data" / name).symlink_to(tmp_path / "away" / name)
    (tmp_path / "away" / "pear" / "back").symlink_to(tmp_path / "data")
    train, test = load(tmp_path / "data", size=8)
    assert train.class_names == ("apple", "pear")
    assert len(train) + len(test) == 8
    assert [reason for _, reason in train.left_out] == ["link to a folder that holds it"]


def test_an_empty_folder_is_named_and_left_out(tmp_path):
    (write_classes(tmp_path) / "plum").mkdir()
    with pytest.warns(UserWarning, match=r"plum \(an empty folder, left out\)"):
        train, _ = load(tmp_path)
    assert train.class_names == ("apple", "pear")
    assert train.skipped == ((str(tmp_path / "plum"), "an empty folder, left out"),)


def test_a_single_class_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one class, 'apple', and two are needed"):
        load(write_classes(tmp_path, classes=("apple",)))


def test_a_class_of_a_single_image_is_named_and_left_out(tmp_path):
    folder = write_classes(tmp_path / "photos")
    write_classes(folder, 1, ("banana", "plum"))
    with pytest.warns(UserWarning, match="class 'banana' .a single image, left out"):
        train, test = load(folder)
    assert train.class_names == test.class_names == ("apple", "pear")
    assert train.skipped == tuple(
        (f"class '{name}'", "a single image, left out") for name in ("banana", "plum")
    )
    alone, _ = load(write_classes(tmp_path / "both"), size=64)
    np.testing.assert_array_equal(train.images, alone.images)
    np.testing.assert_array_equal(train.labels, alone.labels)


def test_a_single_image_is_enough_to_learn_from(tmp_path):
    write_classes(tmp_path / "train", 1)
    write_classes(tmp_path / "test", 1)
    assert len(load(tmp_path).train) == 2


def test_a_class_that_is_only_tested_is_refused(tmp_path):
    write_classes(tmp_path / "train")
    write_classes(tmp_path / "test", classes=("apple", "cherry", "plum"))
    with pytest.raises(ValueError, match="train/ lacks: cherry, plum"):
        load(tmp_path)


def test_train_without_test_is_refused(tmp_path):
    write_classes(tmp_path / "train")
    write_classes(tmp_path / "others")
    with pytest.raises(ValueError, match=r"holds train/ alone"):
        load(tmp_path)


@pytest.mark.parametrize("below", ["", "train"])
def test_a_class_without_a_readable_image_is_named_and_left_out(tmp_path, below):
    classes = ("apple", "fig", "pear")
    write_classes(tmp_path / below, classes=classes)
    if below:
        write_classes(tmp_path / "test", classes=classes)
    for path in (tmp_path / below / "fig").iterdir():
        path.write_bytes(b"gone")
    with pytest.warns(UserWarning, match="skipped"):
        train, test = load(tmp_path)
    assert train.class_names == test.class_names == ("apple", "pear")
    assert set(train.labels) == set(test.labels) == {0, 1}
    assert train.skipped[-1] == ("class 'fig'", "no image for training can be read, left out")
    for path in (tmp_path / below / "pear").iterdir():
        path.write_bytes(b"gone")
    with pytest.raises(
        ValueError, match=r"two classes need .*'fig' \(0\), 'pear' \(0\).*\(not a readable image"
    ):
        load(tmp_path)


def test_images_of_a_drawn_test_set_have_positions(tmp_path):
    train, test = load(write_classes(tmp_path, 7))
    assert sorted([*train.positions, *test.positions]) == list(range(14))
    assert (train.positions < 7).sum() == (train.labels == 0).sum()
    write_classes(tmp_path / "split" / "train")
    write_classes(tmp_path / "split" / "test")
    assert load(tmp_path / "split").train.positions is None


@pytest.mark.parametrize(
    ("sides", "n", "side"), [((300, 200), 2, 128), ((100, 300), 2, 96), ((500, 20), 2, 32), ((99, 65), 3, 64)]
)
def test_a_size_is_suggested_by_the_shorter_sides(tmp_path, sides, n, side):
    for name in ("apple", "pear"):
        (tmp_path / name).mkdir()
        for k in range(n):
            Image.new("RGB", sides).save(tmp_path / name / f"{k}.png")
    Image.new("RGB", (10, 10)).save(tmp_path / "pear" / "small.png")
    (tmp_path / "pear" / "broken.png").write_bytes(b"gone")
    assert suggest_size(tmp_path) == (side, f"the median of the shorter sides is {min(sides)}")


def test_many_images_are_smaller(tmp_path, monkeypatch):
    write_classes(tmp_path, 4)
    monkeypatch.setattr(sizes, "SIDES", (2, 4, 8))
    assert suggest_size(tmp_path)[0] == 8
    monkeypatch.setattr(sizes, "MOST_BYTES", 8 * 12 * 16)
    side, reason = suggest_size(tmp_path)
    assert side == 4
    assert "8 larger images would take more" in reason


def test_no_size_is_suggested_for_images_of_a_size_of_their_own():
    assert suggest_size("cifar10") is suggest_size("photos") is suggest_size({"train": []}) is None


def test_a_test_set_without_a_readable_image_is_refused(tmp_path):
    write_classes(tmp_path / "train")
    (tmp_path / "test" / "pear").mkdir(parents=True)
    (tmp_path / "test" / "pear" / "0.png").write_bytes(b"gone")
    with pytest.raises(ValueError, match=r"no image for testing.*0\.png"):
        load(tmp_path)


# --- arrays --------------------------------------------------------------------------------------


def arrays(**changed):
    pixels = np.arange(6 * 2 * 4 * 3, dtype=np.uint8).reshape(6, 2, 4, 3)
    labels = np.array([3, 1, 3, 7, 1, 1])
    return {"x_train": pixels, "y_train": labels, "x_test": pixels[:2], "y_test": labels[:2]} | changed


def save(tmp_path, **changed):
    np.savez(tmp_path / "data.npz", **arrays(**changed))
    return tmp_path / "data.npz"


def test_arrays_come_back(tmp_path):
    train, test = load(save(tmp_path))
    np.testing.assert_array_equal(train.images, arrays()["x_train"])
    np.testing.assert_array_equal(test.images, arrays()["x_test"])
    assert train.class_names == test.class_names == ("1", "3", "7")
    assert train.labels.tolist() == [1, 0, 1, 2, 0, 0]
    assert test.labels.tolist() == [1, 0]
    assert train.labels.dtype == np.int64


def test_gray_arrays_are_repeated(tmp_path):
    gray = np.arange(48, dtype=np.uint8).reshape(6, 2, 4)
    images = load(save(tmp_path, x_train=gray)).train.images
    np.testing.assert_array_equal(images, np.stack([gray, gray, gray], axis=-1))


def test_string_labels_name_the_classes(tmp_path):
    y_train, y_test = np.array(["pear", "fig", "pear", "fig", "fig", "fig"]), np.array(["fig", "pear"])
    train, test = load(save(tmp_path, y_train=y_train, y_test=y_test))
    assert train.class_names == ("fig", "pear")
    assert train.labels.tolist() == [1, 0, 1, 0, 0, 0]
    assert test.labels.tolist() == [0, 1]


def test_class_names_order_string_labels(tmp_path):
    y_train, y_test = np.array(["pear", "fig", "pear", "fig", "fig", "fig"]), np.array(["fig", "pear"])
    names = np.array(["pear", "plum", "fig"])
    train, test = load(save(tmp_path, y_train=y_train, y_test=y_test, class_names=names))
    assert train.class_names == ("pear", "plum", "fig")
    assert train.labels.tolist() == [0, 2, 0, 2, 2, 2]
    assert test.labels.tolist() == [2, 0]


def test_class_names_name_integer_labels_in_a_column(tmp_path):
    names = np.array(list("abcdefgh"))
    column = arrays()["y_train"].astype(np.uint8)[:, np.newaxis]
    train, _ = load(save(tmp_path, y_train=column, class_names=names))
    assert train.class_names == tuple("abcdefgh")
    assert train.labels.tolist() == [3, 1, 3, 7, 1, 1]


def test_arrays_of_one_channel_and_labels_of_other_kinds(tmp_path):
    gray = np.arange(48, dtype=np.uint8).reshape(6, 2, 4)
    images = load(save(tmp_path, x_train=gray[..., np.newaxis])).train.images
    np.testing.assert_array_equal(images, np.stack([gray, gray, gray], axis=-1))
    y_train, y_test = np.array([True, False, True, True, False, True]), np.array([False, True])
    for change, names in (
        (lambda y: y, ("False", "True")),
        (lambda y: y[:, np.newaxis], ("False", "True")),
        (lambda y: y.astype("S5"), ("False", "True")),
        (lambda y: y.astype(np.uint8), ("0", "1")),
    ):
        train, test = load(save(tmp_path, y_train=change(y_train), y_test=change(y_test)))
        assert train.class_names == names
        assert train.labels.tolist() == [1, 0, 1, 1, 0, 1]
        assert test.labels.tolist() == [0, 1]
    train, _ = load(save(tmp_path, y_train=y_train, y_test=y_test, class_names=np.array([b"no", b"yes"])))
    assert train.class_names == ("no", "yes")
    assert train.labels.tolist() == [1, 0, 1, 1, 0, 1]


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 3)])
@pytest.mark.parametrize("with_validation", [True, False])
def test_medmnist(tmp_path, shape, with_validation):
    rng = np.random.default_rng(0)
    sizes = {"train": 6, "val": 3, "test": 4} if with_validation else {"train": 6, "test": 4}
    arrays = {
        f"{name}_images": rng.integers(256, size=(n, *shape), dtype=np.uint8) for name, n in sizes.items()
    }
    arrays |= {
        f"{name}_labels": (np.arange(n, dtype=np.uint8) % 2)[:, np.newaxis] for name, n in sizes.items()
    }
    np.savez(tmp_path / "medmnist.npz", **arrays)
    train, test = load(tmp_path / "medmnist.npz")
    assert train.class_names == ("0", "1")
    assert train.labels.tolist() == [0, 1] * 3 + ([0, 1, 0] if with_validation else [])
    assert test.labels.tolist() == [0, 1, 0, 1]
    np.testing.assert_array_equal(
        train.images[1, ..., 0], arrays["train_images"][1].reshape(28, 28, -1)[..., 0]
    )
    if with_validation:
        np.testing.assert_array_equal(
            train.images[-1, ..., 2], arrays["val_images"][-1].reshape(28, 28, -1)[..., -1]
        )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train_labels": np.zeros((6, 14), np.uint8)}, "train_labels must have the shape"),
        ({"val_images": np.zeros((2, 5, 5), np.uint8)}, "val_images has images of"),
        ({"train_images": np.zeros((6, 28, 28, 28), np.uint8)}, "train_images must have the shape"),
        ({"test_labels": np.array([0, 5])}, "test_labels holds labels .* of train_labels"),
    ],
)
def test_what_is_no_image_set_of_medmnist_is_refused(tmp_path, changed, message):
    arrays = {
        f"{name}_images": np.zeros((n, 28, 28), np.uint8)
        for name, n in (("train", 6), ("val", 2), ("test", 2))
    }
    arrays |= {f"{name}_labels": np.arange(n) % 2 for name, n in (("train", 6), ("val", 2), ("test", 2))}
    np.savez(tmp_path / "medmnist.npz", **arrays | changed)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "medmnist.npz")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x_train": np.zeros((6, 2, 4, 3))}, "x_train must be uint8"),
        ({"x_test": np.zeros((2, 8), np.uint8)}, r"x_test must have the shape"),
        ({"x_test": np.zeros((2, 3, 4, 5), np.uint8)}, r"x_test must have the shape"),
        ({"x_test": np.zeros((0, 4, 4, 3), np.uint8), "y_test": np.zeros(0, int)}, "x_test is empty"),
        ({"y_train": np.zeros(6)}, "y_train must hold integers or strings, got float64"),
        ({"y_train": np.zeros((6, 3), int)}, "y_train must have the shape"),
        ({"y_train": np.zeros(6, int)}, "y_train holds 1 classes"),
        ({"y_train": np.array([3, 1, 3, 7, 1])}, "6 images need labels"),
        ({"y_test": np.array([3, 4])}, "y_test holds labels .*: 4"),
        ({"class_names": np.array(["a", "b", "c"])}, "y_train holds labels .*: 3, 7"),
        ({"class_names": np.array([1, 2, 3])}, "class_names must be a row of strings"),
        ({"x_train": np.array([{}])}, "not a sound .npz file of plain arrays"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        load(save(tmp_path, **changed))


def test_missing_arrays_are_named(tmp_path):
    np.savez(tmp_path / "data.npz", x_train=np.zeros(3), images=np.zeros(3))
    with pytest.raises(ValueError, match="lacks y_train, x_test, y_test; expected x_train"):
        load(tmp_path / "data.npz")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 no zip either"])
def test_what_is_no_npz_file_is_refused(tmp_path, content):
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"not a sound \.npz file"):
        load(tmp_path / "data.npz")


def test_damaged_arrays_are_refused_or_read(tmp_path):
    rng, sound = np.random.default_rng(0), np.frombuffer(save(tmp_path).read_bytes(), np.uint8)
    n_read = 0
    for _ in range(300):
        damaged = sound.copy()
        damaged[rng.integers(len(sound), size=3)] = rng.integers(256, size=3)
        (tmp_path / "data.npz").write_bytes(damaged.tobytes())
        with contextlib.suppress(ValueError):
            n_read += len(load(tmp_path / "data.npz").test) == 2
    assert n_read < 100


def test_a_single_array_called_npz_is_refused(tmp_path):
    with open(tmp_path / "data.npz", "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match=r"not a sound \.npz file"):
        load(tmp_path / "data.npz")


# --- options and names ---------------------------------------------------------------------------


def test_a_misspelled_source_is_corrected():
    with pytest.raises(FileNotFoundError, match=r"no source 'cifar-10'.*did you mean 'cifar10'"):
        load("cifar-10")


@pytest.mark.parametrize("source", ["", "/nowhere/at/all", Path("photos")])
def test_a_missing_path_is_refused(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"path of an existing folder or \.npz file"):
        load(source)


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"neither a folder nor an \.npz file"):
        load(write(tmp_path / "0.png"))


def test_a_folder_called_photos_is_reached_by_its_path(tmp_path, monkeypatch):
    write_classes(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    assert load("./photos").train.class_names == ("apple", "pear")


@pytest.mark.parametrize("size", [0, -3, (4, 0), (4, 4, 3), 2.5, "64", True])
def test_a_size_that_is_none_is_refused(tmp_path, size):
    with pytest.raises(ValueError, match="size must be"):
        load(write_classes(tmp_path), size=size)


def test_size_is_refused_where_images_have_their_own(tmp_path):
    write_cifar10(tmp_path / "cifar-10-batches-bin")
    for source in ("photos", "cifar10", tmp_path, save(tmp_path)):
        with pytest.raises(ValueError, match="size is for folders of image files"):
            load(source, size=32)


@pytest.mark.parametrize("wrong", [{"fit": "pad"}, {"test_size": 0}, {"test_size": 1.0}, {"test_size": 100}])
def test_options_without_meaning_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        load("photos", **wrong)
