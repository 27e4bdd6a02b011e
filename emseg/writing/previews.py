"""One picture of a result: the micrograph, and the same with its classes."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from emseg.errors import MismatchError
from emseg.micrograph import (
    PICTURE_OF_RESULTS,
    LabelClass,
    LabelImage,
    Micrograph,
    Region,
    count_classes,
    label_dtype,
)
from emseg.pixels import row_bands
from emseg.writing.content import without_pixels
from emseg.writing.display import (
    background_class,
    overlaid,
    shown_part,
    shown_size,
    stretched,
    veiled,
)
from emseg.writing.picture import Panel, PictureEntry, compose, pixel_note, with_scale_bar
from emseg.writing.reduction import BlockMeans, Picked, block_means_size, oversampled
from emseg.writing.whole import whole_file

_LISTED = 12
_STRETCHED = 6  # copies of the averaged pixels that a stretch of their contrast makes
_PAINTED = 12  # bytes of a pixel that is painted: its class, and its colours twice


def write_preview(
    path: Path, micrograph: Micrograph, labels: LabelImage, *, longest: int = 1024
) -> None:
    """Write a PNG with the micrograph and its classes side by side.

    Left the micrograph with a scale bar, right the same under the colours of its classes; below,
    the classes with their share of the labelled area. What is no specimen is hatched. The pixels
    have their true proportions.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    micrograph : Micrograph, shape (C, Y, X)
        Any dtype.
    labels : LabelImage, shape (Y, X)
        Its classes.
    longest : int
        Longer side of each panel in pixels.

    Raises
    ------
    MismatchError
        When the two differ in size.
    NotWritableError, StorageError
        When the file cannot be written.
    """
    if micrograph.size != labels.pixels.shape:
        raise MismatchError(
            f"{path}: the micrograph {micrograph.title} has {micrograph.size} pixels (y, x) and "
            f"its labels {labels.pixels.shape}; give labels of the same size"
        )
    preview = Preview(micrograph, labels.classes, specimen=labels.specimen, longest=longest)
    for top, band in row_bands(micrograph.pixels):
        preview.put(band, labels.pixels[top : top + band.shape[1]])
    preview.write(path)


def preview_bytes(micrograph: Micrograph, longest: int = 1024) -> int:
    """Memory that a preview takes while it is drawn, in bytes; no pixel is looked at."""
    size = micrograph.size
    shown = shown_size(size, micrograph.pixel_size, longest)
    averaged = math.prod(block_means_size(size, shown))
    colours = 3 if len(micrograph.pixels) == 3 else 1
    precision = 8 if micrograph.pixels.dtype.itemsize > 2 else 4
    picked = math.prod(oversampled(size, shown))
    return _STRETCHED * colours * precision * averaged + _PAINTED * picked


class Preview:
    """The picture of `write_preview` from bands of rows; holds as much as it shows.

    Parameters
    ----------
    micrograph : Micrograph
        Says how large it is and how it is calibrated; its pixels are neither looked at nor kept.
    classes : tuple of LabelClass
        What the labels mean, in card order.
    specimen : Region or None
        The part that was labelled; None when all of it was.
    longest : int
        Longer side of each panel in pixels.
    """

    def __init__(
        self,
        micrograph: Micrograph,
        classes: tuple[LabelClass, ...],
        *,
        specimen: Region | None = None,
        longest: int = 1024,
    ) -> None:
        self._micrograph = without_pixels(micrograph)
        self._classes, self._specimen = classes, specimen
        self._shown = shown_size(micrograph.size, micrograph.pixel_size, longest)
        shape, dtype = micrograph.pixels.shape, micrograph.pixels.dtype
        self._means = BlockMeans(shape, dtype, self._shown)
        fine = oversampled(micrograph.size, self._shown)
        self._picked = Picked(micrograph.size, label_dtype(len(classes)), fine)
        self._counts = np.zeros(len(classes), np.int64)
        self._rows = 0

    def put(self, pixels: NDArray[Any], labels: NDArray[Any]) -> None:
        """Take the next rows, top to bottom.

        Parameters
        ----------
        pixels : array, shape (C, rows, X)
            Intensities in the type of the micrograph.
        labels : array of uint8 or uint16, shape (rows, X)
            Class indices, or the unlabelled value.

        Raises
        ------
        MismatchError
            When the two differ in size, or do not fit into the micrograph.
        """
        left = self._micrograph.size[0] - self._rows
        if pixels.shape[1:] != labels.shape or len(labels) > left:
            raise MismatchError(
                f"{self._micrograph.title}: bands of {pixels.shape[1:]} pixels (y, x) and "
                f"{labels.shape} labels, where {left} rows are left; give bands of the same size"
            )
        self._means.put(pixels)
        self._picked.put(labels)
        self._counts += count_classes(labels, len(self._classes))
        self._rows += len(labels)

    def write(self, path: Path) -> None:
        """Draw what came, and write it as PNG.

        Raises
        ------
        MismatchError
            When rows are missing.
        NotWritableError, StorageError
            When the file cannot be written.
        """
        micrograph = self._micrograph
        if self._rows != micrograph.size[0]:
            raise MismatchError(
                f"{path}: the preview of {micrograph.title} ended after {self._rows} of "
                f"{micrograph.size[0]} rows; check that the micrograph is complete"
            )
        labels = LabelImage(
            self._picked.values, self._classes, micrograph.name, specimen=self._specimen
        )
        plain = stretched(self._means.means, micrograph, self._shown)
        marked = veiled(overlaid(plain, labels), micrograph.size, self._specimen)
        panels = (Panel(scaled(plain, micrograph)), Panel(marked))
        looked_at = self._specimen.size if self._specimen else micrograph.size
        legend = area_legend(labels, self._counts, math.prod(looked_at))
        note = pixel_note(micrograph.pixel_size)
        write_picture(path, compose(micrograph.title, note, panels, legend))


def scaled(picture: Image.Image, micrograph: Micrograph) -> Image.Image:
    """Draw the scale bar over the specimen of a picture, if its pixel size is known."""
    if micrograph.pixel_size is None:
        return picture
    nm_per_px = micrograph.pixel_size.x_nm * micrograph.size[1] / picture.width
    if micrograph.specimen is None:
        return with_scale_bar(picture, nm_per_px)
    picture, box = picture.copy(), shown_part(picture, micrograph.size, micrograph.specimen)
    picture.paste(with_scale_bar(picture.crop(box), nm_per_px), box)
    return picture


def area_legend(
    labels: LabelImage, counts: NDArray[np.int64], looked_at: int
) -> list[PictureEntry]:
    """List the classes with their area fractions; of many, the most frequent ones.

    Parameters
    ----------
    labels : LabelImage
        In any size: its classes and its specimen are looked at.
    counts : array of int, shape (K,)
        Pixels of each class. Fractions are of all of these.
    looked_at : int
        Pixels of the specimen; what of them is unlabelled is a fraction of them.
    """
    fractions = counts / max(1, counts.sum())
    listed = sorted(np.argsort(-counts, kind="stable")[:_LISTED])
    clear = background_class(labels)
    legend = []
    for k in listed:
        remark = " (left clear)" if k == clear else ""
        text = f"{labels.names[k]} {_percent(fractions[k])}{remark}"
        legend.append(PictureEntry(text, labels.classes[k].colour))
    if len(listed) < len(counts):
        rest = fractions.sum() - fractions[listed].sum()
        legend.append(PictureEntry(f"{len(counts) - len(listed)} more {_percent(rest)}", None))
    unlabelled = looked_at - counts.sum()
    if unlabelled:
        legend.append(PictureEntry(f"unlabelled {_percent(unlabelled / looked_at)}", None))
    if labels.specimen:
        legend.append(PictureEntry("hatched: no specimen, left out", None))
    return legend


def write_picture(path: Path, picture: Image.Image) -> None:
    """Write a picture as PNG, whole or not at all; it says that it is no micrograph."""
    said = PngInfo()
    said.add_text("Comment", PICTURE_OF_RESULTS)
    with whole_file(path) as temporary:
        picture.save(temporary, format="PNG", compress_level=2, pnginfo=said)


def _percent(fraction: float) -> str:
    """Write a fraction as a percentage that never rounds something to nothing."""
    if 0 < fraction < 0.0005:
        return "<0.1 %"
    if 0.9995 <= fraction < 1:
        return ">99.9 %"
    return f"{100 * fraction:.{0 if fraction in (0, 1) else 1}f} %"
