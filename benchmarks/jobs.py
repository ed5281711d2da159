"""The jobs: what imfeat is called with, what it is measured against, and how far ahead it should be."""

from dataclasses import dataclass, field

import imfeat
from benchmarks import encodings, inputs

MILLION = 1 << 20


@dataclass(frozen=True)
class Goal:
    """imfeat's rate should be ``times`` that of ``of``: the fastest peer, a library, or the copy floor."""

    times: float
    of: str = "fastest peer"
    size: str = "any"  # or "tiny" (32 x 32) or "large"
    threads: int | None = None


@dataclass(frozen=True)
class Job:
    """A call ``imfeat.function(take(images), *arguments, **options)``, or one of a function itself.

    Arguments and options that are functions are called with what ``take`` returned.
    """

    function: object  # the name of a function of imfeat, or a function
    take: object = inputs.rgb
    arguments: tuple = ()
    options: dict = field(default_factory=dict)
    goals: tuple = ()
    reuses_output: bool = True  # takes ``out=``
    most_pixels: int | None = None  # takes no more than these, whatever the size; so does every peer
    once: bool = False  # only for the last size: it takes long and does not depend on the size

    def call(self, images, **out):
        def made(value):
            return value(images) if callable(value) else value

        arguments = [made(value) for value in self.arguments]
        options = {key: made(value) for key, value in self.options.items()} | out
        function = getattr(imfeat, self.function) if isinstance(self.function, str) else self.function
        return lambda: function(images, *arguments, **options)


def large_and_tiny(large, tiny, of="fastest peer"):
    return Goal(large, of, "large"), Goal(tiny, of, "tiny")


FLOATS = (Goal(2, "OpenCV"), Goal(1 / 1.5, "copy floor"))
BYTES = (Goal(8, "Pillow"), Goal(1, "OpenCV"))
JOINT_RGB = (Goal(3, "OpenCV", "large", 1), Goal(2.4, "OpenCV", "large", 2), Goal(7, "OpenCV", "tiny"))
RGB = {"space": "rgb", "norm": None}

