"""What a user may say about how files are read, where they do not say it themselves."""

from dataclasses import dataclass, fields, replace
from typing import Protocol, Self

from emseg.calibration import PixelSize, parse_pixel_size
from emseg.errors import ContentError, UsageError
from emseg.micrograph import Region


class _Says(Protocol):
    """A configuration, with the fields of `ReadOptions` that a user can set."""

    @property
    def axes(self) -> str | None: ...
    @property
    def signal(self) -> str | None: ...
    @property
    def channels(self) -> str | None: ...
    @property
    def pixel_size(self) -> str | None: ...
    @property
    def invert(self) -> bool | None: ...
    @property
    def crop(self) -> str | None: ...
    @property
    def keep_bar(self) -> bool: ...
    @property
    def allow_external(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How files are read; the default takes what they say.

    Parameters
    ----------
    axes : str or None
        What the axes are, one letter a dimension: ``"ZYX"``, ``"CYX"``, ``"YXC"``.
    signal : str or None
        Name or number of the signal to take, in place of the largest.
    channels : str or None
        Which channels are taken, or what they are made of: energy windows, X-ray lines, other
        signals; `emseg.reading.choosing.channels` has the grammar.
    pixel_size : str or None
        Overrides what files say: ``"1.9nm"``.
    invert : bool
        Whether dark and bright change places.
    crop : str or None
        Rows and columns that show the specimen, in place of what is found:
        ``"0:884"``, ``"0:884,0:1024"``.
    keep_bar : bool
        Whether every pixel shows the specimen: no information bar is looked for.
    as_stored : bool
        Whether values are classes or numbers of objects, as in masks: indices of a colour table
        stay indices.
    axes_of_images : str or None
        For masks: what the axes of their micrographs are, which holds for a mask too that has as
        many and does not name them.
    allow_external : bool
        Whether values may lie in files outside the folder of the file that names them.
    neighbours : int
        How many planes of a stack before each, and how many after it, are read along with it.
    """

    axes: str | None = None
    signal: str | None = None
    channels: str | None = None
    pixel_size: str | None = None
    invert: bool = False
    crop: str | None = None
    keep_bar: bool = False
    as_stored: bool = False
    axes_of_images: str | None = None
    allow_external: bool = False
    neighbours: int = 0

    @classmethod
    def of(cls, config: _Says) -> Self:
        """Take from a configuration what concerns reading; what it leaves open is default."""
        given = {each.name: getattr(config, each.name, None) for each in fields(cls)}
        return cls(**{name: value for name, value in given.items() if value is not None})

    @property
    def of_masks(self) -> "ReadOptions":
        """How the masks of these micrographs are read."""
        return replace(AS_STORED, axes_of_images=self.axes, allow_external=self.allow_external)

    @property
    def calibration(self) -> PixelSize | None:
        """The pixel size that the user gave; raises UsageError when it is none."""
        return parse_pixel_size(self.pixel_size) if self.pixel_size else None

    def region(self, size: tuple[int, int]) -> Region | None:
        """Say which part of a plane the user chose.

        Raises
        ------
        UsageError
            When ``crop`` is no range of rows and columns.
        ContentError
            When it holds no pixel of the plane.
        """
        if self.crop is None:
            return None
        ranges = [_range(part) for part in self.crop.split(",")]
        if len(ranges) > 2 or None in ranges:
            raise UsageError(
                f"--crop {self.crop} is no part of a micrograph; write the rows to keep, as in "
                "0:884, or rows and columns, as in 0:884,0:1024"
            )
        rows, columns = ((each or slice(None)) for each in (*ranges, slice(None))[:2])
        top, bottom, _ = rows.indices(size[0])
        left, right, _ = columns.indices(size[1])
        if bottom - top < 1 or right - left < 1:
            raise ContentError(
                f"--crop {self.crop} keeps nothing of a micrograph of {size[0]} x {size[1]} "
                "pixels (rows x columns); choose others, or leave it out"
            )
        return Region(top, bottom, left, right, "--crop")


AS_STORED = ReadOptions(keep_bar=True, as_stored=True)
"""For masks and label images: no pixel of them is an information bar."""


def _range(text: str) -> slice | None:
    start, colon, stop = (part.strip() for part in text.partition(":"))
    try:
        return slice(int(start or 0), int(stop) if stop else None) if colon else None
    except ValueError:
        return None
