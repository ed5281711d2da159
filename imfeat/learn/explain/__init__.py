"""Tools that explain models: gradient checks, loss slices, templates, decision regions, warped planes."""

from imfeat.learn.explain.gradients import check_gradient, numeric_gradient
from imfeat.learn.explain.loss_slices import is_convex_along, loss_slice
from imfeat.learn.explain.planes import decision_regions, feature_warp
from imfeat.learn.explain.templates import templates

__all__ = [
    "check_gradient",
    "decision_regions",
    "feature_warp",
    "is_convex_along",
    "loss_slice",
    "numeric_gradient",
    "templates",
]
