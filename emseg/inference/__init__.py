"""The prediction engine: micrographs in, label images or class probabilities out.

::

    files       Batch opens file after file                 results of each file, its Sinks
                  |                                                       ^
    preparing   Preparing.prepare -> Prepared                             |
                  |                                         answers   settled classes, objects
    segmenter   tiles -> TileJob                                          ^
                  |                                                       |
    engine      Engine asks in batches -> TileAnswer -> stitched -> Band, rows over the whole width
                  |          ^
    backends    Backend: torch, OpenVINO, ONNX Runtime; several of them, or turned tiles, as one

`plan` cuts tiles to the memory there is, `pipeline` lets reading, computing and writing overlap,
`classifier` is the same engine with another answer. `trials` tells of a prediction without making
one, `exporting` makes what backends read, `halo` measures what a tile must not keep.

Names are imported when they are first used, so that what needs no torch does not wait for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emseg.inference.backends.device import choose_device, device_name
    from emseg.inference.backends.threads import share_processor
    from emseg.inference.classifier import Classification, Classifier
    from emseg.inference.files.batch import Batch
    from emseg.inference.files.predicted import Predicted
    from emseg.inference.halo import measure_halo
    from emseg.inference.segmenter import Segmentation, Segmenter

_MODULES = {
    "files.batch": ("Batch",),
    "classifier": ("Classification", "Classifier"),
    "backends.device": ("choose_device", "device_name"),
    "halo": ("measure_halo",),
    "files.predicted": ("Predicted",),
    "segmenter": ("Segmentation", "Segmenter"),
    "backends.threads": ("share_processor",),
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name of this room when it is first used."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
