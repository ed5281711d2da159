"""The page of a comparison: what it shows, and how it looks in a browser."""

import html
import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from browser import Browser, find_chromium
from PIL import Image
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

import imfeat
from imfeat import compare, estimators, learn
from imfeat.compare import answer, classifiers, explained, figures, page, pictures, rebuild
from imfeat.compare.cells import Store
from imfeat.compare.confidence import reliability
from imfeat.datasets import load
from imfeat.models import expected_calibration_error
from imfeat.recipes import RECIPES, parse

CHROMIUM = find_chromium()
FEATURES = "raw, hog(cell_size=8), color(bins=4), words, hog(cell_size=8)+color(bins=4)"
CLASSIFIERS = "softmax, ridge, mlp(hidden=(8,))"
# Boxes that share pixels although neither holds the other.
OVERLAPS = """
(() => {
  const boxes = [...document.querySelectorAll("h1, h2, p, summary, table, figure, svg, img, figcaption, dd")]
    .filter((box) => box.checkVisibility())
    .map((box) => [box, (box.closest(".wide") ?? box).getBoundingClientRect()]);
  const found = [];
  for (const [i, [a, p]] of boxes.entries()) {
    for (const [b, q] of boxes.slice(i + 1)) {
      const width = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const height = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (width > 1 && height > 1 && !a.contains(b) && !b.contains(a))
        found.push(a.outerHTML.slice(0, 60) + " | " + b.outerHTML.slice(0, 60));
    }
  }
  return found;
})()
"""
# Boxes that stick out of the page, those that scroll by themselves aside.
OUTSIDE = """
[...document.querySelectorAll("body *")].filter((box) => box.checkVisibility() && !box.closest(".wide, svg"))
  .filter((box) => box.getBoundingClientRect().right > innerWidth + 1)
  .map((box) => box.outerHTML.slice(0, 60))
"""
# The least contrast of the texts and lines of the page against its background, by WCAG's definition; numbers
# on the cells of a confusion matrix aside, which are white, or nearly black.
CONTRAST = """
(() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3)
      .map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const back = light(getComputedStyle(document.body).backgroundColor);
  const colors = [...document.querySelectorAll("p, td, th, figcaption, summary, svg text")]
    .map((box) => getComputedStyle(box)[box.tagName === "text" ? "fill" : "color"])
    .filter((color) => !["rgb(255, 255, 255)", "rgb(1, 1, 1)"].includes(color));
  const lines = [...document.querySelectorAll("svg path")].map((path) => getComputedStyle(path).stroke);
  const ratio = (color) => (Math.max(light(color), back) + 0.05) / (Math.min(light(color), back) + 0.05);
  const least = (list) => Math.min(...list.filter((color) => /^rgb\\(/.test(color)).map(ratio));
  return [least(colors), least(lines)];
})()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write photographs of three classes, which differ in colour, and in the direction of stripes."""
    root = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(3)
    stripes = np.arange(32) % 8 < 4
    for k, name in enumerate(("meadow", "river", "a field of poppies")):
        (root / name).mkdir()
        for i in range(40):
            pixels = rng.integers(0, 90, (32, 32, 3))
            pixels[..., (1, 2, 0)[k]] += 90
            pixels += 60 * (stripes[:, None] if k else stripes)[..., None]
            if i % 10 == 9:
                pixels = rng.integers(0, 256, (32, 32, 3))  # as a wrong label
            Image.fromarray(np.minimum(pixels, 255).astype(np.uint8)).save(root / name / f"{name}_{i:03}.png")
    return root


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    """Return a result, and its folder, with few words."""
    options = RECIPES["words"].options
    few = {"n_words": 20, "n_patches": 1000}
    words = replace(RECIPES["words"], options=lambda size: options(size) | few)
    out = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "words", words)
        patch.setattr(classifiers, "MLP_STEPS", 0)
        result = compare.run(
            folder, size=32, features=FEATURES, classifiers=CLASSIFIERS, n_seeds=1, keep="all",
            train_sizes=[12], shifts=True, folder=out, cache=False,
        )  # fmt: skip
        result.write(out)
    return result, out


@pytest.fixture(scope="module")
def text(run):
    return (run[1] / "report.html").read_text(encoding="utf-8")


def test_the_same_row_is_best_in_answer_table_and_plot(run, text):
    result, _ = run
    best = answer.recommended(result.records)
    name = answer.name_of(best)
    assert result.answer[0].startswith(f"{name[0].upper()}{name[1:]}, best on the validation images, reaches")
    rows = re.findall(r"<tr class=\"best\"[^>]*>(.*?)</tr>", text, re.S)
    assert len(rows) == 4  # accuracy, further numbers, numbers of training images, and changed images
    assert all(html.unescape(row).startswith(f"<td>{best[0]}</td><td>{best[1]}</td>") for row in rows)
    assert text.index('class="answer"') < text.index("<table")
    assert page.best_cells(result)[0].record.feature == best[0]
    starred = re.findall("★ ([^<]+)<", text.partition("</style>")[2])
    assert len(starred) > 4  # figures and galleries
    assert all(name.startswith(html.escape(best[0])) for name in starred), starred


