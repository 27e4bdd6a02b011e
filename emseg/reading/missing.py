"""Says which file was probably meant, where there is none of a name."""

import re
from pathlib import Path

from emseg.errors import PathMissingError, did_you_mean


def missing(path: Path) -> PathMissingError:
    """Say that a path does not exist, and which one was probably meant."""
    folder = path.parent
    if path.is_symlink():
        return PathMissingError(f"{path} is a link to nothing ({path.readlink()}); leave it out")
    if not folder.is_dir():
        return PathMissingError(f"there is no {path}; its folder {folder} does not exist either")
    names = sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))
    meant = did_you_mean(path.name, [each for each in names if not _is_next(path.name, each)])
    hint = meant if meant.startswith("did") else f"the folder {folder.resolve()} holds no such name"
    return PathMissingError(f"there is no {path}; {hint}")


def _is_next(name: str, other: str) -> bool:
    """Whether two names differ in their numbers alone: ``a_7.tif`` is no slip for ``a_2.tif``."""
    one, two = (re.split(r"(\d+)", each.lower()) for each in (name, other))
    return one[0::2] == two[0::2] and [*map(int, one[1::2])] != [*map(int, two[1::2])]
