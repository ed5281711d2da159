"""The features as scikit-learn transformers: a batch of images in, a matrix of features out."""

from imfeat.estimators.encodings import VLAD as VLAD
from imfeat.estimators.encodings import FisherVector as FisherVector
from imfeat.estimators.fusion import LateFusion as LateFusion
from imfeat.estimators.histograms import HOG as HOG
from imfeat.estimators.histograms import ColorHistogram as ColorHistogram
from imfeat.estimators.histograms import PaletteHistogram as PaletteHistogram
from imfeat.estimators.local import DenseSIFT as DenseSIFT
from imfeat.estimators.local import LocalColor as LocalColor
from imfeat.estimators.patches import PatchFeatures as PatchFeatures
from imfeat.estimators.pixels import Equalize as Equalize
from imfeat.estimators.pixels import RawPixels as RawPixels
from imfeat.estimators.words import BagOfVisualWords as BagOfVisualWords

__all__ = [
    "HOG",
    "VLAD",
    "BagOfVisualWords",
    "ColorHistogram",
    "DenseSIFT",
    "Equalize",
    "FisherVector",
    "LateFusion",
    "LocalColor",
    "PaletteHistogram",
    "PatchFeatures",
    "RawPixels",
]
