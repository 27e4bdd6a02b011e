"""Tensors of a file find their places in a network: by their names, else by their order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from emseg.errors import MismatchError
from emseg.networks.first_convolution import first_convolution, fitted_to_channels
from emseg.networks.parts import encoder_tensors, head_tensors
from emseg.networks.pretrained.files import plain_name
from emseg.networks.pretrained.loaded import COUNTER

_SHARE = 0.5  # of the encoder's names that a file must know to be taken by names


@dataclass(frozen=True, slots=True)
class Fit:
    """Where the tensors of a file belong.

    Parameters
    ----------
    tensors : dict of str to Tensor
        By their names in the network, in its shapes.
    by : str
        ``"name"`` or ``"order"``.
    missing : tuple of str
        Tensors at the end of the encoder that the file lacks.
    channels : int
        Channels of the image that the first convolution of the file was learnt on.
    """

    tensors: dict[str, Tensor]
    by: str
    missing: tuple[str, ...]
    channels: int


def fit_tensors(network: nn.Module, given: Mapping[str, Tensor], name: str) -> Fit:
    """Find the place of each tensor of a file in a network.

    The encoder has to be there as a whole; of the rest, what has the same name and shape is
    taken too. The head is never taken, as a file does not say what its classes are.

    Parameters
    ----------
    network : nn.Module
        It is not changed.
    given : mapping of str to Tensor
        As `read_tensors` gives them.
    name : str
        Of the file, for messages.

    Raises
    ------
    MismatchError
        When they do not fit; names the first tensor that does not.
    """
    state, image = network.state_dict(), _Image(network)
    encoder = [each for each in encoder_tensors(network) if not each.endswith(COUNTER)]
    known = {plain_name(each): tensor for each, tensor in given.items()}
    shared = [each for each in encoder if plain_name(each) in known]
    if len(shared) >= _SHARE * len(encoder):
        return _by_name(network, known, encoder, image, name)
    source = [(key, each) for key, each in given.items() if not key.endswith(COUNTER)]
    tensors = {}
    for place, each in enumerate(encoder):
        _require_order(source, place, each, state[each], image, name)
        tensors[each] = image.fitted(source[place][1], state[each])
    first = source[encoder.index(image.name)][1]
    return Fit(tensors, "order", (), first.shape[1])


def put(network: nn.Module, tensors: Mapping[str, Tensor]) -> frozenset[str]:
    """Copy tensors into a network, by its own names, and return the names."""
    network.load_state_dict(dict(tensors), strict=False)
    return frozenset(tensors)


class _Image:
    """The convolution that takes the image, which may have been learnt on other channels."""

    def __init__(self, network: nn.Module) -> None:
        convolution = first_convolution(network)
        self.channels = convolution.in_channels
        names = {id(weight): name for name, weight in network.named_parameters()}
        self.name = names[id(convolution.weight)]

    def fits(self, given: Tensor, wanted: Tensor) -> bool:
        return given.shape == wanted.shape or self._is_first(given, wanted)

    def fitted(self, given: Tensor, wanted: Tensor) -> Tensor:
        if self._is_first(given, wanted):
            given = fitted_to_channels(given.float(), self.channels)
        return given.to(wanted.dtype)

    def _is_first(self, given: Tensor, wanted: Tensor) -> bool:
        if not (given.ndim == wanted.ndim == 4 and given.shape[1] != wanted.shape[1]):
            return False
        alike = given.shape[0] == wanted.shape[0] and given.shape[2:] == wanted.shape[2:]
        return alike and wanted.shape[1] == self.channels


def _by_name(
    network: nn.Module,
    known: Mapping[str, Tensor],
    encoder: Sequence[str],
    image: _Image,
    name: str,
) -> Fit:
    state, head = network.state_dict(), set(head_tensors(network))
    found = [each for each in encoder if plain_name(each) in known]
    missing = tuple(each for each in encoder if plain_name(each) not in known)
    if missing and encoder[-len(missing) :] != list(missing):
        raise MismatchError(
            f"{name} does not fit {type(network).__name__}: it has no {missing[0]}; choose the "
            "--network and --encoder that it was made for"
        )
    for each in found:
        if not image.fits(known[plain_name(each)], state[each]):
            _refuse(name, network, plain_name(each), known[plain_name(each)], each, state[each])
    tensors = {}
    for each, wanted in state.items():
        tensor = known.get(plain_name(each))
        if each not in head and tensor is not None and image.fits(tensor, wanted):
            tensors[each] = image.fitted(tensor, wanted)
    return Fit(tensors, "name", missing, known[plain_name(image.name)].shape[1])


def _require_order(
    source: Sequence[tuple[str, Tensor]],
    place: int,
    name: str,
    wanted: Tensor,
    image: _Image,
    file: str,
) -> None:
    if place >= len(source):
        raise MismatchError(
            f"{file} has {len(source)} tensors, too few for the network: the next would be {name}; "
            "choose the --network and --encoder that it was made for"
        )
    given, tensor = source[place]
    kinds = given.rpartition(".")[2], name.rpartition(".")[2]
    if kinds[0] != kinds[1] or not image.fits(tensor, wanted):
        _refuse(file, None, given, tensor, name, wanted)


def _refuse(
    file: str, network: nn.Module | None, given: str, tensor: Tensor, name: str, wanted: Tensor
) -> None:
    which = f" {type(network).__name__}" if network is not None else " by name or by order"
    raise MismatchError(
        f"{file} does not fit{which}: its {given} of {_size(tensor.shape)} should be {name} of "
        f"{_size(wanted.shape)}; choose the --network and --encoder that it was made for"
    )


def _size(shape: torch.Size) -> str:
    return " x ".join(str(each) for each in shape) or "one number"
