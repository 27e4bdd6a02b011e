"""The bar at the bottom of an SEM image: settings in letters, and a scale bar."""

import math

import numpy as np
from numpy.typing import NDArray

_SETTINGS = "HV 10.0 kV   WD 4.9 mm   SE2"
_BACKGROUND, _INK = 20, 240


def information_bar(size: tuple[int, int], pixel_size_nm: float) -> NDArray[np.uint8]:
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

    Returns
    -------
    array of uint8, shape ``size``
        What does not fit is cut off.
    """
    from PIL import Image, ImageDraw, ImageFont

    height, width = size
    if height == 0:
        return np.zeros(size, np.uint8)
    picture = Image.new("L", (width, height), _BACKGROUND)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default_imagefont()  # a bitmap: the same pixels everywhere
    length_nm = scale_bar_nm(0.22 * width * pixel_size_nm)
    length = round(length_nm / pixel_size_nm)
    text = f"{length_nm / 1000:g} um" if length_nm >= 1000 else f"{length_nm:g} nm"
    middle, baseline = height // 2, max(0, height // 2 - 6)
    right = width - 8 - round(font.getlength(text))
    left = right - 6 - length
    draw.line((0, 0, width, 0), fill=_INK)
    draw.text((right, baseline), text, fill=_INK, font=font)
    draw.rectangle((left, middle - 1, left + length - 1, middle + 1), fill=_INK)
    for end in (left, left + length - 1):
        draw.line((end, middle - 5, end, middle + 5), fill=_INK)
    if left - 8 > font.getlength(_SETTINGS[:10]):
        room = next(
            each
            for each in (_SETTINGS, _SETTINGS[:24], _SETTINGS[:10])
            if font.getlength(each) < left - 8
        )
        draw.text((6, baseline), room, fill=_INK, font=font)
    return np.asarray(picture)


def scale_bar_nm(most_nm: float) -> float:
    """Longest of the lengths 1, 2, 5, 10, 20, 50... nm that is no longer than ``most_nm``."""
    decade = 10.0 ** math.floor(math.log10(most_nm))
    return max(step * decade for step in (0.5, 1, 2, 5) if step * decade <= most_nm)
