"""Objects, phases and sizes in physical units: arrays in, columns of numbers out."""

from emseg.measuring.fields import Density, Fraction, area_fraction, number_density
from emseg.measuring.measurement import measure_objects
from emseg.measuring.objects import find_objects
from emseg.measuring.phases import Phases, phase_areas
from emseg.measuring.scattered import Pieces, find_pieces
from emseg.measuring.sizes import SizeDistribution, border_weights, size_distribution
from emseg.measuring.splitting import DEPTH
from emseg.measuring.table import PERIMETER_ESTIMATOR, ObjectTable
