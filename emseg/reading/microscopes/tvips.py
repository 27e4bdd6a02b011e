"""The parts of a TVIPS recording: ``_000``, ``_001``... and which of them is not there."""

import re
from pathlib import Path

_PART = re.compile(r"(.+_)(\d{3})(\.tvips)", re.IGNORECASE)


def parts(path: Path) -> tuple[Path, ...]:
    """Parts of a recording from the first on; the file alone where that is not there."""
    found = _PART.fullmatch(path.name)
    if found is None:
        return (path,)
    names = (path.with_name(f"{found[1]}{number:03d}{found[3]}") for number in range(1000))
    there = tuple(each for each in names if each.is_file())
    return there if there and there[0].stem.endswith("_000") else (path,)


def missing_part(path: Path) -> str:
    """Name the first part that a recording lacks though a later one is there; else empty."""
    there = parts(path)
    for number, each in enumerate(there):
        found = _PART.fullmatch(each.name)
        if found is not None and len(there) > 1 and int(found[2]) != number:
            return f"{found[1]}{number:03d}{found[3]}"
    return ""
