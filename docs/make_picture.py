"""Make docs/features.png, the picture at the top of the README: ``python docs/make_picture.py``."""

from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

import imfeat

photo = skimage.data.astronaut()[:320, 60:380]
wheel = np.stack([imfeat.rgb_to_hsv(photo)[..., 0], *np.full((2, 320, 320), 0.95, np.float32)], -1)
palette = imfeat.learn_palette(photo, 8, rng=0)
lines = imfeat.draw_hog(imfeat.hog(photo), (320, 320)) ** 0.6
panels = [
    photo,
    np.rint(imfeat.hsv_to_rgb(wheel) * 255),
    np.repeat(np.rint(lines * 255)[..., None], 3, axis=-1),
    imfeat.equalize(photo),
    palette[imfeat.quantize_colors(photo, palette)],
]
gap = np.full((320, 8, 3), 255)
row = np.concatenate([part for panel in panels for part in (panel, gap)][:-1], axis=1).astype(np.uint8)
Image.fromarray(row).quantize(128).save(Path(__file__).parent / "features.png", optimize=True)
