"""Which files are results of emseg: they lie where micrographs are looked for, and are none."""

import json
import logging
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from emseg.errors import ContentError, listed
from emseg.micrograph import (
    INSTANCE_NAMESPACE,
    LABEL_NAMESPACE,
    PICTURE_OF_RESULTS,
    PROBABILITY_NAMESPACE,
    UNCERTAINTY_NAMESPACE,
)
from emseg.reading.formats import format_of, is_known
from emseg.reading.inside import split

_HEAD = 4096  # bytes of a PNG that hold its texts, which emseg writes before the pixels
_RUNS = ("predictions.csv", "predict.toml", "train.toml")  # beside what a run left
_OURS = (
    *_RUNS,
    "manifest.sqlite",
    "measure.toml",
    "evaluate.toml",
    "explanation.json",
    "model.safetensors",
)
_log = logging.getLogger(__name__)


class Result(StrEnum):
    """What emseg makes of micrographs, as people call one of it."""

    LABELS = "label image"
    PROBABILITIES = "file of probabilities"
    UNCERTAINTY = "map of uncertainty"
    INSTANCES = "image of numbered objects"
    PICTURE = "picture of results"


_BY_NAMESPACE = {
    LABEL_NAMESPACE: Result.LABELS,
    PROBABILITY_NAMESPACE: Result.PROBABILITIES,
    UNCERTAINTY_NAMESPACE: Result.UNCERTAINTY,
    INSTANCE_NAMESPACE: Result.INSTANCES,
}

NO_MICROGRAPHS = frozenset(Result)
"""What is no micrograph."""

NO_LABELS = frozenset({Result.PICTURE, Result.PROBABILITIES, Result.UNCERTAINTY})
"""What is no label image and no mask."""


def result_of(path: Path) -> Result | None:
    """Say which result of emseg a file is; None for every other file.

    What a file says of itself counts: the namespace of emseg's annotation in an OME-TIFF, an
    OME-Zarr or a HyperSpy file, and a text in its PNGs. PNGs of emseg 0.1 say nothing; they are
    known by their folder, ``previews`` beside the table or the settings of a run.

    Parameters
    ----------
    path : Path
        A file, or a folder that is one image. One that is missing or damaged is no result.
    """
    if split(path)[1] or not is_known(path):
        return None
    look = {"tiff.via_tifffile": _in_tiff, "stores.via_hspy": _in_hspy, "stores.via_zarr": _in_zarr}
    reader = format_of(path).reader
    said = ""
    with suppress(Exception):  # whatever a damaged file raises is told when it is opened
        if _is_of_a_run(path) or (path.suffix.lower() == ".png" and _is_marked(path)):
            return Result.PICTURE
        said = look[reader](path) if reader in look else ""
    return _BY_NAMESPACE.get(said)


def without_results(
    paths: Sequence[Path], skipped: Collection[Result], wanted: str = "micrographs"
) -> list[Path]:
    """Leave the results of emseg out, and say so once.

    Parameters
    ----------
    paths : sequence of Path
        What was found.
    skipped : collection of Result
        The kinds to leave out.
    wanted : str
        What the files are taken for, in the plural.

    Raises
    ------
    ContentError
        When nothing else is there.
    """
    if not skipped:
        return list(paths)
    kinds = {path: kind for path in paths if (kind := result_of(path)) in skipped}
    if not kinds:
        return list(paths)
    counts = Counter(str(kind) for kind in kinds.values())
    what = " and ".join(_counted(kind, count) for kind, count in counts.items())
    named = listed(kinds, most=3)
    if len(kinds) == len(paths):
        raise ContentError(
            f"no {wanted} among what you name, but {what} that emseg wrote itself ({named}); "
            f"name the {wanted}"
        )
    _log.warning("left out: %s that emseg wrote, no %s (%s)", what, wanted, named)
    return [path for path in paths if path not in kinds]


def is_of_emseg(folder: Path) -> bool:
    """Whether a folder is one that emseg made: of results, a run, or a model."""
    return any((folder / each).exists() for each in _OURS)


def _counted(kind: str, count: int) -> str:
    """Count a kind: ``"2 files of probabilities"``."""
    if count == 1:
        return f"1 {kind}"
    first, of, rest = kind.partition(" of ")
    return f"{count} {first}s{of}{rest}"


def _in_tiff(path: Path) -> str:
    from tifffile import TiffFile

    with TiffFile(path) as tiff:
        text = tiff.pages.first.description
    return next((each for each in _BY_NAMESPACE if each in text), "")


def _in_hspy(path: Path) -> str:
    from emseg.reading.stores.via_hspy import namespace_of

    return namespace_of(path)


def _in_zarr(path: Path) -> str:
    said = json.loads((path / ".zattrs").read_text(encoding="utf-8"))
    return str(said["emseg"]["namespace"])


def _is_marked(path: Path) -> bool:
    with path.open("rb") as file:
        return PICTURE_OF_RESULTS.encode() in file.read(_HEAD)


def _is_of_a_run(path: Path) -> bool:
    """Whether a file lies where emseg 0.1 wrote previews, curves and heat maps."""
    if (path.parent / "explanation.json").exists():
        return True
    if path.suffix.lower() != ".png":
        return False
    if path.name == "curves.png":
        return (path.parent / "train.toml").exists()
    above = next((each for each in path.parents if each.name == "previews"), None)
    return above is not None and any((above.parent / name).exists() for name in _RUNS)
