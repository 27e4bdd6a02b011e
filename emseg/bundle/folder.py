"""Model folders: written whole, read only when they are undamaged.

The layout is that of the Hugging Face Hub (``config.json``, ``model.safetensors``,
``README.md``), so a folder can be pushed and pulled as it is.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
from pydantic import ValidationError
from safetensors import SafetensorError
from torch import Tensor, nn

from emseg.bundle.card import ModelCard
from emseg.bundle.readme import model_readme
from emseg.errors import ModelError, PathMissingError
from emseg.networks import build_network
from emseg.writing import whole_folder

CARD = "config.json"
WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Model:
    """A network with its card.

    Parameters
    ----------
    folder : Path
        Where it was read from.
    card : ModelCard
        What it is.
    network : nn.Module
        In evaluation mode, on the CPU.
    """

    folder: Path
    card: ModelCard
    network: nn.Module


def find_model(path: Path) -> Path:
    """Resolve a model folder or a run folder to the model folder.

    Raises
    ------
    PathMissingError
        When there is no such folder.
    ModelError
        When the folder holds no model.
    """
    for folder in (path, path / "model"):
        if (folder / CARD).is_file():
            return folder
    if not path.exists():
        raise PathMissingError(
            f"there is no model {path}; give a model folder or the run folder that emseg train made"
        )
    raise ModelError(
        f"{path} holds no model ({CARD} is missing); give a model folder or a run folder "
        "made by emseg train"
    )


def save_model(folder: Path, card: ModelCard, network: nn.Module) -> ModelCard:
    """Write a model folder, whole or not at all, and return the card with its hash.

    Parameters
    ----------
    folder : Path
        Replaced when it exists.
    card : ModelCard
        Its ``sha256`` is filled in here.
    network : nn.Module
        On any device.
    """
    tensors = {name: _plain(tensor) for name, tensor in network.state_dict().items()}
    weights = safetensors.torch.save(tensors, metadata={"format": "pt"})
    card = card.model_copy(update={"sha256": hashlib.sha256(weights).hexdigest()})
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(folder) as beside:
        (beside / WEIGHTS).write_bytes(weights)
        (beside / CARD).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (beside / "README.md").write_text(model_readme(card), encoding="utf-8")
    return card


def load_model(path: Path) -> Model:
    """Read a model folder, or the model of a run folder.

    Raises
    ------
    PathMissingError
        When there is no such folder.
    ModelError
        When the card or the weights are missing, damaged, changed, or from a newer emseg.
    """
    folder = find_model(path)
    card = _read_card(folder / CARD)
    weights = folder / WEIGHTS
    try:
        content = weights.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"{folder} has no {WEIGHTS}; copy the whole model folder again") from error
    except OSError as error:
        raise ModelError(f"{weights} cannot be read: {error.strerror}; check its rights") from error
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise ModelError(
            f"{weights} is not the file that its card describes (sha256 differs): it was changed "
            "or damaged; copy the model folder again or train anew"
        )
    network = _built(folder / CARD, card)
    try:
        network.load_state_dict(safetensors.torch.load(content))
    except (RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise ModelError(
            f"{weights} does not fit the network {card.spec} of its card ({reason:.120}); copy the "
            "whole model folder again"
        ) from error
    return Model(folder, card, network.eval())


def _read_card(path: Path) -> ModelCard:
    try:
        return ModelCard.read(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}; check its rights") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path} is no card of an emseg model ({_problem(error)}); it was changed, or a newer "
            "emseg wrote it"
        ) from error


def _built(path: Path, card: ModelCard) -> nn.Module:
    """Build the network of a card; whatever a library says to a strange one is told."""
    try:
        return build_network(card.spec)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"{path} describes a network that cannot be built, {card.spec} ({reason}); it was "
            "changed, or needs a newer emseg"
        ) from error


def _problem(error: ValidationError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is no text"
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    return f"{field}: {first['msg']}" if field else first["msg"]


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().clone()
