"""Crops as a network learns from them: what augmentation makes of micrographs and labels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emseg.micrograph import LabelImage
from emseg.writing.display import overlaid
from emseg.writing.picture import Panel, PictureEntry, compose
from emseg.writing.previews import write_picture

CROPS = 16
_COLUMNS = 4
_SIDE, _GAP = 176, 6  # pixels of the picture
_DARKEST, _BRIGHTEST = -2.5, 2.5  # standard deviations from the mean, alike for all crops


def write_crops(
    path: Path,
    header: str,
    crops: Sequence[NDArray[np.float32]],
    labels: Sequence[LabelImage] = (),
) -> None:
    """Write a PNG with crops side by side, and once more with their labels.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    header : str
        What stands above.
    crops : sequence of array, shape (C, Y, X)
        Normalised; three channels are shown as red, green and blue, of others the first.
    labels : sequence of LabelImage, shape (Y, X)
        One a crop, of the same classes; none for a classifier.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    pictures = [_picture(each) for each in crops]
    panels = [Panel(_mosaic(pictures), "What it learns from" if labels else "")]
    legend = []
    if labels:
        marked = [overlaid(*each) for each in zip(pictures, labels, strict=True)]
        panels.append(Panel(_mosaic(marked), "with labels"))
        legend = [PictureEntry(each.name, each.colour) for each in labels[0].classes]
        if any((each.pixels == each.unlabelled).any() for each in labels):
            legend.append(PictureEntry("without a label: as the micrograph", None))
    write_picture(path, compose(header, "", panels, legend))


def crop_labels(classes: LabelImage, pixels: NDArray[np.int64]) -> LabelImage:
    """Give the labels of a crop the classes of a label image."""
    return replace(classes, pixels=pixels.astype(classes.pixels.dtype))


def _picture(crop: NDArray[np.float32]) -> Image.Image:
    shown = crop if len(crop) == 3 else np.repeat(crop[:1], 3, axis=0)
    grey = np.clip((shown - _DARKEST) / (_BRIGHTEST - _DARKEST), 0, 1)
    pixels = np.ascontiguousarray((255 * grey).round().astype(np.uint8).transpose(1, 2, 0))
    return Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)


def _mosaic(pictures: Sequence[Image.Image]) -> Image.Image:
    rows = -(-len(pictures) // _COLUMNS)
    step = _SIDE + _GAP
    sheet = Image.new("RGB", (_COLUMNS * step - _GAP, rows * step - _GAP), "white")
    for number, each in enumerate(pictures):
        row, column = divmod(number, _COLUMNS)
        sheet.paste(each, (column * step, row * step))
    return sheet
