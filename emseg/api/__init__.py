"""What ``import emseg`` offers: files and arrays in, label images, scores and tables out.

Functions that work on files take the options of their commands by name, do what those do, and
return what was found; nothing is printed. `load_model` and `measure_objects` work on what a program
holds. Options are said on the fields of the configurations, from which `help` takes them.
"""

import logging

from emseg.api.calls import compare, convert, evaluate, explain, measure, predict, train
from emseg.api.held import (
    Model,
    load_model,
    measure_objects,
    open,  # noqa: A004
    open_labels,
    write,
)
from emseg.calibration import PixelSize
from emseg.errors import EmsegError
from emseg.micrograph import LabelClass, LabelImage, Micrograph

__all__ = [
    "EmsegError",
    "LabelClass",
    "LabelImage",
    "Micrograph",
    "Model",
    "PixelSize",
    "compare",
    "convert",
    "evaluate",
    "explain",
    "load_model",
    "measure",
    "measure_objects",
    "open",
    "open_labels",
    "predict",
    "train",
    "write",
]

logging.getLogger("emseg").addHandler(logging.NullHandler())  # nothing is printed
