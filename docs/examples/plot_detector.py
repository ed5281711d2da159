"""
A face detector with HoG and a linear classifier
================================================

A classifier is trained on faces and on other patches of 25 x 25 pixels. It then scores all windows of a
photograph, at several scales: the classical detector of Dalal and Triggs.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data
from matplotlib.patches import Rectangle
from sklearn.svm import LinearSVC

import imfeat

# %%
# 100 faces and 100 patches without a face, gray, from scikit-image, and their mirror images. The photograph
# that is searched is not among them. Signed orientations keep dark eyes apart from dark backgrounds, and
# trilinear votes make small windows robust.

patches = skimage.data.lfw_subset().astype(np.float32)  # (200, 25, 25) in [0, 1]
patches = np.concatenate([patches, patches[:, :, ::-1]])
is_face = np.arange(400) % 200 < 100
options = {"cell_size": 5, "orientations": 18, "signed": True, "interpolation": "trilinear"}
features = imfeat.hog(patches, **options)  # (400, 1152)
detector = LinearSVC(C=0.02, class_weight="balanced").fit(features, is_face)

figure, axes = plt.subplots(2, 10, figsize=(9, 2), subplot_kw={"xticks": [], "yticks": []})
for axis, patch in zip(axes.flat, np.concatenate([patches[:10], patches[100:110]])):
    axis.imshow(patch)
plt.show()

# %%
# ``hog_windows`` describes all windows of an image as a view of its blocks, and the score of a window is a
# product with the weights. The image is reduced step by step, so that larger faces fit the window, too.


def windows_of(gray):
    """Yield features of all windows at several scales, their top left corners, and the scale."""
    for scale in 0.85 ** np.arange(5, 15):
        image = imfeat.resize(gray, tuple(int(side * scale) for side in gray.shape))
        windows = imfeat.hog_windows(image, (25, 25), 5, **options)  # (rows, columns, 4, 4, 2, 2, 18)
        yield (
            windows.reshape(-1, detector.n_features_in_),
            5 * np.indices(windows.shape[:2]).reshape(2, -1).T,
            scale,
        )


def gray_of(name):
    return imfeat.rgb_to_gray(getattr(skimage.data, name)() / 255).astype(np.float32)


# %%
# 100 patches without a face are few. Windows of pictures without people on which the detector is wrong are
# added (hard negatives), and it is trained again.

names = ("coffee", "rocket", "hubble_deep_field", "immunohistochemistry", "retina")
for _ in range(2):
    windows = [part for name in names for part, _, _ in windows_of(gray_of(name))]
    wrong = np.concatenate([part[detector.decision_function(part) > 0] for part in windows])
    wrong = wrong[np.random.default_rng(0).permutation(len(wrong))[:4000]]
    features, is_face = (
        np.concatenate([features, wrong]),
        np.concatenate([is_face, np.zeros(len(wrong), bool)]),
    )
    detector.fit(features, is_face)
print(f"{len(is_face):,} patches")

# %%
# Windows of a photograph with a score above 0.5 are faces. Those that overlap a better one are dropped
# (non-maximum suppression).


def overlap(a, b):
    """Return the intersection over union of two squares (score, top, left, size)."""
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    width = min(a[2] + a[3], b[2] + b[3]) - max(a[2], b[2])
    common = max(height, 0) * max(width, 0)
    return common / (a[3] ** 2 + b[3] ** 2 - common)


found = []
for windows, corners, scale in windows_of(gray_of("astronaut")):
    scores = detector.decision_function(windows)
    found += [(score, *(corner / scale), 25 / scale) for score, corner in zip(scores, corners) if score > 0.5]
kept = []
for window in sorted(found, reverse=True):
    if all(overlap(window, other) < 0.2 for other in kept):
        kept.append(window)

figure, axis = plt.subplots(figsize=(6, 6), subplot_kw={"xticks": [], "yticks": []})
axis.imshow(skimage.data.astronaut())
for score, top, left, size in kept:
    axis.add_patch(Rectangle((left, top), size, size, fill=False, color="lime", linewidth=2))
    axis.text(left, top - 4, f"{score:.2f}", color="lime")
plt.show()
