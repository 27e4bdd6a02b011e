"""How sure a number is: intervals by resampling the independent unit, and a paired comparison."""

from emseg.evaluation.confidence.blocks import BLOCK, blocks
from emseg.evaluation.confidence.comparison import Difference, adjusted, compare, holm
from emseg.evaluation.confidence.intervals import FEW, Interval, intervals
from emseg.evaluation.confidence.units import IMAGE, RULES, Units, UnitSource, group_images, remark
