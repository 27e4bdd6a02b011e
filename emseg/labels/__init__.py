"""Mask values become classes: names, colours, and masks turned into label images."""

from emseg.labels.classes import (
    choose_classes,
    parse_labels,
    parse_names,
    parse_value,
    show_value,
    tell_alike,
)
from emseg.labels.colours import colour
from emseg.labels.masks import combine_masks, mask_values, to_label_image, values_of

__all__ = [
    "choose_classes",
    "colour",
    "combine_masks",
    "mask_values",
    "parse_labels",
    "parse_names",
    "parse_value",
    "show_value",
    "tell_alike",
    "to_label_image",
    "values_of",
]
