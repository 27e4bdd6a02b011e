"""What ``import emseg`` offers: files and arrays in, label images, scores and tables out.

Functions that work on files take the options of their commands by name, do what those do, and
return what was found; nothing is printed. `load_model` and `measure_objects` work on what a program
holds. Options are said on the fields of the configurations, from which `help` takes them.
"""

import logging

from emseg.api.calls import compare as compare
from emseg.api.calls import convert as convert
from emseg.api.calls import evaluate as evaluate
from emseg.api.calls import explain as explain
from emseg.api.calls import measure as measure
from emseg.api.calls import predict as predict
from emseg.api.calls import train as train
from emseg.api.held import Model as Model
from emseg.api.held import load_model as load_model
from emseg.api.held import measure_objects as measure_objects
from emseg.api.held import open as open  # noqa: A004 - emseg.open
from emseg.api.held import open_labels as open_labels
from emseg.api.held import write as write
from emseg.calibration import PixelSize as PixelSize
from emseg.errors import EmsegError as EmsegError
from emseg.micrograph import LabelClass as LabelClass
from emseg.micrograph import LabelImage as LabelImage
from emseg.micrograph import Micrograph as Micrograph

logging.getLogger("emseg").addHandler(logging.NullHandler())  # nothing is printed
