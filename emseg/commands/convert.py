"""Micrographs and label images are written in another format, with all that they hold."""

from dataclasses import dataclass
from pathlib import Path

from emseg.config import ConvertConfig
from emseg.errors import UnknownNameError, UsageError
from emseg.meters import progress
from emseg.outcomes import Outcome, attempts, counted
from emseg.reading import ReadOptions, chosen_files
from emseg.reading.finding.stems import output_stems
from emseg.writing import TARGETS, require_apart, results_folder
from emseg.writing.conversion import convert_file


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a file.

    Parameters
    ----------
    written : Path
        The file in the other format.
    planes : int
        How many it holds.
    """

    written: Path
    planes: int


def convert(config: ConvertConfig) -> list[Outcome[Converted]]:
    """Convert all files of a configuration.

    Parameters
    ----------
    config : ConvertConfig
        Inputs, format, folder, and how files are read.

    Raises
    ------
    UsageError
        When a result would overwrite an input, or something else unless that may be replaced.
    EmsegError
        Whatever else is wrong with the command or the folder; what is wrong with one file is its
        outcome.
    """
    target = config.to.lower().lstrip(".")
    suffixes = [each.suffix for each in TARGETS]
    if target not in suffixes:
        raise UnknownNameError("format", config.to, suffixes)
    options = ReadOptions.of(config)
    paths, slices = chosen_files(config.inputs, config.slices)
    written = {path: config.out / f"{name}.{target}" for path, name in output_stems(paths).items()}
    _require_free(written, config)

    def work(path: Path) -> Converted:
        planes = convert_file(
            path,
            written[path],
            options,
            planes=slices,
            with_calibration=not config.drop_calibration,
        )
        return Converted(written[path], planes)

    with results_folder(config.out), progress("converting", len(paths), unit="files") as meter:
        outcomes = attempts(paths, work, "close other programs, or convert a --crop")
        return list(counted(outcomes, len(paths), meter))


def _require_free(written: dict[Path, Path], config: ConvertConfig) -> None:
    """Refuse to write over an input, or over what is there unless the user says so."""
    require_apart(written.values(), written, "the result", original="an input")
    there = [each for each in written.values() if each.exists()]
    if there and not config.replace:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(
            f"{there[0]}{more} would be overwritten; add --replace, or choose another --out"
        )
