"""What computes a model, as the options say, and what is told of it."""

import logging
from dataclasses import replace

from emseg.bundle import ModelCard, StoredModel, open_model
from emseg.config import EvaluateConfig, PredictConfig
from emseg.inference.backends.choosing import Choice, open_backend
from emseg.inference.backends.ensemble import Ensemble
from emseg.inference.backends.members import require_alike
from emseg.inference.backends.narrowed import Narrowed
from emseg.inference.backends.turned import TurnedBackend

_log = logging.getLogger(__name__)


def computed_by(model: StoredModel, config: PredictConfig | EvaluateConfig) -> Choice:
    """Open a model with the backend that the options name, or with the fastest.

    Raises
    ------
    UsageError, ModelError
        As `emseg.inference.backends.choosing.open_backend` does.
    """
    return open_backend(
        model,
        backend=config.backend,
        device=config.device,
        threads=config.threads,
        precision=config.precision,
    )


def together(model: StoredModel, choice: Choice, config: PredictConfig) -> tuple[ModelCard, Choice]:
    """Let a model answer with others, and look at tiles flipped and turned, as the options say.

    Returns
    -------
    card : ModelCard
        That all of them follow.
    choice : Choice
        With the backend that asks all of them.

    Raises
    ------
    UsageError, ModelError
        As `computed_by` does.
    MismatchError
        When models cannot answer together.
    """
    models = [model, *map(open_model, config.members)]
    names = [str(each) for each in (config.model, *config.members)]
    alike = require_alike([each.card for each in models], names)
    backends = [choice.backend, *(computed_by(each, config).backend for each in models[1:])]
    pairs = zip(backends, models, alike.channels, strict=True)
    backends = [
        each if model.card.in_channels == alike.card.in_channels else Narrowed(each, channels)
        for each, model, channels in pairs
    ]
    if config.tta is not None:
        backends = [TurnedBackend(each, config.tta) for each in backends]
    backend = backends[0]
    if len(backends) > 1:
        backend = Ensemble(backends, alike.orders, tells=config.uncertainty)
    return alike.card, replace(choice, backend=backend)


def opened(config: PredictConfig) -> tuple[ModelCard, Choice]:
    """Open the models of a configuration, as `together` does; workers of a cluster call it."""
    model = open_model(config.model)
    return together(model, computed_by(model, config), config)


def tell_choice(choice: Choice, model: StoredModel, how: str) -> None:
    """Say how a run computes, and why other backends do not.

    Parameters
    ----------
    choice : Choice
        What computes.
    model : StoredModel
        Its pixel size is told.
    how : str
        How images are cut: ``"tile: 512 px, halo: 96 px"``.
    """
    _log.info("%s, %s, the model's pixel size: %s", choice, how, model.card.pixel_size or "unknown")
    for line in choice.others:
        _log.info("%s", line)
