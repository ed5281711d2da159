"""The files of models, by the names that they have had here."""

from imfeat.models.files import load_model, save_model

__all__ = ["load_model", "save_model"]
