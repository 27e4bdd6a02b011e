"""What the names of axes say: which two span a plane, which count planes, which are channels.

Every reader whose files name their axes asks here, so that the same names mean the same
everywhere. Where a file names y and x once each, the names decide; otherwise the order does.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emseg.calibration import Axis, is_reciprocal
from emseg.reading.signals.narrow_planes import why_narrow
from emseg.reading.signals.signal import Shared

_WORDS = {
    "y": "y yaxis ypos row rows height vertical",
    "x": "x xaxis xpos col cols column columns width horizontal",
    "z": "z zaxis zpos depth slice slices section sections plane planes label labels slicelabels",
    "c": "c channel channels band bands",
    "s": "s rgb rgba",
    "t": "t time frame frames",
}
_LETTER = {word: letter for letter, words in _WORDS.items() for word in words.split()}
_AROUND = {
    "names": "axis axes dim dimension direction coord coordinate coordinates index",
    "places": "scan pos position positions image img pixel pixels px stage sample real spatial",
    "units": "nm um µm μm mm m",
}
_NOTHING_SAID = frozenset(word for words in _AROUND.values() for word in words.split())
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TOKEN = re.compile(r"[^\W\d_]+")
_PATTERN = re.compile(r"[qkg]_?[xyr]?|d[xy]|(q|k|det|detector|diffraction|reciprocal)_?.*")
_WITH_ALPHA = 4  # samples of a pixel
_COUNTED = ("z", "c", "s", "t")
_BY_COUNT = {1: "i", 2: "yx", 3: "zyx", 4: "zcyx", 5: "tzcyx"}
_SEPARATORS = re.compile(r"[\s,;:]+")


@dataclass(frozen=True, slots=True)
class Roles:
    """Which part each axis of a signal plays.

    Parameters
    ----------
    names : tuple of str
        One an axis, as `Signal` wants them.
    refusal : str
        Why the signal is no image whatever its axes are called; empty when it may be one.
    are_named : bool
        Whether the file says which axes are y and x.
    notices : tuple of str
        What the user should know of that judgement.
    """

    names: tuple[str, ...]
    refusal: str = ""
    are_named: bool = False
    notices: tuple[str, ...] = ()


def spelled(name: str) -> str:
    """One letter for a name: ``"y"`` for ``Y_axis``, ``scan_y`` and ``height``; empty for others.

    What belongs to a diffraction pattern (``Qx``, ``k_y``, ``detector_y``) is no y and no x, nor
    is ``Rx``, which py4DSTEM counts along the rows and other programs along the columns.
    """
    tokens = [each for each in _TOKEN.findall(_HUMPS.sub(" ", name).lower()) if each]
    said = [each for each in tokens if each not in _NOTHING_SAID]
    return _LETTER.get(said[0], "") if len(said) == 1 else ""


def roles_of(axes: Sequence[Axis], dtype: np.dtype[Any] | None = None) -> Roles:
    """Judge axes by their names as the file spells them, and by their order where these fail.

    Parameters
    ----------
    axes : sequence of Axis
        Called as the file calls them; empty names where it does not.
    dtype : dtype or None
        Of the values: four samples are a colour with alpha where they are 8 or 16 bit unsigned,
        else four channels, none of which may be dropped.
    """
    letters = [spelled(axis.name) for axis in axes]
    if refusal := _scan(axes, letters):
        return Roles(tuple(axis.name for axis in axes), refusal)
    if letters.count("y") == letters.count("x") == 1:
        names = tuple(
            letter or axis.name.strip().lower() or "z"
            for letter, axis in zip(letters, axes, strict=True)
        )
        return Roles(names, are_named=True)
    names = _by_order(axes, letters)
    notices: tuple[str, ...] = ()
    if names[-1:] == ("s",) and axes[-1].size == _WITH_ALPHA:
        if _is_picture(dtype):
            notices = (_alpha_told("".join((*names[:-1], "c"))),)
        else:
            names = (*names[:-1], "c")
    return Roles(names, why_narrow(renamed(axes, names)), notices=notices)


def _alpha_told(axes: str) -> str:
    return Shared(
        "has 4 values a pixel, taken for red, green, blue and transparency, which micrographs "
        f"leave out; --axes {axes} takes them for four channels",
        "the fourth value of the pixels of {} more is taken for transparency as well",
    )


def renamed(axes: Sequence[Axis], names: Sequence[str]) -> tuple[Axis, ...]:
    """Call axes by other names."""
    return tuple(replace(axis, name=name) for axis, name in zip(axes, names, strict=True))


def by_shape(shape: tuple[int, ...]) -> str:
    """One letter for each axis of an array that does not name them.

    A last axis of one sample is a channel, one of 3 or 4 behind two longer ones is colour.
    """
    if len(shape) >= 3 and shape[-1] == 1:
        return f"{by_shape(shape[:-1])}c"
    coloured = len(shape) >= 3 and shape[-1] in (3, 4) and min(shape[-3:-1]) > 4
    if coloured and len(shape) < 5:
        return "zyxs"[-len(shape) :]
    return _BY_COUNT.get(len(shape), "q" * len(shape))


def split_names(said: object, count: int) -> list[str]:
    """Names in an attribute: letters in a row, a list, or text with separators.

    Parameters
    ----------
    said : object
        Text or bytes (``"zyx"``, ``b"z,y,x"``, ``'["z", "y", "x"]'``, ``"z:y:x"``), or a
        sequence or array of such.
    count : int
        Number of axes.

    Returns
    -------
    list of str
        As many as there are axes; empty when the attribute does not name that many.
    """
    said = said.item() if isinstance(said, np.generic | np.ndarray) and said.ndim == 0 else said
    several = said if isinstance(said, Iterable) and not isinstance(said, str | bytes) else [said]
    names = [text_of(each) for each in several]
    if len(names) == 1 and names[0].lstrip().startswith("[{"):
        names = _in_json(names[0])
    if len(names) == 1 and count > 1:
        bare = names[0].strip().strip("[](){}").replace('"', "").replace("'", "").strip()
        names = [each for each in _SEPARATORS.split(bare) if each]
        if len(names) == 1 and len(names[0]) == count:
            names = list(names[0])
    return names if len(names) == count else []


def _in_json(text: str) -> list[str]:
    """Names of axes that JSON describes one by one, under ``name`` or ``key``."""
    try:
        described = json.loads(text)
    except ValueError:
        return []
    return [str(each.get("name") or each.get("key") or "") for each in described]


def text_of(value: object) -> str:
    """Text of what a file may store as text, as bytes, or as an array of one of them."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.ravel()[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").rstrip("\0")
    return str(value)


