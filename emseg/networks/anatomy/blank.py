"""Networks without numbers: shapes only, on the device ``meta`` of PyTorch."""

import copy

import torch
from torch import Tensor, nn

from emseg.networks.building import build_network
from emseg.networks.spec import NetworkSpec


def blank_network(spec: NetworkSpec) -> nn.Module:
    """Build a network whose weights have no values, in no time and no memory.

    Raises
    ------
    EmsegError
        Whatever `build_network` refuses.
    """
    try:
        with torch.device("meta"):
            return build_network(spec)
    except Exception:  # some compute numbers while they are built, which needs values
        return build_network(spec).to("meta")


def emptied(network: nn.Module, device: str = "meta") -> nn.Module:
    """Copy a network with zeros for weights; on the device ``meta`` they take no memory."""
    blanks: dict[int, object] = {}
    for weight in network.parameters():
        zeros = torch.zeros_like(weight, device=device)
        blanks[id(weight)] = nn.Parameter(zeros, requires_grad=weight.requires_grad)
    for buffer in network.buffers():
        blanks[id(buffer)] = torch.zeros_like(buffer, device=device)
    return copy.deepcopy(network, blanks)


def weights_of(network: nn.Module) -> list[Tensor]:
    """List parameters and buffers."""
    return [*network.parameters(), *network.buffers()]
