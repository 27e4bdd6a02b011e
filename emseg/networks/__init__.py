"""Networks by name: what there is, how it is built, what it needs.

Names are imported when they are first used, so that the catalogue is read without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emseg.networks.building import build_network
    from emseg.networks.catalogue import check_network, find_entry, network_names, with_image_size
    from emseg.networks.entries import FOREST
    from emseg.networks.options import options_of
    from emseg.networks.sizes import check_images, smallest_size
    from emseg.networks.spec import NetworkSpec
    from emseg.networks.traits import inspect_network
    from emseg.networks.unet import UNet
    from emseg.networks.usual import AUTO, Usual, forest_encoder, usual_network

_MODULES = {
    "building": ("build_network",),
    "catalogue": ("check_network", "find_entry", "network_names", "with_image_size"),
    "entries": ("FOREST",),
    "options": ("options_of",),
    "sizes": ("check_images", "smallest_size"),
    "spec": ("NetworkSpec",),
    "traits": ("inspect_network",),
    "unet": ("UNet",),
    "usual": ("AUTO", "Usual", "forest_encoder", "usual_network"),
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name of this room when it is first used."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
