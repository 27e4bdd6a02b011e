"""What was loaded into a network, and from where."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from emseg.networks.first_convolution import first_convolution

COUNTER = "num_batches_tracked"  # of batch norms; older files lack it


@dataclass(frozen=True, slots=True)
class Loaded:
    """Weights that a network starts from.

    Parameters
    ----------
    asked : str
        What the user wrote behind ``--pretrained``.
    weights : str
        What was loaded; ``"none"`` when the network starts from scratch.
    origin : str or None
        Address or path of the file; None from scratch.
    names : frozenset of str
        The tensors of the network that were loaded, as in its ``state_dict``, without the
        counters of batch norms.
    total : int
        Tensors of the network, counted alike.
    sha256 : str or None
        Of the file; None from scratch.
    sentence : str
        All of it, for the user.
    licence : str or None
        Of what was loaded, where it is known.
    """

    asked: str
    weights: str
    origin: str | None
    names: frozenset[str]
    total: int
    sha256: str | None
    sentence: str
    licence: str | None = None


def from_scratch(network: nn.Module, asked: str, reason: str = "") -> Loaded:
    """Nothing was loaded; the reason, if there is one, is told."""
    sentence = "weights: from scratch" + (f" ({reason})" if reason else "")
    return Loaded(asked, "none", None, frozenset(), len(_counted(network)), None, sentence)


def loaded_from(
    path: Path,
    network: nn.Module,
    names: frozenset[str],
    *,
    asked: str,
    weights: str,
    origin: str | None = None,
    licence: str | None = None,
    remarks: tuple[str, ...] = (),
) -> Loaded:
    """Sum up what a file gave a network.

    Parameters
    ----------
    path : Path
        The file that was read.
    network : nn.Module
        It holds the weights already.
    names : frozenset of str
        Which of its tensors were loaded.
    asked, weights, origin, licence : str
        As of `Loaded`; the origin is the path when nothing else is said.
    remarks : tuple of str
        What else the user should know.
    """
    counted = _counted(network)
    names, total = names & counted, len(counted)
    sentence = f"weights: {weights}, {len(names)} of {total} tensors"
    sentence = "; ".join((sentence, *remarks))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Loaded(asked, weights, origin or str(path), names, total, sha256, sentence, licence)


def _counted(network: nn.Module) -> frozenset[str]:
    return frozenset(each for each in network.state_dict() if not each.endswith(COUNTER))


def channel_remark(network: nn.Module, given: int) -> tuple[str, ...]:
    """Say what became of a first convolution that was learnt on ``given`` channels."""
    channels = first_convolution(network).in_channels
    if channels == given:
        return ()
    of = "RGB" if given == 3 else f"its {given} channels"
    if channels == 1:
        return (f"1 channel: first convolution summed over {of}",)
    return (
        f"{channels} channels: first convolution repeats {of} in turn, times {given}/{channels}",
    )
