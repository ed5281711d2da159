"""Guesses of the seconds that cells take, before any is done: only their proportions need to be right."""

from imfeat.compare.classifiers import (
    MLP_EPOCHS,
    MLP_STEPS,
    MOST_TRIED,
    SVM_BATCH,
    SVM_EPOCHS,
    SVM_MOST_EPOCHS,
    SVM_STEPS,
    classifier_of,
)
from imfeat.recipes import parse

OPERATIONS = 4e10  # a second, of products of matrices
STEP_SECONDS = 2e-5  # of a step of the SVM
PIXEL_SECONDS = 2e-8
LEARNING_SECONDS = 2.5  # of words
FEW_FEATURES = 2000
HIDDEN = 256


def cost_of(
    feature: str,
    classifier: str,
    n_train: int,
    shape: tuple[int, int],
    n_classes: int,
    *,
    is_first_seed: bool,
    is_first_classifier: bool,
) -> float:
    """Return about how many seconds a cell takes.

    The first classifier on a feature waits for the feature, and the first seed for the strength.  What no
    seed changes is computed once.
    """
    described = parse(feature)
    if described.fused:
        return 0.01
    method = classifier_of(classifier)
    if not (is_first_seed or described.seeded or method.seeded):
        return 0.0
    pixels = shape[0] * shape[1]
    seconds = 0.0
    if is_first_classifier and (is_first_seed or described.seeded):
        seconds += PIXEL_SECONDS * pixels * n_train * len(described.terms)
        seconds += LEARNING_SECONDS if described.learned else 0.0
    n_features = min(3 * pixels if described.is_pixels else FEW_FEATURES, max(n_train, 100))
    n_fits = MOST_TRIED + 1 if is_first_seed and len(method.strengths) > 1 else 1
    return seconds + n_fits * _fit_seconds(method.kind, method.name, n_train, n_features, n_classes)


def _fit_seconds(kind: str, name: str, n_train: int, n_features: int, n_classes: int) -> float:
    """Return about how many seconds one fit takes."""
    if kind == "mlp":
        epochs = max(MLP_EPOCHS, MLP_STEPS * 128 // n_train)
        return epochs * 6 * n_train * n_features * HIDDEN / OPERATIONS
    if name.startswith("svm"):
        steps = max(SVM_EPOCHS * n_train, min(SVM_STEPS, SVM_MOST_EPOCHS * n_train)) / SVM_BATCH
        return steps * STEP_SECONDS + 4 * steps * SVM_BATCH * n_features * n_classes / OPERATIONS
    if name.startswith(("ridge", "l2svm", "kernel-ridge")):
        return (n_train * n_features**2 + n_features**3 / 3) / OPERATIONS
    return 100 * 4 * n_train * n_features * n_classes / OPERATIONS
