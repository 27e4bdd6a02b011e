"""Options that speak of masks, understood alike by every command that takes them."""

from collections.abc import Sequence
from pathlib import Path

from emseg.errors import UsageError
from emseg.naming import require_name


def class_folders(given: Sequence[str], option: str = "--masks") -> dict[str, Path]:
    """Read ``NAME=DIR``, one a class, in the order in which they were typed.

    Raises
    ------
    UsageError
        When one is not ``NAME=DIR``, a class is named twice, or a name cannot be shown.
    """
    folders: dict[str, Path] = {}
    for each in given:
        name, equals, folder = (part.strip() for part in each.partition("="))
        if not (name and equals and folder):
            raise UsageError(f"{option} cannot read {each!r}; write {option} mitochondria=DIR")
        if name in folders:
            raise UsageError(f"{option} names {name!r} twice; give each class one folder")
        folders[require_name(name, option)] = Path(folder)
    if folders:
        from emseg.labels import tell_alike  # NumPy is not loaded for a command without masks

        tell_alike(folders, option)
    return folders
