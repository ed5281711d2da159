"""
The palette of a photograph: names, hex codes and shares
========================================================

The dominant colours of a photograph are found by k-means, with the share of pixels of each and the nearest
named colour.
"""

import matplotlib.colors
import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imfeat

photo = skimage.data.coffee()
palette = imfeat.learn_palette(photo, 6, rng=0)  # (6, 3) uint8
indices = imfeat.quantize_colors(photo, palette)
shares = np.bincount(indices.ravel(), minlength=6) / indices.size

# %%
# The name of a colour is that of the nearest of matplotlib's named colours (from the XKCD survey).
# Distances in L*a*b* are close to those that people see.

names = np.array([name.removeprefix("xkcd:") for name in matplotlib.colors.XKCD_COLORS])
named = np.array([matplotlib.colors.to_rgb(code) for code in matplotlib.colors.XKCD_COLORS.values()])
distances = np.linalg.norm(
    imfeat.rgb_to_lab(palette[None])[0][:, None] - imfeat.rgb_to_lab(named[None])[0], axis=-1
)
rows = sorted(zip(shares, map(tuple, palette), names[distances.argmin(axis=1)]), reverse=True)
for share, color, name in rows:
    print(f"{share:4.0%}  {matplotlib.colors.to_hex(np.array(color) / 255)}  {name}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), width_ratios=[3, 2])
left.imshow(photo)
left.set_axis_off()
right.barh(
    [f"{name}" for _, _, name in rows],
    [share for share, _, _ in rows],
    color=[np.array(c) / 255 for _, c, _ in rows],
)
right.invert_yaxis()
right.xaxis.set_major_formatter("{x:.0%}")
plt.show()
