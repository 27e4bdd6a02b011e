"""One image in several files is one image: which of its files stands for the others.

OME-TIFF sets and their companions, NDTiff (``NDTiff.index`` names its files), and the parts
``_000``, ``_001``... of a TVIPS recording.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from emseg.reading.formats import format_of, is_known
from emseg.reading.microscopes.tvips import parts


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
            members = members_of(path)
            first = firsts.get(os.path.realpath(members[0]), members[0])
            firsts |= {os.path.realpath(each): first for each in (path, *members)}
    return list(dict.fromkeys(firsts[os.path.realpath(path)] for path in paths))


def members_of(path: Path) -> tuple[Path, ...]:
    """Files of the set that a file belongs to, the first of them first; often it is alone."""
    if not path.is_file() or not is_known(path):
        return (path,)
    fmt = format_of(path)
    if fmt.plugin == "tvips":
        return parts(path)
    if fmt.reader != "tiff.via_tifffile":
        return (path,)
    from emseg.reading.tiff.ome_sets import set_of

    return set_of(path)
