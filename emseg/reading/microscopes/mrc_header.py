"""What an MRC header means, beyond its shape (MRC2014; IMOD's and FEI's dialects).

::

    byte 0   NX NY NZ MODE     40  XLEN YLEN ZLEN (angstrom)   104  EXTTYP, NVERSION
        28   MX MY MZ          64  MAPC MAPR MAPS              152  IMODSTAMP IMODFLAGS
        88   ISPG NSYMBT       76  AMIN                        212  MACHST
                               208 "MAP "

Behind it FEI's extended headers of the types FEI1 and FEI2 have the pixel width and height in m
at bytes 156 and 164.
"""

import math
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

LENGTH = 1024
_DTYPES = {0: "i1", 1: "i2", 2: "f4", 4: "c8", 6: "u2", 12: "f2"}
_IMOD = 1146047817
_IMOD_SIGNED = 1
_MRC2014 = 20140
_UNSET_ANGSTROM = 1.0
_LARGEST_ANGSTROM = 1e8  # a pixel of a centimetre is none: diffraction, in 1/m
_LARGEST_SIDE = 1 << 24
_SERIES = frozenset({".mrcs", ".st", ".ali", ".preali"})  # image stacks and tilt series by name
_FEI_TYPES = (b"FEI1", b"FEI2")
_FEI_PIXEL = LENGTH + 156


@dataclass(frozen=True, slots=True)
class MrcHeader:
    """The fields of a header that emseg looks at.

    Parameters
    ----------
    order : str
        ``"<"`` or ``">"``: the byte order of everything in the file.
    shape : tuple of int
        Sections, rows and columns.
    mode : int
        Type of the values.
    voxel : tuple of float
        Depth, height and width of a voxel in angstrom, along sections, rows and columns; 0
        where the header does not say.
    offset : int
        Where the values begin.
    is_signed : bool
        Whether 8-bit values are.
    grid : tuple of int
        Rows and columns of the picture that the cell is about.
    is_volume : bool
        Whether sections lie behind each other in space, and are no series of images.
    """

    order: str
    shape: tuple[int, int, int]
    mode: int
    voxel: tuple[float, float, float]
    offset: int
    is_signed: bool
    grid: tuple[int, int]
    is_volume: bool

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read a header; None when the file does not begin with one."""
        with path.open("rb") as file:
            head = file.read(LENGTH)
            beyond = file.read(_FEI_PIXEL + 16 - LENGTH)
        order = _byte_order(head) if len(head) == LENGTH else None
        if order is None:
            return None
        nx, ny, nz, mode = struct.unpack_from(f"{order}4i", head, 0)
        grid = struct.unpack_from(f"{order}3i", head, 28)
        cell = struct.unpack_from(f"{order}3f", head, 40)
        group, extended = struct.unpack_from(f"{order}2i", head, 88)
        voxel = [size / count if count > 0 else 0.0 for size, count in zip(cell, grid, strict=True)]
        voxel = [each if math.isfinite(each) else 0.0 for each in voxel]
        sides = _cell_axes(head, order)
        depth, height, width = (voxel[at] for at in sides)
        read = cls(
            order,
            (nz, ny, nx),
            mode,
            (depth, height, width),
            LENGTH + max(0, extended),
            _is_signed(head, order),
            (grid[sides[1]], grid[sides[2]]),
            nz > 1 and (group != 0 or (grid[2] == nz and _fills_the_cell(head, path, order))),
        )
        stated = _fei_pixel(head + beyond, order) if read.is_unset else None
        return read if stated is None else replace(read, voxel=(depth, *stated))

    @property
    def count(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """Type of the values in their byte order; None for a mode that holds no image."""
        if self.mode == 0 and not self.is_signed:
            return np.dtype("u1")
        return np.dtype(self.order + _DTYPES[self.mode]) if self.mode in _DTYPES else None

    @property
    def is_unset(self) -> bool:
        """Whether the voxel is what programs write that do not know it.

        That is 0 (mrcfile), a grid of 0 (old headers), or a cell as large as the grid: IMOD,
        EMAN2 and DigitalMicrograph plug-ins leave exactly 1 angstrom on every axis, which
        hardly any microscope is set to. A pixel size that is taken for known and is wrong
        spoils every table, an unknown one costs an option.
        """
        depth, height, width = self.voxel
        if not (0 < height < _LARGEST_ANGSTROM > width > 0):
            return True
        return height == width == _UNSET_ANGSTROM and depth in (0.0, _UNSET_ANGSTROM)


def _byte_order(head: bytes) -> str | None:
    """Byte order by the machine stamp, or that in which shape and mode make sense."""
    likely = ">" if head[212:214] == b"\x11\x11" else "<"
    for order in (likely, ">" if likely == "<" else "<"):
        *shape, mode = struct.unpack_from(f"{order}4i", head, 0)
        if all(0 < size < _LARGEST_SIDE for size in shape) and 0 <= mode <= 101:
            return order
    return None


def _cell_axes(head: bytes, order: str) -> list[int]:
    """Which side of the cell runs along sections, rows and columns; 0 is X."""
    columns, rows, sections = struct.unpack_from(f"{order}3i", head, 64)
    sides = [sections - 1, rows - 1, columns - 1]
    return sides if sorted(sides) == [0, 1, 2] else [2, 1, 0]


def _fei_pixel(head: bytes, order: str) -> tuple[float, float] | None:
    """Pixel height and width in angstrom, of the first section; None where FEI says none."""
    (extended,) = struct.unpack_from(f"{order}i", head, 92)
    end = _FEI_PIXEL + 16
    if head[104:108] not in _FEI_TYPES or min(LENGTH + extended, len(head)) < end:
        return None
    width, height = (each * 1e10 for each in struct.unpack_from(f"{order}2d", head, _FEI_PIXEL))
    return (height, width) if 0 < height < _LARGEST_ANGSTROM > width > 0 else None


def _fills_the_cell(head: bytes, path: Path, order: str) -> bool:
    """Whether a cell of as many sections as the file means that they lie behind each other.

    RELION writes volumes so, with the space group of image stacks; IMOD writes everything so,
    tilt series and movies too.
    """
    (stamp,) = struct.unpack_from(f"{order}i", head, 152)
    return stamp != _IMOD and path.suffix.lower() not in _SERIES


def _is_signed(head: bytes, order: str) -> bool:
    """Whether bytes are signed: IMOD says so, MRC2014 demands it, older files show it."""
    (version,) = struct.unpack_from(f"{order}i", head, 108)
    (lowest,) = struct.unpack_from(f"{order}f", head, 76)
    stamp, flags = struct.unpack_from(f"{order}2i", head, 152)
    if stamp == _IMOD:
        return bool(flags & _IMOD_SIGNED)
    return bool(version >= _MRC2014 or lowest < 0)