def test_the_page_names_files(run, text):
    result, _ = run
    cell = page.best_cells(result)[0]
    wrong = np.flatnonzero(cell.predicted != result.test_labels)
    surest = wrong[cell.probabilities[wrong, 0].argmax()]
    assert result.test_paths[surest] in text
    gallery = pictures.mistakes(result, [cell])[0]
    assert gallery.pictures[0].path == result.test_paths[surest]
    assert gallery.pictures[0].title == result.settings["class_names"][result.test_labels[surest]]
    hits = pictures.hits(result, [cell])[0]
    right = np.flatnonzero(cell.predicted == result.test_labels)
    assert hits.pictures[0].path == result.test_paths[right[cell.probabilities[right, 0].argmin()]]


def test_probabilities_are_those_of_the_model(run, folder):
    result, out = run
    data = load(folder, size=32)
    for cell in page.best_cells(result):
        pair = cell.record.feature, cell.record.classifier
        model = result.models.get(pair, 0)
        expected = model.predict_proba(data.test.images)
        np.testing.assert_allclose(cell.probabilities[:, 0], expected.max(1), atol=1e-4)
        true = expected[np.arange(len(expected)), data.test.labels]
        np.testing.assert_allclose(cell.probabilities[:, 1], true, atol=1e-4)
        error = expected_calibration_error(expected, data.test.labels)
        assert cell.record.calibration_error == pytest.approx(error, abs=1e-4)
        kept = Store(out / "cells").get(*pair, 0)
        np.testing.assert_array_equal(kept.probabilities, cell.probabilities)
        assert kept.explained.keys() == cell.explained.keys()


def test_bins_of_reliability():
    confidences = np.array([0.05, 0.1, 0.55, 0.6, 1.0])
    means, shares, counts = reliability(confidences, np.array([0, 1, 1, 1, 1], bool))
    np.testing.assert_allclose(means, [0.075, 0.575, 1])
    np.testing.assert_allclose(shares, [0.5, 1, 1])
    assert counts.tolist() == [2, 2, 1]


def test_the_front_holds_what_nothing_beats():
    points = [(1, 5), (2, 4), (2, 3), (3, 1), (0, 5), (2, 4)]
    assert figures.on_front(points) == [True, True, False, True, False, True]


def test_each_row_can_be_rebuilt_from_its_line_of_python(run, folder):
    result, _ = run
    data = load(folder, size=32)
    names = {"make_pipeline": make_pipeline, "make_union": make_union, "StandardScaler": StandardScaler}
    for module in (learn, estimators):
        names |= {name: getattr(module, name) for name in module.__all__}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifiers, "MLP_STEPS", 0)
        lines = rebuild.lines_of_python(result)
        text = html.unescape(page.as_html(result))
        of_fusion = rebuild.line_of_python(result, ("fusion-2", "ridge"), 3.0, None)
    assert of_fusion == "# the weighted sum of the scores of the rows fisher-sift-2 and fisher-color-2"
    assert len(lines) == 15
    for (feature, classifier), line in lines:
        if feature == "words":
            continue  # learned with a seed
        pipeline = eval(line, names)
        if "random_state" in pipeline[-1].get_params():
            pipeline[-1].set_params(random_state=0)
        accuracy = pipeline.fit(data.train.images, data.train.labels).score(
            data.test.images, data.test.labels
        )
        record = next(r for r in result.records if (r.feature, r.classifier) == (feature, classifier))
        if classifier.startswith("mlp") and record.n_features > len(data.train):
            continue  # with other initial weights, in the space of the images
        assert accuracy == pytest.approx(record.test_accuracy, abs=0.05), line  # one of 24 images
        assert line in text


def made(name, weights, images):
    """Return pictures of a linear classifier of given weights."""
    transformer = parse(name).transformer(images.shape[1:3], 0).fit(images)
    classifier = learn.RidgeClassifier()
    classifier.coef_ = weights(transformer.transform(images[:1]).shape[1])
    return transformer, explained.explain(make_named(transformer, classifier), images)


def make_named(transformer, classifier):
    from imfeat.compare.pipelines import pipeline_of

    return pipeline_of(transformer, StandardScaler(), classifier)


