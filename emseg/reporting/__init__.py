"""Pictures of how a training went and how good a result is."""

from emseg.reporting.comparison import write_comparison
from emseg.reporting.crops import CROPS, crop_labels, write_crops
from emseg.reporting.curves import write_curves
from emseg.reporting.heat import write_heat
from emseg.reporting.importance import write_importance
from emseg.reporting.range_test import write_range_test
from emseg.reporting.sheets import write_features, write_filters
