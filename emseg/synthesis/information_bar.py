"""The bar at the bottom of an SEM image: settings in letters, and a scale bar."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_SETTINGS = "HV 10.0 kV   WD 4.9 mm   SE2"
_MORE = "Mag 25.00 K X   Date 3 Mar 2021   File a_04.tif"
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class BarStyle:
    """How a maker draws the bar.

    Parameters
    ----------
    ground, ink : int
        Grey levels, 0 to 255.
    has_line : bool
        Whether a line of ink divides it from the specimen.
    has_fields : bool
        Whether lines of ink divide it into fields.
    rows : int
        Rows of text, 1 or 2.
    letters_px : int
        Size of smooth letters; 0 for a small font of black and white pixels.
    """

    ground: int = 20
    ink: int = 240
    has_line: bool = True
    has_fields: bool = False
    rows: int = 1
    letters_px: int = 0


def information_bar(
    size: tuple[int, int], pixel_size_nm: float, style: BarStyle | None = None
) -> NDArray[np.uint8]:
    """Draw the bar.

    ::

        +--------------------------------------------+
        | HV 10.0 kV  WD 4.9 mm  SE2     |---| 500 nm |
        +--------------------------------------------+

    Parameters
    ----------
    size : tuple of int
        Height and width in pixels; a height of 0 gives no rows.
    pixel_size_nm : float
        Width of a pixel in nm.
    style : BarStyle or None
        None draws white on black with a line above.

    Returns
    -------
    array of uint8, shape ``size``
        What does not fit is cut off.
    """
    height, width = size
    if height == 0:
        return np.zeros(size, np.uint8)
    style = style or BarStyle()
    font = _font(style)
    picture = Image.new("L", (width, height), style.ground)
    draw = ImageDraw.Draw(picture)
    if style.has_line:
        draw.line((0, 0, width, 0), fill=style.ink)
    rows = np.linspace(0, height, 2 * style.rows + 1)[1::2].astype(int)
    left = _draw_scale_bar(draw, size, pixel_size_nm, style, font)
    rise = 6 if style.letters_px == 0 else round(0.6 * style.letters_px)
    for middle, text in zip(rows, (_SETTINGS, _MORE), strict=False):
        _draw_text(draw, (6, max(0, int(middle) - rise)), text, left - 8, style.ink, font)
    if style.has_fields:
        for at in (0, left - 4, width - 1):
            draw.line((at, 0, at, height), fill=style.ink)
    return np.asarray(picture)


def scale_bar_nm(most_nm: float) -> float:
    """Longest of the lengths 1, 2, 5, 10, 20, 50... nm that is no longer than ``most_nm``."""
    decade = 10.0 ** math.floor(math.log10(most_nm))
    return max(step * decade for step in (0.5, 1, 2, 5) if step * decade <= most_nm)


def _draw_scale_bar(
    draw: ImageDraw.ImageDraw,
    size: tuple[int, int],
    pixel_size_nm: float,
    style: BarStyle,
    font: _Font,
) -> int:
    """Draw the scale bar and its length to the right; give back where it begins."""
    height, width = size
    length_nm = scale_bar_nm(0.22 * width * pixel_size_nm)
    length = round(length_nm / pixel_size_nm)
    text = f"{length_nm / 1000:g} um" if length_nm >= 1000 else f"{length_nm:g} nm"
    middle = height // 2
    rise = 6 if style.letters_px == 0 else round(0.6 * style.letters_px)
    right = width - 8 - round(font.getlength(text))
    left = right - 6 - length
    draw.text((right, max(0, middle - rise)), text, fill=style.ink, font=font)
    draw.rectangle((left, middle - 1, left + length - 1, middle + 1), fill=style.ink)
    for end in (left, left + length - 1):
        draw.line((end, middle - 5, end, middle + 5), fill=style.ink)
    return left


def _draw_text(
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    text: str,
    room: int,
    ink: int,
    font: _Font,
) -> None:
    """Draw as many of the settings as fit."""
    if room <= font.getlength(text[:10]):
        return
    shown = next(each for each in (text, text[:24], text[:10]) if font.getlength(each) < room)
    draw.text(corner, shown, fill=ink, font=font)


def _font(style: BarStyle) -> _Font:
    if style.letters_px:
        return ImageFont.load_default(style.letters_px)
    return ImageFont.load_default_imagefont()  # a bitmap: the same pixels everywhere
