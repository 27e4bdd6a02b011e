"""A prediction and its reference as a `ComparedPair`: one size, the same classes in one order."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import LabelError, UnknownNameError
from emseg.evaluation.confusion import require_same_size, title_of
from emseg.evaluation.metric import ComparedPair, Objects
from emseg.micrograph import LabelClass, LabelImage, Region, label_dtype, unlabelled_value


def pair_up(
    name: str,
    prediction: LabelImage,
    reference: LabelImage,
    names: Sequence[str],
    probabilities: NDArray[Any] | None = None,
    objects: Objects = (None, None),
) -> ComparedPair:
    """Make a pair of two label images; their classes are matched by name.

    The information bar is left out of both; a reference may have been cut without it.

    Parameters
    ----------
    name : str
        Of the image in reports.
    prediction, reference : LabelImage
        Of one size, but for the bar. Their classes may stand in any order.
    names : sequence of str
        The K classes that are compared, in the order of the report.
    probabilities : array of float, shape (K', Y, X), optional
        Of the classes of the prediction, in its order.
    objects : pair of arrays of int, shape (Y, X), or None
        Numbers of objects in the files of prediction and reference.

    Raises
    ------
    MismatchError
        When the two differ in size.
    UnknownNameError
        When one of them has a class that is not among ``names``.
    LabelError
        When a pixel holds an index that is no class.
    """
    prediction, reference, region = _on_specimen(prediction, reference)
    require_same_size(prediction, reference)
    classes, size = _classes(names, prediction, reference), reference.pixels.shape
    if probabilities is not None:
        order = [prediction.names.index(each) if each in prediction.names else -1 for each in names]
        cut = probabilities if region is None else probabilities[:, *region.slices]
        known = np.array(order) >= 0
        if order != list(range(len(cut))):
            cut = np.where(known[:, None, None], cut[order], 0)
        probabilities = cut
    first, second = (None if each is None else _cut(each, region, size) for each in objects)
    sides = (_recoded(prediction, classes), _recoded(reference, classes))
    return ComparedPair(name, *sides, probabilities, (first, second))


def _on_specimen(
    prediction: LabelImage, reference: LabelImage
) -> tuple[LabelImage, LabelImage, Region | None]:
    """Leave the information bar out of both, and say what was kept of the prediction."""
    region = prediction.specimen
    if region is None:
        return prediction, reference, None
    cut = replace(prediction, pixels=prediction.pixels[region.slices], specimen=None)
    if reference.pixels.shape == region.size:
        return cut, reference, region
    if reference.pixels.shape != prediction.pixels.shape:
        return prediction, reference, None
    return cut, replace(reference, pixels=reference.pixels[region.slices], specimen=None), region


def _cut(plane: NDArray[Any], region: Region | None, size: tuple[int, ...]) -> NDArray[Any]:
    """Leave the information bar out of a plane, unless it was left out already."""
    return plane if region is None or plane.shape == size else plane[region.slices]


def _classes(names: Sequence[str], *images: LabelImage) -> tuple[LabelClass, ...]:
    """Find each class by its name, in the first image that has it."""
    found: dict[str, LabelClass] = {}
    for image in images:
        for each in image.classes:
            if each.name not in names:
                raise UnknownNameError("class", each.name, names)
            found.setdefault(each.name, each)
    return tuple(found.get(name, LabelClass(name, (0, 0, 0))) for name in names)


def _recoded(image: LabelImage, classes: tuple[LabelClass, ...]) -> LabelImage:
    """Write the indices of these classes in place of an image's own."""
    names = tuple(each.name for each in classes)
    count, own = len(image.classes), image.unlabelled
    dtype = label_dtype(len(names))
    values = np.iinfo(image.pixels.dtype).max + 1
    table = np.full(max(values, own + 1), unlabelled_value(len(names)), dtype=dtype)
    table[:count] = [names.index(each) for each in image.names]
    stray = (image.pixels >= count) & (image.pixels != own)
    if stray.any():
        raise LabelError(
            f"{title_of(image)} has {int(stray.sum())} pixels with an index that is none of its "
            f"{count} classes; the file is damaged, make it again"
        )
    is_same = image.names == names and image.pixels.dtype == dtype
    pixels = image.pixels if is_same else table[image.pixels]
    return replace(image, pixels=pixels, classes=classes, specimen=None)
