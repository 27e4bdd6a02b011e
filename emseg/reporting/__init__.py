"""Pictures of how a training went and how good a result is."""

from emseg.reporting.comparison import write_comparison
from emseg.reporting.confusion import write_confusion
from emseg.reporting.curves import write_curves

__all__ = ["write_comparison", "write_confusion", "write_curves"]
