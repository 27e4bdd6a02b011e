"""Mask values become classes: names, colours, and masks turned into label images."""

from emseg.labels.classes import choose_classes
from emseg.labels.colours import colour
from emseg.labels.judgement import Judgement, judge, judge_layer, judged_alike, tell_left_out
from emseg.labels.mask_set import Said
from emseg.labels.masks import combine_masks, to_label_image
from emseg.labels.overlaps import MaskOverlaps
from emseg.labels.probabilities import refuse_probabilities
