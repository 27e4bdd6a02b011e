"""Networks by name: what there is, how it is built, what it needs."""

from emseg.networks.catalogue import NetworkSpec, build_network, check_network, network_names
from emseg.networks.traits import Traits, inspect_network
from emseg.networks.unet import UNet

__all__ = [
    "NetworkSpec",
    "Traits",
    "UNet",
    "build_network",
    "check_network",
    "inspect_network",
    "network_names",
]
