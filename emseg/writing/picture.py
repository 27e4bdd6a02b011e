"""Panels, legend and scale bar on one white page, drawn with Pillow."""

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from emseg.calibration import PixelSize
from emseg.writing.scale_bar import scale_bar

_INK, _GREY, _PAPER = (32, 32, 32), (120, 120, 120), (255, 255, 255)
_NARROWEST = 460
_WIDE, _VERY_WIDE = 1.5, 2.5  # width over height

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture of a page.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB; all panels of a page have the same size.
    title : str
        What stands above it; empty for nothing.
    """

    image: Image.Image
    title: str = ""


@dataclass(frozen=True, slots=True)
class PictureEntry:
    """One line of a legend.

    Parameters
    ----------
    text : str
        What the colour means.
    colour : tuple of int or None
        Red, green and blue; None draws a crossed box.
    """

    text: str
    colour: tuple[int, int, int] | None


def compose(
    header: str, note: str, panels: Sequence[Panel], legend: Sequence[PictureEntry]
) -> Image.Image:
    """Lay out panels with a header above and a legend below.

    ::

        header                  note
        title         title
        +----------+  +----------+
        |          |  |          |
        +----------+  +----------+
        # class a   # class b

    Wide panels stand in fewer columns.

    Parameters
    ----------
    header, note : str
        Top left, shortened when it is too long, and top right in grey.
    panels : sequence of Panel
        At least one.
    legend : sequence of PictureEntry
        Flows over as many lines as it needs.

    Returns
    -------
    PIL.Image.Image
        RGB on white.
    """
    page = _Page.around(panels)
    lines = list(_flowed(legend, page))
    titles = any(panel.title for panel in panels)
    rows = -(-len(panels) // page.columns)
    row_height = panels[0].image.height + page.gap + (page.line if titles else 0)
    top = page.gap + page.line
    height = top + rows * row_height + len(lines) * page.line + page.gap // 2
    canvas = Image.new("RGB", (page.width, height), _PAPER)
    draw = ImageDraw.Draw(canvas)
    _draw_header(draw, page, header, note)
    for index, panel in enumerate(panels):
        row, column = divmod(index, page.columns)
        x = page.left + column * (panel.image.width + page.gap)
        y = top + row * row_height
        if titles:
            title = _shortened(panel.title, page.font, max(panel.image.width, page.width // 3))
            draw.text((x, y), title, _INK, page.font)
            y += page.line
        canvas.paste(panel.image, (x, y))
    for number, line in enumerate(lines):
        y = top + rows * row_height + number * page.line
        for x, entry in line:
            _draw_entry(draw, page, (x, y), entry)
    return canvas


def with_scale_bar(image: Image.Image, nm_per_px: float) -> Image.Image:
    """Draw a scale bar into the lower left corner; an image too narrow for one stays as it is.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB.
    nm_per_px : float
        Width of a pixel of this picture in nm.

    Returns
    -------
    PIL.Image.Image
        A copy.
    """
    image = image.copy()
    length, label = scale_bar(nm_per_px, image.width)
    unit = max(1, min(image.size) // 200)
    font = font_of_size(max(11, min(26, image.width // 32, image.height // 6)))
    box = font.getbbox(label)
    text_width, text_height = int(box[2] - box[0]), int(box[3] - box[1])
    pad, bar = 3 * unit + 2, 2 * unit + 1
    width = max(round(length), text_width) + 2 * pad
    height = text_height + bar + 3 * pad
    if width + 2 * pad > image.width or height + 2 * pad > image.height:
        return image
    left, top = pad, image.height - height - pad
    shade = Image.new("RGBA", (width, height), (0, 0, 0, 150))
    image.paste(shade, (left, top), shade)
    draw = ImageDraw.Draw(image)
    middle = left + width / 2
    draw.text((middle - text_width / 2 - box[0], top + pad - box[1]), label, _PAPER, font)
    start, base = middle - length / 2, top + height - pad - bar
    draw.rectangle((round(start), base, round(start + length) - 1, base + bar - 1), _PAPER)
    return image


def pixel_note(pixel_size: PixelSize | None) -> str:
    """Say in a few words how large a pixel is."""
    if pixel_size is None:
        return "no pixel size"
    if pixel_size.is_square:
        return f"pixel {pixel_size.x_nm:.4g} nm"
    return f"pixel {pixel_size.y_nm:.4g} × {pixel_size.x_nm:.4g} nm (y, x)"


@dataclass(frozen=True, slots=True)
class _Page:
    """Measures of a page in pixels."""

    width: int
    left: int
    columns: int
    gap: int
    line: int
    font: _Font

    @classmethod
    def around(cls, panels: Sequence[Panel]) -> "_Page":
        """Choose columns and type size for panels of one size."""
        image = panels[0].image
        columns = _columns(len(panels), image.width / image.height)
        size = max(12, min(22, columns * image.width // 70))
        gap = size
        content = columns * image.width + (columns - 1) * gap
        width = max(content, _NARROWEST) + 2 * gap
        return cls(
            width, (width - content) // 2, columns, gap, round(size * 1.7), font_of_size(size)
        )


def _columns(count: int, aspect: float) -> int:
    """Panels in a row: all of them, half of them when wide, one when very wide."""
    if aspect > _VERY_WIDE:
        return 1
    if aspect > _WIDE and count > 2:
        return -(-count // 2)
    return count


@cache
def font_of_size(size: int) -> _Font:
    """DejaVu Sans, which has Greek and µ and comes with matplotlib, else Pillow's own font."""
    found = importlib.util.find_spec("matplotlib")
    if found is not None and found.origin is not None:
        path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.is_file():
            return ImageFont.truetype(str(path), size)
    return ImageFont.load_default(size)


