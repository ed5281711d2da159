"""Jobs on vectors, or on images of one size; ``take(short)`` makes them, or a few of them."""

from benchmarks import encodings, inputs
from benchmarks.jobs.job import Goal, Job

SKLEARN = Goal(2.5, "scikit-learn")
TWO_THREADS = Goal(1.6, "one thread", threads=2)
FISHER = Goal(4, "scikit-image"), Goal(4, "VLFeat"), Goal(2.5, "NumPy"), TWO_THREADS


def learn_codebook(n, d, k, *goals):
    start = {"n_iterations": 10, "start": encodings.words(k)}
    take = encodings.patches(n, d) if d <= 108 else encodings.wide_patches(n, d)
    return Job("learn_codebook", take, (encodings.count(k),), start, goals, False)


def dense_sift(n, height, width, *, fast, goal):
    take, options = encodings.gray(n, height, width), {"step": 4, "bin_size": 4, "fast": fast}
    return Job("dense_sift", take, options=options, goals=goal, reuses_output=False)


def compared(method, goals):
    return Job(
        "compare_histograms",
        encodings.histograms(200),
        (inputs.shifted,),
        {"method": method},
        goals,
        reuses_output=False,
    )


def of_sift(function, learned, goals):
    return Job(function, encodings.sift(10_000), (learned,), goals=goals, reuses_output=False)


def all_patches(n, side):
    return Job("dense_patches", encodings.pictures(n, side, side), (6,), goals=(Goal(1.5, "NumPy"),))


FIXED = {
    "learn_codebook, 256 words": learn_codebook(50_000, 108, 256, Goal(1.2, "faiss"), SKLEARN),
    "learn_codebook, 1600 words": learn_codebook(
        30_000, 108, 1600, Goal(1, "faiss"), Goal(2, "scikit-learn")
    ),
    "learn_codebook, 256 words, 192 numbers": learn_codebook(25_000, 192, 256, SKLEARN),
    "learn_codebook, 256 words, 784 numbers": learn_codebook(10_000, 784, 256, SKLEARN),
    "assign, 1024 words": Job(
        "assign",
        encodings.patches(125_000, 64),
        (encodings.words(1024),),
        goals=(Goal(1, "faiss", threads=1), Goal(1.15, "faiss", threads=2)),
        reuses_output=False,
    ),
    "learn_mixture, 64 components": Job(
        "learn_mixture",
        encodings.patches(50_000, 64),
        (encodings.count(64),),
        {"n_iterations": 5, "start": encodings.mixture(64)},
        (Goal(4, "scikit-learn"), Goal(1.2, "NumPy")),
        reuses_output=False,
    ),
    "fisher_vector, 64 components": of_sift("fisher_vector", encodings.learned_mixture(64), FISHER),
    "fisher_vector, 256 components": of_sift("fisher_vector", encodings.learned_mixture(256), FISHER),
    "vlad, 64 words": of_sift("vlad", encodings.words(64), (Goal(1.5, "faiss and VLFeat"),)),
    "vlad, 256 words": of_sift("vlad", encodings.words(256), (Goal(1.5, "faiss and VLFeat"),)),
    "dense_sift, fast, 16 of 320x240": dense_sift(16, 240, 320, fast=True, goal=(Goal(2, "VLFeat"),)),
    "dense_sift, fast, 8 of 512x512": dense_sift(8, 512, 512, fast=True, goal=(Goal(2, "VLFeat"),)),
    "dense_sift, 16 of 320x240": dense_sift(16, 240, 320, fast=False, goal=(Goal(1, "VLFeat"),)),
    "dense_sift, 8 of 512x512": dense_sift(8, 512, 512, fast=False, goal=(Goal(1, "VLFeat"),)),
    "dense_sift, fast, opponent, 8 of 512x512": Job(
        "dense_sift",
        encodings.pictures(8, 512, 512),
        options={"step": 4, "bin_size": 4, "fast": True, "color": "opponent"},
        goals=(Goal(2, "VLFeat"),),
        reuses_output=False,
    ),
    "compare_histograms, chi-square-alt, 200 with 2000": compared("chi-square-alt", (Goal(2, threads=1),)),
    "compare_histograms, intersection, 200 with 2000": compared("intersection", (Goal(2, threads=1),)),
    "compare_histograms, hellinger, 200 with 2000": compared("hellinger", (Goal(2, threads=1),)),
    "product quantizer, 64 queries in 100,000 codes": Job(
        encodings.search_codes,
        encodings.patches(64, 64, few=64),
        (encodings.coded(100_000),),
        goals=(Goal(2, "faiss", threads=1),),
        reuses_output=False,
    ),
    "product quantizer, 1 query in 100,000 codes": Job(
        encodings.search_codes,
        encodings.patches(1, 64, few=1),
        (encodings.coded(100_000),),
        goals=(Goal(1, "faiss", threads=1),),
        reuses_output=False,
    ),
    "hog_windows, 128x64, 4 of 512x512": Job(
        "hog_windows",
        encodings.gray(4, 512, 512),
        ((128, 64), 8),
        {"interpolation": "trilinear"},
        (Goal(20, "step by step"), Goal(2, "OpenCV")),
        reuses_output=False,
    ),
    "dense_patches, 6x6, 1000 of 32x32": all_patches(1000, 32),
    "dense_patches, 6x6, 1 of 512x512": all_patches(1, 512),
    "patch_features, 800 words, triangle": Job(
        "patch_features",
        encodings.pictures(200, 32, 32),
        (lambda _: encodings.patch_words(), lambda _: encodings.whitening("zca")),
        {"mirror": False, "encoding": "triangle"},
        (Goal(2, "step by step"),),
    ),
}
