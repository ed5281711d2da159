"""The jobs: what imfeat is called with, what it is measured against, and how far ahead it should be."""

from dataclasses import dataclass, field

import imfeat
from benchmarks import inputs

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
    """A call ``imfeat.function(take(images), *arguments, **options)``."""

    function: str
    take: object = inputs.rgb
    arguments: tuple = ()
    options: dict = field(default_factory=dict)
    goals: tuple = ()
    reuses_output: bool = True  # takes ``out=``
    most_pixels: int | None = None  # takes no more than these, whatever the size; so does every peer
    once: bool = False  # only for the last size: it takes long and does not depend on the size

    def call(self, images, **out):
        arguments = [make(images) if callable(make) else make for make in self.arguments]
        return lambda: getattr(imfeat, self.function)(images, *arguments, **self.options, **out)


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
    "color_histogram, rgb, 8x8x8": Job("color_histogram", options=RGB, goals=JOINT_RGB),
    "color_histogram, hsv, 8x8x8": Job(
        "color_histogram", options={"norm": None}, goals=large_and_tiny(2, 5, "OpenCV")
    ),
    "color_histogram, 256 a channel": Job(
        "color_histogram", options=RGB | {"joint": False, "bins": 256}, goals=large_and_tiny(1.5, 5)
    ),
    "quantize_colors, 64 colours": Job(
        "quantize_colors", arguments=(inputs.palette(),), goals=(Goal(8, "faiss"),)
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
    "hog_uoctti": Job("hog_uoctti", inputs.gray, goals=(Goal(5, "VLFeat"),)),
    "equalize, gray": Job("equalize", inputs.gray, goals=large_and_tiny(1.9, 1.7, "OpenCV")),
    "equalize, RGB": Job("equalize", goals=large_and_tiny(2, 4, "OpenCV")),
    "equalize_value": Job("equalize_value"),
    "equalize_clahe": Job("equalize_clahe", inputs.gray, goals=(Goal(1.1, "OpenCV"),)),
    "dense_patches, 6x6, every pixel": Job("dense_patches", arguments=(6,), most_pixels=MILLION),
    "bag_of_words, 400 words, every 4th pixel": Job(
        "bag_of_words",
        inputs.descriptors,
        arguments=(inputs.codebook,),
        reuses_output=False,
        most_pixels=MILLION,
    ),
}
