"""Tables of pages that are made from the package and from committed results, anew at each build."""

import inspect
import json
from pathlib import Path

import imfeat
from imfeat import recipes
from imfeat.compare.classifiers import CLASSIFIERS

HERE = Path(__file__).parent
FOLDER = HERE / "generated"
PACKAGES = (
    imfeat,
    *(getattr(imfeat, name) for name in ("learn", "datasets", "recipes", "compare", "extract", "models")),
)
RACES = HERE.parent / "benchmarks" / "results" / "amd-epyc-2-cores-avx2.json"
JOBS = {  # the page of a feature: how the names of its jobs begin
    "color": ("rgb_to_", "hsv_to_"),
    "histogram": ("color_histogram",),
    "comparison": ("compare_histograms",),
    "palette": ("quantize_colors", "learn_palette"),
    "exposure": ("equalize", "match_histograms"),
    "hog": ("hog",),
    "lbp": ("lbp_codes",),
    "glcm": ("glcm", "haralick"),
    "sift": ("dense_sift",),
    "encoding": ("dense_patches", "learn_codebook", "assign", "bag_of_words", "patch_features"),
    "fisher": ("learn_mixture", "fisher_vector", "vlad"),
    "quantizer": ("product quantizer",),
    "resize": ("resize",),
}


def write():
    """Write all of them to ``docs/generated``."""
    FOLDER.mkdir(exist_ok=True)
    texts = {"recipes": recipes_table(), "classifiers": classifiers_table(), "estimators": estimators_list()}
    page = json.loads(RACES.read_text(encoding="utf-8"))
    texts |= {f"names-{package.__name__.rpartition('.')[2]}": names_table(package) for package in PACKAGES}
    texts |= {f"speed-{name}": speed_table(page, begin) for name, begin in JOBS.items()}
    for name, text in texts.items():
        (FOLDER / f"{name}.md").write_text(text, encoding="utf-8")


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def recipes_table():
    rows = [[f"`{name}`", title, f"`{expression}`"] for name, title, expression in recipes.listing()]
    return table(["name", "feature", "transformer, for images of 224 x 224 pixels"], rows)


def classifiers_table():
    rows = [
        [f"`{name}`", c.title, f"`{c.expression(c.strengths[len(c.strengths) // 2], 10_000)}`"]
        for name, c in CLASSIFIERS.items()
    ]
    return table(
        ["name", "classifier", "in Python, for 10,000 images and the first strength that is tried"], rows
    )


def estimators_list():
    parts = ["```{eval-rst}\n.. currentmodule:: imfeat.estimators\n```"]
    for name in imfeat.estimators.__all__:
        parts.append(f"## {name}\n\n```{{eval-rst}}\n.. autoclass:: {name}\n```")
    return "\n\n".join(parts) + "\n"


def names_table(package):
    """Return the public names of a package that have a documentation of their own, with its first line."""
    rows = []
    for name in sorted(package.__all__, key=str.lower):
        value = getattr(package, name)
        if inspect.isroutine(value) or inspect.isclass(value):
            home = package.__name__
            for other in (imfeat.estimators, imfeat.models):  # whose names are documented there
                home = other.__name__ if package is imfeat and name in other.__all__ else home
            rows.append([f"{{py:obj}}`{name} <{home}.{name}>`", inspect.getdoc(value).partition("\n")[0]])
    return table(["name", ""], rows)


def speed_table(page, begin):
    """Return the speed-ups of the jobs of a page, over all measured sizes and numbers of threads."""
    races = [row for row in page["races"] + page["encodings"] if row["job"].startswith(begin)]
    raced = [row for row in races if row["times_fastest_peer"] is not None]
    rows = []
    for job in dict.fromkeys(row["job"] for row in raced):
        ratios = sorted(row["times_fastest_peer"] for row in raced if row["job"] == job)
        peers = dict.fromkeys(row["fastest_peer"] for row in raced if row["job"] == job)
        span = " to ".join(dict.fromkeys(f"{ratio:.1f}" for ratio in (ratios[0], ratios[-1])))
        rows.append([job.replace("|", "/"), span, ", ".join(sorted(peers))])
    text = table(["job", "speed-up", "over the fastest exact peer"], rows)
    where = f"{page['machine']} (AVX2), {page['date']}"
    return (
        f"Speed-up on {where}: the smallest and the largest over sizes of images and one or two threads.\n"
        f"[All measurements and the command](../speed)\n\n{text}"
    )


if __name__ == "__main__":
    write()
