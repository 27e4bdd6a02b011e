"""Micrographs and label images are written in another format, with all that they hold."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emseg.commands.copies import Copies
from emseg.commands.watching import Arrivals
from emseg.config import ConvertConfig
from emseg.errors import ContentError, UnknownNameError, UsageError
from emseg.manifest import Entry, Made, Manifest, key_of, standing
from emseg.meters import progress
from emseg.outcomes import Outcome, attempt, completed, failed, gathered
from emseg.reading import NO_LABELS, ReadOptions, chosen_files, open_stack
from emseg.reading.finding.stems import Naming, output_stems
from emseg.writing import TARGETS, require_apart, results_folder
from emseg.writing.conversion import convert_file
from emseg.writing.texts import from_utf8

_CURE = "close other programs, or convert a --crop"
_OPTIONS = (
    "axes",
    "signal",
    "channels",
    "pixel_size",
    "crop",
    "keep_bar",
    "invert",
    "drop_calibration",
)


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
    return _Conversion(config, target).run()


class _Conversion:
    """The files of a configuration on their way into another format."""

    def __init__(self, config: ConvertConfig, target: str) -> None:
        self._config, self._target = config, target
        self._options = ReadOptions.of(config)
        self._paths, self._slices = list[Path](), None
        if not config.watch:
            self._paths, self._slices = chosen_files(
                config.inputs, config.slices, is_recursive=config.recursive
            )
        said = config.model_dump(mode="json")
        options = {"slices": self._slices} | {name: said[name] for name in _OPTIONS}
        self._manifest = Manifest(config.out, f"convert to {target}", Made(options=options))
        self._naming = Naming(config.inputs, config.recursive, config.name)
        self._left: list[Path] = []  # files that another run has taken

    def run(self) -> list[Outcome[Converted]]:
        done: list[Outcome[Converted]] = []
        self._manifest.settle()
        if not self._config.watch:
            self._written(self._paths, self._manifest.entries())  # refuses before anything is made
        copies = Copies(self._config.out, self._config)
        with results_folder(self._config.out), self._manifest:
            for paths in self._rounds():
                with progress("converting", len(paths), unit="files") as meter:
                    outcomes = copies.made(self._attempt(paths), lambda found: [found.written])
                    gathered(outcomes, done, len(paths), meter, "converted")
        copies.tell()
        return completed(done, self._left, self._paths, self._config.out)

    def _rounds(self) -> Iterable[Sequence[Path]]:
        config = self._config
        return Arrivals(config, config.inputs, NO_LABELS) if config.watch else [self._paths]

    def _attempt(self, paths: Sequence[Path]) -> Iterator[Outcome[Converted]]:
        entries = self._manifest.entries()
        written = self._written(paths, entries)
        found = standing(self._manifest, entries, paths, overwrite=self._config.overwrite)
        for path in found.done:
            yield Outcome(path, self._done(path, written[path]), is_earlier=True)
        for path in found.pending:
            try:
                is_ours = self._manifest.claim(path, written[path])
            except ContentError as error:
                yield failed(path, error, _CURE)
                continue
            if is_ours:
                yield self._converted(path, written[path])
            elif not self._config.watch:
                self._left.append(path)

    def _done(self, path: Path, written: Path) -> Converted:
        """Give what an earlier run said; one that was killed could not say how many planes."""
        for said in self._manifest.rows_of(path):
            return Converted(written, said["planes"])
        return Converted(written, len(open_stack(written)))

    def _converted(self, path: Path, written: Path) -> Outcome[Converted]:
        began = time.monotonic()

        def work() -> Converted:
            self._manifest.announce(path, written)
            planes = convert_file(
                path,
                written,
                self._options,
                planes=self._slices,
                with_calibration=not self._config.drop_calibration,
            )
            return Converted(written, planes)

        outcome = attempt(path, work, _CURE)
        seconds = time.monotonic() - began
        if outcome.found is not None:
            self._manifest.finish(path, [{"planes": outcome.found.planes}], seconds)
        else:
            self._manifest.fail(path, str(outcome.error), seconds)
        return outcome

    def _written(self, paths: Sequence[Path], entries: Mapping[str, Entry]) -> dict[Path, Path]:
        """Say where each result goes.

        Raises
        ------
        UsageError
            When that is an input, or holds anything but the result of the same input, made alike,
            unless a user says that it may be replaced.
        """
        config = self._config
        stems = output_stems(paths, naming=self._naming)
        written = {path: config.out / f"{name}.{self._target}" for path, name in stems.items()}
        require_apart(written.values(), written, "the result", original="an input")
        there = [
            each
            for path, each in written.items()
            if each.exists() and not self._is_ours(entries.get(key_of(path)), each)
        ]
        if there and not config.overwrite:
            more = f" and {len(there) - 1} more" if len(there) > 1 else ""
            raise UsageError(
                f"{there[0]}{more} would be overwritten; add --overwrite, or choose another --out"
            )
        return written

    def _is_ours(self, entry: Entry | None, written: Path) -> bool:
        if entry is None or entry.result is None or entry.settings != self._manifest.made.text:
            return False
        return self._config.out / from_utf8(entry.result) == written
