"""Features and classifiers of your own, as further rows of a comparison."""

import re
from typing import Any

from imfeat._recipe import Recipe
from imfeat.compare.classifiers import CLASSIFIERS, GROUPS, MOST_TRIED
from imfeat.compare.methods import Classifier
from imfeat.recipes import RECIPES, is_taken

NAME = re.compile(r"[A-Za-z][\w.-]*")


def register(
    name: str, estimator: Any, *, parameter: str | None = None, values: tuple[Any, ...] = (), title: str = ""
) -> None:
    """Register a feature or a classifier for `run` under a name.

    Parameters
    ----------
    name : str
        Letters, digits, ``_``, ``.`` and ``-``; one that is not taken.
    estimator : scikit-learn transformer or classifier
        A transformer takes images (n, height, width, 3), uint8, and returns features (n, n_features); a
        classifier takes standardized features, float32.  It is cloned for each run, and gets the seed as
        its ``random_state`` if it has one.  Its parameters are options, as in ``"name(parameter=value)"``.
    parameter : str, optional
        Of a classifier, which is chosen on the validation part.
    values : tuple, optional
        To choose among, up to five, in an order in which the accuracy may rise and then fall.
    title : str, optional
        What it is called in a sentence; by default its name.

    Raises
    ------
    TypeError
        If the estimator neither transforms nor predicts.
    ValueError
        If the name is taken or not allowed, or there are values without a parameter.

    Examples
    --------
    >>> import imfeat
    >>> from sklearn.naive_bayes import GaussianNB
    >>> imfeat.compare.register("naive-bayes", GaussianNB(), title="Gaussian naive Bayes")
    >>> imfeat.compare.run("photos", classifiers="ridge, naive-bayes")  # doctest: +SKIP
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"name must be of letters, digits, '_', '.' and '-', got {name!r}")
    if is_taken(name) or name in (*CLASSIFIERS, *GROUPS):
        raise ValueError(f"the name {name!r} is taken; choose another")
    if (parameter is None) != (not values) or len(values) > MOST_TRIED:
        raise ValueError(f"give a parameter and up to {MOST_TRIED} values to choose among, or neither")
    if parameter is not None and parameter not in estimator.get_params():
        raise ValueError(f"parameter must be one of {', '.join(estimator.get_params())}, got {parameter!r}")
    seeded = "random_state" in estimator.get_params()
    if hasattr(estimator, "transform"):
        RECIPES[name] = Recipe(name, estimator, title or name, seeded=seeded)
    elif hasattr(estimator, "predict"):
        CLASSIFIERS[name] = Classifier(
            name=name,
            estimator=estimator,
            title=title or name,
            kind="linear" if "linear_model" in type(estimator).__module__ else "other",
            seeded=seeded,
            parameter=parameter or "",
            strengths=values or (0.0,),
        )
    else:
        raise TypeError(f"estimator must have transform or predict, got {type(estimator).__name__}")
