"""VLFeat's HoG through cyvlfeat, on float32 images."""

import importlib.metadata

import numpy as np
from cyvlfeat.hog import hog

from benchmarks.timing import each

VERSION = f"cyvlfeat {importlib.metadata.version('cyvlfeat')}"


def hog_uoctti(images, n_threads):
    return each(lambda image: hog(image.astype(np.float32), 8, variant="UoCTTI"), images, n_threads)


JOBS = {"hog_uoctti": hog_uoctti}
