"""
Photographs of 12 megapixels in bounded memory
==============================================

Large photographs are described one at a time: memory holds one image and the features, never the
collection.
"""

import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import skimage.data
from PIL import Image

import imfeat

# %%
# Six photographs of 4,000 x 3,000 pixels stand for a camera's folder: 36 MB each as arrays.

folder = Path(tempfile.mkdtemp())
for k, picture in enumerate((skimage.data.astronaut(), skimage.data.coffee(), skimage.data.rocket()) * 2):
    large = imfeat.resize(picture, (3000, 4000), resample="bicubic")
    Image.fromarray(large[::-1] if k > 2 else large).save(folder / f"{k}.jpg", quality=90)

# %%
# A generator opens one image after the other. The result has one row an image: HoG of a reduced copy for
# the composition, texture and colour at full resolution.


def describe(path):
    """Return the features of one photograph."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    small = imfeat.resize(pixels, 128)
    parts = imfeat.hog(small, cell_size=16), imfeat.lbp(pixels, grid=(2, 2)), imfeat.color_histogram(pixels)
    return np.concatenate(parts)


start = time.perf_counter()
features = np.stack([describe(path) for path in sorted(folder.glob("*.jpg"))])
print(features.shape, f"{(time.perf_counter() - start) / len(features):.2f} s a photograph")

# %%
# The texture of the upper left quarter tells the photographs apart:

figure, axes = plt.subplots(2, 3, figsize=(9, 3.6), height_ratios=[3, 1], sharey="row")
for (top, bottom), k in zip(axes.T, range(3)):
    with Image.open(folder / f"{k}.jpg") as picture:
        top.imshow(picture.resize((400, 300)))
    top.set_axis_off()
    bottom.bar(range(10), features[k, 1764:1774])
plt.show()

# %%
# For folders of thousands, ``imfeat extract`` does the same on all cores, resumes after an interruption,
# and writes Parquet. ``--size max-1024`` reduces images while they are decoded, and ``--decode fast`` skips
# what is not needed:
#
# .. code-block:: sh
#
#     imfeat extract photos --features "lbp(grid=(2, 2)), color" --size max-1024 --decode fast --out features

extracted = imfeat.extract.run(
    folder, "lbp(grid=(2, 2)), color", folder / "features", size="max-1024", decode="fast"
)
extracted.frame(features=True)[["path", "color"]].head(3)
