"""The check of the CUDA kernels on a GPU: ``imfeat selfcheck``."""

from imfeat.selfcheck.run import Row as Row
from imfeat.selfcheck.run import check as check
from imfeat.selfcheck.run import fitting as fitting
from imfeat.selfcheck.run import headings as headings
from imfeat.selfcheck.run import noise as noise
from imfeat.selfcheck.run import peers as peers
from imfeat.selfcheck.run import predict as predict
