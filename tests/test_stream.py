"""Features of images from iterables: arrays, pictures, tensors, files, and data sets of other libraries."""

import io
import threading

import numpy as np
import pytest
from pictures import as_file, crop
from PIL import Image, ImageOps

import imfeat
from imfeat import extract

FEATURES = "hog, color(bins=4)"
PHOTOS = [np.asarray(crop(k)) for k in range(10)]


def expected(photos, size=(32, 32), fit="crop"):
    """Return features of images scaled by Pillow."""
    pictures = [Image.fromarray(photo) for photo in photos]
    scaled = [
        ImageOps.fit(p, size[::-1], Image.Resampling.BILINEAR)
        if fit == "crop"
        else p.resize(size[::-1], Image.Resampling.BILINEAR)
        for p in pictures
    ]
    images = np.stack([np.asarray(p) for p in scaled])
    return {"hog": imfeat.hog(images, cell_size=8), "color(bins=4)": imfeat.color_histogram(images, bins=4)}


def joined(batches):
    batches = list(batches)
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def assert_same(found, wanted):
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values.reshape(len(values), -1))


@pytest.mark.parametrize("fit", ["crop", "stretch"])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_batches_come_in_order(n_threads, fit):
    options = {"batch_size": 4, "size": (32, 48), "fit": fit, "n_threads": n_threads}
    batches = list(extract.transform(iter(PHOTOS), FEATURES, **options))
    assert [len(batch["hog"]) for batch in batches] == [4, 4, 2]
    assert_same(joined(batches), expected(PHOTOS, (32, 48), fit))


def tensor(array):
    torch = pytest.importorskip("torch")
    return torch.from_numpy(array.copy())


FORMS = {
    "pictures": lambda photo: Image.fromarray(photo),
    "files": lambda photo: as_file(Image.fromarray(photo), "PNG"),
    "floats": lambda photo: (photo / 255).astype(np.float32),
    "with labels": lambda photo: (photo, 3),
    "of Hugging Face": lambda photo: {"image": Image.fromarray(photo), "label": 3},
    "of Hugging Face, not decoded": lambda photo: {
        "image": {"bytes": as_file(Image.fromarray(photo), "PNG"), "path": None}
    },
    "batches": lambda photo: photo[None],
    "batches with labels": lambda photo: [photo[None], np.array([3])],
    "tensors": lambda photo: tensor(photo.transpose(2, 0, 1)),
    "tensors of floats": lambda photo: tensor((photo.transpose(2, 0, 1) / 255).astype(np.float32)),
    "batches of tensors": lambda photo: [tensor(photo.transpose(2, 0, 1)[None]), 3],
}


@pytest.mark.parametrize("form", FORMS)
def test_any_form_gives_the_same(form):
    items = [FORMS[form](photo) for photo in PHOTOS[:3]]
    found = joined(extract.transform(items, FEATURES, size=32))
    assert_same(found, expected(PHOTOS[:3]))


def test_gray_and_files_on_disk(tmp_path):
    gray = PHOTOS[0][..., 1]
    path = tmp_path / "one.png"
    Image.fromarray(gray).save(path)
    items = [gray, gray[..., None], path, str(path), Image.fromarray(gray)]
    found = joined(extract.transform(items, "color", size=32))["color"]
    wanted = joined(extract.transform([np.repeat(gray[..., None], 3, 2)], "color", size=32))["color"]
    np.testing.assert_array_equal(found, np.repeat(wanted, len(items), 0))


def test_items_are_taken_as_they_are_needed():
    taken = []

    def photos():
        for photo in PHOTOS * 20:
            taken.append(photo)
            yield photo

    batches = extract.transform(photos(), "color", batch_size=5, size=16, n_threads=2)
    assert not taken
    next(batches)
    assert len(taken) <= 5 * 2 * 2
    batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("imfeat-extract")]


def test_a_model_of_a_file(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for k, photo in enumerate(PHOTOS):
        Image.fromarray(photo).save(folder / f"{k}.png")
    model = tmp_path / "words.safetensors"
    extract.codebook(folder, "words(n_words=5)", model, size=32)
    found = joined(extract.transform(PHOTOS, [str(model)], size=32))
    run = extract.run(folder, str(model), tmp_path / "run", size=32)
    np.testing.assert_array_equal(found["words"], run["words"])


@pytest.mark.parametrize(
    ("item", "error", "message"),
    [
        (np.zeros((5, 5, 4), np.uint8), ValueError, r"\(height, width\[, 1 or 3\]\), got \(5, 5, 4\)"),
        (np.zeros((5, 5, 3), np.int32), TypeError, "uint8, or floats in"),
        (np.full((5, 5, 3), 2.0), ValueError, "divide by"),
        ({"picture": 1}, TypeError, "must have the key 'image', got picture"),
        (None, TypeError, "must be an array, .* got NoneType"),
        (b"no image", Exception, "cannot identify"),
    ],
)
def test_what_is_no_image_is_named(item, error, message):
    with pytest.raises(error, match=message) as raised:
        list(extract.transform([PHOTOS[0], item], "color", size=16))
    if not isinstance(item, dict):
        assert raised.value.__notes__ == ["in image 1 of the iterable"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"features": "words"},
            "words must be learned first: give a file that imfeat.extract.codebook wrote",
        ),
        ({"features": "no"}, "unknown feature"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"fit": "no"}, "fit must be"),
        ({"size": 0}, "size must be"),
    ],
)
def test_options_are_checked_before_an_image_is_taken(options, message):
    with pytest.raises(ValueError, match=message):
        extract.transform(iter([]), **({"features": "color"} | options))


def test_no_images_give_no_batches():
    assert list(extract.transform([], "color")) == []


def test_files_are_turned_as_their_exif_says():
    picture = Image.fromarray(PHOTOS[0])
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", exif=exif)
    turned = [buffer.getvalue(), Image.open(io.BytesIO(buffer.getvalue()))]
    found = joined(extract.transform(turned, "hog", size=32))["hog"]
    upright = np.ascontiguousarray(np.rot90(PHOTOS[0], -1))
    np.testing.assert_array_equal(found[0], expected([upright])["hog"].ravel())
    np.testing.assert_array_equal(found[0], found[1])
