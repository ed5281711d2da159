"""Features of image files, however many: on one machine or a cluster, begun and gone on with."""

from imfeat.extract.after import learn_quantizer as learn_quantizer
from imfeat.extract.after import learn_ridge as learn_ridge
from imfeat.extract.learning import learn as learn
from imfeat.extract.models import load_model as load_model
from imfeat.extract.models import save_model as save_model
from imfeat.extract.opening import Features as Features
from imfeat.extract.opening import open_features as open
from imfeat.extract.run import resume as resume
from imfeat.extract.run import run as run

__all__ = [
    "Features",
    "learn",
    "learn_quantizer",
    "learn_ridge",
    "load_model",
    "open",
    "resume",
    "run",
    "save_model",
]
