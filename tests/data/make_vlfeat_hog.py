"""Write what VLFeat's HOG gives for other orientations, shared votes and the variant of Dalal and Triggs.

Install what make_vlfeat_uoctti.py needs, then: python tests/data/make_vlfeat_hog.py
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import skimage.data
from cyvlfeat.hog import hog

rng = np.random.default_rng(0)
images = {
    "natural": skimage.data.astronaut()[60:92, 100:145, 1],
    "color_noise": rng.integers(0, 256, (27, 30, 3), dtype=np.uint8),
    "dark": rng.integers(0, 2, (24, 33), dtype=np.uint8),  # gradients at multiples of 45 degrees only
}
options = [
    (8, 1, False, "UoCTTI"),
    (8, 4, False, "UoCTTI"),
    (5, 12, False, "UoCTTI"),
    (8, 9, True, "UoCTTI"),
    (6, 2, True, "UoCTTI"),
    (8, 16, True, "UoCTTI"),
    (8, 9, False, "DalalTriggs"),
    (4, 6, False, "DalalTriggs"),
    (8, 9, True, "DalalTriggs"),
]
stored = {
    "names": np.array(list(images)),
    "options": np.array([f"{c}-{n}-{int(shared)}-{variant}" for c, n, shared, variant in options]),
    "versions": np.array([version("cyvlfeat"), "VLFeat 0.9.21"]),
}
for name, image in images.items():
    stored[name] = image
    for key, (cell_size, n, shared, variant) in zip(stored["options"], options, strict=True):
        pixels = (image / 255).astype(np.float32)
        cells = hog(pixels, cell_size, variant=variant, n_orientations=n, bilinear_interpolation=shared)
        stored[f"{name}_{key}"] = cells
np.savez_compressed(Path(__file__).parent / "vlfeat_hog.npz", **stored)
