"""Finds the pixel size of a picture in the text file that the microscope wrote beside it.

JEOL and Hitachi write ``image.txt`` beside ``image.tif``, TESCAN ``image.hdr`` or
``image-png.hdr``. A picture that was cropped or enlarged since is not what the text is about:
its width says so.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from emseg.calibration import PixelSize, nm_per_unit
from emseg.reading.signals.fit import SizeNotice, misfit, rows_cut

_MOST = 1 << 20  # bytes of a text file that describes a picture
_LINE = re.compile(r"^\s*([$\w][^=\s]*)(?:\s*=\s*|\s+)(.+?)\s*$", re.MULTILINE)
_LENGTH = re.compile(r"([\d.,]+(?:e[-+]?\d+)?)\s*(\D*)", re.IGNORECASE)
_PICTURES = frozenset({"tif", "tiff", "png", "jpg", "jpeg", "jpe", "bmp", "dib"})

_Said = Mapping[str, str]
_About = tuple[int | None, int | None]


def size_beside(path: Path, size: tuple[int, int]) -> tuple[PixelSize | None, SizeNotice | None]:
    """Pixel size of a picture by the text file beside it.

    Parameters
    ----------
    path : Path
        The picture.
    size : tuple of int
        Its height and width in pixels.

    Returns
    -------
    PixelSize or None
        None when there is no such file, or it speaks of another picture.
    SizeNotice or None
        That it does, or that rows are missing.
    """
    if path.suffix.lower().removeprefix(".") not in _PICTURES:
        return None, None
    notice = None
    for name, text in texts_beside(path):
        said = {key.lower(): value for key, value in _LINE.findall(text)}
        for look in (_jeol, _hitachi, _tescan):
            try:
                found, stated = look(said)
            except (KeyError, ValueError, ZeroDivisionError, AttributeError):
                continue
            other = misfit(size, stated, name)
            if other is None:
                return found, rows_cut(size, stated, name)
            notice = notice or other
    return None, notice


def texts_beside(path: Path) -> Iterator[tuple[str, str]]:
    """Read the text files that belong to a picture.

    Parameters
    ----------
    path : Path
        The picture.

    Yields
    ------
    name, text : str
        Name of the file, and what it says, with line feeds between its lines; a file that cannot
        be read, or is too large to be about a picture, is left out.
    """
    for beside in texts_of(path):
        try:
            if beside.stat().st_size > _MOST:
                continue
            stored = beside.read_bytes()
        except OSError:
            continue
        is_wide = stored[:2] in (b"\xff\xfe", b"\xfe\xff")
        text = stored.decode("utf-16" if is_wide else "latin-1", errors="replace")
        yield beside.name, text.replace("\r", "\n")


def texts_of(path: Path) -> list[Path]:
    """Text files that belong to a picture, whatever the case of their suffix."""
    stem, suffix = path.stem, path.suffix.removeprefix(".")
    names = [f"{stem}.txt", f"{stem}.hdr", f"{stem}-{suffix}.hdr", f"{path.name}.hdr"]
    spelled = [each for name in names for each in (name, _in_capitals(name))]
    found = (path.with_name(name) for name in spelled)
    return [each for each in found if os.path.isfile(each)]  # noqa: PTH113  # names may be too long


def _in_capitals(name: str) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{suffix.upper()}"


def _jeol(said: _Said) -> tuple[PixelSize | None, _About]:
    """``$$SM_MICRON_MARKER 10um`` is ``$$SM_MICRON_BAR 117`` pixels long."""
    length, pixels = _nm(said["$$sm_micron_marker"]), float(said["$$sm_micron_bar"].split()[0])
    size = PixelSize(length / pixels, length / pixels, "the JEOL text file")
    return size, _about(said.get("$cm_full_size", ""))


def _hitachi(said: _Said) -> tuple[PixelSize | None, _About]:
    """``PixelSize=99.2`` in nm, ``DataSize=1280x960``."""
    size = _number(said["pixelsize"].split()[0])
    return PixelSize(size, size, "the Hitachi text file"), _about(said.get("datasize", ""))


def _about(text: str) -> _About:
    """Height and width of ``1280 960`` or ``1280x960``; None for what is not there."""
    wide, high = (*map(int, re.findall(r"\d+", text)), None, None)[:2]
    return high, wide


def _tescan(said: _Said) -> tuple[PixelSize | None, _About]:
    """``PixelSizeX=1.9e-8`` in m; the height differs where the specimen is tilted."""
    x = float(said["pixelsizex"])
    y = float(said.get("pixelsizey", x))
    return PixelSize(y * 1e9, x * 1e9, "the TESCAN header file"), (None, None)


def _nm(text: str) -> float:
    number, unit = _LENGTH.fullmatch(text.strip()).groups()  # type: ignore[union-attr]
    return _number(number) * (nm_per_unit(unit) or 0.0)


def _number(text: str) -> float:
    return float(text.replace(",", "."))
