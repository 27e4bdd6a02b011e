"""The files that one model is applied to: found, named, claimed and entered in the manifest."""

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from emseg.bundle import ModelCard
from emseg.config import PredictConfig
from emseg.inference.files.predicted import Predicted, Progress, unheard
from emseg.inference.files.run_folder import RunFolder
from emseg.outcomes import Outcome
from emseg.reading import NO_MICROGRAPHS, Stack, chosen_files, picked
from emseg.writing import results_folder

CURE = "use a smaller --tile, or --crop"
"""What helps when there is too little memory for a file."""


class FileBatch(ABC):
    """Files that are predicted, by this process or by others.

    Parameters
    ----------
    card : ModelCard
        Of the model.
    config : PredictConfig
        Inputs, outputs and how.

    Raises
    ------
    UsageError
        When an output would overwrite a micrograph, or nothing is to be predicted.
    """

    paths: Sequence[Path]
    """The files that are there when the work begins; none where a run watches."""
    left: list[Path]
    """Files that another run has taken."""
    tile: int
    """Longest side of a tile in pixels; of a crop for a classifier."""
    halo: int = 0
    """Margin of a tile in pixels."""

    def __init__(self, card: ModelCard, config: PredictConfig) -> None:
        self.card, self.config = card, config
        self.paths, self._slices = [], None
        if not config.watch:
            self.paths, self._slices = chosen_files(
                config.inputs, config.slices, skip=NO_MICROGRAPHS, is_recursive=config.recursive
            )
        self._folder = RunFolder(config, card, self._slices)
        self._folder.name(self.paths)
        self.left: list[Path] = []
        self._is_recorded = False
        self._options = card.read_options(config)
        self._report: Progress = unheard

    def call(self, names: Mapping[Path, str]) -> None:
        """Call the results of files as another process has settled."""
        self._folder.call(names)

    def run(self, report: Progress = unheard) -> Iterator[Outcome[Predicted]]:
        """Predict the files that were found; see `opened` and `attempt`."""
        with self.opened():
            yield from self.attempt(self.paths, report)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Open the folder of the results; its table is complete when the block ends.

        Results of earlier runs, and of others at the same time, stay in it. When nothing is
        predicted, nothing is left behind.

        Raises
        ------
        UsageError
            When it holds results of other files that were made otherwise.
        NotWritableError, StorageError
            When the output folder takes no results.
        """
        if self.paths:
            self._folder.require_alike(self.paths)
        with results_folder(self.config.out), self._folder.manifest:
            self._folder.take_up()
            yield

    def attempt(
        self, paths: Sequence[Path], report: Progress = unheard
    ) -> Iterator[Outcome[Predicted]]:
        """Predict file by file, but for those that are done; within `opened`.

        A file that fails costs only itself: it is told and the next one is taken. One that another
        run has in hand is left to it, and told in `left`.

        Parameters
        ----------
        paths : sequence of Path
            Each once, results of emseg not among them.
        report : callable
            Told within each file how far it is.

        Raises
        ------
        UsageError
            When an option fits no file, such as a tile that is smaller than its halo, or the
            folder holds results of others that were made otherwise.
        NotWritableError, StorageError
            When the output folder takes no results.
        """
        self._report = report
        standing = self._folder.standing(paths)
        for path in standing.done:
            yield Outcome(path, self._folder.done(path), is_earlier=True)
        with closing(self._outcomes(standing.pending)) as outcomes:
            last = time.monotonic()
            for outcome in outcomes:
                now = time.monotonic()
                self._enter(outcome, now - last)
                yield outcome
                last = now

    def _enter(self, outcome: Outcome[Predicted], seconds: float) -> None:
        """Say in the manifest what became of a file."""
        if outcome.found is None:
            self._folder.manifest.fail(outcome.path, str(outcome.error), seconds)
            return
        if not self._is_recorded:
            self._folder.record_settings(self._provenance())
            self._is_recorded = True
        self._folder.manifest.finish(outcome.path, outcome.found.rows, seconds)

    @abstractmethod
    def _outcomes(self, paths: Sequence[Path]) -> Generator[Outcome[Predicted]]:
        """Predict one file after the other, of those that `_is_claimed`."""

    @abstractmethod
    def _computed_by(self) -> str:
        """Say what computes the network, in what numbers."""

    def _is_claimed(self, path: Path) -> bool:
        """Take a file, or note that another run has it."""
        if self._folder.claim(path):
            return True
        self.left.append(path)
        return False

    def _indices(self, stack: Stack) -> Sequence[int]:
        return picked(range(len(stack)), self._slices, f"planes of {stack.path}")

    def _provenance(self) -> str:
        card = self.card
        return (
            f"# emseg {card.emseg} model, weights sha256 {card.sha256}\n"
            f"# {self._computed_by()}\n"
            f"# tile {self.tile}, halo {self.halo}\n{self.config.to_toml()}"
        )
