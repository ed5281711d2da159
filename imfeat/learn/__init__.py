"""Linear classifiers, as the lecture tells them."""

from imfeat.learn.ridge import RidgeClassifier as RidgeClassifier
from imfeat.learn.ridge import RidgeSums as RidgeSums

__all__ = ["RidgeClassifier", "RidgeSums"]
