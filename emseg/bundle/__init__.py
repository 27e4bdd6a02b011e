"""A model is a folder: a card, weights and a README; nothing in it is ever unpickled."""

from emseg.bundle.card import (
    Architecture,
    CardClass,
    CardReading,
    Craft,
    ModelCard,
    Polarity,
    PretrainedRecord,
    TrainingRecord,
    card_classes,
)
from emseg.bundle.folder import Model, find_model, load_model, read_card, save_model

__all__ = [
    "Architecture",
    "CardClass",
    "CardReading",
    "Craft",
    "Model",
    "ModelCard",
    "Polarity",
    "PretrainedRecord",
    "TrainingRecord",
    "card_classes",
    "find_model",
    "load_model",
    "read_card",
    "save_model",
]
