"""
Images sorted by histograms
===========================

Histograms put images in an order in which neighbours look alike: textures by local binary patterns, any
images by their colours.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

import imfeat

train, _ = imfeat.datasets.load("photos")
rng = np.random.default_rng(0)
images = train.images[rng.choice(len(train.images), 96, replace=False)]  # (96, 32, 32, 3) uint8

# %%
# Distances of all pairs of histograms, hierarchical clustering, and the order of the leaves of its tree:


def order(histograms):
    """Return indices of histograms, similar ones side by side."""
    distances = imfeat.compare_histograms(histograms, histograms, method="chi-square-alt")
    distances = (distances + distances.T) / 2
    np.fill_diagonal(distances, 0)
    return leaves_list(linkage(squareform(distances), "average", optimal_ordering=True))


def show(indices, title):
    """Show images in an order, row by row."""
    figure, axes = plt.subplots(6, 16, figsize=(9, 3.7), subplot_kw={"xticks": [], "yticks": []})
    for axis, index in zip(axes.flat, indices):
        axis.imshow(images[index])
    figure.suptitle(title)
    plt.show()


show(range(96), "unsorted")

# %%
show(order(imfeat.color_histogram(images, bins=(12, 3, 3), space="hsv")), "sorted by colour")

# %%
show(order(imfeat.lbp(images)), "sorted by texture (local binary patterns)")
