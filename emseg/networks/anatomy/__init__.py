"""What a network consists of: shapes, parameters, cost, memory and receptive field, by layer."""

from emseg.networks.anatomy.blank import blank_network
from emseg.networks.anatomy.summary import Anatomy, LayerSummary, anatomy_of
