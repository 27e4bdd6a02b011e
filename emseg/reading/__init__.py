"""Files in: any microscope's file as a stack of micrographs.

`open_stack` opens one file, `list_planes` many, `match_pairs` finds the mask of each image,
`look_into` says what a file holds. `formats` is the one place that knows suffixes; ARCHITECTURE.md
draws what each sub-room does on the way.
"""

from emseg.reading.finding.classes import LabelledFile, class_folders, is_class_folder
from emseg.reading.finding.files import find_files
from emseg.reading.finding.own_results import NO_LABELS, NO_MICROGRAPHS
from emseg.reading.finding.pairs import match_pairs
from emseg.reading.finding.planes import Plane, chosen_files, list_planes, picked
from emseg.reading.options import AS_STORED, ReadOptions
from emseg.reading.signals.signal import SignalInfo
from emseg.reading.stacks.contents import FileContents, describe, look_into
from emseg.reading.stacks.ranges import ValueRange
from emseg.reading.stacks.stack import Stack, open_stack
