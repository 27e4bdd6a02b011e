"""What people and programs add to a name to tell an image from its mask, and names without it."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from emseg.reading.formats import is_known, stem

Key = Callable[[Path], str]

_MASK = (
    r"masks?|labels?|lbl|labell?ed|seg|segm|segmentations?|segmented|gt|(?:ground[-_ ]?)?truth|"
    r"annotations?|annotated"
)
_IMAGE = r"images?|img|raw"
_SUFFIX = re.compile(rf"[-_. ]+({_MASK}|{_IMAGE})$")
_PREFIX = re.compile(rf"^({_MASK}|{_IMAGE})[-_. ]+")
_PROGRAMS = (  # cellpose, ilastik, and many others
    r"cp[-_]masks?|pred|predict(?:ed|ions?)|simple[-_ ]segmentation|probabilit(?:y|ies)|"
    r"object[-_ ](?:identities|predictions|probabilities)|uncertainty"
)
_LAST = re.compile(rf"(?:[-_. ]+(?:{_PROGRAMS}|{_MASK}|{_IMAGE})|(?<=\d)(?:{_MASK}))$")
_FIRST = re.compile(  # "Mask of X" is ImageJ's
    rf"^(?:count[-_ ]+)?(?:{_PROGRAMS}|{_MASK}|{_IMAGE})(?:[-_ ]+of)?(?:[-_. ]+|(?=\d))"
)
_FIRST_CHANNEL = re.compile(r"_0000$")  # of the images of nnU-Net, whose labels lack it
_NUMBER = re.compile(r"_\d{4}$")
_LABELS = ("mask", "label image")  # what is called so is no image of nnU-Net


def plain(path: Path) -> str:
    """Name of a file without its suffix, in lower case."""
    return stem(path).lower()


def bare(path: Path) -> str:
    """Name of a file without what tells an image from its mask."""
    name = plain(path)
    return _PREFIX.sub("", _SUFFIX.sub("", name)) or name


def barest(path: Path) -> str:
    """Name of a file without all that people and programs add, also several times."""
    name, shorter = "", plain(path)
    while shorter != name:
        name = shorter
        inner = stem(Path(name)) if is_known(Path(name)) else name  # a.tif_mask.png
        shorter = next((each for each in (inner, _LAST.sub("", name)) if each != name), name)
        shorter = (shorter if shorter != name else _FIRST.sub("", name)) or name
    return name


def without_channel(paths: Sequence[Path], kind: str) -> Key:
    """Leave out ``_0000`` too, where it says the channel and is no number in a series.

    Parameters
    ----------
    paths : sequence of Path
        All files of one side.
    kind : str
        What they are called, in the singular; masks have no channel.
    """
    series = Counter(_NUMBER.sub("", barest(path)) for path in paths)

    def key(path: Path) -> str:
        name = barest(path)
        shorter = _FIRST_CHANNEL.sub("", name)
        return shorter if shorter and kind not in _LABELS and series[shorter] == 1 else name

    return key


def added_text(name: str, longer: str) -> str | None:
    """Say what a longer name adds to one that it begins or ends with.

    Parameters
    ----------
    name, longer : str
        In lower case.

    Returns
    -------
    str or None
        None when the longer name is another one: ``s1`` is not the beginning of ``s10`` nor of
        ``s1_2``, because the number is part of the name.
    """
    rest = longer.removeprefix(name)
    if rest not in (longer, "") and _parts(rest):
        return rest
    rest = longer.removesuffix(name)
    is_number = name[:1].isdigit()
    return rest if rest not in (longer, "") and _parts(rest[::-1], is_number=is_number) else None


def _parts(rest: str, *, is_number: bool = True) -> bool:
    """Whether a text parts from a name: a sign that is no letter, and no number behind it."""
    behind = rest.lstrip("-_. ()[]+#@~,;=")
    return behind != rest and bool(behind) and not (is_number and behind[0].isdigit())
