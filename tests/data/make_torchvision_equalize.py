"""Write what torchvision's equalize gives, for tests that run without torchvision.

python -m pip install torch torchvision && python tests/data/make_torchvision_equalize.py
"""

from pathlib import Path

import numpy as np
import torch
import torchvision
from torchvision.transforms.functional import equalize

rng = np.random.default_rng(0)
images = {
    "noise": rng.integers(0, 256, (19, 31), dtype=np.uint8),
    "few": rng.integers(0, 4, (40, 40), dtype=np.uint8) * 60,
    "dark": np.minimum(rng.exponential(12, (33, 47)), 255).astype(np.uint8),
    "equal": np.full((12, 12), 9, np.uint8),
    "small": rng.integers(0, 256, (3, 5), dtype=np.uint8),
    "color": np.clip(rng.normal([60, 120, 200], 25, (24, 36, 3)), 0, 255).astype(np.uint8),
}
stored = {"names": np.array(list(images)), "versions": np.array([torch.__version__, torchvision.__version__])}
for name, image in images.items():
    tensor = torch.from_numpy(image[None] if image.ndim == 2 else image.transpose(2, 0, 1).copy())
    out = equalize(tensor).numpy()
    stored[f"{name}_in"] = image
    stored[f"{name}_out"] = out[0] if image.ndim == 2 else out.transpose(1, 2, 0)
np.savez_compressed(Path(__file__).parent / "torchvision_equalize.npz", **stored)
