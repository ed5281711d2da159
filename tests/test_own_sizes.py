"""Features of images of their own size: `size="original"` and `size="max-N"`."""

import io
import shutil
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import PHOTO, as_file, bytes_of
from PIL import Image
from raw_files import tiff

import imfeat
from imfeat import extract, recipes
from imfeat._recipe import Recipe
from imfeat.decoding import as_size, decode, decode_or_reason, longest_side
from imfeat.decoding.size import target_of
from imfeat.estimators import _bands
from imfeat.extract import features
from imfeat.extract import images as batches
from imfeat.extract.plan import Plan
from imfeat.recipes import parse

SIZES = ((60, 80), (80, 60), (60, 80), (130, 200), (7, 90), (61, 83), (60, 80))
TOO_SMALL = 4
BROKEN = len(SIZES)
FIXED = ("color", "lbp+color(bins=4)", "haralick(levels=16)", "dense-sift", "local-color")
RAGGED = {
    "hog": lambda image: blocks(imfeat.hog(image, flatten=False)),
    "hog(cell_size=4, padding=2)": lambda image: blocks(
        imfeat.hog(image, cell_size=4, padding=2, flatten=False)
    ),
    "mirrored-uoctti": lambda image: cells(imfeat.hog_uoctti(image, mirror=True), image),
    "raw": lambda image: (image / 255).astype(np.float32),
    "equalize": lambda image: (imfeat.equalize(image) / 255).astype(np.float32),
}
LEARNED = (
    "palette(n_colors=4)",
    "words(n_words=5)",
    "patches-4",
    "two-layer-4",
    "vlad(n_words=3)",
    "fisher-sift-2",
)
HOW = {"shard_size": 5, "n_workers": 1}


def blocks(hog):
    """Return HoG with the numbers of a block on one axis."""
    return hog.reshape(*hog.shape[:2], -1)


def cells(uoctti, image):
    """Return UoCTTI features by rows and columns of cells of 8 pixels, of which a half counts as one."""
    height, width = (int(side / 8 + 0.5) for side in image.shape[:2])
    return uoctti.reshape(height, width, 31)


