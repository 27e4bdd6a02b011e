"""The rows of ``emseg networks list``: what the catalogue says, with its figures.

Nothing heavy is imported, so that the list is there at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from emseg.config import Task
from emseg.networks.entries import ENCODER_FAMILIES, ENTRIES
from emseg.networks.entry import NetworkEntry
from emseg.networks.figures import Figures, find_figures


@dataclass(frozen=True, slots=True)
class Listed(NetworkEntry):
    """A network, or a family of encoders, as it is listed.

    Parameters
    ----------
    task, name, family, library, title, about, paper, weights
        As of `NetworkEntry`; of encoders the name is that of the lightest.
    encoder : str or None
        With which encoder its figures were measured.
    encoders : tuple of str
        All encoders of the family; empty for a network.
    figures : Figures or None
        What it costs and sees; that of an encoder includes the way up of U-Net.
    """

    encoders: tuple[str, ...] = ()
    figures: Figures | None = None


def command_of(row: Listed, name: str, network: str = "unet") -> str:
    """Write a command that trains a network, or one on an encoder.

    Parameters
    ----------
    row : Listed
        What is trained.
    name : str
        The encoder that was asked for; of a network its own name is taken.
    network : str
        What is trained on an encoder.
    """
    if row.encoders:
        chosen = f"--network {network} --encoder {name}"
    elif row.task is Task.CLASSIFICATION:
        return f"emseg train classes/ --task classification --network {row.name}"
    elif row.encoder is not None:
        chosen = f"--network {row.name} --encoder {row.encoder}"
    else:
        chosen = f"--network {row.name}"
    return f"emseg train images/ masks/ {chosen}"


def listed_networks() -> Iterator[Listed]:
    """List the curated networks: segmentation, then its encoders, then classification."""
    for entry in ENTRIES:
        if entry.task is Task.SEGMENTATION:
            yield _network(entry)
    for family in ENCODER_FAMILIES:
        name = family.encoders[0]
        yield Listed(
            Task.SEGMENTATION,
            name,
            family.name,
            "smp",
            f"{family.name} as an encoder",
            family.about,
            family.paper,
            family.weights,
            name,
            family.encoders,
            find_figures(Task.SEGMENTATION, "unet", name),
        )
    for entry in ENTRIES:
        if entry.task is Task.CLASSIFICATION:
            yield _network(entry)


def _network(entry: NetworkEntry) -> Listed:
    said = {each.name: getattr(entry, each.name) for each in fields(entry)}
    return Listed(**said, figures=find_figures(entry.task, entry.name, entry.encoder))
