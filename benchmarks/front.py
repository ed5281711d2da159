"""Charts of the README and the documentation, of committed results: accuracy by seconds, and speed-ups."""

import json
import statistics

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from benchmarks.chart import COLORS, GRAY, SETTINGS

KINDS = {"mlp": ("s", COLORS[2], "MLP"), "kernel-ridge": ("^", "#2c9f6b", "Gaussian kernel")}
LINEAR = ("o", COLORS[1], "linear classifier")
WIDE = "patches-2000+patches-1000-8x8+patches-1000-5x5+mirrored-uoctti+tuned-color"
TWO_LAYERS = "two-layer-4000+patches-2000+mirrored-uoctti+tuned-color"
TWO_SIZES = "two-layer-4000+two-layer-2000-3x3+patches-2000+mirrored-uoctti+tuned-color"
LEFT, RIGHT = ((7, -3), "left"), ((-7, -3), "right")
CIFAR10 = {  # features: their names, where these are written, and how they are aligned
    "raw": ("pixels", *LEFT),
    "dalal-triggs": ("HoG", *LEFT),
    "tuned-color": ("colour", *LEFT),
    "dalal-triggs+tuned-color": ("HoG + colour", *RIGHT),
    "words": ("400 words", *LEFT),
    "patches-800": ("800 patch words", (-7, 0), "right"),
    "patches-2000": ("2,000 patch words", (7, -6), "left"),
    TWO_SIZES: ("two layers of words + HoG + colour", (-7, 4), "right"),
}
PHOTOS = {
    "raw": ("pixels", *LEFT),
    "dalal-triggs": ("HoG", (7, 0), "left"),
    "tuned-color": ("colour", *RIGHT),
    "dalal-triggs+tuned-color": ("HoG + colour", *LEFT),
    "words": ("400 words", (-14, -3), "right"),
}
MIRRORED = [f"fisher-{name}(mirror=True)" for name in ("sift", "color", "opponent")]
FUSED = f"fusion({', '.join(MIRRORED)})"
FLOWERS17 = {
    "fisher-sift": ("Fisher vectors of SIFT", *LEFT),
    "fisher-color": ("Fisher vectors of colour", *LEFT),
    "fusion": ("fusion of both", *RIGHT),
    MIRRORED[0]: ("SIFT, mirrored", *LEFT),
    MIRRORED[1]: ("colour, mirrored", *LEFT),
    MIRRORED[2]: ("opponent SIFT, mirrored", *LEFT),
    FUSED: ("fusion of the mirrored three", *RIGHT),
    "two-layer-800": ("800 words in two layers", *LEFT),
    f"fusion({', '.join([*MIRRORED, 'two-layer-800'])})": ("fusion of four", (0, -14), "center"),
}
CHARTS = {  # file: results, names of features, data set, its size
    "readme-accuracy": (
        (
            "cifar10",
            *(f"cifar10-patches-{name}" for name in ("800", "800-kernel", "2000")),
            *("cifar10-two-layer", "cifar10-two-layer-wide", "cifar10-two-layer-wide-kernel"),
        ),
        *(CIFAR10, "CIFAR-10", "60,000 images"),
    ),
    "accuracy-photos": (("photos",), PHOTOS, "photos", "5,000 images"),
    "accuracy-flowers17": (("flowers17", "flowers17-mirrored"), FLOWERS17, "Flowers-17", "1,360 images"),
}
RECIPES = {  # features: their labels, and how these are aligned; others have the names of their features
    "patches-800": ("patches-800", *RIGHT),
    "patches-800+two-layer-800": ("patches-800 + two-layer-800", *RIGHT),
    WIDE: ("patches of three sizes, HoG, colour", (-7, 2), "right"),
    TWO_LAYERS: ("two-layer-4000, patches-2000, HoG, colour", (-7, -6), "right"),
    TWO_SIZES: ("the same with two-layer-2000-3x3", (-7, 0), "right"),
}
KERNELS = {"patches-800": ("patches-800", (7, -7), "left")}  # others lie beside the linear classifier
RECIPE_RESULTS = tuple(
    f"cifar10-{name}"
    for name in (
        "recipes",
        "patches-800-kernel",
        "patches-2000",
        "patches-wide",
        "patches-wide-kernel",
        "two-layer",
        "two-layer-wide",
        "two-layer-wide-kernel",
    )
)
TITLES = {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "flowers17": "Flowers-17",
    "caltech101": "Caltech-101",
}
TABLE = (  # results, features and classifiers in the table of the README
    ("cifar10", "dalal-triggs+tuned-color", "softmax"),
    ("cifar10-patches-800", "patches-800", "ridge"),
    ("cifar10-patches-800-kernel", "patches-800", "kernel-ridge"),
    ("cifar10-two-layer-wide", TWO_SIZES, "ridge"),
    ("cifar10-two-layer-wide-kernel", TWO_SIZES, "kernel-ridge"),
    ("cifar100", "patches-800+two-layer-800", "ridge"),
    ("flowers17-mirrored", FUSED, "svm"),
    ("caltech101", FUSED, "svm"),
)
STEPS = ("feature_seconds", "tune_seconds", "train_seconds", "predict_seconds")
SPEED_PAGE = "amd-epyc-2-cores-avx2"
JOBS = {
    "rgb_to_hsv, uint8 to float32": "rgb_to_hsv",
    "rgb_to_lab, uint8 to float32": "rgb_to_lab",
    "color_histogram, hsv, 8x8x8": "color_histogram",
    "quantize_colors, 64 colours": "quantize_colors",
    "equalize, RGB": "equalize",
    "equalize_clahe": "equalize_clahe",
    "hog": "hog",
    "hog_uoctti": "hog_uoctti",
    "lbp_codes, uniform": "lbp_codes",
    "haralick, 13 properties, 4 angles": "haralick",
    "resize, bilinear, to 3/8": "resize",
    "dense_sift, fast, 16 of 320x240": "dense_sift",
    "learn_codebook, 256 words": "learn_codebook",
    "bag_of_words, 400 words, every 4th pixel": "bag_of_words",
    "vlad, 64 words": "vlad",
    "fisher_vector, 64 components": "fisher_vector",
}


