"""One picture of a result: the micrograph, and the same with its classes."""

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from emseg.errors import MismatchError
from emseg.micrograph import PICTURE_OF_RESULTS, LabelImage, Micrograph
from emseg.writing.display import (
    background_class,
    grey_picture,
    overlaid,
    shown_part,
    shown_size,
    veiled,
)
from emseg.writing.picture import Entry, Panel, compose, pixel_note, with_scale_bar
from emseg.writing.whole import whole_file

_LISTED = 12


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
    shown = shown_size(micrograph.size, micrograph.pixel_size, longest)
    plain = grey_picture(micrograph, shown)
    marked = veiled(overlaid(plain, labels), micrograph.size, labels.specimen)
    panels = (Panel(scaled(plain, micrograph)), Panel(marked))
    note = pixel_note(micrograph.pixel_size)
    write_picture(path, compose(micrograph.title, note, panels, area_legend(labels)))


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


def area_legend(labels: LabelImage) -> list[Entry]:
    """List the classes with their area fractions; of many, the most frequent ones.

    Fractions are of the labelled pixels; what is unlabelled is a fraction of the specimen.
    """
    counts = labels.counts()
    fractions = counts / max(1, counts.sum())
    listed = sorted(np.argsort(-counts, kind="stable")[:_LISTED])
    clear = background_class(labels)
    legend = []
    for k in listed:
        remark = " (left clear)" if k == clear else ""
        text = f"{labels.names[k]} {_percent(fractions[k])}{remark}"
        legend.append(Entry(text, labels.classes[k].colour))
    if len(listed) < len(counts):
        rest = fractions.sum() - fractions[listed].sum()
        legend.append(Entry(f"{len(counts) - len(listed)} more {_percent(rest)}", None))
    looked_at = labels.pixels[labels.specimen.slices] if labels.specimen else labels.pixels
    unlabelled = looked_at.size - counts.sum()
    if unlabelled:
        legend.append(Entry(f"unlabelled {_percent(unlabelled / looked_at.size)}", None))
    if labels.specimen:
        legend.append(Entry("hatched: no specimen, left out", None))
    return legend


def write_picture(path: Path, picture: Image.Image) -> None:
    """Write a picture as PNG, whole or not at all; it says that it is no micrograph."""
    said = PngInfo()
    said.add_text("Comment", PICTURE_OF_RESULTS)
    with whole_file(path) as temporary:
        picture.save(temporary, format="PNG", compress_level=4, pnginfo=said)


def _percent(fraction: float) -> str:
    """Write a fraction as a percentage that never rounds something to nothing."""
    if 0 < fraction < 0.0005:
        return "<0.1 %"
    if 0.9995 <= fraction < 1:
        return ">99.9 %"
    return f"{100 * fraction:.{0 if fraction in (0, 1) else 1}f} %"
