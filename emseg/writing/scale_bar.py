"""The length of a scale bar that a reader can use."""

import math

_UNITS = ((1e6, "mm"), (1e3, "µm"), (1.0, "nm"), (1e-3, "pm"))
_SMALLEST_NM = 0.1


def scale_bar(pixel_size_nm: float, width_px: float) -> tuple[float, str]:
    """Length of a scale bar: 1, 2 or 5 times a power of ten, a tenth to a quarter of the width.

    Parameters
    ----------
    pixel_size_nm : float
        Width of a pixel of the picture in nm.
    width_px : float
        Width of the picture in pixels.

    Returns
    -------
    length_px : float
        Length of the bar in pixels of the picture.
    label : str
        The same length in words: ``"200 nm"``, ``"0.5 nm"``, ``"2 µm"``.

    Raises
    ------
    ValueError
        When a size is not positive and finite.
    """
    most = pixel_size_nm * width_px / 4
    if not (math.isfinite(most) and most > 0):
        raise ValueError(f"no scale bar for {width_px} pixels of {pixel_size_nm} nm")
    decade = 10.0 ** math.floor(math.log10(most))
    # the tolerance takes a width of exactly four bars for four bars
    length = max(step * decade for step in (0.5, 1, 2, 5) if step * decade <= most * (1 + 1e-9))
    return length / pixel_size_nm, _label(length)


def _label(length_nm: float) -> str:
    """Write the length with the unit that keeps the number short; tenths of nm stay nm."""
    factor, unit = next(
        (each for each in _UNITS if length_nm >= each[0] * (1 - 1e-9)),
        _UNITS[-1],
    )
    if _SMALLEST_NM * (1 - 1e-9) <= length_nm < 1:
        factor, unit = 1.0, "nm"
    return f"{length_nm / factor:.6g} {unit}"