ALL = {
    "rgb_to_hsv, uint8 to float32": Job("rgb_to_hsv", goals=FLOATS),
    "rgb_to_hsv, uint8 to uint8": Job("rgb_to_hsv", options={"dtype": "uint8"}, goals=BYTES),
    "hsv_to_rgb, float32": Job("hsv_to_rgb", inputs.hsv),
    "rgb_to_gray, uint8": Job("rgb_to_gray"),
    "rgb_to_lab, uint8 to float32": Job(
        "rgb_to_lab", goals=(Goal(10, "scikit-image", threads=1), Goal(1, "OpenCV", threads=1))
    ),
    "rgb_to_ycbcr, uint8 to uint8": Job(
        "rgb_to_ycbcr", options={"dtype": "uint8"}, goals=(Goal(2, "Pillow", threads=1),)
    ),
    "color_histogram, rgb, 8x8x8": Job("color_histogram", options=RGB, goals=JOINT_RGB),
    "color_histogram, hsv, 8x8x8": Job(
        "color_histogram", options={"norm": None}, goals=large_and_tiny(2, 5, "OpenCV")
    ),
    "color_histogram, 256 a channel": Job(
        "color_histogram", options=RGB | {"joint": False, "bins": 256}, goals=large_and_tiny(1.5, 5)
    ),
    "color_histogram, lab, 8x8x8": Job("color_histogram", options={"space": "lab", "norm": None}),
    "quantize_colors, 64 colours": Job(
        "quantize_colors", arguments=(inputs.palette(),), goals=(Goal(8, "faiss"),)
    ),
    "quantize_colors, 64 colours, dithered": Job(
        "quantize_colors", arguments=(inputs.palette(),), options={"dither": "floyd-steinberg"}
    ),
    "learn_palette, 64 colours, 10 iterations": Job(
        "learn_palette",
        arguments=(64,),
        options={"rng": 0, "n_iterations": 10},
        goals=(Goal(4),),
        reuses_output=False,
        most_pixels=MILLION,
        once=True,
    ),
    "hog": Job(
        "hog",
        inputs.gray,
        goals=(Goal(7, "OpenCV", threads=1), Goal(9, "OpenCV", threads=2), Goal(100, "scikit-image")),
    ),
    "hog, trilinear": Job(
        "hog", inputs.gray, options={"interpolation": "trilinear"}, goals=(Goal(3, "OpenCV"),)
    ),
    "hog, cells of 8 x 16, l2": Job(
        "hog",
        inputs.gray,
        options={"cell_size": (8, 16), "norm": "l2"},
        goals=(Goal(2, "OpenCV"), Goal(100, "scikit-image")),
    ),
    "hog, trilinear, blocks of 8 x 16, 4 pixels apart": Job(
        "hog",
        inputs.gray,
        options={"interpolation": "trilinear", "block_size": (1, 2), "block_stride": 0.5, "sigma": 5.0},
        goals=(Goal(2, "OpenCV"),),
    ),
    "hog, trilinear, padding": Job(
        "hog", inputs.gray, options={"interpolation": "trilinear", "padding": 8}, goals=(Goal(2, "OpenCV"),)
    ),
    "hog, mask": Job("hog", inputs.gray, options={"mask": inputs.bright}),
    "hog_uoctti": Job("hog_uoctti", inputs.gray, goals=(Goal(5, "VLFeat"),)),
    "hog_uoctti, 12 orientations, bilinear": Job(
        "hog_uoctti",
        inputs.gray,
        options={"orientations": 12, "bilinear": True},
        goals=(Goal(4, "VLFeat"),),
    ),
    "hog_uoctti, Dalal-Triggs": Job(
        "hog_uoctti", inputs.gray, options={"variant": "dalal-triggs"}, goals=(Goal(4, "VLFeat"),)
    ),
    "lbp_codes, uniform": Job(
        "lbp_codes",
        inputs.gray,
        options={"method": "uniform"},
        goals=(Goal(10, "scikit-image", threads=1),),
        reuses_output=False,
    ),
    "glcm, 256 levels": Job(
        "glcm",
        inputs.gray,
        goals=(Goal(3, "scikit-image", "large", 1),),
        reuses_output=False,
        most_pixels=MILLION // 4,  # whose matrices are 1 MB an image
    ),
    "haralick, 13 properties, 4 angles": Job(
        "haralick",
        inputs.gray,
        options={"average": False},
        goals=(Goal(5, threads=1),),
        most_pixels=MILLION // 4,
    ),
    "equalize, gray": Job("equalize", inputs.gray, goals=large_and_tiny(1.9, 1.7, "OpenCV")),
    "equalize, RGB": Job("equalize", goals=large_and_tiny(2, 4, "OpenCV")),
    "equalize_value": Job("equalize_value"),
    "equalize_clahe": Job("equalize_clahe", inputs.gray, goals=(Goal(1.1, "OpenCV"),)),
    "equalize, uint16": Job("equalize", inputs.words, goals=(Goal(2, "scikit-image"),)),
    "equalize_clahe, uint16": Job("equalize_clahe", inputs.words, goals=(Goal(2, "OpenCV"),)),
    "match_histograms": Job(
        "match_histograms", arguments=(inputs.reference,), goals=(Goal(2, "scikit-image", threads=1),)
    ),
    "match_histograms, float32": Job(
        "match_histograms",
        inputs.floats,
        arguments=(inputs.reference,),
        goals=(Goal(2, "scikit-image", "large", 1),),
        most_pixels=MILLION,
    ),
    "bag_of_words, 400 words, every 4th pixel": Job(
        "bag_of_words",
        inputs.descriptors,
        arguments=(inputs.codebook,),
        reuses_output=False,
        most_pixels=MILLION,
    ),
}

# These take vectors or images of one size; ``take(short)`` makes them, or a few of them.
FISHER = Goal(4, "scikit-image"), Goal(4, "VLFeat"), Goal(1.3, "NumPy")


def learn_codebook(k, times_faiss):
    goals = Goal(times_faiss, "faiss"), Goal(2, "scikit-learn")
    start = {"n_iterations": 10, "start": encodings.words(k)}
    return Job("learn_codebook", encodings.patches(200_000, 108), (encodings.count(k),), start, goals, False)


def dense_sift(n, height, width, *, fast, goal):
    take, options = encodings.gray(n, height, width), {"step": 4, "bin_size": 4, "fast": fast}
    return Job("dense_sift", take, options=options, goals=goal, reuses_output=False)


def compared(method, goals):
    return Job(
        "compare_histograms",
        encodings.histograms(200),
        (lambda first: encodings.histograms(2000)(len(first) < 200),),
        {"method": method},
        goals,
        reuses_output=False,
    )


def of_sift(function, learned, goals):
    return Job(function, encodings.sift(10_000), (learned,), goals=goals, reuses_output=False)


def all_patches(n, side):
    return Job("dense_patches", encodings.pictures(n, side, side), (6,), goals=(Goal(1.5, "NumPy"),))


FIXED = {
    "learn_codebook, 256 words": learn_codebook(256, 1.2),
    "learn_codebook, 1600 words": learn_codebook(1600, 1.0),
    "assign, 1024 words": Job(
        "assign",
        encodings.patches(1_000_000, 64),
        (encodings.words(1024),),
        goals=(Goal(1, "faiss", threads=1), Goal(1.15, "faiss", threads=2)),
        reuses_output=False,
    ),
    "learn_mixture, 64 components": Job(
        "learn_mixture",
        encodings.patches(200_000, 64),
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
EVERY = ALL | FIXED
