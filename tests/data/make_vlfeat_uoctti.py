"""Write what VLFeat's HOG gives, for tests that run without VLFeat.

apt-get install libvlfeat-dev && python -m pip install numpy "cython<3.1" scipy setuptools wheel
python -m pip install --no-build-isolation --no-deps cyvlfeat==0.7.1 && python -m pip install scikit-image
python tests/data/make_vlfeat_uoctti.py
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import skimage.data
from cyvlfeat.hog import hog

rng = np.random.default_rng(0)
photo = skimage.data.astronaut()[60:105, 100:167]
images = {
    "natural": (photo[..., 1], (4, 5, 8, 16)),
    "color": (photo, (8, 9)),
    "noise": (rng.integers(0, 256, (31, 44), dtype=np.uint8), (4, 7, 8)),
    "color_noise": (rng.integers(0, 4, (36, 36, 3), dtype=np.uint8), (8,)),  # of few values: many ties
    "dark": (rng.integers(0, 2, (33, 33), dtype=np.uint8), (8, 20)),  # the constant of the norm counts
    "equal": (np.full((20, 20), 9, np.uint8), (8,)),
    "small": (rng.integers(0, 256, (4, 12), dtype=np.uint8), (8, 3)),
}
stored = {"names": np.array(list(images)), "versions": np.array([version("cyvlfeat"), "VLFeat 0.9.21"])}
for name, (image, cell_sizes) in images.items():
    stored[f"{name}_in"], stored[f"{name}_cell_sizes"] = image, np.array(cell_sizes)
    for cell_size in cell_sizes:
        # Bytes over a power of two are exact, so channels tie as among bytes in 0..255.  The constant of
        # the norm is meant for [0, 1], and would hardly count in 0..255.
        stored[f"{name}_of_bytes_{cell_size}"] = hog((image / 256).astype(np.float32), cell_size)
        stored[f"{name}_out_{cell_size}"] = hog((image / 255).astype(np.float32), cell_size)
np.savez_compressed(Path(__file__).parent / "vlfeat_uoctti.npz", **stored)
