"""A model made ready for runtimes that need no torch: exported, compared, and only then kept."""

from emseg.inference.exporting.float32 import export_model
from emseg.inference.exporting.int8 import LabelledTile, quantise_model
from emseg.inference.exporting.reference import stand_in
