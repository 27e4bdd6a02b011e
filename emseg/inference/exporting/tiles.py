"""Tiles of a user's micrographs, as a network sees them in a prediction."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.bundle import ModelCard
from emseg.inference.exporting.int8 import LabelledTile
from emseg.inference.exporting.reference import side_of
from emseg.inference.preparing import Preparing
from emseg.intensity import normalise
from emseg.micrograph import LabelImage, Micrograph

_NONE = -1  # the class of pixels that no mask knows


def tiles_of(
    card: ModelCard,
    preparing: Preparing,
    micrograph: Micrograph,
    mask: LabelImage | None,
    most: int,
    rng: np.random.Generator,
) -> Iterator[LabelledTile]:
    """Cut some tiles out of a micrograph, brought to the model's channels, pixel size and scale.

    Parameters
    ----------
    card : ModelCard
        Of the model.
    preparing : Preparing
        Of the same model.
    micrograph : Micrograph
        As it was read.
    mask : LabelImage or None
        Of the same height and width; its classes are those of the card, in any order.
    most : int
        How many tiles, of all that lie side by side.
    rng : Generator
        Chooses them.
    """
    seen, statistics = preparing.measured(micrograph)
    side = side_of(card)
    labels = None if mask is None else _classes(card, micrograph, mask, seen.size)
    places = [(y, x) for y in _starts(seen.size[0], side) for x in _starts(seen.size[1], side)]
    for number in sorted(rng.permutation(len(places))[:most]):
        y, x = places[number]
        rows, columns = slice(y, y + side), slice(x, x + side)
        values = normalise(seen.pixels[:, rows, columns], statistics, card.intensity)
        margins = [(0, side - length) for length in values.shape[1:]]
        image = np.pad(values, [(0, 0), *margins], mode="symmetric")
        of_image = None
        if labels is not None:
            of_image = np.pad(labels[rows, columns], margins, constant_values=_NONE)
        yield LabelledTile(image, of_image)


def _starts(length: int, side: int) -> range:
    """Where tiles begin that lie side by side; what is left at the end is left out."""
    return range(0, max(1, length - side + 1), side)


def _classes(
    card: ModelCard, micrograph: Micrograph, mask: LabelImage, size: tuple[int, int]
) -> NDArray[Any]:
    """Give each pixel that shows the specimen its index in the card, shape ``size``."""
    names = [each.name for each in card.classes]
    index = np.full(int(mask.pixels.max()) + 1, _NONE)
    for number, each in enumerate(mask.classes[: len(index)]):
        index[number] = names.index(each.name)
    labels = index[mask.pixels]
    if micrograph.specimen is not None:
        labels = labels[micrograph.specimen.slices]
    places = (
        (np.arange(new) * (old / new)).astype(int)
        for new, old in zip(size, labels.shape, strict=True)
    )
    nearest: NDArray[Any] = labels[np.ix_(*places)]
    return nearest
