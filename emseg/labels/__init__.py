"""Mask values become classes: names, colours, and masks turned into label images."""

from emseg.labels.classes import choose_classes
from emseg.labels.colours import colour
from emseg.labels.judgement import Judgement, judge, judge_layer, judged_alike, tell_left_out
from emseg.labels.mask_set import Said
from emseg.labels.masks import combine_masks, mask_values, to_label_image
from emseg.labels.overlaps import MaskOverlaps
from emseg.labels.probabilities import refuse_probabilities

__all__ = [
    "Judgement",
    "MaskOverlaps",
    "Said",
    "choose_classes",
    "colour",
    "combine_masks",
    "judge",
    "judge_layer",
    "judged_alike",
    "mask_values",
    "refuse_probabilities",
    "tell_left_out",
    "to_label_image",
]
