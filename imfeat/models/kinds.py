"""THE table of what model files can hold: a row a class.

Classes are imported from the modules of this table, never from names in a file.  To make another class
savable, add a row to `_TABLE`.
"""

import importlib
import inspect
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

NOT_KEPT = ("n_jobs", "memory", "verbose", "progress")  # parameters that predictions don't depend on


class Form(Enum):
    """How the state of a class is taken and given back."""

    PART = "options(), to_arrays() and from_arrays()"
    PLAIN = "attributes with the names of the parameters"
    IMAGES = "parameters and the shape of images"
    LEARNED = "parameters, the shape of images, and learned parts"
    ESTIMATOR = "parameters and fitted attributes"
    STEPS = "named steps"
    NEIGHBORS = "parameters, and the features and labels that it was fitted to"


@dataclass(frozen=True)
class Kind:
    """A class that files can hold.

    Attributes
    ----------
    name : str
        Name in files.
    module : str
    form : Form
    fitted : tuple of str
        Fitted attributes that are kept if they exist; the first of them must.
    fitted_parameters : mapping
        Parameters that stand for fitted attributes: what is kept is the fitted part.
    """

    name: str
    module: str
    form: Form = Form.ESTIMATOR
    fitted: tuple[str, ...] = ()
    fitted_parameters: dict[str, str] = field(default_factory=dict)

    @property
    def type(self) -> Any:
        """The class."""
        return getattr(importlib.import_module(self.module), self.name.rpartition(".")[2])

    @property
    def is_ours(self) -> bool:
        """Whether it is a class of imfeat, whose parameters are all kept, also defaults."""
        return self.module.startswith("imfeat")

    def parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters that files keep."""
        names = inspect.signature(self.type).parameters
        return tuple(name for name in names if name not in NOT_KEPT)


def _rows(module: str, form: Form, names: str) -> tuple[Kind, ...]:
    return tuple(Kind(name, module, form) for name in names.split())


def _sklearn(module: str, name: str, fitted: str) -> Kind:
    return Kind(f"sklearn.{name}", f"sklearn.{module}", fitted=tuple(fitted.split()))


def _learn(name: str, fitted: str) -> Kind:
    return Kind(name, "imfeat.learn", fitted=(*fitted.split(), "classes_", "n_features_in_"))


_LINEAR = "coef_ intercept_ classes_ n_iter_ n_features_in_"
_BINARIZED = "_label_binarizer classes_ n_iter_ n_features_in_"
_TABLE = (
    *_rows("imfeat", Form.PART, "Whitening Mixture ProductQuantizer"),
    Kind("PrincipalAxes", "imfeat._pca", Form.PART),
    *_rows(
        "imfeat.estimators",
        Form.IMAGES,
        "RawPixels Equalize ColorHistogram HOG UoCTTI LBP Haralick RegionPooling DenseSIFT LocalColor",
    ),
    *_rows(
        "imfeat.estimators",
        Form.LEARNED,
        "BagOfVisualWords PatchFeatures TwoLayerPatches VLAD FisherVector PaletteHistogram",
    ),
    *_rows("imfeat.learn", Form.PLAIN, "Layer Network SGD Momentum Nesterov AdaGrad RMSProp Adam AdamW"),
    _learn("LinearClassifier", "network_ history_ n_iter_ converged_"),
    _learn("MLPClassifier", "network_ history_ n_iter_ converged_"),
    _learn("RidgeClassifier", "coef_ intercept_ strength_ validation_scores_"),
    _learn("LinearSVM", "coef_ intercept_ _n_steps"),
    _learn("KernelRidgeClassifier", "dual_coef_ X_fit_ intercept_ gamma_"),
    _learn("Perceptron", "coef_ intercept_ n_mistakes_ n_iter_"),
    Kind(
        *("LateFusion", "imfeat.estimators", Form.ESTIMATOR),
        ("classes_", "weights_", "temperatures_"),
        {"classifiers": "classifiers_"},
    ),
    Kind("ScoreMean", "imfeat.models", fitted_parameters={"pipelines": "pipelines_"}),
    Kind(
        "Compressed",
        "imfeat.models",
        fitted_parameters={"quantizer": "quantizer_", "scale": "scale_"},
    ),
    Kind("ImageClassifier", "imfeat.models", fitted_parameters={"pipeline": "pipeline_"}),
    Kind("sklearn.Pipeline", "sklearn.pipeline", Form.STEPS),
    Kind("sklearn.FeatureUnion", "sklearn.pipeline", Form.STEPS),
    _sklearn("preprocessing", "StandardScaler", "scale_ mean_ var_ n_samples_seen_ n_features_in_"),
    _sklearn(
        "preprocessing",
        "MinMaxScaler",
        "scale_ min_ data_min_ data_max_ data_range_ n_samples_seen_ n_features_in_",
    ),
    _sklearn("preprocessing", "MaxAbsScaler", "scale_ max_abs_ n_samples_seen_ n_features_in_"),
    _sklearn("preprocessing", "RobustScaler", "scale_ center_ n_features_in_"),
    _sklearn("preprocessing", "Normalizer", "n_features_in_"),
    _sklearn("preprocessing", "LabelBinarizer", "classes_ y_type_ sparse_input_"),
    _sklearn(
        "decomposition",
        "PCA",
        "components_ mean_ explained_variance_ explained_variance_ratio_ singular_values_ n_components_ "
        "n_samples_ noise_variance_ n_features_in_",
    ),
    _sklearn("linear_model", "LogisticRegression", _LINEAR),
    _sklearn("linear_model", "RidgeClassifier", f"coef_ intercept_ solver_ {_BINARIZED}"),
    _sklearn("linear_model", "SGDClassifier", f"{_LINEAR} t_"),
    _sklearn("linear_model", "Perceptron", f"{_LINEAR} t_"),
    _sklearn("svm", "LinearSVC", _LINEAR),
    Kind("sklearn.KNeighborsClassifier", "sklearn.neighbors", Form.NEIGHBORS),
    _sklearn(
        "neural_network",
        "MLPClassifier",
        f"coefs_ intercepts_ n_layers_ n_outputs_ out_activation_ loss_ {_BINARIZED}",
    ),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in _TABLE}
_BY_CLASS = {(kind.module.partition(".")[0], kind.name.rpartition(".")[2]): kind for kind in _TABLE}
_PARTS = ("PrincipalAxes", "Layer", "Network", "sklearn.LabelBinarizer")  # never alone


def kind_of(model: Any) -> Kind | None:
    """Return the row of an object, None if files can't hold it."""
    cls = type(model)
    kind = _BY_CLASS.get((cls.__module__.partition(".")[0], cls.__name__))
    return kind if kind is not None and kind.type is cls else None


def listing() -> str:
    """Return the names of what can be saved, in a sentence."""
    ours = [name for name in KINDS if "." not in name and name not in _PARTS]
    others = [name.partition(".")[2] for name in KINDS if "." in name and name not in _PARTS]
    return f"{', '.join(ours)}, codebooks, and of scikit-learn {', '.join(others)}"
