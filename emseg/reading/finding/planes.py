"""References to planes, cheap enough to list thousands."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from emseg.config import parse_slices
from emseg.errors import UsageError
from emseg.micrograph import Micrograph
from emseg.reading.finding.files import find_files
from emseg.reading.finding.own_results import NO_LABELS, Result
from emseg.reading.options import ReadOptions
from emseg.reading.stacks.stack import Stack, open_stack

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane of one file, not yet read.

    Parameters
    ----------
    stack : Stack
        The file.
    index : int
        Position in it.
    """

    stack: Stack
    index: int

    @property
    def name(self) -> str:
        """Stem of the file."""
        return self.stack.name

    @property
    def title(self) -> str:
        """The name, with the plane behind it when it is one of several."""
        return self.name if len(self.stack) == 1 else f"{self.name}[{self.index}]"

    def read(self) -> Micrograph:
        """Read the pixels."""
        return self.stack[self.index]

    def opened(self) -> Micrograph:
        """Read the pixels, of a large plane when they are sliced."""
        return self.stack.plane(self.index)


def list_planes(
    inputs: Sequence[str | Path],
    *,
    slices: slice | None = None,
    options: ReadOptions | None = None,
    skip: Collection[Result] = NO_LABELS,
) -> list[Plane]:
    """List all planes of all files.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files, folders and globs, as `find_files` takes them.
    slices : slice or None
        Which to take: planes, when the inputs are one file that is a stack; else files.
    options : ReadOptions or None
        What the user says about the files, as `open_stack` takes it.
    skip : collection of Result
        Results of emseg that are left out; ``NO_MICROGRAPHS`` where micrographs are wanted.

    Raises
    ------
    UsageError
        When `slices` picks nothing; and whatever `find_files` and `open_stack` raise.
    """
    files = find_files(inputs, skip=skip)
    if len(files) == 1:
        stack = open_stack(files[0], options)
        planes = [Plane(stack, index) for index in range(len(stack))]
        return list(picked(planes, slices, f"planes in {stack.path}"))
    stacks = [open_stack(path, options) for path in picked(files, slices, "files")]
    return [Plane(stack, index) for stack in stacks for index in range(len(stack))]


def chosen_files(
    inputs: Sequence[str | Path],
    slices: str | None,
    *,
    skip: Collection[Result] = NO_LABELS,
    is_recursive: bool = False,
) -> tuple[list[Path], str | None]:
    """Find files, and which of their planes are meant: slices pick the one or the other.

    Parameters
    ----------
    inputs, skip, is_recursive
        As `find_files` takes them.
    slices : str or None
        As a user types it: files where there are several, else planes of the one.

    Returns
    -------
    paths : list of Path
        The files.
    slices : str or None
        What is to be `picked` of their planes.

    Raises
    ------
    UsageError
        When it picks none of the files; and whatever `find_files` raises.
    """
    paths = find_files(inputs, skip=skip, is_recursive=is_recursive)
    if len(paths) == 1:
        return paths, slices
    return list(picked(paths, slices, "files")), None


def picked(items: Sequence[_T], slices: str | slice | None, what: str) -> Sequence[_T]:
    """Take what slices pick; all of it where there are none.

    Parameters
    ----------
    items : sequence
        Files or planes.
    slices : str, slice or None
        As a user types them, or as they were read.
    what : str
        What the items are: ``"planes of series.tif"``.

    Raises
    ------
    UsageError
        When they pick nothing, or are none.
    """
    if not slices:
        return items
    chosen = parse_slices(slices) if isinstance(slices, str) else slices
    found = items[chosen]
    if not found:
        ends = ("" if each is None else str(each) for each in (chosen.start, chosen.stop))
        said = f"the slices {':'.join(ends)} pick"
        said = f"--slices {slices} picks" if isinstance(slices, str) else said
        raise UsageError(f"{said} none of the {len(items)} {what}")
    return found
