"""faiss: exact search in an index of the colours or words, on float32 vectors."""

import faiss
import numpy as np

from benchmarks.encodings import coded, words
from benchmarks.inputs import codebook, palette

VERSION = faiss.__version__
set_threads = faiss.omp_set_num_threads


def instructions():
    chosen = getattr(faiss, "SIMDConfig", None)  # of versions that choose at run time
    return [chosen.get_level_name()] if chosen else faiss.get_compile_options().split()


def index_of(vectors):
    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors)
    return index


def quantize(images, n_threads):
    pixels, index = images.reshape(-1, 3).astype(np.float32), index_of(palette().astype(np.float32))
    return lambda: index.search(pixels, 1)


def learn_palette(images, n_threads):
    pixels = images.reshape(-1, 3).astype(np.float32)
    options = {"niter": 10, "max_points_per_centroid": len(pixels), "seed": 1}  # all points, no sample
    return lambda: faiss.Kmeans(3, 64, **options).train(pixels)


def bag_of_words(vectors, n_threads):
    words = codebook(vectors)
    index = index_of(words)
    return lambda: np.bincount(index.search(vectors, 1)[1].ravel(), minlength=len(words))


def learn_codebook(k):
    def job(vectors, n_threads):
        start = words(k)(vectors)
        options = {"niter": 10, "max_points_per_centroid": len(vectors), "min_points_per_centroid": 1}
        model = faiss.Kmeans(vectors.shape[1], len(start), **options)

        def learn():
            model.reset()
            model.train(vectors, init_centroids=start)
            return model.centroids

        return learn

    return job


def assign(vectors, n_threads):
    index = index_of(words(1024)(vectors))
    distances, nearest = np.empty((len(vectors), 1), np.float32), np.empty((len(vectors), 1), np.int64)
    return lambda: index.search(vectors, 1, D=distances, I=nearest)[1].ravel()


def search_codes(queries, n_threads):
    quantizer, codes = coded(100_000)(queries)
    n_groups, _, group_size = quantizer.centroids_.shape
    index = faiss.IndexPQ(n_groups * group_size, n_groups, quantizer.bits)
    faiss.copy_array_to_vector(quantizer.centroids_.ravel(), index.pq.centroids)
    index.is_trained = True
    index.add_sa_codes(codes)
    return lambda: index.search(queries, 10)


JOBS = {
    "quantize_colors, 64 colours": quantize,
    "learn_palette, 64 colours, 10 iterations": learn_palette,
    "bag_of_words, 400 words, every 4th pixel": bag_of_words,
    "learn_codebook, 256 words": learn_codebook(256),
    "learn_codebook, 1600 words": learn_codebook(1600),
    "learn_codebook, 256 words, 192 numbers": learn_codebook(256),
    "learn_codebook, 256 words, 784 numbers": learn_codebook(256),
    "assign, 1024 words": assign,
    "product quantizer, 64 queries in 100,000 codes": search_codes,
    "product quantizer, 1 query in 100,000 codes": search_codes,
}
