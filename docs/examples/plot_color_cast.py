"""
Removing a colour cast
======================

A photograph taken under yellow light is corrected in three ways: by equalization, by matching the
histograms of a reference, and by the gray-world assumption, for which NumPy is enough.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imfeat

photo = skimage.data.astronaut()[:400, 60:460]
cast = (photo * np.array([1.0, 0.8, 0.45])).astype(np.uint8)  # yellow light

# %%
# - ``equalize`` spreads each channel over the whole range. The cast is gone, and contrast is exaggerated.
# - ``match_histograms`` gives the photograph the histograms of a reference under neutral light: here
#   another part of the same scene.
# - Gray world: the mean of each channel is scaled to the same value.

reference = skimage.data.astronaut()[100:, :]
gray_world = cast * (cast.mean() / cast.mean(axis=(0, 1)))
pictures = {
    "yellow light": cast,
    "equalize": imfeat.equalize(cast),
    "match_histograms": imfeat.match_histograms(cast, reference),
    "gray world": np.minimum(gray_world, 255).astype(np.uint8),
    "original": photo,
}

figure, axes = plt.subplots(1, 5, figsize=(9, 2.2), subplot_kw={"xticks": [], "yticks": []})
for axis, (title, picture) in zip(axes, pictures.items()):
    axis.imshow(picture)
    axis.set_title(title, fontsize="small")
plt.show()

# %%
# The mean difference from the original in L*a*b*, where 2 is just visible:

original = imfeat.rgb_to_lab(photo)
for title, picture in pictures.items():
    difference = np.linalg.norm(imfeat.rgb_to_lab(picture) - original, axis=-1).mean()
    print(f"{title:16}  {difference:5.1f}")
