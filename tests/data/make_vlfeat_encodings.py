"""Write what VLFeat's encodings of descriptors give, for tests that run without VLFeat.

apt-get install libvlfeat-dev && python -m pip install numpy "cython<3.1" scipy setuptools wheel
python -m pip install --no-build-isolation --no-deps cyvlfeat==0.7.1
python tests/data/make_vlfeat_encodings.py
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
from cyvlfeat.fisher import fisher
from cyvlfeat.vlad import vlad

rng = np.random.default_rng(0)
N, D, K = 150, 9, 6
weights = rng.random(K).astype(np.float32) + np.float32(0.1)
weights /= weights.sum()
means = rng.normal(size=(K, D)).astype(np.float32)
variances = (rng.random((K, D)) + 0.2).astype(np.float32)
made_by = rng.integers(0, K, N)
descriptors = (means[made_by] + rng.normal(size=(N, D)) * np.sqrt(variances[made_by])).astype(np.float32)
squares = ((descriptors[:, None].astype(float) - means) ** 2).sum(2)
nearest = np.eye(K, dtype=np.float32)[squares.argmin(1)]
stored = {
    "weights": weights,
    "means": means,
    "variances": variances,
    "descriptors": descriptors,
    "fisher": fisher(descriptors, means, variances, weights),
    "fisher_improved": fisher(descriptors, means, variances, weights, improved=True),
    "vlad_none": vlad(descriptors, means, nearest, unnormalized=True),
    "vlad_l2": vlad(descriptors, means, nearest),
    "vlad_intra": vlad(descriptors, means, nearest, normalize_components=True),
    "vlad_sqrt": vlad(descriptors, means, nearest, square_root=True),
    "versions": np.array([version("cyvlfeat"), "VLFeat 0.9.21"]),
}
np.savez_compressed(Path(__file__).parent / "vlfeat_encodings.npz", **stored)
