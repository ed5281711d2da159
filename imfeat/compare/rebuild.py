"""The line of Python that makes the pipeline of each row of a comparison anew."""

from imfeat.compare.cells import Pair, by_pair
from imfeat.compare.classifiers import classifier_of
from imfeat.compare.measurements import Measurements
from imfeat.recipes import parse


def lines_of_python(result: Measurements) -> list[tuple[Pair, str]]:
    """Return each pair of a feature and a classifier, and the pipeline to fit as Python."""
    return [
        (pair, line_of_python(result, pair, records[0].strength, records[0].gamma))
        for pair, records in by_pair(result.records).items()
    ]


def line_of_python(result: Measurements, pair: Pair, strength: float, gamma: float | None) -> str:
    """Return the pipeline of a pair, with a strength that was chosen, as Python."""
    feature = parse(pair[0])
    if feature.fused:
        *others, last = (member.name for member in feature.fused)
        return f"# the weighted sum of the scores of the rows {', '.join(others)} and {last}"
    height, width = result.settings["image_size"]
    transformers = [term.expression((height, width)) for term in feature.terms]
    features = transformers[0] if len(transformers) == 1 else f"make_union({', '.join(transformers)})"
    classifier = classifier_of(pair[1]).expression(strength, result.settings["n_train"], gamma)
    line, mark, comment = classifier.partition("  # ")
    return f"make_pipeline({features}, StandardScaler(), {line}){mark}{comment}"
