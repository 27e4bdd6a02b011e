"""Whether a pixel size can be that of this picture; every reader asks here.

What a file says was often said about another picture: tags are copied when one is cropped,
reduced or cut into pieces. A size that is taken for known and is wrong spoils every table, an
unknown one costs an option: what does not fit is not taken, and a notice says so.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from math import isclose

from emseg.calibration import PixelSize
from emseg.reading.signals.signal import OpenFile, Shared, Signal

_MORE = "the pixel sizes of {} more do not fit their pictures either and are not taken"
_SAY = "--pixel-size says what it is"
_THICKEST_BAR = 0.35  # of the height of the file; more is no information bar
_FINEST_NM, _COARSEST_NM = 1e-3, 1e6  # 1 pm and 1 mm a pixel: no electron microscope is beyond
_MOST_ANISOTROPIC = 10.0
_ALIKE = 1e-3  # share by which the pixel sizes of planes may differ
_INCH_NM = 25.4e6
_PRINTED = (72, 75, 90, 96, 100, 120, 144, 150, 180, 200, 220, 240, 300, 350, 360, 400, 600, 1200)
_SCANNED = (1600, 2000, 2400, 2700, 2820, 3000, 3200, 4000, 4800, 5400, 6400, 7200, 8000, 9600)

Size = tuple[int, int]
"""Height and width in pixels."""


class SizeNotice(Shared):
    """Why a pixel size is not taken; of no interest where the user says one."""

    __slots__ = ()

    def __new__(cls, line: str) -> "SizeNotice":
        """Make the line."""
        return super().__new__(cls, line, _MORE)


def misfit(
    size: Size, stated: tuple[int | None, int | None], who: str, *, with_bar: bool = True
) -> SizeNotice | None:
    """Say that what gives a pixel size speaks of another picture.

    Parameters
    ----------
    size : tuple of int
        Height and width of the picture.
    stated : tuple of int or None
        Height and width of the picture that it was said about, as far as it says.
    who : str
        Who says so: ``"the FEI tags"``, ``"a.txt"``.
    with_bar : bool
        Whether an information bar may make the picture higher than the scan, or may have been
        cut off.

    Returns
    -------
    SizeNotice or None
        None when it fits.
    """
    (height, width), (high, wide) = size, stated
    are = "are" if who.endswith("s") else "is"
    if wide is not None and wide != width:
        found, other, how = width, wide, "wide"
    elif high is not None and not _fits(height, high, with_bar=with_bar):
        found, other, how = height, high, "high"
    else:
        return None
    return SizeNotice(
        f"is {found} pixels {how} and {who} {are} about a picture of {other}: that pixel size "
        f"is not taken; {_SAY}"
    )


def _fits(height: int, stated: int, *, with_bar: bool) -> bool:
    """Whether one height is that of the scan, and the other that with its bar."""
    most = _THICKEST_BAR * max(height, stated) if with_bar else 0
    return abs(height - stated) <= most


def rows_cut(size: Size, stated: tuple[int | None, int | None], who: str) -> SizeNotice | None:
    """Say that rows are missing, as where the information bar was cut off; None when none are.

    Parameters are those of `misfit`, which says nothing of it.
    """
    (height, _), (high, _) = size, stated
    if high is None or high <= height:
        return None
    are = "are" if who.endswith("s") else "is"
    return SizeNotice(
        f"is {height} pixels high and {who} {are} about a picture of {high}, as where the "
        f"information bar was cut off: its pixel size is taken; {_SAY} if it was resized"
    )


def several_sizes(sizes: Sequence[PixelSize]) -> SizeNotice | None:
    """Say that planes have different pixel sizes; None when they have one."""
    if all(_alike(each, sizes[0]) for each in sizes):
        return None
    counts = Counter(shown_length(each) for each in sizes)
    shown = ", ".join(f"{count} of {each}" for each, count in counts.items())
    return SizeNotice(
        f"has planes of different pixel sizes ({shown}): none is taken; save them as files of "
        f"their own, or {_SAY}"
    )


def _alike(size: PixelSize, other: PixelSize) -> bool:
    pairs = ((size.y_nm, other.y_nm), (size.x_nm, other.x_nm))
    return all(isclose(a, b, rel_tol=_ALIKE) for a, b in pairs)


def without_said(source: OpenFile) -> OpenFile:
    """Leave out notices on pixel sizes, where the user says what the pixel size is."""
    signals = tuple(
        dataclasses.replace(
            each, notices=tuple(line for line in each.notices if not isinstance(line, SizeNotice))
        )
        for each in source.signals
    )
    return dataclasses.replace(source, signals=signals)


def plausible(source: OpenFile) -> OpenFile:
    """Take no length for a pixel that no microscope has, and say so."""
    signals = tuple(_plausible(each) for each in source.signals)
    return dataclasses.replace(source, signals=signals)


def _plausible(signal: Signal) -> Signal:
    size = signal.pixel_size
    if size is None:
        return signal
    why, is_taken = _doubt(size)
    if not why:
        return signal
    notices = (*signal.notices, SizeNotice(why))
    return dataclasses.replace(signal, pixel_size=size if is_taken else None, notices=notices)


def _doubt(size: PixelSize) -> tuple[str, bool]:
    """Why a pixel size is doubtful, empty when it is not; and whether it is taken."""
    shown = f"has a pixel of {shown_length(size)}, by {size.source}"
    smallest, largest = sorted((size.y_nm, size.x_nm))
    if smallest < _FINEST_NM or largest > _COARSEST_NM:
        return f"{shown}: no micrograph has such a pixel, so it is not taken; {_SAY}", False
    dots = _dots(largest) if size.is_square else 0
    if dots:
        why = "which says how large to print" if dots in _PRINTED else "as scanners of film write"
        return f"{shown}, which is {dots} dots per inch, {why}: it is not taken; {_SAY}", False
    if largest > _MOST_ANISOTROPIC * smallest:
        return f"{shown}: so oblong a pixel is rare; {_SAY} if this is wrong", True
    return "", True


def shown_length(size: PixelSize) -> str:
    """Pixel size without its source: ``"2.5 nm"``."""
    if size.is_square:
        return f"{size.x_nm:.4g} nm"
    return f"{size.y_nm:.4g} x {size.x_nm:.4g} nm (y, x)"


def _dots(size_nm: float) -> int:
    """Dots per inch of which a size is the conversion, as that of Bio-Formats; 0 when of none."""
    for known, digits in ((_PRINTED, 1e-3), (_SCANNED, 1e-5)):
        for each in known:
            if isclose(each * size_nm, _INCH_NM, rel_tol=digits):
                return each
    return 0
