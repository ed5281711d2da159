"""The nearest words by faiss, and what VLFeat makes of them."""

import faiss
import numpy as np
from cyvlfeat.vlad import vlad as encode

from benchmarks.encodings import words
from benchmarks.peers.faiss import index_of, set_threads  # noqa: F401
from benchmarks.peers.vlfeat import VERSION as VLFEAT

VERSION = f"{faiss.__version__} and {VLFEAT}"


def vlad(k):
    def job(vectors, n_threads):
        codebook, rows = words(k)(vectors), np.arange(len(vectors))
        index, assignments = index_of(codebook), np.zeros((len(vectors), len(codebook)), np.float32)

        def search_and_encode():
            nearest = index.search(vectors, 1)[1].ravel()
            assignments[rows, nearest] = 1
            result = encode(vectors, codebook, assignments, normalize_components=True)
            assignments[rows, nearest] = 0  # quicker than to clear all of it
            return result

        return search_and_encode

    return job


JOBS = {"vlad, 64 words": vlad(64), "vlad, 256 words": vlad(256)}