def _draw_header(draw: ImageDraw.ImageDraw, page: _Page, header: str, note: str) -> None:
    """Header left, note right, never over each other."""
    y = page.gap // 2
    note_width = page.font.getlength(note)
    room = page.width - 3 * page.gap - note_width
    draw.text((page.gap, y), _shortened(header, page.font, room), _INK, page.font)
    draw.text((page.width - page.gap - note_width, y), note, _GREY, page.font)


def _draw_entry(
    draw: ImageDraw.ImageDraw, page: _Page, corner: tuple[int, int], entry: PictureEntry
) -> None:
    """Swatch and text of one line of the legend."""
    x, y = corner
    side = round(page.line * 0.55)
    box = (x, y + (page.line - side) // 2, x + side, y + (page.line + side) // 2)
    draw.rectangle(box, fill=entry.colour, outline=_GREY)
    if entry.colour is None:
        draw.line(box, _GREY)
    room = page.width - x - side - 2 * page.gap
    text = _shortened(entry.text, page.font, room)
    draw.text((x + round(side * 1.5), y + page.line / 2), text, _INK, page.font, anchor="lm")


def _flowed(
    legend: Sequence[PictureEntry], page: _Page
) -> Iterator[list[tuple[int, PictureEntry]]]:
    """Lines of the legend with the x of every entry."""
    line: list[tuple[int, PictureEntry]] = []
    x = page.gap
    for entry in legend:
        width = round(page.line * 0.55 * 1.5 + page.font.getlength(entry.text) + 1.5 * page.gap)
        if line and x + width > page.width:
            yield line
            line, x = [], page.gap
        line.append((x, entry))
        x += width
    if line:
        yield line


def _shortened(text: str, font: _Font, room: float) -> str:
    """Put the text on one line and leave its middle out when it is too long."""
    text = " ".join(text.encode("utf-8", "replace").decode().split())
    if font.getlength(text) <= room:
        return text
    for kept in range(len(text) - 1, 1, -1):
        head = -(-kept // 2)
        short = f"{text[:head]}…{text[len(text) - kept + head :]}"
        if font.getlength(short) <= room:
            return short
    return "…"
