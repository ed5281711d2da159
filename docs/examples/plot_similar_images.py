"""
Similar images with VLAD and nearest neighbours
===============================================

Pieces of ten pictures are described by VLAD of dense SIFT. The nearest neighbours of a piece are pieces of
the same picture.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_union

import imfeat

# %%
# The collection: all pieces of 128 x 128 pixels of ten pictures. For your own images, use
# ``imfeat.datasets.load(folder, size=128)``, or an array of images of one size.

names = (
    "astronaut",
    "brick",
    "chelsea",
    "coffee",
    "grass",
    "gravel",
    "immunohistochemistry",
    "moon",
    "rocket",
    "retina",
)
pictures = [getattr(skimage.data, name)() for name in names]
pictures = [np.stack([p] * 3, axis=-1) if p.ndim == 2 else p[:512, :512] for p in pictures]
pieces, sources = [], []
for source, picture in enumerate(pictures):
    for top in range(0, picture.shape[0] - 127, 128):
        for left in range(0, picture.shape[1] - 127, 128):
            pieces.append(picture[top : top + 128, left : left + 128])
            sources.append(source)
pieces, sources = np.stack(pieces), np.array(sources)
pieces.shape

# %%
# ``VLAD`` learns a codebook from the pieces, without their names, and describes each by the differences of
# its descriptors from the words: SIFT for shape, local means and deviations for colour. The vectors have
# norm 1, so that small distances mean similar images.

shape = imfeat.VLAD(imfeat.DenseSIFT(step=8, scales=(1, 2)), n_words=32, grids=((1, 1),), random_state=0)
color = imfeat.VLAD(imfeat.LocalColor(step=8), n_words=32, grids=((1, 1),), random_state=0)
features = make_union(shape, color).fit_transform(pieces)
index = NearestNeighbors().fit(features)

# %%
# The first image of each row is the query.

queries = [2, 20, 38, 47, 100]
_, nearest = index.kneighbors(features[queries], n_neighbors=8)
figure, axes = plt.subplots(len(queries), 8, figsize=(9, 5.8), subplot_kw={"xticks": [], "yticks": []})
for axis, piece in zip(axes.flat, nearest.flat):
    axis.imshow(pieces[piece])
plt.show()

# %%
# How often is the nearest other piece one of the same picture?

_, nearest = index.kneighbors(features, n_neighbors=2)
np.mean(sources[nearest[:, 1]] == sources)
