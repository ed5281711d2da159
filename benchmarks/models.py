"""Time a model on one image of 128 x 128 pixels: ``python -m benchmarks.models``.

The model is HoG and colour side by side, standardized, and softmax regression, saved and loaded.
"""

import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

import imfeat
from benchmarks import timing
from benchmarks.images import cut

N_IMAGES = 60
N_CLASSES = 10
SIDE = 128
REPEATS = 40
BLOCK_SECONDS = 0.02


def main():
    images = cut(N_IMAGES, SIDE, SIDE)
    features = make_union(imfeat.HOG(), imfeat.ColorHistogram())
    pipeline = make_pipeline(features, StandardScaler(), imfeat.learn.LinearClassifier(tol=0.1))
    pipeline.fit(images, np.arange(N_IMAGES) % N_CLASSES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        imfeat.save_model(path, imfeat.ImageClassifier(pipeline))
        model = imfeat.load_model(path)
        file = io.BytesIO()
        Image.fromarray(images[0]).save(file, "JPEG")
        content = file.getvalue()
        calls = {
            "predict_proba of an array": lambda: model.predict_proba(images[:1]),
            "predict_proba of the bytes of a JPEG": lambda: model.predict_proba([content]),
            "load_model": lambda: imfeat.load_model(path),
        }
        contestants = [
            timing.Contestant(name, timing.stopwatch(call), 1 << 20) for name, call in calls.items()
        ]
        seconds = timing.race(contestants, REPEATS, BLOCK_SECONDS, pause=0)
    for name, s in seconds.items():
        print(f"{name}: {1e3 * s:.2f} ms")


if __name__ == "__main__":
    main()
