"""Masks as users have them, turned into label images."""

import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import LabelError, MismatchError
from emseg.labels.classes import MOST_COLOURS
from emseg.labels.probabilities import refuse_probabilities
from emseg.labels.whole_numbers import whole_numbers
from emseg.mask_values import show_value
from emseg.micrograph import (
    LabelClass,
    LabelImage,
    Micrograph,
    count_values,
    label_dtype,
    unlabelled_value,
)

_COLOUR_CODES = 1 << 24


def mask_plane(mask: Micrograph) -> NDArray[Any]:
    """Take the whole numbers of a mask, or one number a colour.

    Parameters
    ----------
    mask : Micrograph
        One channel of whole numbers, or red, green and blue in uint8 with few distinct colours.

    Returns
    -------
    array of an integer type, shape (Y, X)
        The colour #6da34d is 0x6da34d.

    Raises
    ------
    LabelError
        When the mask is a picture of many colours or holds no whole numbers.
    """
    refuse_probabilities(mask)
    if mask.pixels.shape[0] == 3 and mask.pixels.dtype == np.uint8:
        return _colours(mask)
    if mask.pixels.shape[0] != 1:
        raise LabelError(
            f"the mask {mask.path or mask.name} is a colour picture ({mask.pixels.shape[0]} "
            f"channels of {mask.pixels.dtype}); save it with one channel and one value a class "
            "(8-bit greyscale PNG), or as 8-bit RGB with one colour a class"
        )
    return whole_numbers(mask.pixels[0], f"the label image {mask.path or mask.name}")


def _colours(mask: Micrograph) -> NDArray[np.uint32]:
    """Give a mask that is painted in few colours one value a colour: #6da34d is 0x6da34d.

    The same colour is the same value in every mask, whichever colours it shows.
    """
    red, green, blue = (channel.astype(np.uint32) for channel in mask.array)
    plane: NDArray[np.uint32] = (red << 16) | (green << 8) | blue
    count = len(distinct_values(plane))
    if count > MOST_COLOURS:
        raise LabelError(
            f"the mask {mask.path or mask.name} is a colour picture ({count} colours), and a mask "
            f"has one colour a class, {MOST_COLOURS} at most: JPEG and smooth edges blur them; "
            "save it as PNG, best with one channel and one value a class"
        )
    return plane


def distinct_values(plane: NDArray[Any]) -> NDArray[Any]:
    """Distinct values of a plane, ascending; counted rather than sorted where they are few."""
    if plane.dtype == np.uint32 and plane.size and plane.max() < _COLOUR_CODES:
        seen = np.zeros(_COLOUR_CODES, bool)
        for row in plane:  # positions take 64 bits
            seen[row] = True
        return np.flatnonzero(seen)
    if plane.dtype.kind == "u" and plane.dtype.itemsize <= 2:
        return np.flatnonzero(count_values(plane))
    return np.unique(plane)


def to_label_image(
    mask: Micrograph, classes: tuple[LabelClass, ...], unlabelled: int | None = None
) -> LabelImage:
    """Turn a mask into class indices.

    Parameters
    ----------
    mask : Micrograph
        One channel of any integer dtype, bool, or float with whole numbers; or a colour mask,
        as `mask_plane` takes it.
    classes : tuple of LabelClass
        Their ``values`` say which mask value becomes which index.
    unlabelled : int, optional
        The mask value that belongs to no class.

    Returns
    -------
    LabelImage
        Indices 0..K-1, uint8 (uint16 above 254 classes); unlabelled pixels 255 (65535).

    Raises
    ------
    LabelError
        When the mask holds a value that no class has.
    """
    plane = mask_plane(mask)
    nothing = unlabelled_value(len(classes))
    index_of = {value: index for index, each in enumerate(classes) for value in each.values}
    if unlabelled is not None:
        index_of[unlabelled] = nothing
    values = distinct_values(plane)
    unknown = [int(value) for value in values if int(value) not in index_of]
    if unknown:
        part = float((plane == unknown[0]).mean())
        raise LabelError(_unknown(mask, unknown[0], part, classes))
    table = np.array([index_of[int(value)] for value in values], label_dtype(len(classes)))
    pixels = np.empty(plane.shape, table.dtype)
    for stored, indices in zip(plane, pixels, strict=True):  # a row: positions take 64 bits
        indices[:] = table[np.searchsorted(values, stored)]
    return LabelImage(pixels, classes, mask.name, mask.plane, mask.pixel_size)


def _unknown(mask: Micrograph, value: int, part: float, classes: Sequence[LabelClass]) -> str:
    """Say that a value that covers a part of a mask is no class, and what to do."""
    places = sorted((value, each.name) for each in classes for value in each.values)
    named = ", ".join(f"{show_value(value)}={name}" for value, name in places)
    way = f"name it with --labels or leave it, {part:.1%} of the mask, out with --unlabelled"
    if value == 0:  # the background of most masks, and seldom what nobody looked at
        way = (
            "say what each value of the masks is with --labels 0=NAME,...; only where nobody "
            f"looked at these {part:.1%} of the mask, leave them out with --unlabelled"
        )
    return (
        f"the mask {mask.path or mask.name} holds the value {show_value(value)}, which is no class "
        f"(known: {named}); {way} {shlex.quote(show_value(value))}"
    )


def combine_masks(
    masks: Sequence[Micrograph], classes: tuple[LabelClass, ...], unlabelled: int | None = None
) -> LabelImage:
    """Lay one binary mask a class over each other.

    Parameters
    ----------
    masks : sequence of Micrograph
        One a class from the second class on; every pixel above 0 is of that class.
    classes : tuple of LabelClass
        The first is the background; where masks overlap the later class wins.
    unlabelled : int, optional
        A value that means "not labelled" in any of the masks.

    Raises
    ------
    MismatchError
        When the masks differ in size.
    """
    nothing = unlabelled_value(len(classes))
    pixels = np.zeros(masks[0].size, label_dtype(len(classes)))
    for index, mask in enumerate(masks, start=1):
        if mask.size != masks[0].size:
            raise MismatchError(
                f"the masks {masks[0].path or masks[0].name} and {mask.path or mask.name} differ "
                f"in size ({masks[0].size[0]} x {masks[0].size[1]} and "
                f"{mask.size[0]} x {mask.size[1]}); all masks of a micrograph have its size"
            )
        plane = mask_plane(mask)
        pixels[plane > 0 if unlabelled is None else (plane > 0) & (plane != unlabelled)] = index
    if unlabelled is not None:
        for mask in masks:
            pixels[(mask_plane(mask) == unlabelled) & (pixels == 0)] = nothing
    return LabelImage(pixels, classes, masks[0].name, masks[0].plane, masks[0].pixel_size)
