"""Which images are independent of each other, by the rule that ``--group-by`` names."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from emseg.errors import (
    ContentError,
    UnknownNameError,
    UsageError,
    did_you_mean,
    listed,
)
from emseg.reading.finding.file_table import is_table, read_file_table
from emseg.reading.formats import stem

IMAGE, STACK, FOLDER = "image", "stack", "folder"
RULES = (IMAGE, STACK, FOLDER)


@dataclass(frozen=True, slots=True)
class UnitSource:
    """Where an image comes from.

    Parameters
    ----------
    title : str
        As reports name it: the stem of its file, with its plane in brackets.
    path : Path
        Its file.
    plane : int or None
        Its number in a stack; None when the file holds one plane.
    """

    title: str
    path: Path
    plane: int | None = None


@dataclass(frozen=True, slots=True)
class Units:
    """What counts as one independent observation.

    Parameters
    ----------
    names : tuple of str
        Of the units, in the order in which their first images come.
    membership : array of float64, 0 or 1, shape (units, images), or None
        Which image belongs to which unit, every image to one; None where each is a unit by itself.
    unit : str
        What one is called: ``"image"`` or ``"group"``.
    """

    names: tuple[str, ...]
    membership: NDArray[np.float64] | None
    unit: str

    def __len__(self) -> int:
        return len(self.names)


def group_images(sources: Sequence[UnitSource], rule: str = IMAGE) -> Units:
    """Group images into independent units.

    Parameters
    ----------
    sources : sequence of UnitSource
        The images, in the order of the evaluation.
    rule : str
        ``"image"``: each by itself. ``"stack"``: the planes of a file together. ``"folder"``: by
        the folder of the file. A regular expression with one group, looked for in the title and,
        where it is not there, in the path: what the group matches names the unit. Or the path of
        a CSV file with the columns file and group.

    Raises
    ------
    UnknownNameError
        When the rule is none of these.
    UsageError
        When the expression is none, has not one group, or does not match an image.
    PathMissingError
        When there is no such CSV file.
    ContentError
        When the CSV file cannot be read, lacks a column, or says nothing about an image.
    """
    if rule == IMAGE:
        return Units(tuple(each.title for each in sources), None, IMAGE)
    names_of = _naming(rule)(sources)
    order = {name: row for row, name in enumerate(dict.fromkeys(names_of))}
    membership = np.zeros((len(order), len(sources)))
    membership[[order[name] for name in names_of], range(len(sources))] = 1
    return Units(tuple(_shown(name) for name in order), membership, "group")


def remark(sources: Sequence[UnitSource], rule: str = IMAGE) -> str | None:
    """Say what a reader of the intervals must know about their units; None when nothing.

    Slices of a stack look alike because they are neighbours, not because the method is good.
    """
    files = {each.path for each in sources}
    if rule == IMAGE and len(sources) > 1 and len(files) == 1:
        return (
            f"{len(sources)} slices of one stack are not independent specimens; the interval "
            "covers other slices of it only; use --group-by"
        )
    if rule == IMAGE and len(files) < len(sources):
        return (
            f"{len(sources)} images are slices of {len(files)} files; slices of one stack are not "
            "independent, so the intervals are too narrow; use --group-by stack"
        )
    if rule != IMAGE and len(sources) > 1 and len(group_images(sources, rule)) == 1:
        return (
            f"--group-by {rule} makes one unit of all {len(sources)} images, and one unit has no "
            "interval; add images of other specimens"
        )
    return None


def _shown(name: object) -> str:
    return name.name if isinstance(name, Path) else str(name)


def _naming(rule: str) -> Callable[[Sequence[UnitSource]], list[str | Path]]:
    """Turn a rule into what names the unit of each image; paths are told apart in full."""
    if rule == STACK:
        return lambda sources: [each.path for each in sources]
    if rule == FOLDER:
        return lambda sources: [each.path.absolute().parent for each in sources]
    if is_table(Path(rule)):
        return lambda sources: _by_table(sources, Path(rule))
    pattern = _pattern(rule)
    return lambda sources: _by_pattern(sources, pattern)


def _pattern(rule: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(rule)
    except re.error as error:
        raise UsageError(f"--group-by {rule} is no regular expression: {error}") from error
    if pattern.groups == 0 and re.fullmatch(r"[\w -]*", rule):
        _refuse_word(rule)
    if pattern.groups != 1:
        raise UsageError(
            f"--group-by {rule} has {pattern.groups} groups in brackets; write one, round the part "
            "of the name that tells the specimen, as in (specimen\\d+), and any other as (?:...)"
        )
    return pattern


def _refuse_word(rule: str) -> NoReturn:
    """Refuse a plain word: a rule that is mistyped, or an expression without its brackets."""
    if not rule.strip() or did_you_mean(rule, RULES).startswith("did"):
        raise UnknownNameError("grouping", rule, RULES)
    raise UsageError(
        f"--group-by {rule} is none of {listed(RULES)}, and no CSV file; a regular expression has "
        f"one group in brackets, round what tells the specimen, as in '({rule})\\d+'"
    )


def _by_pattern(sources: Sequence[UnitSource], pattern: re.Pattern[str]) -> list[str | Path]:
    found = [pattern.search(each.title) or pattern.search(each.path.as_posix()) for each in sources]
    names = [match[1] if match else None for match in found]
    lost = [each.title for each, name in zip(sources, names, strict=True) if name is None]
    if lost:
        raise UsageError(
            f"--group-by {pattern.pattern} says nothing about {len(lost)} of {len(sources)} images "
            f"({listed(lost, most=3)}); write it so that it matches their names"
        )
    return [name for name in names if name is not None]


def _by_table(sources: Sequence[UnitSource], table: Path) -> list[str | Path]:
    groups = _groups(table)
    entries = [_entry(each, groups) for each in sources]
    lost = [each.title for each, entry in zip(sources, entries, strict=True) if entry is None]
    if lost:
        free = [name for name in groups if name not in entries]
        correct = f", or correct its name ({did_you_mean(lost[0], free, most=3)})" if free else ""
        raise ContentError(
            f"{table} says nothing about {len(lost)} of {len(sources)} images "
            f"({listed(lost, most=3)}); add a line for each{correct}"
        )
    return [groups[entry] for entry in entries if entry is not None]


def _entry(source: UnitSource, groups: Mapping[str, str]) -> str | None:
    """Look an image up by its title, its path from the deepest folder on, its name or its stem."""
    path = source.path
    ends = ["/".join(path.parts[-depth:]) for depth in range(len(path.parts), 0, -1)]
    names = (source.title, path.as_posix(), *ends, stem(path))
    return next((name for name in names if name in groups), None)


def _groups(table: Path) -> dict[str, str]:
    """Read which file is of which group."""
    groups: dict[str, str] = {}
    for line, name, group in read_file_table(table, "group"):
        file = name.replace("\\", "/")
        if groups.setdefault(file, group) != group:
            raise ContentError(
                f"{table} line {line} puts {file} into {group!r}, an earlier line into "
                f"{groups[file]!r}; keep one"
            )
    return groups