def test_glyphs_show_positive_weights_left_and_negative_ones_right(folder):
    images = load(folder, size=32).train.images

    def one_up_one_down(n):
        weights = np.zeros((3, n))
        weights[0, 0], weights[1, 0] = 1, -1
        return weights

    for name in ("hog", "dalal-triggs", "uoctti", "hog+color"):
        _, found = made(name, one_up_one_down, images)
        glyphs = found["glyphs"].astype(int)
        half = glyphs.shape[2] // 2
        bright = [[part.max() > 60 for part in (g[:, : half - 2], g[:, half + 2 :])] for g in glyphs]
        assert bright == [[True, False], [False, True], [False, False]], name


def test_bars_have_the_colour_of_their_bins(folder):
    images = np.zeros((9, 8, 8, 3), np.uint8)
    images[:3] = 255, 0, 0
    images[3:6] = 0, 0, 255
    for name in ("color(bins=2)", "color(bins=2, space='rgb', grid=(2, 2))", "color(bins=4, space='lab')"):
        transformer = parse(name).transformer((8, 8), 0).fit(images)
        features = transformer.transform(images)
        weights = np.stack([features[0] - features[3], features[3] - features[0]])
        found = explained.explain(make_named(transformer, learn_with(weights)), images)["colors"]
        assert found[0, 1, 1].tolist() == found[1, -1, 1].tolist() == [255, 0, 0]
        assert found[1, 1, 1].tolist() == found[0, -1, 1].tolist() == [0, 0, 255]


def learn_with(weights):
    classifier = learn.RidgeClassifier()
    classifier.coef_ = weights
    return classifier


def test_patches_are_those_of_their_words(folder):
    images = load(folder, size=32).train.images
    for name in ("words(n_words=12, n_patches=500)", "patches-12"):
        transformer = parse(name).transformer((32, 32), 0).fit(images)
        names = transformer.get_feature_names_out()
        weights = np.array([[f"_w{word}" in re.sub("_neg", "n", n) + "_" for n in names] for word in (3, 7)])
        sheet = explained.explain(make_named(transformer, learn_with(weights.astype(float))), images)["words"]
        k = explained.SIDE // (explained.N_NEAREST * (transformer.patch_size + 1))
        side = k * transformer.patch_size
        for word, drawn in zip((3, 7), sheet, strict=True):
            patch = drawn[:side:k, :side:k].reshape(1, -1)
            descriptor = transformer.whitening_.transform(imfeat.normalize_patches(patch).reshape(1, -1))
            assert np.linalg.norm(transformer.codebook_ - descriptor, axis=1).argmin() == word


needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium: install one, or set CHROMIUM to its path"
)


@pytest.fixture(scope="module")
def browser():
    with Browser(CHROMIUM) as tab:
        yield tab


@needs_chromium
def test_the_page_fits_in_windows_of_all_widths_and_asks_for_nothing(run, browser):
    path = run[1] / "report.html"
    for width, scheme in itertools.product((390, 1280), ("light", "dark")):
        browser.open(path, width, scheme)
        for script in ("0", "for (const d of document.querySelectorAll('details')) d.open = true"):
            browser.evaluate(script)
            assert browser.evaluate("document.documentElement.scrollWidth") == width
            assert browser.evaluate(OUTSIDE) == []
            assert browser.evaluate(OVERLAPS) == []
        assert browser.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
        text, lines = browser.evaluate(CONTRAST)
        assert text > 4.5
        assert lines > 1.5
        asked = [address for address in browser.requests if not address.startswith("data:")]
        assert asked == [path.absolute().as_uri()]


@needs_chromium
def test_a_click_sorts_a_table(run, browser):
    browser.open(run[1] / "report.html", 1280, "light")
    column = "[...document.querySelectorAll('table')[0].tBodies[0].rows].map((r) => r.cells[2].textContent)"
    head = "document.querySelectorAll('table')[0].tHead.rows[0].cells[2]"
    before = browser.evaluate(column)
    browser.evaluate(f"{head}.querySelector('button').click()")
    assert browser.evaluate(column) == sorted(before, reverse=True)
    assert browser.evaluate(f"{head}.getAttribute('aria-sort')") == "descending"
    browser.evaluate(f"{head}.querySelector('button').click()")
    assert browser.evaluate(column) == sorted(before)


@needs_chromium
def test_print_shows_what_is_folded_away(run, browser, tmp_path):
    browser.open(run[1] / "report.html", 700, "dark")
    browser.call("Emulation.setEmulatedMedia", media="print", features=[])
    browser.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert browser.evaluate("[...document.querySelectorAll('details')].every((details) => details.open)")
    wide = "[...document.querySelectorAll('table')].map((t) => t.getBoundingClientRect().right - innerWidth)"
    assert max(browser.evaluate(wide)) <= 0
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    browser.pdf(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