def _is_picture(dtype: np.dtype[Any] | None) -> bool:
    return dtype is None or (dtype.kind == "u" and dtype.itemsize <= 2)


def _by_order(axes: Sequence[Axis], letters: Sequence[str]) -> tuple[str, ...]:
    """Take the last two axes that are nothing else for y and x."""
    if not any(letters):
        return tuple(by_shape(tuple(axis.size for axis in axes)))
    free = [at for at, letter in enumerate(letters) if letter not in _COUNTED]
    if len(free) < 2:
        return tuple(by_shape(tuple(axis.size for axis in axes)))
    names = [letter if letter in _COUNTED else "z" for letter in letters]
    names[free[-2]], names[free[-1]] = "y", "x"
    return tuple(names)


def _scan(axes: Sequence[Axis], letters: Sequence[str]) -> str:
    """Say that images lie at the points of a scan (4D-STEM), where names or units do."""
    if len(axes) < 4:
        return ""
    pattern = [
        at
        for at, axis in enumerate(axes)
        if is_reciprocal(axis.units) or (not letters[at] and _PATTERN.fullmatch(axis.name.lower()))
    ]
    if len(pattern) < 2 and letters.count("y") == letters.count("x") == 2:
        pattern = [at for at, letter in enumerate(letters) if letter in ("y", "x")][2:]
    if len(pattern) < 2 and letters.count("y") == letters.count("x") == 1:
        behind = range(max(letters.index("y"), letters.index("x")) + 1, len(axes))
        pattern = [at for at in behind if letters[at] not in _COUNTED]
    if len(pattern) < 2 or len(axes) - len(pattern) < 2:
        return ""
    points = [axis.size for at, axis in enumerate(axes) if at not in pattern]
    return scan_refused(" x ".join(map(str, points)))


def scan_refused(points: str) -> str:
    """Say why a scan of diffraction patterns is no image, and what makes images of it."""
    return (
        f"a diffraction pattern at each of {points} points (4D-STEM), of which virtual images "
        "are made first, as by py4DSTEM or HyperSpy"
    )
