"""The folder of a run: what earlier runs left in it, and how its results were made."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from emseg.bundle import ModelCard
from emseg.inference.files.results import OutputPlace
from emseg.reading.finding.stems import output_stems
from emseg.writing import RunTable, require_apart, write_text
from emseg.writing.leftovers import sweep
from emseg.writing.texts import from_utf8

_TABLE, _SETTINGS = "predictions.csv", "predict.toml"
_FOLDERS = ("previews", "probabilities", "uncertainty", "instances")
_log = logging.getLogger(__name__)


class RunFolder:
    """Where the results of many files go, and those of earlier runs lie.

    Parameters
    ----------
    out : Path
        The folder; it may not be there yet.
    card : ModelCard
        Of the model.
    paths : sequence of Path
        All files that are predicted.
    suffix : str
        Of label images.

    Raises
    ------
    UsageError
        When a result would overwrite a micrograph.
    """

    def __init__(self, out: Path, card: ModelCard, paths: Sequence[Path], suffix: str) -> None:
        self._out, self._card, self._paths, self._suffix = out, card, paths, suffix
        self.table = RunTable(out / _TABLE)
        self._stems = output_stems(paths, self._earlier())
        require_apart((self.place(path).labels for path in paths), paths, "the label image")

    def place(self, path: Path) -> OutputPlace:
        """Say where the results of a file go."""
        labels = self._out / f"{self._stems[path]}.{self._suffix}"
        return OutputPlace(self._out, labels, self._suffix)

    def record_settings(self, settings: str) -> None:
        """Write how the results were made."""
        write_text(self._out / _SETTINGS, settings, "replace")

    def take_up(self) -> None:
        """Remove what killed runs left, take up what they finished, and tell what is there."""
        self._sweep()
        finished = self.table.take_up()
        if finished:
            _log.warning(
                "%s holds %d label image(s) that a run finished before it was killed; their rows "
                "are now in %s",
                self._out,
                finished,
                _TABLE,
            )
        if self.table.rows():
            _log.warning(
                "%s holds earlier predictions%s; %s keeps their rows, and those of the same "
                "micrographs are replaced",
                self._out,
                self._of_another_model(),
                _TABLE,
            )

    def tell_exchanged(self, path: Path, replaced: Iterable[Mapping[str, object]]) -> None:
        """Say when a label image of another micrograph went: two runs at once had both."""
        for file in {str(row["file"]) for row in replaced} - {str(path)}:
            if Path(file).exists() and not path.samefile(file):
                _log.warning(
                    "the result of %s, by another run, is replaced by that of %s, which has the "
                    "same name; predict %s again with another --out",
                    file,
                    path,
                    file,
                )

    def _earlier(self) -> dict[Path, str]:
        """Stems of the label images that are there, by the micrograph of each."""
        by_name = {os.path.realpath(path): path for path in self._paths}
        earlier: dict[Path, str] = {}
        for name, file in self.table.stems().items():
            if Path(file).exists():
                real = os.path.realpath(file)
                earlier[by_name.get(real, Path(real))] = from_utf8(name)
        return earlier

    def _sweep(self) -> None:
        """Remove what killed runs were writing, wherever results may lie."""
        out = self._out
        for below in {Path(), *(Path(from_utf8(each)).parent for each in self.table.results())}:
            for folder in (out, *(out / each for each in _FOLDERS)):
                sweep((folder / below).absolute())

    def _of_another_model(self) -> str:
        """Say so where the predictions that are there are not of this model."""
        try:
            said = (self._out / _SETTINGS).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""
        is_same = not self._card.sha256 or self._card.sha256 in said
        return "" if is_same else " of another model"
