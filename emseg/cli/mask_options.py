"""Options that speak of masks, understood alike by every command that takes them."""

from collections.abc import Mapping, Sequence
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


def refuse_for_classifier(options: Mapping[str, object]) -> None:
    """Refuse options that speak of masks where whole images are classified.

    Parameters
    ----------
    options : mapping of str to object
        Name of each such option, as in a configuration, and its value; None is not given.

    Raises
    ------
    UsageError
        When any of them is given.
    """
    for name, value in options.items():
        if value is not None:
            raise UsageError(
                f"--{name.replace('_', '-')} belongs to segmentation; a classifier takes its "
                "classes from the names of folders or from a CSV file: leave it out"
            )
