"""
Features of a folder, joined with labels in pandas
==================================================

``imfeat extract`` writes features of a folder of images as Parquet, a row an image. pandas joins them with
a table of labels.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

import imfeat

# %%
# A folder of images, and a CSV file with a label for each, stand for yours.

folder = Path(tempfile.mkdtemp())
data = imfeat.datasets.load("photos").test
(folder / "images").mkdir()
for k, image in enumerate(data.images[:400]):
    Image.fromarray(image).save(folder / "images" / f"{k:04}.png")
labels = {"file": [f"{k:04}.png" for k in range(400)], "scene": np.array(data.class_names)[data.labels[:400]]}
pd.DataFrame(labels).to_csv(folder / "labels.csv", index=False)

# %%
# The same as ``imfeat extract images --features color,haralick --size 32 --out features``. The run uses all
# cores, can be resumed, and notes images that can't be read.

features = imfeat.extract.run(folder / "images", "color, haralick", folder / "features", size=32)
frame = features.frame(features=True)
frame["file"] = [Path(path).name for path in frame["path"]]
frame[["file", "color", "haralick"]].head(3)

# %%
# Join on the name of the file, and use columns as usual.

joined = frame.merge(pd.read_csv(folder / "labels.csv"), on="file")
haralick = pd.DataFrame(np.stack(joined["haralick"]), index=joined["scene"])
contrast = haralick[1].groupby("scene").median().sort_values()
contrast.plot.barh(figsize=(9, 3), xlabel="median contrast of co-occurrence", ylabel="")
plt.show()

# %%
# A classifier on the joined features, with cross-validation:

x = np.hstack([np.stack(joined["color"]) ** 0.5, haralick / haralick.std()])
cross_val_score(LogisticRegression(max_iter=2000), x, joined["scene"], cv=5).mean().round(3)
