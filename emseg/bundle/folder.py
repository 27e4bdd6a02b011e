"""Model folders: written whole, read only when they are undamaged.

The layout is that of the Hugging Face Hub (``config.json``, ``model.safetensors``,
``README.md``), so a folder can be pushed and pulled as it is.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from emseg.bundle.card import ModelCard
from emseg.bundle.contents import problem_of, read_content
from emseg.bundle.finding import CARD, WEIGHTS, find_model
from emseg.bundle.readme import model_readme
from emseg.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

_LARGEST_CARD = 16 << 20  # bytes; one of a thousand classes has less than one


class StoredModel:
    """A card, and the network behind it, which is read when it is first asked for.

    Parameters
    ----------
    folder : Path
        Where it was read from.
    card : ModelCard
        What it is.
    network : nn.Module, optional
        One that is in memory, of a training; the one of the folder when it is left out.
    """

    def __init__(self, folder: Path, card: ModelCard, network: "nn.Module | None" = None) -> None:
        self.folder, self.card = folder, card
        self._network = network

    @property
    def network(self) -> "nn.Module":
        """The network with its weights, in evaluation mode, on the CPU.

        Raises
        ------
        ModelError
            When the weights are missing, damaged, changed, or not those of the card.
        """
        if self._network is None:
            from emseg.bundle.weights import load_network

            self._network = load_network(self.folder, self.card)
        return self._network


def save_model(folder: Path, card: ModelCard, network: "nn.Module") -> ModelCard:
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
    from emseg.bundle.weights import as_safetensors
    from emseg.writing import whole_folder

    weights = as_safetensors(folder / WEIGHTS, network)
    card = card.model_copy(update={"sha256": hashlib.sha256(weights).hexdigest()})
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(folder) as beside:
        (beside / WEIGHTS).write_bytes(weights)
        (beside / CARD).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (beside / "README.md").write_text(model_readme(card), encoding="utf-8")
    return card


def save_card(folder: Path, card: ModelCard) -> None:
    """Write the card of a model anew, beside the weights that are there.

    Parameters
    ----------
    folder : Path
        Of the model.
    card : ModelCard
        With the hash of its weights.
    """
    from emseg.writing import write_text

    write_text(folder / CARD, card.model_dump_json(indent=2) + "\n", "replace")
    write_text(folder / "README.md", model_readme(card), "replace")


def open_model(path: Path) -> StoredModel:
    """Read the card of a model folder, or of the model of a run folder; weights follow when needed.

    Raises
    ------
    PathMissingError
        When there is no such folder.
    ModelError
        When the card is missing, damaged, or from a newer emseg.
    """
    folder = find_model(path)
    return StoredModel(folder, _read_card(folder / CARD))


def load_model(path: Path) -> StoredModel:
    """Read a model folder, or the model of a run folder, with its weights.

    Raises
    ------
    PathMissingError
        When there is no such folder.
    ModelError
        When the card or the weights are missing, damaged, changed, or from a newer emseg.
    """
    model = open_model(path)
    return StoredModel(model.folder, model.card, model.network)


def read_card(path: Path) -> ModelCard:
    """Read the card of a model folder, or of the model of a run folder; no weights are read.

    Raises
    ------
    PathMissingError
        When there is no such folder.
    ModelError
        When the card is missing, damaged, or from a newer emseg.
    """
    return open_model(path).card


def _read_card(path: Path) -> ModelCard:
    try:
        return ModelCard.read(read_content(path, _LARGEST_CARD).decode("utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is a link to nothing; copy the model folder again") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path} is no card of an emseg model ({problem_of(error)}); it was changed, or a "
            "newer emseg wrote it"
        ) from error
