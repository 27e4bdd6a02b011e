"""Model folders: written whole, read only when they are undamaged.

The layout is that of the Hugging Face Hub (``config.json``, ``model.safetensors``,
``README.md``), so a folder can be pushed and pulled as it is.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
from pydantic import ValidationError
from torch import Tensor, nn

from emseg.bundle.card import ModelCard
from emseg.bundle.contents import read_content
from emseg.bundle.finding import CARD, WEIGHTS, find_model
from emseg.bundle.readme import model_readme
from emseg.bundle.weights import build_with_weights, require_sound
from emseg.errors import ModelError
from emseg.naming import visible
from emseg.writing import whole_folder

_LARGEST_CARD = 16 << 20  # bytes; one of a thousand classes has less than one
_IN_MEMORY = 3.0  # times the weights: the file, its tensors, those of the network


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

    Raises
    ------
    ModelError
        When its weights are infinite or no numbers.
    """
    tensors = {name: _plain(tensor) for name, tensor in network.state_dict().items()}
    require_sound(folder / WEIGHTS, tensors.items())
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
    card, weights = _read_card(folder / CARD), folder / WEIGHTS
    try:
        content = read_content(weights, times=_IN_MEMORY)
    except FileNotFoundError as error:
        raise ModelError(f"{folder} has no {WEIGHTS}; copy the whole model folder again") from error
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise ModelError(
            f"{weights} is not the file that its card describes (sha256 differs): it was changed "
            "or damaged; copy the model folder again or train anew"
        )
    return Model(folder, card, build_with_weights(folder / CARD, card, weights, content))


def read_card(path: Path) -> ModelCard:
    """Read the card of a model folder, or of the model of a run folder; no weights are read.

    Raises
    ------
    PathMissingError
        When there is no such folder.
    ModelError
        When the card is missing, damaged, or from a newer emseg.
    """
    return _read_card(find_model(path) / CARD)


def _read_card(path: Path) -> ModelCard:
    try:
        return ModelCard.read(read_content(path, _LARGEST_CARD).decode("utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is a link to nothing; copy the model folder again") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path} is no card of an emseg model ({_problem(error)}); it was changed, or a newer "
            "emseg wrote it"
        ) from error


def _problem(error: ValidationError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is no text"
    first = error.errors()[0]
    field = visible(".".join(str(part) for part in first["loc"]))
    said = visible(first["msg"].removeprefix("Value error, "))
    return f"{field:.100}: {said:.300}" if field else f"{said:.300}"


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().clone()
