"""Make docs/features.png, the picture at the top of the README: ``python docs/make_picture.py``."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imfeat

SIDE = 320
PATCH = 8


def hue(photo):
    """Return the hues of a photograph as pure colours."""
    rest = np.full((2, SIDE, SIDE), 0.95, np.float32)
    return imfeat.hsv_to_rgb(np.stack([imfeat.rgb_to_hsv(photo)[..., 0], *rest], axis=-1))


def words(photo, n_words=64):
    """Return a photograph whose patches are replaced by the nearest of its visual words."""
    learned = imfeat.learn_codebook(imfeat.sample_patches(photo, PATCH, 20_000, rng=0), n_words, rng=0)
    patches = imfeat.dense_patches(photo, PATCH, stride=PATCH)
    nearest = imfeat.assign(patches.reshape(-1, patches.shape[-1]), learned)
    n = SIDE // PATCH
    tiles = learned[nearest].reshape(n, n, PATCH, PATCH, 3)
    return tiles.transpose(0, 2, 1, 3, 4).reshape(SIDE, SIDE, 3).clip(0, 1)


def main():
    """Draw the panels side by side, on a transparent background."""
    photo = skimage.data.astronaut()[:SIDE, 60 : 60 + SIDE]
    palette = imfeat.learn_palette(photo, 8, rng=0)
    panels = {
        "photograph": photo,
        "hue": hue(photo),
        "palette of 8 colours": palette[imfeat.quantize_colors(photo, palette)],
        "HoG": imfeat.draw_hog(imfeat.hog(photo), (SIDE, SIDE), gain=2),
        "equalized": imfeat.equalize(photo),
        "64 visual words": words(photo),
    }
    figure, axes = plt.subplots(1, len(panels), figsize=(12, 2.4), layout="constrained")
    for axis, (title, panel) in zip(axes, panels.items(), strict=True):
        axis.imshow(panel, cmap="gray")
        axis.set_title(title, color="#808080", fontsize=11)  # gray is read on white and on black
        axis.set_axis_off()
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.02, wspace=0)
    figure.savefig(Path(__file__).parent / "features.png", dpi=110, transparent=True)


if __name__ == "__main__":
    main()
