"""The prediction engine: micrographs in, label images or class probabilities out.

Names are imported when they are first used, so that what needs no torch does not wait for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emseg.inference.batch import Batch
    from emseg.inference.classifier import Classification, Classifier
    from emseg.inference.device import choose_device, device_name
    from emseg.inference.halo import measure_halo
    from emseg.inference.outcomes import FileOutcome
    from emseg.inference.segmenter import Segmentation, Segmenter
    from emseg.inference.threads import share_processor

_MODULES = {
    "batch": ("Batch",),
    "classifier": ("Classification", "Classifier"),
    "device": ("choose_device", "device_name"),
    "halo": ("measure_halo",),
    "outcomes": ("FileOutcome",),
    "segmenter": ("Segmentation", "Segmenter"),
    "threads": ("share_processor",),
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Batch",
    "Classification",
    "Classifier",
    "FileOutcome",
    "Segmentation",
    "Segmenter",
    "choose_device",
    "device_name",
    "measure_halo",
    "share_processor",
]


def __getattr__(name: str) -> Any:
    """Import a name of this room when it is first used."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
