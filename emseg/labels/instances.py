"""Instance label images of other programs: every value but 0 is an object of its own."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import LabelError
from emseg.labels.evidence import LOSSY
from emseg.labels.probabilities import refuse_probabilities
from emseg.labels.whole_numbers import whole_numbers
from emseg.micrograph import Micrograph


@dataclass(frozen=True, slots=True)
class Instances:
    """The objects of an instance label image.

    Parameters
    ----------
    plane : array of an integer type, shape (Y, X)
        0 where there is no object, else the number that the object has in the file.
    unlabelled : array of bool, shape (Y, X), or None
        Where the file says that nobody looked; None when every pixel counts.
    """

    plane: NDArray[Any]
    unlabelled: NDArray[np.bool_] | None = None


def read_instances(mask: Micrograph, unlabelled: int | None = None) -> Instances:
    """Take every value but 0 as an object, as cellpose, StarDist and ilastik write them.

    Parameters
    ----------
    mask : Micrograph, shape (1, Y, X)
        Whole numbers of any type, 32 and 64 bits and floats included.
    unlabelled : int, optional
        The value of pixels that are neither object nor background.

    Raises
    ------
    LabelError
        When the values are colours, fractions or negative.
    """
    plane, nowhere = _whole_numbers(mask), None
    if unlabelled is not None:
        nowhere = plane == unlabelled
        plane = np.where(nowhere, 0, plane)
    if plane.size and plane.min() < 0:
        raise LabelError(
            f"the label image {_named(mask)} holds the value {plane.min()}, and objects are "
            f"numbered from 1; leave it out with --unlabelled {plane.min()}"
        )
    return Instances(plane, nowhere)


def _whole_numbers(mask: Micrograph) -> NDArray[Any]:
    refuse_probabilities(mask)
    if len(mask.pixels) != 1:
        raise LabelError(
            f"the label image {_named(mask)} has {len(mask.pixels)} channels; save the objects "
            "with one channel and one number each (16- or 32-bit TIFF)"
        )
    if mask.path and mask.path.suffix.lower() in LOSSY and len(np.unique(mask.pixels)) > 2:
        raise LabelError(
            f"the label image {mask.path} is a JPEG, which changes the numbers of objects; save it "
            "as 16- or 32-bit TIFF, or leave --instances out"
        )
    plane: NDArray[Any] = mask.pixels[0]
    if plane.dtype.kind == "b":
        raise LabelError(
            f"the label image {_named(mask)} has the type bool, which cannot number objects; save "
            "it as 16- or 32-bit TIFF with one number an object, or leave --instances out"
        )
    return whole_numbers(plane, f"the label image {_named(mask)}")


def _named(mask: Micrograph) -> object:
    return mask.path or mask.name
