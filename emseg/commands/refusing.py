"""Options that a command does not take together."""

from collections.abc import Mapping

from emseg.errors import UsageError


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
