"""Linear classifiers, as the lecture tells them."""

from imfeat.learn.dual import RidgeProducts as RidgeProducts
from imfeat.learn.ridge import RidgeClassifier as RidgeClassifier
from imfeat.learn.ridge import RidgeSums as RidgeSums
from imfeat.learn.svm import LinearSVM as LinearSVM

__all__ = ["LinearSVM", "RidgeClassifier", "RidgeProducts", "RidgeSums"]
