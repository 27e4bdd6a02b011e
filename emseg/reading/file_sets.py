"""One image in several files is one image: which of its files stands for the others.

OME-TIFF sets and their companions, NDTiff (``NDTiff.index`` names its files), and the parts
``_000``, ``_001``... of a TVIPS recording.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from emseg.reading.formats import format_of, is_known

_PART = re.compile(r"(.+_)(\d{3})(\.tvips)", re.IGNORECASE)


def first_of_sets(paths: Sequence[Path]) -> list[Path]:
    """Name each image that lies in several files once.

    Parameters
    ----------
    paths : sequence of Path
        Files that exist; they may name a set by any of its files, or by several.

    Returns
    -------
    list of Path
        In the order of the paths. The first file of a set stands for it, whichever were named.
    """
    firsts: dict[str, Path] = {}
    for path in paths:
        if os.path.realpath(path) not in firsts:
            members = _set_of(path)
            first = firsts.get(os.path.realpath(members[0]), members[0])
            firsts |= {os.path.realpath(each): first for each in (path, *members)}
    return list(dict.fromkeys(firsts[os.path.realpath(path)] for path in paths))


def _set_of(path: Path) -> tuple[Path, ...]:
    """Files of the set that a file belongs to, the first of them first; often it is alone."""
    if not path.is_file() or not is_known(path):
        return (path,)
    fmt = format_of(path)
    if fmt.plugin == "tvips":
        return _parts(path)
    if fmt.reader != "via_tifffile":
        return (path,)
    from emseg.reading.ome_sets import set_of

    return set_of(path)


def _parts(path: Path) -> tuple[Path, ...]:
    """Parts of a recording from the first on; the file alone where that is not there."""
    found = _PART.fullmatch(path.name)
    if found is None:
        return (path,)
    names = (path.with_name(f"{found[1]}{number:03d}{found[3]}") for number in range(1000))
    parts = tuple(each for each in names if each.is_file())
    return parts if parts and parts[0].stem.endswith("_000") else (path,)


def missing_part(path: Path) -> str:
    """Name the first part that a recording lacks though a later one is there; else empty."""
    parts = _parts(path)
    for number, each in enumerate(parts):
        found = _PART.fullmatch(each.name)
        if found is not None and len(parts) > 1 and int(found[2]) != number:
            return f"{found[1]}{number:03d}{found[3]}"
    return ""
