"""Write what VLFeat's dense SIFT gives, for tests that run without VLFeat.

Build cyvlfeat as make_vlfeat_uoctti.py says, then python tests/data/make_vlfeat_dsift.py
"""

from importlib.metadata import version
from math import ceil
from pathlib import Path

import numpy as np
import skimage.data
from cyvlfeat.sift import dsift
from scipy.ndimage import gaussian_filter

rng = np.random.default_rng(0)
images = {
    "natural": skimage.data.astronaut()[100:133, 100:140, 1],
    "noise": rng.integers(0, 256, (26, 31), dtype=np.uint8),
    "dark": rng.integers(0, 2, (14, 13), dtype=np.uint8),
    "half": np.where(np.arange(30) < 15, 0, 255).astype(np.uint8)[:, None] * np.ones(20, np.uint8),
}
cases = {  # step, bin_size
    "natural": ((4, 4), (5, 3), (9, 2), (6, 9)),
    "noise": ((8, 4), (3, 6), (15, 1)),
    "dark": ((1, 4),),
    "half": ((4, 4),),
}


def frames_and_descriptors(image, step, size, offset, fast, window=2):
    bounds = [offset, offset, image.shape[0] - 1, image.shape[1] - 1]
    return dsift(
        image, step=step, size=size, bounds=bounds, fast=fast, window_size=window, float_descriptors=True
    )


stored = {"versions": np.array([version("cyvlfeat"), "VLFeat 0.9.21"])}
for name, image in images.items():
    stored[f"{name}_in"], stored[f"{name}_cases"] = image, np.array(cases[name])
    for step, size in cases[name]:
        for fast in (False, True):
            result = frames_and_descriptors((image / 255).astype(np.float32), step, size, 0, fast)
            stored[f"{name}_positions_{step}_{size}"] = result[0]
            stored[f"{name}_out_{step}_{size}_{fast}"] = result[1]
for window in (0.7, 1.5):
    for fast in (False, True):
        result = frames_and_descriptors((images["natural"] / 255).astype(np.float32), 5, 3, 0, fast, window)
        stored[f"window_out_{window}_{fast}"] = result[1]
# As vl_phow does it: smoothed for each scale, and with one center for all; its window is 1.5, and it is fast.
for name, fast, window in (("scales", False, 2), ("phow", True, 1.5)):
    frames, descriptors = [], []
    for size in (4, 6, 10):
        smoothed = gaussian_filter(
            images["natural"] / 255, size / 6, mode="nearest", radius=ceil(4 * size / 6)
        )
        offset = int(1.5 * (10 - size))
        result = frames_and_descriptors(smoothed.astype(np.float32), 3, size, offset, fast, window)
        frames.append(result[0])
        descriptors.append(result[1])
    stored[f"{name}_positions"], stored[f"{name}_out"] = np.concatenate(frames), np.concatenate(descriptors)
np.savez_compressed(Path(__file__).parent / "vlfeat_dsift.npz", **stored)
