"""Options of ``emseg predict`` that say what comes out: averages, maps, thresholds and objects."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from emseg.answering import parse_threshold
from emseg.errors import UsageError

Tta = Annotated[
    str | None,
    typer.Option(
        "--tta",
        metavar="flips|d4",
        help="Average over the four flips, or the eight flips and turns (d4): better, 4 or 8 x as "
        "long.",
    ),
]
Mirror = Annotated[bool, typer.Option("--mirror", help="The same as --tta d4.")]
Uncertainty = Annotated[
    bool,
    typer.Option(
        "--uncertainty",
        help="Write how unsure each pixel is: entropy, and the disagreement of several models.",
    ),
]
Threshold = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CLASS=P",
        help="A class is where its probability reaches this, and only there; repeatable.",
    ),
]
Smallest = Annotated[
    str | None,
    typer.Option(
        metavar="N|AREA|LENGTH",
        help="Smaller objects go to the class around them: pixels, an area as in 50nm2, or the "
        "diameter of a circle of its area, as in 5nm.",
    ),
]
FillHoles = Annotated[
    str | None,
    typer.Option(
        metavar="N|AREA|LENGTH",
        help="Holes of objects that are no larger go to the class around them.",
    ),
]
Instances = Annotated[
    str | None,
    typer.Option(
        metavar="connected|watershed",
        help="Number the objects: an image and a table; a watershed tells touching ones apart.",
    ),
]


def turns_of(tta: str | None, *, mirror: bool) -> str | None:
    """Take ``--mirror`` for ``--tta d4``.

    Raises
    ------
    UsageError
        When the two say different things.
    """
    if mirror and tta not in (None, "d4"):
        raise UsageError(f"--mirror is --tta d4, and --tta {tta} says otherwise; leave one out")
    return "d4" if mirror else tta


def thresholds_of(typed: Sequence[str] | None) -> dict[str, float]:
    """Read thresholds by the name of the class.

    Raises
    ------
    UsageError
        When one makes no sense, or a class has two.
    """
    thresholds: dict[str, float] = {}
    for name, value in map(parse_threshold, typed or ()):
        if name in thresholds:
            raise UsageError(f"--threshold {name} is given twice; leave one out")
        thresholds[name] = value
    return thresholds


def members_of(inputs: Sequence[str]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Part what follows the first model: further models at the head of it, and micrographs."""
    from emseg.bundle.finding import is_model

    paths = [Path(each) for each in inputs]
    count = next((at for at, path in enumerate(paths) if not is_model(path)), len(paths))
    if count == len(paths):
        raise UsageError("there are models and no micrographs; name micrographs behind the models")
    return tuple(paths[:count]), tuple(paths[count:])
