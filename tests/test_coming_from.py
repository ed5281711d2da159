"""Each row of docs/coming_from is run with both libraries, and agrees as closely as its third column says."""

import importlib
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageOps
from skimage import color, exposure, feature, transform, util
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

import imfeat

PAGES = Path(__file__).parents[1] / "docs" / "coming_from"
ROW = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \| (.+?) \|$", re.MULTILINE)
ROWS = [
    pytest.param(page.stem, *row, id=f"{page.stem}: {row[0]}")
    for page in sorted(PAGES.glob("*.md"))
    for row in ROW.findall(page.read_text())
]
NOT_INSTALLED = ("vl_", "functional.")  # VLFeat is compared by its arrays in tests/data, torchvision as well
RELATIVE = "of each value"
SPECIAL = {  # names that another library means otherwise
    "scikit_image": lambda names: {"mask": names["mask"] > 0},
    "others": lambda names: {"features": importlib.import_module("mahotas.features")},
}


@pytest.fixture(scope="module")
def names():
    photo = skimage.data.astronaut()
    image = np.ascontiguousarray(photo[:200, 80:300])
    gray = imfeat.rgb_to_gray(image)
    descriptors = imfeat.dense_sift(gray, step=8)[1][:, :32] + np.float32(0.01)
    gmm = GaussianMixture(4, covariance_type="diag", random_state=0).fit(descriptors)
    here = {name: getattr(imfeat, name) for name in imfeat.__all__}
    there = {"color": color, "exposure": exposure, "feature": feature, "transform": transform, "util": util}
    there |= {"cv2": cv2, "np": np, "Image": Image, "ImageOps": ImageOps, "KMeans": KMeans}
    there |= {"GaussianMixture": GaussianMixture}
    shared = {
        "image": image,
        "gray": gray,
        "window": np.ascontiguousarray(photo[50:178, 200:264]),
        "mask": (np.indices(gray.shape).sum(0) % 3 > 0) * np.uint8(255),
        "a": imfeat.color_histogram(image),
        "b": imfeat.color_histogram(photo[200:400, :220]),
        "descriptors": descriptors,
        "x": descriptors,
        "gmm": gmm,
        "mixture": imfeat.Mixture(gmm.weights_, gmm.means_, gmm.covariances_),
        "codebook": imfeat.learn_codebook(descriptors, 8, rng=0),
        "tensor": np.ascontiguousarray(image.transpose(2, 0, 1)),
        "picture": Image.fromarray(image),
        "np": np,
    }
    return there | shared, here | shared


@pytest.mark.parametrize(("page", "there", "here", "agreement"), ROWS)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::sklearn.exceptions.ConvergenceWarning")
def test_both_lines_agree(page, there, here, agreement, names):
    peers, ours = names
    special = SPECIAL.get(page, lambda names: {})(ours)
    result = eval(here, ours | special)
    if there.startswith(NOT_INSTALLED):
        return
    expected = np.asarray(eval(there, peers | special), np.float64)
    if agreement == "equal":
        np.testing.assert_array_equal(result, expected)
    elif bound := re.match(r"[\d.e-]+(?!\w)", agreement):
        limits = (float(bound[0]), 0) if RELATIVE in agreement else (0, float(bound[0]))
        result = np.asarray(result, np.float64).reshape(expected.shape)
        np.testing.assert_allclose(result, expected, *limits)
    else:
        assert re.match(r"(another [A-Za-z ]+|other [a-z ]+|antialiased): ", agreement)


def test_rows_are_found_on_each_page():
    found = [row.values[0] for row in ROWS]
    least = {"scikit_image": 25, "opencv": 18, "vlfeat": 16, "torchvision": 14, "others": 5}
    assert all(found.count(page) >= number for page, number in least.items()), found