def picture(k):
    height, width = SIZES[k]
    return PHOTO[10 * k : 10 * k + height, 20 * k : 20 * k + width]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images of several sizes, of which one is too small for most features, and a broken file."""
    root = tmp_path_factory.mktemp("images")
    for k in range(len(SIZES)):
        (root / f"{k}.png").write_bytes(as_file(picture(k)))
    (root / f"{BROKEN}.png").write_bytes(as_file(picture(0))[:300])
    return root


@pytest.fixture(scope="module")
def runs(folder, tmp_path_factory):
    """Runs in both formats."""
    root = tmp_path_factory.mktemp("runs")
    return {
        kind: extract.run(folder, [*FIXED, *RAGGED], root / kind, size="original", format=kind, **HOW)
        for kind in ("parquet", "npy")
    }


@pytest.fixture(scope="module", params=["parquet", "npy"])
def run(runs, request):
    return runs[request.param]


@pytest.mark.parametrize(
    ("size", "height", "width", "expected"),
    [
        ("original", 3000, 7, (3000, 7)),
        ("max-512", 512, 300, (512, 300)),
        ("max-512", 100, 20, (100, 20)),
        ("max-40", 100, 50, (40, 20)),
        ("max-40", 50, 100, (20, 40)),
        ("max-2", 3, 4, (2, 2)),
        ("max-10", 1, 1000, (1, 10)),
        ((8, 9), 100, 50, (8, 9)),
    ],
)
def test_the_size_of_an_image_follows_from_its_own(size, height, width, expected):
    assert target_of(size, height, width) == expected


def test_the_aspect_ratio_is_kept_to_half_a_pixel():
    rng = np.random.default_rng(0)
    for height, width, longest in rng.integers(1, 5000, (300, 3)).tolist():
        found = target_of(f"max-{longest}", height, width)
        scale = min(Fraction(1), Fraction(longest, max(height, width)))
        assert max(found) == min(longest, max(height, width))
        for side, before in zip(found, (height, width), strict=True):
            assert side == max(1, int(before * scale + Fraction(1, 2)))


@pytest.mark.parametrize("size", ["max-0", "max-", "max-4.5", "max--4", "Original", "max-07", "64", ""])
def test_other_strings_are_no_sizes(size):
    with pytest.raises(ValueError, match=r"size must be a number of pixels, a pair.*'original', or 'max-N'"):
        as_size(size)


def test_sizes_are_read():
    assert as_size((3, 4)) == (3, 4)
    assert as_size(5) == (5, 5)
    assert (longest_side(as_size("max-512")), longest_side(as_size("original"))) == (512, None)


def turned(pixels, orientation):
    """Return a JPEG that is to be turned."""
    exif = Image.Exif()
    exif[0x112] = orientation
    return as_file(pixels, "JPEG", exif=exif)


FILES = {
    "jpeg": lambda: as_file(PHOTO[:90, :141], "JPEG"),
    "png": lambda: as_file(PHOTO[:90, :141]),
    "gray jpeg": lambda: as_file(PHOTO[:90, :141, 0], "JPEG"),
    "gray png": lambda: as_file(PHOTO[:90, :141, 0]),
    "turned": lambda: turned(PHOTO[:90, :141], 6),
    "small": lambda: as_file(PHOTO[:9, :14], "JPEG"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("longest", [None, 50])
def test_pixels_are_those_of_pillow(name, longest):
    content = FILES[name]()
    with Image.open(io.BytesIO(content)) as image:
        expected = image.convert("RGB")
        expected = expected.transpose(Image.Transpose.ROTATE_270) if name == "turned" else expected
    if longest is not None and max(expected.size) > longest:
        scale = longest / max(expected.size)
        size = [round(side * scale) for side in expected.size]
        expected = expected.resize(size, Image.Resampling.BILINEAR)
    found = decode.decode(content, "original" if longest is None else f"max-{longest}", "crop")
    np.testing.assert_array_equal(found, np.asarray(expected))
    assert found.shape == (*expected.size[::-1], 3)


@pytest.mark.parametrize(
    ("height", "width", "orientation"), [(200, 400, 1), (400, 202, 8), (401, 301, 6), (200, 203, 1)]
)
def test_fast_decoding_gives_the_size_of_exact_decoding(height, width, orientation):
    content = turned(PHOTO[:height, :width], orientation)
    exact, fast = (decode.decode(content, "max-101", "crop", how) for how in ("exact", "fast"))
    assert exact.shape == fast.shape
    assert 0 < np.abs(exact.astype(int) - fast).mean() < 12
    with Image.open(io.BytesIO(content)) as image:
        image.draft("RGB", (101, 51))
        assert max(image.size) < 256  # so that there is something to gain


@pytest.mark.parametrize("size", [(16, 16), "max-16", "original"])
def test_an_image_without_pixels_is_refused_at_every_size(size):
    reason = decode_or_reason(tiff(np.zeros((8, 0, 1)), 16, 0), size, "crop")
    assert reason == "ValueError: an image of 0 x 8 pixels"


def test_features_of_fixed_length_are_columns_as_always(run):
    for name in FIXED:
        assert run.names[name] == run[name].shape[1]
        describe = parse(name).function_of_any_size((224, 224))
        for k in range(len(SIZES)):
            if k != TOO_SMALL:
                np.testing.assert_array_equal(run[name][k], describe(picture(k)[np.newaxis])[0])
        assert np.isnan(run[name][[TOO_SMALL, BROKEN]]).all()
    color = imfeat.color_histogram(picture(5))
    np.testing.assert_array_equal(run["color"][5], color)
    assert np.isfinite(run["color"][:TOO_SMALL]).all()


def test_features_on_a_grid_are_arrays_of_its_shape(run):
    for name, describe in RAGGED.items():
        assert run.names[name] is None
        assert run.settings["features"][name]["shape"] == f"{name}_shape"
        arrays = list(run.arrays(name))
        assert [k for k, array in enumerate(arrays) if array is None] == [TOO_SMALL, BROKEN]
        for k in range(len(SIZES)):
            if k != TOO_SMALL:
                np.testing.assert_allclose(arrays[k], describe(picture(k)), atol=1e-6)
                assert arrays[k].shape == describe(picture(k)).shape
                assert arrays[k].dtype == np.float32
        for array, same in zip(arrays, run[name], strict=True):
            np.testing.assert_array_equal(array, same)
    for vector, same in zip(run.arrays("color"), run["color"], strict=True):
        np.testing.assert_array_equal(vector, same)
    assert "hog (by size)" in repr(run)
    for wrong in (lambda: run.shard("raw", 0), lambda: next(run.shards("raw"))):
        with pytest.raises(ValueError, match=r"the length of feature 'raw' depends.*take arrays\('raw'\)"):
            wrong()


def test_images_that_are_too_small_are_rows_with_a_reason(run):
    small, broken = run.errors()
    assert run.n_errors == 2
    assert small["path"].endswith(f"{TOO_SMALL}.png")
    assert small["error"].startswith("ValueError: dense-sift: images of 7 x 90 pixels are smaller than")
    assert small["sha256"] is not None
    assert broken["path"].endswith(f"{BROKEN}.png")


def test_both_formats_hold_the_same(runs):
    parquet, npy = runs["parquet"], runs["npy"]
    assert npy.rows() == parquet.rows()
    assert npy.table().equals(parquet.table())
    assert isinstance(next(npy.arrays("raw")).base, np.memmap)
    frame = npy.frame()
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == len(SIZES) + 1


def test_shards_are_plain_parquet_and_npy(runs):
    table = pq.read_table(runs["parquet"].folder / "shards" / "000001.parquet")
    assert table.schema.field("hog").type == pa.list_(pa.float32())
    assert table.schema.field("hog_shape").type == pa.list_(pa.int32())
    frame = pd.read_parquet(runs["parquet"].folder / "shards")
    row = frame.iloc[5]
    np.testing.assert_array_equal(row["raw"].reshape(row["raw_shape"]), (picture(5) / 255).astype(np.float32))
    assert frame["raw"].isna().tolist() == [k in (TOO_SMALL, BROKEN) for k in range(len(SIZES) + 1)]
    shards = runs["npy"].folder / "shards"
    values, offsets, shapes = (
        np.load(shards / f"000001.{name}.npy") for name in ("raw", "raw_offsets", "raw_shape")
    )
    np.testing.assert_array_equal(shapes, [(61, 83, 3), (60, 80, 3), (0, 0, 0)])
    np.testing.assert_array_equal(np.diff(offsets), shapes.prod(1))
    assert values.shape == (offsets[-1],)


def test_transformers_of_a_run_take_images_of_all_sizes(run):
    for name in (*FIXED[:1], *FIXED[2:], *RAGGED):
        for k in (0, 3):
            found = run.transformer(name).transform(picture(k)[np.newaxis])
            np.testing.assert_array_equal(found[0], np.ravel(list(run.arrays(name))[k]))


def test_the_number_of_workers_and_interruptions_change_no_byte(folder, runs, tmp_path):
    for kind in ("parquet", "npy"):
        expected = bytes_of(runs[kind].folder)
        out = tmp_path / kind
        extract.run(folder, [*FIXED, *RAGGED], out, size="original", format=kind, shard_size=5, n_workers=2)
        assert bytes_of(out) == expected
        (out / "manifest.json").unlink()
        (out / "receipts" / "000001.json").unlink()
        extract.resume(out, n_workers=1)
        assert bytes_of(out) == expected
    with pytest.raises(ValueError, match="holds a run with size='original', not 'max-224'"):
        extract.run(folder, [*FIXED, *RAGGED], out, size="max-224", format="npy", resume=True, **HOW)


@pytest.mark.parametrize("kind", ["parquet", "npy"])
def test_shards_of_errors_alone_are_read(folder, runs, tmp_path, kind):
    run = extract.run(
        folder, ["hog", "color"], tmp_path / "out", size="original", format=kind, shard_size=1, n_workers=1
    )
    for array, same in zip(run.arrays("hog"), runs[kind].arrays("hog"), strict=True):
        np.testing.assert_array_equal(array, same)
    assert np.isnan(run["color"][TOO_SMALL]).all()
    assert run.table().select(["hog", "hog_shape"]).equals(runs[kind].table().select(["hog", "hog_shape"]))


def items_of(run):
    plan = Plan(run.folder)
    return [item for shard in range(plan.n_shards) for item in plan.items(shard)]


def test_images_of_equal_size_are_described_together_in_bounded_numbers(runs, monkeypatch):
    items = items_of(runs["npy"])
    ((_, groups),) = batches.read_batches(items, "original", "crop")
    indices, images = groups[0]
    assert (indices, images.shape) == ([0, 2, 6], (3, 60, 80, 3))
    monkeypatch.setattr(batches, "PIXELS_AT_ONCE", 10_000)
    n_pixels = []
    rows, order = [], []
    for some, groups in batches.read_batches(items, "original", "crop"):
        rows += some
        order += [i for indices, _ in groups for i in indices]
        n_pixels.append([images[..., 0].size for _, images in groups])
    assert sorted(order) == list(range(len(SIZES)))
    assert [row.error is None for row in rows] == [True] * len(SIZES) + [False]
    assert all(sum(n) <= 10_000 or len(n) == 1 for n in n_pixels)


def test_the_longer_side_is_scaled(folder, tmp_path):
    run = extract.run(folder, ["raw", "color"], tmp_path / "out", size="max-48", format="npy", **HOW)
    for k, found in enumerate(run["raw"][:BROKEN]):
        image = Image.fromarray(picture(k))
        scale = 48 / max(image.size)
        size = [max(1, int(side * scale + 0.5)) for side in image.size]
        expected = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(found, (expected / 255).astype(np.float32))
        np.testing.assert_array_equal(run["color"][k], imfeat.color_histogram(expected))
    assert run.settings["size"] == "max-48"
    assert run.settings["features"]["raw"]["expression"] == "RawPixels()"


def test_options_are_tuned_to_a_size_that_is_known_before():
    expressions = {
        size: features.describe("dalal-triggs", size)["dalal-triggs"]["expression"]
        for size in ("original", "max-40", "max-512")
    }
    assert expressions == {
        "original": "HOG(cell_size=8, interpolation='trilinear')",
        "max-40": "HOG(cell_size=4, interpolation='trilinear')",
        "max-512": "HOG(cell_size=8, interpolation='trilinear')",
    }


@pytest.mark.parametrize(
    "feature", [LEARNED[0], *(pytest.param(f, marks=pytest.mark.slow) for f in LEARNED[1:])]
)
def test_features_learn_from_images_of_several_sizes(folder, tmp_path, feature):
    path = tmp_path / "model.safetensors"
    model = extract.codebook(folder, feature, path, size="original", shard_size=3, n_workers=1)
    assert not hasattr(model, "image_shape_")
    assert len(model.get_feature_names_out()) == model.transform(picture(0)[np.newaxis]).shape[1]
    run = extract.run(
        folder, [feature, str(path)], tmp_path / "run", size="original", shard_size=3, n_workers=2
    )
    for k in range(len(SIZES)):
        if np.isnan(run["model"][k, 0]):
            assert k == TOO_SMALL
            continue
        by_itself = model.transform(picture(k)[np.newaxis])[0]
        np.testing.assert_allclose(run["model"][k], by_itself, atol=1e-6)
    np.testing.assert_array_equal(run[feature], run["model"])
    again = extract.codebook(folder, feature, tmp_path / "b", size="original", shard_size=3, n_workers=2)
    assert path.read_bytes() == (tmp_path / "b").read_bytes()
    loaded = extract.load_model(path)
    np.testing.assert_array_equal(loaded.transform(picture(3)[None]), again.transform(picture(3)[None]))
    of_one_size = extract.run(folder, [str(path)], tmp_path / "48", size=48, **HOW)
    assert of_one_size.names["model"] == run.names["model"]


@pytest.mark.slow
@pytest.mark.parametrize("feature", LEARNED)
def test_models_of_any_size_describe_as_those_of_one_size(feature):
    images = np.stack([picture(k) for k in (0, 2, 6)])
    fitted = parse(feature).transformer((224, 224)).fit(images)
    free = parse(feature).transformer((224, 224)).restore(None, parts_of(fitted))
    np.testing.assert_array_equal(free.transform(images), fitted.transform(images))


def parts_of(model):
    return {name: getattr(model, f"{name}_") for name in model.learned}


LOCALS = (
    imfeat.DenseSIFT(scales=(1, 1.5, 2, 2.8)),
    imfeat.DenseSIFT(fast=False, step=3, color="rgb"),
    imfeat.LocalColor(step=3, bin_size=5, scales=(0.6, 2)),
)


@pytest.mark.parametrize("local", LOCALS, ids=str)
@pytest.mark.parametrize("at_once", [1, 1 << 16])
def test_bands_have_the_descriptors_of_the_image(monkeypatch, local, at_once):
    monkeypatch.setattr(_bands, "VALUES_AT_ONCE", at_once)
    image = PHOTO[np.newaxis, :157, :90]
    positions = local.positions_in(image.shape[1:3])
    whole = local.transform(image)
    bands = list(_bands.bands_of(local, image.shape[1:3]))
    assert len(bands) > 3
    indices = np.concatenate([band.indices for band in bands])
    np.testing.assert_array_equal(np.sort(indices), np.arange(len(positions)))
    np.testing.assert_array_equal(np.concatenate([band.positions for band in bands]), positions[indices])
    described = [x for x, _ in _bands.described(local, image)]
    np.testing.assert_allclose(np.concatenate(described, axis=1), whole[:, indices], atol=2e-6)


@pytest.mark.parametrize("feature", ["vlad(n_words=3)", "fisher-sift-2", "dense-sift"])
def test_large_images_are_encoded_by_bands(monkeypatch, feature):
    images = np.stack([PHOTO[:150, :130], PHOTO[200:350, 100:230]])
    model = parse(feature).transformer((224, 224))
    if model.learns:
        fitted = parse(feature).transformer((224, 224)).fit(images)
        model.restore(None, parts_of(fitted))
    at_once = model.transform(images[:1])
    if model.learns:
        drawn = model.draw(images[:1], 20, np.random.default_rng(0))
    monkeypatch.setattr(_bands, "VALUES_AT_ONCE", 1 << 16)
    np.testing.assert_allclose(model.transform(images[:1]), at_once, atol=1e-4)
    assert (model.transform(images[:1]) != at_once).any()  # which tells that bands were taken
    if model.learns:
        again = model.draw(images[:1], 20, np.random.default_rng(0))
        np.testing.assert_allclose(again, drawn, atol=2e-6)


def test_words_say_that_an_image_is_too_small():
    fitted = parse("words(n_words=2)").transformer((40, 40)).fit(PHOTO[np.newaxis, :40, :40])
    free = parse("words(n_words=2)").transformer((40, 40))
    free.restore(None, parts_of(fitted))
    for shape in ((1, 5, 40, 3), (1, 40, 5, 3)):
        with pytest.raises(ValueError, match=r"images of \d+ x \d+ pixels are smaller than a patch of 6 x 6"):
            free.transform(np.zeros(shape, np.uint8))
    assert free.transform(np.zeros((1, 6, 6, 3), np.uint8)).shape == (1, 8)


def test_small_images_are_left_out_of_learning(tmp_path):
    (tmp_path / "images").mkdir()
    for k, side in enumerate((3, 40)):
        (tmp_path / "images" / f"{k}.png").write_bytes(as_file(PHOTO[:side, :side]))
    model = extract.codebook(
        tmp_path / "images", "patches(n_words=2)", tmp_path / "m", size="original", n_workers=1
    )
    assert model.codebook_.shape[0] == 2
    (tmp_path / "images" / "1.png").unlink()
    with pytest.raises(ValueError, match="descriptors"):
        extract.codebook(
            tmp_path / "images", "patches(n_words=2)", tmp_path / "n", size="original", n_workers=1
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "max-0"}, "size must be a number of pixels, a pair"),
        ({"decode": "fast"}, "which size='original' excludes; take decode='exact', or size='max-N'"),
        (
            {"features": ["hog+color"]},
            r"'hog' has more numbers for larger images; extract columns.*: hog, color",
        ),
        ({"features": ["hog"], "size": "max-7"}, "hog|smaller than a block"),
        ({"features": ["hog+words"]}, "columns of their own: hog, words"),
        ({"features": ["a-registered-one"]}, "is a registered feature, which takes images of one size"),
    ],
)
def test_what_does_not_suit_is_refused_before_anything_is_written(
    folder, tmp_path, monkeypatch, options, message
):
    registered = Recipe("a-registered-one", imfeat.ColorHistogram(), "colour")
    monkeypatch.setitem(recipes.RECIPES, "a-registered-one", registered)
    wanted = {"features": ["hog"], "size": "original"} | options
    with pytest.raises(ValueError, match=message):
        extract.run(folder, wanted.pop("features"), tmp_path / "out", **wanted)
    assert not (tmp_path / "out" / "plan.json").exists()


def test_models_of_one_size_are_refused(folder, tmp_path):
    path = tmp_path / "palette.safetensors"
    extract.codebook(folder, "palette(n_colors=3)", path, size=32, n_workers=1)
    with pytest.raises(
        ValueError, match=r"describes images of the shape \(32, 32, 3\).*learn it with size='max-9'"
    ):
        extract.run(folder, [str(path)], tmp_path / "out", size="max-9")
    with pytest.raises(ValueError, match="which size='original' excludes"):
        extract.codebook(folder, "palette", tmp_path / "x", size="original", decode="fast")


def test_fits_to_features_on_a_grid_are_refused(runs):
    folder = runs["npy"].folder
    with pytest.raises(
        ValueError, match="the length of feature 'mirrored-uoctti' depends on the size of an image"
    ):
        extract.learn_quantizer(folder, "mirrored-uoctti")
    with pytest.raises(ValueError, match="depends on the size of an image"):
        extract.learn_ridge(folder, "raw", np.arange(len(runs["npy"])))


def test_the_command_line_takes_sizes(folder, tmp_path):
    command = [sys.executable, "-c", "from imfeat.cli import main; main()", "extract", str(folder)]
    command += ["--features", "raw", "--out", str(tmp_path / "out"), "--format", "npy", "--size"]
    done = subprocess.run([*command, "max-48"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "raw (by size)" in done.stdout
    assert max(extract.open(tmp_path / "out")["raw"][0].shape) == 48
    done = subprocess.run([*command, "maximum"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert "'maximum' is neither a number of pixels nor original nor max-N" in done.stderr.replace("\n", " ")


@pytest.mark.slow
def test_large_photographs_take_bounded_memory(tmp_path):
    """Three files of 12 million pixels are decoded one at a time."""
    (tmp_path / "images").mkdir()
    pixels = np.tile(PHOTO, (6, 8, 1))[:3000, :4000]
    for k in range(3):
        (tmp_path / "images" / f"{k}.jpg").write_bytes(as_file(pixels[:, : 4000 - 8 * (k % 2)], "JPEG"))
    code = f"""
import re, sys
from pathlib import Path
from imfeat import extract
from imfeat.extract.worker import extract_shard
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
run = extract.run({str(tmp_path / "images")!r}, ["color", "lbp", "hog"], {str(tmp_path / "out")!r},
                  size="original", format="npy", n_workers=1)
for path in (run.folder / "receipts").iterdir():
    path.unlink()
before = peak()
extract_shard(str(run.folder), 0)
features = sum(path.stat().st_size for path in (run.folder / "shards").glob("*.npy")) / 2**20
print(before, peak(), features)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    before, after, features = map(float, done.stdout.split())
    assert after - features < 300, (before, after, features)
    shutil.rmtree(tmp_path / "out")
