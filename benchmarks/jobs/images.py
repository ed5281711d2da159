"""Jobs on images: each runs on every size of them."""

from benchmarks import inputs
from benchmarks.jobs.job import MILLION, Goal, Job, large_and_tiny

FLOATS = Goal(2, "OpenCV"), Goal(0.9, "copy floor", avx2=0.6), Goal(0.9, "fresh copy floor", avx2=0.6)
BYTES = Goal(8, "Pillow"), Goal(1.5, "OpenCV")
JOINT_RGB = (Goal(3, "OpenCV", "large", 1), Goal(2.4, "OpenCV", "large", 2), Goal(7, "OpenCV", "tiny"))
RGB = {"space": "rgb", "norm": None}

ALL = {
    "rgb_to_hsv, uint8 to float32": Job("rgb_to_hsv", goals=FLOATS),
    "rgb_to_hsv, uint8 to uint8": Job("rgb_to_hsv", options={"dtype": "uint8"}, goals=BYTES),
    "hsv_to_rgb, float32": Job("hsv_to_rgb", inputs.hsv, goals=(Goal(1.2),)),
    "hsv_to_rgb, uint8 to uint8": Job("hsv_to_rgb", options={"dtype": "uint8"}, goals=(Goal(1.2),)),
    "rgb_to_gray, uint8": Job("rgb_to_gray", goals=(Goal(1.0),)),
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
        "quantize_colors", arguments=(inputs.palette(),), goals=(Goal(8, avx2=5),)
    ),
    "quantize_colors, 64 colours, dithered": Job(
        "quantize_colors", arguments=(inputs.palette(),), options={"dither": "floyd-steinberg"}
    ),
    "learn_palette, 64 colours, 10 iterations": Job(
        "learn_palette",
        arguments=(64,),
        options={"rng": 0, "n_iterations": 10},
        goals=(Goal(4.5, avx2=4),),
        reuses_output=False,
        most_pixels=MILLION // 4,
        once=True,
    ),
    "hog": Job(
        "hog",
        inputs.gray,
        goals=(Goal(8, "OpenCV"), Goal(100, "scikit-image")),
    ),
    "hog, trilinear": Job(
        "hog", inputs.gray, options={"interpolation": "trilinear"}, goals=(Goal(4, "OpenCV"),)
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
    "equalize, gray": Job("equalize", inputs.gray, goals=large_and_tiny(2, 1.7, "OpenCV", avx2=1.5)),
    "equalize, RGB": Job("equalize", goals=large_and_tiny(3, 4, "OpenCV", avx2=2)),
    "equalize_value": Job("equalize_value"),
    "equalize_clahe": Job("equalize_clahe", inputs.gray, goals=(Goal(1.1, "OpenCV"),)),
    "equalize, uint16": Job("equalize", inputs.words, goals=(Goal(2, "scikit-image"),)),
    "equalize_clahe, uint16": Job("equalize_clahe", inputs.words, goals=(Goal(2, "OpenCV"),)),
    "resize, bilinear, to 3/8": Job(
        "resize",
        options={"size": inputs.three_eighths},
        goals=(Goal(3, "Pillow", threads=1), Goal(2, "OpenCV", threads=1)),
    ),
    "resize, Lanczos, to 3/8": Job(
        "resize",
        options={"size": inputs.three_eighths, "resample": "lanczos"},
        goals=(Goal(3, "Pillow", threads=1),),
    ),
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
        goals=(Goal(3, avx2=2.5),),
        reuses_output=False,
        most_pixels=MILLION,
    ),
}
