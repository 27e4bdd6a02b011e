"""What computes a model, as the options say, and what is told of it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emseg.bundle import Model
    from emseg.config import EvaluateConfig, PredictConfig
    from emseg.inference.backends.choosing import Choice


def computed_by(model: "Model", config: "PredictConfig | EvaluateConfig") -> "Choice":
    """Open a model with the backend that the options name, or with the fastest.

    Raises
    ------
    UsageError, ModelError
        As `emseg.inference.backends.choosing.open_backend` does.
    """
    from emseg.inference.backends.choosing import open_backend

    return open_backend(
        model,
        backend=config.backend,
        device=config.device,
        threads=config.threads,
        precision=config.precision,
    )


def tell_choice(choice: "Choice", model: "Model", how: str) -> None:
    """Print the first line of a run, and why other backends do not compute.

    Parameters
    ----------
    choice : Choice
        What computes.
    model : Model
        Its pixel size is told.
    how : str
        How images are cut: ``"tile: 512 px, halo: 96 px"``.
    """
    from emseg.cli.console import remark

    remark(f"{choice}, {how}, the model's pixel size: {model.card.pixel_size or 'unknown'}")
    for line in choice.others:
        remark(line)
