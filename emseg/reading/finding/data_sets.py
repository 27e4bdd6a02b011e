"""Folders that hold a whole data set, as other programs lay it out: which part is what."""

import re
from collections.abc import Iterator
from pathlib import Path

from emseg.reading.finding.files import readable_files

_TRAIN = re.compile(r"train(ing)?(_?set|_?data)?|tr")
_VALIDATION = re.compile(r"val(id|idation)?(_?set|_?data)?|dev")
_IMAGES = re.compile(r"(images?|imgs?|raw|micrographs?|inputs?)(tr|_?train)?")
_MASKS = re.compile(r"(masks?|labels?|gt|ground_?truth|annotations?|seg\w*|targets?)(tr|_?train)?")


def is_part_of_a_set(name: str) -> bool:
    """Whether a folder is called as the training, validation or test part of a data set is."""
    name = name.lower()
    return any(each.fullmatch(name) for each in (_TRAIN, _VALIDATION)) or name in ("test", "tests")


def how_to_train(folder: Path) -> tuple[str, ...] | None:
    """Say what stands behind ``emseg train`` for a folder that holds the parts of a data set.

    Understands ``train/`` and ``val/`` with a folder a class, or with ``images/`` and ``masks/``,
    the same the other way round (``images/train``), and ``images/`` beside ``masks/``.

    Parameters
    ----------
    folder : Path
        The folder around it.

    Returns
    -------
    tuple of str, or None
        Arguments, the folder alone where it holds a folder a class; None when nothing of all
        this is there.
    """
    if not folder.is_dir():
        return None
    below = _below(folder)
    train = next((each for each in below if _TRAIN.fullmatch(each.name.lower())), None)
    val = next((each for each in below if _VALIDATION.fullmatch(each.name.lower())), None)
    if train is not None:
        parts, held_out = list(_parts(train)), list(_parts(val)) if val is not None else []
    else:
        sides = list(_parts(folder))
        parts = [next(iter(_below(each, _TRAIN)), each) for each in sides]
        held_out = [each for side in sides for each in _below(side, _VALIDATION)]
    if not parts:
        return None
    options = ("--val-images", "--val-masks") if len(held_out) == len(parts) else ()
    named = (word for pair in zip(options, held_out, strict=False) for word in pair)
    return tuple(map(str, (*parts, *named)))


def _parts(folder: Path) -> Iterator[Path]:
    """Images and masks of a folder, or the folder itself where it holds a folder a class."""
    below = [each for each in _below(folder) if not is_part_of_a_set(each.name)]
    images = [each for each in below if _IMAGES.fullmatch(each.name.lower())]
    masks = [each for each in below if _MASKS.fullmatch(each.name.lower())]
    if images and masks:
        yield from (images[0], masks[0])
    elif sum(bool(readable_files(each)) for each in below) >= 2:
        yield folder


def _below(folder: Path, wanted: re.Pattern[str] | None = None) -> list[Path]:
    found = sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] != ".")
    return [each for each in found if wanted is None or wanted.fullmatch(each.name.lower())]
