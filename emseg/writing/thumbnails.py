"""Small pictures of micrographs, and a page that shows them all."""

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from emseg.calibration import PixelSize
from emseg.micrograph import LabelImage, Micrograph
from emseg.writing.display import colour_table, grey_picture, painted, shown_size
from emseg.writing.previews import scaled, write_picture
from emseg.writing.whole import whole_file

LONGEST = 512
"""Longer side of a thumbnail in pixels."""

_LEAST = 192
_SLIMMEST = 10  # height over width of a pixel, or the reverse, that is drawn as it is


def write_thumbnail(path: Path, micrograph: Micrograph, labels: LabelImage | None = None) -> None:
    """Write a PNG of a micrograph with its contrast stretched, and a scale bar if it has a scale.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    micrograph : Micrograph, shape (C, Y, X)
        Any dtype. Three channels are shown as red, green and blue, of others the first.
    labels : LabelImage or None
        Shows the colours of its classes in place of grey levels.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    if not _can_be_drawn(micrograph.pixel_size):
        micrograph = replace(micrograph, pixel_size=None)
    shown = shown_size(micrograph.size, micrograph.pixel_size, LONGEST, _LEAST)
    if labels is None:
        picture = grey_picture(micrograph, shown)
    else:
        page = Image.new("RGBA", (shown[1], shown[0]), "white")
        tint = painted(labels.pixels, colour_table(labels), shown)
        picture = Image.alpha_composite(page, tint).convert("RGB")
    write_picture(path, scaled(picture, micrograph))


def _can_be_drawn(size: PixelSize | None) -> bool:
    """Whether pixels in true proportions leave more than a line: a time axis is no length."""
    return size is None or 1 / _SLIMMEST <= size.y_nm / size.x_nm <= _SLIMMEST


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """One picture of a page of thumbnails.

    Parameters
    ----------
    picture : str
        Where it lies, relative to the page.
    title : str
        What it shows.
    lines : tuple of str
        What else there is to say.
    """

    picture: str
    title: str
    lines: tuple[str, ...]


def write_contact_sheet(path: Path, exhibits: Sequence[Thumbnail]) -> None:
    """Write an HTML page of thumbnails that opens without a network.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    exhibits : sequence of Thumbnail
        In the order of the page.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    figures = "\n".join(map(_figure, exhibits))
    with whole_file(path) as temporary:
        temporary.write_text(_PAGE.format(figures=figures), encoding="utf-8", errors="replace")


def _figure(exhibit: Thumbnail) -> str:
    source = quote(exhibit.picture, errors="surrogateescape")
    title = html.escape(exhibit.title)
    lines = "".join(f"<br>{html.escape(line)}" for line in exhibit.lines)
    return (
        f'<figure><a href="{source}"><img src="{source}" alt="{title}" loading="lazy"></a>'
        f"<figcaption><b>{title}</b>{lines}</figcaption></figure>"
    )


_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Micrographs</title>
<style>
body {{ margin: 2rem; font: 14px/1.4 system-ui, sans-serif; color: #202020; background: #fff;
  display: grid; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); gap: 2rem 1.5rem; }}
figure {{ margin: 0; }}
img {{ display: block; width: 100%; height: 16rem; object-fit: contain; background: #f2f2f2; }}
figcaption {{ margin-top: .4rem; color: #666; overflow-wrap: anywhere; }}
b {{ color: #202020; }}
</style>
{figures}
</html>
"""
