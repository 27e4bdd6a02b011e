"""The folder of a run: what earlier runs left in it, and how its results were made."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from emseg.bundle import ModelCard
from emseg.config import PredictConfig, Task
from emseg.inference.files.predicted import Predicted
from emseg.inference.files.results import OutputPlace
from emseg.manifest import Entry, InputStates, Made, Manifest, key_of, require_alike, standing
from emseg.reading.finding.stems import Naming, output_stems
from emseg.reading.inside import file_of
from emseg.writing import require_apart, write_text
from emseg.writing.leftovers import sweep
from emseg.writing.texts import from_utf8

TABLE, SETTINGS = "predictions.csv", "predict.toml"
_FOLDERS = ("previews", "probabilities", "uncertainty", "instances")
_FOUND = ("rescale", "tta", "thresholds", "smallest", "fill_holes", "top_k", "halo", "invert")
_READ = ("axes", "signal", "channels", "pixel_size", "crop", "keep_bar", "precision")
_WRITTEN = ("format", "probabilities", "uncertainty", "instances")
_log = logging.getLogger(__name__)


class RunFolder:
    """Where the results of many files go, and those of earlier runs lie.

    Parameters
    ----------
    config : PredictConfig
        Says where, and how results are made.
    card : ModelCard
        Of the model.
    planes : str or None
        Which planes of a stack are predicted.
    """

    def __init__(self, config: PredictConfig, card: ModelCard, planes: str | None) -> None:
        self._out, self._config, self._card = config.out, config, card
        self._suffix = str(config.format)
        said = config.model_dump(mode="json")
        made = Made(
            of={"model": card.sha256 or config.model.name},
            options={"slices": planes} | {name: said[name] for name in (*_FOUND, *_READ)},
            beside={name: said[name] for name in _WRITTEN},
        )
        self.manifest = Manifest(config.out, "predict", made, TABLE)
        self._naming = Naming(config.inputs, config.recursive, config.name, _called(config.model))
        self._stems: dict[Path, str] = {}

    def call(self, names: Mapping[Path, str]) -> None:
        """Call the results of files as somebody else has settled, in place of `name`."""
        self._naming = replace(self._naming, given=names)

    def name(self, paths: Sequence[Path]) -> None:
        """Settle what the results of files are called.

        Raises
        ------
        UsageError
            When a result would overwrite a micrograph.
        """
        self._name(paths, self.manifest.entries())

    def _name(self, paths: Sequence[Path], entries: Mapping[str, Entry]) -> None:
        self._stems |= output_stems(paths, self._earlier(paths, entries), self._naming)
        require_apart((self.place(path).labels for path in paths), paths, "the label image")

    def stem(self, path: Path) -> str:
        """Say what the results of a file are called."""
        return self._stems[path]

    def place(self, path: Path) -> OutputPlace:
        """Say where the results of a file go."""
        labels = self._out / f"{self._stems[path]}.{self._suffix}"
        return OutputPlace(self._out, labels, self._suffix)

    def record_settings(self, settings: str) -> None:
        """Write how the results were made."""
        write_text(self._out / SETTINGS, settings, "replace")

    def take_up(self) -> None:
        """Remove what killed runs left, and tell what they finished."""
        entries = self.manifest.entries().values()
        self._sweep(entries)
        if self.manifest.finished:
            _log.warning(
                "%s holds %d label image(s) that a run finished before it was killed; their rows "
                "are now in %s",
                self._out,
                self.manifest.finished,
                TABLE,
            )

    def require_alike(self, paths: Sequence[Path]) -> None:
        """Refuse label images that would lie beside others that were made otherwise."""
        if not self._config.overwrite:
            require_alike(self.manifest, self.manifest.entries(), paths)

    def standing(self, paths: Sequence[Path]) -> InputStates:
        """Name files anew, and say which are still to be predicted; tells what else is there.

        Raises
        ------
        UsageError
            When results that were made otherwise would lie beside those of these files.
        """
        entries = self.manifest.entries()
        self._name(paths, entries)
        found = standing(self.manifest, entries, paths, overwrite=self._config.overwrite)
        others = len(entries.keys() - {key_of(path) for path in paths})
        if others and not self._config.watch:
            _log.warning(
                "%s holds earlier predictions of %d other files; %s keeps their rows",
                self._out,
                others,
                TABLE,
            )
        return found

    def claim(self, path: Path) -> bool:
        """Take a file, unless another run has it or has just predicted it.

        Raises
        ------
        ContentError
            When another run, at work now, gives the label image of another file its name.
        """
        is_image = self._card.task is Task.SEGMENTATION
        return self.manifest.claim(path, self.place(path).labels if is_image else None)

    def done(self, path: Path) -> Predicted:
        """Give what an earlier run said of a file."""
        rows = self.manifest.rows_of(path)
        written = self.place(path).labels if rows and rows[0].get("labels") else None
        return Predicted.of(written, rows)

    def _earlier(self, paths: Sequence[Path], entries: Mapping[str, Entry]) -> dict[Path, str]:
        """Stems of the label images that are there, by the micrograph of each."""
        by_key = {key_of(path): path for path in paths}
        return {
            by_key.get(key, each.path): each.name
            for key, each in entries.items()
            if each.name is not None and each.is_there(self._out) and file_of(each.path).exists()
        }

    def _sweep(self, entries: Iterable[Entry]) -> None:
        """Remove what killed runs were writing, wherever results may lie."""
        results = (Path(from_utf8(each.result)) for each in entries if each.result)
        for below in {Path(), *(each.parent for each in results)}:
            for folder in (self._out, *(self._out / each for each in _FOLDERS)):
                sweep((folder / below).absolute())


def _called(model: Path) -> str:
    """Call a model by its folder, or by the run folder around that."""
    real = Path(os.path.realpath(model))
    is_of_run = real.name == "model" and (real.parent / "train.toml").exists()
    return (real.parent if is_of_run else real).name