def draw_accuracy(results, path, comparisons, names, data, images):
    """Draw the test accuracies of comparisons against the seconds that they cost."""
    points = {}
    for name in comparisons:
        records = json.loads((results / f"compare-{name}.json").read_text())["records"]
        for feature, classifier in dict.fromkeys((r["feature"], r["classifier"]) for r in records):
            group = [r for r in records if (r["feature"], r["classifier"]) == (feature, classifier)]
            seconds = statistics.mean(r["feature_seconds"] + r["train_seconds"] for r in group)
            accuracy = statistics.mean(r["test_accuracy"] for r in group)
            points[feature, classifier] = seconds, accuracy
    figure, axes = panel(4.2)
    for (feature, classifier), (seconds, accuracy) in points.items():
        mark, color, title = KINDS.get(classifier, LINEAR)
        axes.plot(seconds, accuracy, mark, color=color, markersize=5, label=title)
        best = max(y for (other, _), (_, y) in points.items() if other == feature)
        if accuracy == best and feature in names:
            text, offset, side = names[feature]
            how = {"textcoords": "offset points", "color": GRAY, "ha": side, "fontsize": 8}
            axes.annotate(text, (seconds, accuracy), offset, **how)
    scale_logarithmically(axes)
    axes.set_xlabel(f"seconds for the features of {images} and for training, on two cores", color=GRAY)
    axes.set_ylabel(f"test accuracy on {data}", color=GRAY)
    axes.margins(x=0.15, y=0.08)
    add_legend(axes)
    save(figure, path)


def draw_recipes(results, path):
    """Draw the test accuracies of recipes on CIFAR-10 against the minutes from images to predictions."""
    figure, axes = panel(4.2)
    for name in RECIPE_RESULTS:
        for record in json.loads((results / f"compare-{name}.json").read_text())["records"]:
            minutes = sum(record[step] for step in STEPS) / 60
            mark, color, title = KINDS.get(record["classifier"], LINEAR)
            axes.plot(minutes, record["test_accuracy"], mark, color=color, markersize=5, label=title)
            feature, labels = record["feature"], KERNELS if record["classifier"] in KINDS else RECIPES
            if feature not in labels and labels is KERNELS:
                continue
            text, offset, side = labels.get(feature, (feature, *LEFT))
            how = {"textcoords": "offset points", "color": GRAY, "ha": side, "fontsize": 8}
            axes.annotate(text, (minutes, record["test_accuracy"]), offset, **how)
    scale_logarithmically(axes)
    axes.set_xlabel(
        "minutes for features, choice of the strength, training and test, on two cores", color=GRAY
    )
    axes.set_ylabel("test accuracy on CIFAR-10", color=GRAY)
    axes.margins(x=0.15, y=0.08)
    add_legend(axes)
    save(figure, path)


def scale_logarithmically(axes):
    """Give the first axis a logarithmic scale, with more ticks if it has fewer than two decades."""
    axes.set_xscale("log")
    low, high = axes.dataLim.intervalx
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")


def add_legend(axes):
    """Add a legend with each kind of classifier once."""
    handles = {text: handle for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    legend = axes.legend(handles.values(), handles, loc="lower right", frameon=False, fontsize=8)
    for text in legend.get_texts():
        text.set_color(GRAY)


def draw_speed(results, path):
    """Draw the speed-up over the fastest exact peer: the median, the least and the most of a feature."""
    page = json.loads((results / f"{SPEED_PAGE}.json").read_text())
    rows = [row for row in page["races"] + page["encodings"] if row["times_fastest_peer"] is not None]
    figure, axes = panel(3.6)
    for k, job in enumerate(JOBS):
        ratios = [row["times_fastest_peer"] for row in rows if row["job"] == job]
        axes.plot([min(ratios), max(ratios)], [k, k], color=COLORS[1], linewidth=3, alpha=0.4)
        axes.plot(statistics.median(ratios), k, "o", color=COLORS[1], markersize=5)
    axes.axvline(1, color=GRAY, linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yticks(range(len(JOBS)), JOBS.values())
    axes.invert_yaxis()
    axes.set_xlabel("speed-up over the fastest exact peer", color=GRAY)
    save(figure, path)


def panel(height):
    with matplotlib.rc_context(SETTINGS):
        figure = Figure((7.5, height), layout="constrained")
        axes = figure.subplots()
    axes.tick_params(colors=GRAY, which="both")
    axes.grid(axis="both", color=GRAY, alpha=0.25, linewidth=0.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure, axes


def save(figure, path):
    with matplotlib.rc_context(SETTINGS):
        figure.savefig(path, transparent=True, metadata={"Date": None})
