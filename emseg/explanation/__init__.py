"""What a trained model looks at: its filters and feature maps, and heat maps of a class."""

from emseg.explanation.agreement import rank_correlation
from emseg.explanation.explainer import Answer, Explainer, HeatMap, part_of
from emseg.explanation.importance import Importance
from emseg.explanation.layers import ExplainedLayer
from emseg.explanation.pieces import Features, Filters
from emseg.explanation.record import Figure, Record
from emseg.explanation.storing import write_arrays
