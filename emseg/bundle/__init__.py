"""A model is a folder: a card, weights and a README; nothing in it is ever unpickled."""

from emseg.bundle.card import (
    Architecture,
    CardClass,
    CardReading,
    Craft,
    Likeness,
    ModelCard,
    Polarity,
    PretrainedRecord,
    TrainingRecord,
    card_classes,
)
from emseg.bundle.finding import find_model, models_inside
from emseg.bundle.folder import (
    StoredModel,
    load_model,
    open_model,
    read_card,
    save_card,
    save_model,
)
from emseg.bundle.readme import model_facts
