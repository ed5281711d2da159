"""The classifiers that are compared, by name.

All of them minimize the sum of a loss over the images plus ``strength / 2`` times the sum of the
squared weights.  A strength therefore means the same for each of them.  As a prior on the weights
doesn't depend on the number of images, a strength that is chosen on a part of the training set suits
all of it.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from imfeat._backend import Array
from imfeat.compare.tables import Table
from imfeat.compare.training import RefitTrainer, SolveProducts, SolveSums, SumsTrainer, Trainer
from imfeat.learn import LinearClassifier, LinearSVM, MLPClassifier

STRENGTHS = (30_000.0, 10_000.0, 3_000.0, 1_000.0, 300.0, 100.0, 30.0)
MOST_TRIED = 5  # strengths tried for each feature and classifier

# The number of epochs is fixed, but larger on small training sets, up to this number of steps: few
# epochs of few images would leave a classifier undertrained.
SVM_EPOCHS = 10
SVM_STEPS = 50_000
SVM_BATCH = 8
MLP_EPOCHS = 20
MLP_STEPS = 400
MLP_BATCH = 128


@dataclass(frozen=True)
class Classifier:
    """A classifier that is trained anew for each strength.

    Attributes
    ----------
    build : function of a strength, the number of images and a seed
        Returns a classifier with scikit-learn's ``fit``.
    strengths : tuple of float
        Strengths to choose among, strongest first.
    title : str
        Name in a sentence.
    seeded : bool
        Whether the seed matters.
    kind : str
        ``"linear"``, ``"mlp"`` or ``"other"``.
    """

    build: Callable[[float, int, int], Any]
    strengths: tuple[float, ...] = STRENGTHS
    title: str = ""
    seeded: bool = True
    kind: str = "linear"

    tunes_on_subset: ClassVar[bool] = True  # as each strength costs a training
    solve_products: ClassVar[None] = None

    def trainer(self, features: Table, labels: Array, rows: Array, seed: int) -> Trainer:
        """Return a trainer on some rows of a table."""
        return RefitTrainer(self.build, features, labels, rows, seed)


@dataclass(frozen=True)
class ClosedFormClassifier:
    """A linear classifier that is solved from sums over images, which serve all strengths.

    Attributes
    ----------
    solve_sums : function of `RidgeSums`, a strength, and a function that yields features and labels
        Returns weights and intercepts.
    solve_products : function of `RidgeProducts`, a strength, and signs
        Returns shares, intercepts and scores, see `RidgeProducts.solve`; None if products of images don't
        suffice.
    strengths, title, seeded, kind
        See `Classifier`.
    loss : str
        Loss that it minimizes, by the name that `LinearClassifier` has for it.
    """

    solve_sums: SolveSums
    solve_products: SolveProducts | None = None
    strengths: tuple[float, ...] = STRENGTHS
    title: str = ""
    seeded: bool = False
    kind: str = "linear"
    loss: str = "squared_error"

    tunes_on_subset: ClassVar[bool] = False

    def trainer(self, features: Table, labels: Array, rows: Array, seed: int) -> Trainer:
        """Return a trainer on some rows of a table."""
        return SumsTrainer(self.solve_sums, features, labels, rows)


def _softmax(strength: float, n_images: int, seed: int) -> Any:
    return LinearClassifier(strength=strength / n_images, epochs=200, tol=1e-3)


def _svm(strength: float, n_images: int, seed: int) -> Any:
    epochs = max(SVM_EPOCHS, SVM_STEPS // n_images)
    return LinearSVM(strength=strength, epochs=epochs, batch_size=SVM_BATCH, random_state=seed)


def _mlp(hidden: tuple[int, ...], strength: float, n_images: int, seed: int) -> Any:
    steps = math.ceil(n_images / MLP_BATCH)
    return MLPClassifier(
        hidden,
        learning_rate=5e-4,
        schedule="cosine",
        batch_size=MLP_BATCH,
        epochs=max(MLP_EPOCHS, MLP_STEPS // steps),
        n_iter_no_change=None,
        weight_decay=strength / n_images,
        random_state=seed,
    )


def _mlp1(strength: float, n_images: int, seed: int) -> Any:
    return _mlp((256,), strength, n_images, seed)


def _mlp2(strength: float, n_images: int, seed: int) -> Any:
    return _mlp((256, 256), strength, n_images, seed)


CLASSIFIERS: dict[str, Classifier | ClosedFormClassifier] = {
    "softmax": Classifier(_softmax, title="softmax regression", seeded=False),
    "svm": Classifier(_svm, title="a linear SVM"),
    "ridge": ClosedFormClassifier(
        lambda sums, strength, batches: sums.solve(strength),
        lambda products, strength, signs: products.solve(strength, signs),
        title="ridge regression",
    ),
    "l2svm": ClosedFormClassifier(
        lambda sums, strength, batches: sums.solve_squared_hinge(strength, batches),
        lambda products, strength, signs: products.solve_squared_hinge(strength, signs),
        title="a linear SVM of squared hinge loss",
        loss="squared_hinge",
    ),
    "mlp": Classifier(_mlp1, title="an MLP of one hidden layer", kind="mlp"),
    "mlp2": Classifier(_mlp2, title="an MLP of two hidden layers", kind="mlp"),
}
GROUPS = {"linear": ("softmax", "svm", "ridge"), "mlps": ("mlp", "mlp2")}


def expand_groups(names: Iterable[str]) -> tuple[str, ...]:
    """Return classifiers, each once, for names of classifiers and groups."""
    return tuple(dict.fromkeys(member for name in names for member in GROUPS.get(name, (name,))))
