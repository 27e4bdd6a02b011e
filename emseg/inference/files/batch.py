"""Many files through one model: while one is computed the next is read and the last is written."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from emseg.bundle import ModelCard
from emseg.config import PredictConfig, Task
from emseg.errors import ContentError, EmsegError, UsageError
from emseg.inference.answers.settling import Settling, wants_probabilities
from emseg.inference.backends import Backend
from emseg.inference.bands import Band
from emseg.inference.classifier import Classification, Classifier
from emseg.inference.files.contents import files_bytes
from emseg.inference.files.predicted import Predicted, Progress, unheard
from emseg.inference.files.results import FileResults
from emseg.inference.files.rows import class_row
from emseg.inference.files.run_folder import RunFolder
from emseg.inference.jobs import Failed
from emseg.inference.plan import Budget, TilePlan
from emseg.inference.preparing import Prepared, Preparing
from emseg.inference.segmenter import Segmenter
from emseg.inference.trials.seams import Seams, check_seams
from emseg.micrograph import Micrograph
from emseg.outcomes import Outcome, attempts, failed, worded
from emseg.reading import NO_MICROGRAPHS, Stack, chosen_files, open_stack, picked
from emseg.writing import results_folder

_T = TypeVar("_T")
_CURE = "use a smaller --tile, or --crop"


class Batch(ABC):
    """The files that one model is applied to.

    Parameters
    ----------
    card : ModelCard
        Of the model.
    config : PredictConfig
        Inputs, outputs and how.
    backend : Backend
        What computes the network.

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
    preparing: Preparing
    _held: int | None = None
    """Bytes of a plane up to which it is read at once; None for any."""

    def __init__(self, card: ModelCard, config: PredictConfig, backend: Backend) -> None:
        self.card, self.config, self.backend = card, config, backend
        self.paths, self._slices = [], None
        if not config.watch:
            self.paths, self._slices = chosen_files(
                config.inputs, config.slices, skip=NO_MICROGRAPHS, is_recursive=config.recursive
            )
        self._folder = RunFolder(config, card, self._slices)
        self._folder.name(self.paths)
        self.left: list[Path] = []
        self._todo: Sequence[Path] = ()
        self._is_recorded = False
        self._options = card.read_options(config)
        self._planes: dict[Path, Sequence[int | None]] = {}  # of each file that was opened
        self._given_up: set[Path] = set()  # files of which a plane failed
        self._report: Progress = unheard

    @staticmethod
    def of(card: ModelCard, config: PredictConfig, backend: Backend, *, among: int = 1) -> "Batch":
        """Choose what the task of a model asks for; see `Budget.of` for ``among``."""
        if card.task is Task.SEGMENTATION:
            return SegmentationBatch(card, config, backend, among=among)
        return ClassificationBatch(card, config, backend)

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
        self._folder.name(paths)
        standing = self._folder.standing(paths)
        yield from (Outcome(path, self._folder.done(path)) for path in standing.done)
        self._todo = standing.todo
        with closing(self._outcomes()) as outcomes:
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
    def plan(self, micrograph: Micrograph) -> TilePlan:
        """Say how a micrograph will be cut."""

    def looked_at(self, look: Callable[[Path, int, Micrograph], _T]) -> Iterator[Outcome[_T]]:
        """Look at the files without writing anything.

        Parameters
        ----------
        look : callable
            Given a file, how many of its planes are predicted, and the first of them.

        Raises
        ------
        UsageError
            When an option fits no file.
        """

        def seen(path: Path) -> _T:
            stack = open_stack(path, self._options)
            indices = self._indices(stack)
            return look(path, len(indices), stack.plane(indices[0], self._held))

        return attempts(self.paths, seen, _CURE)

    @abstractmethod
    def _outcomes(self) -> Generator[Outcome[Predicted]]:
        """Predict one file after the other."""

    def _prepared(self) -> Iterator[Prepared | Failed]:
        """Read one plane after the other; what goes wrong is told in its place."""
        for path in self._todo:
            try:
                if self._folder.claim(path):
                    yield from self._planes_of(path)
                else:
                    self.left.append(path)
            except (EmsegError, MemoryError) as error:
                yield Failed(path, worded(error, path, _CURE))

    def _planes_of(self, path: Path) -> Iterator[Prepared]:
        stack = open_stack(path, self._options)
        indices = self._indices(stack)
        self._planes[path] = [index if len(stack) > 1 else None for index in indices]
        for index in indices:
            if path in self._given_up:
                return
            yield self.preparing.prepare(stack.plane(index, self._held))

    def _indices(self, stack: Stack) -> Sequence[int]:
        return picked(range(len(stack)), self._slices, f"planes of {stack.path}")

    def _watch(self, plane: Prepared, done: int, of: int) -> None:
        micrograph, path = plane.micrograph, _path_of(plane)
        if path in self._given_up:  # tiles of it were on their way
            return
        planes = self._planes[path]
        share = (planes.index(micrograph.plane) + done / of) / len(planes)
        title = micrograph.title
        self._report(share, f"{title}, tile {done} of {of}" if of > 1 else title)

    def _provenance(self) -> str:
        card, backend = self.card, self.backend
        return (
            f"# emseg {card.emseg} model, weights sha256 {card.sha256}\n"
            f"# {backend.name}, {backend.device}, {backend.precision}\n"
            f"# tile {self.tile}, halo {self.halo}\n{self.config.to_toml()}"
        )


class SegmentationBatch(Batch):
    """Files that become label images; see `Batch`."""

    def __init__(
        self, card: ModelCard, config: PredictConfig, backend: Backend, *, among: int = 1
    ) -> None:
        super().__init__(card, config, backend)
        self.segmenter = configured(card, config, backend, among=among)
        Settling(card, config)  # refuses what the model does not know before it starts
        self.preparing, self._held = self.segmenter.preparing, self.segmenter.budget.held
        self.tile, self.halo = self.segmenter.tile, self.segmenter.halo

    def plan(self, micrograph: Micrograph) -> TilePlan:
        """Say how a micrograph will be cut."""
        seen = self.preparing.seen(micrograph)
        keep = wants_probabilities(self.config)
        return self.segmenter.plan(micrograph, seen, keep_probabilities=keep)

    def _outcomes(self) -> Generator[Outcome[Predicted]]:
        stream = self.segmenter.stream(
            self._prepared(),
            keep_probabilities=wants_probabilities(self.config),
            watch=self._watch,
        )
        with closing(stream):
            for path, bands in groupby(stream, key=_path_of_said):
                yield self._written(path, bands)

    def _written(self, path: Path, bands: Iterator[Band | Failed]) -> Outcome[Predicted]:
        """Write the results of a file as its bands come."""
        place = self._folder.place(path)
        first = next(bands)
        if isinstance(first, Failed):
            return failed(path, first.error, _CURE)
        last = first.plane
        announce = partial(self._folder.manifest.announce, path)
        planes, maps = self._planes[path], self.backend.maps
        results = FileResults(place, self.card, self.config, announce, planes, maps)
        try:
            with results:
                results.put(first)
                for band in bands:
                    if isinstance(band, Failed):
                        raise band.error
                    last = band.plane
                    results.put(band)
        except (EmsegError, MemoryError) as error:
            self._given_up.add(path)
            self.segmenter.drop(last)
            return failed(path, error, _CURE)
        return Outcome(path, Predicted(place.labels, tuple(results.rows)))

    def seams(self) -> Iterator[Outcome[Seams]]:
        """Look for seams in the first plane of each file; nothing is written."""
        config, backend = self.config, self.backend

        def make(*, tile: tuple[int, int] | None, is_shifted: bool) -> Segmenter:
            return Segmenter(
                self.card,
                backend,
                tile=tile or config.tile,
                halo=config.halo,
                rescale=config.rescale,
                budget=self.segmenter.budget,
                is_shifted=is_shifted,
            )

        return self.looked_at(lambda _, __, micrograph: check_seams(micrograph, make))


def configured(
    card: ModelCard, config: PredictConfig, backend: Backend, *, among: int = 1
) -> Segmenter:
    """Make what segments as a configuration says; see `Budget.of` for ``among``."""
    return Segmenter(
        card,
        backend,
        tile=config.tile,
        halo=config.halo,
        rescale=config.rescale,
        budget=Budget.of(backend, config.max_ram, config.max_vram, among=among),
        files=partial(files_bytes, card, config, maps=backend.maps),
    )


class ClassificationBatch(Batch):
    """Files that are given a class; see `Batch`."""

    def __init__(self, card: ModelCard, config: PredictConfig, backend: Backend) -> None:
        _refuse_maps(config)
        super().__init__(card, config, backend)
        self.classifier = Classifier(card, backend, rescale=config.rescale)
        self.preparing, self.tile = self.classifier.preparing, card.crop

    def plan(self, micrograph: Micrograph) -> TilePlan:
        """Say which crops a micrograph will be seen in."""
        return self.classifier.plan(self.preparing.seen(micrograph))

    def _outcomes(self) -> Generator[Outcome[Predicted]]:
        with closing(self.classifier.stream(self._prepared(), watch=self._watch)) as stream:
            for path, answers in groupby(stream, key=_path_of_said):
                yield self._told(path, list(answers))

    def _told(self, path: Path, answers: Sequence[Classification | Failed]) -> Outcome[Predicted]:
        rows = []
        for answer in answers:
            if isinstance(answer, Failed):
                return failed(path, answer.error, _CURE)
            rows.append(class_row(answer, self.config.top_k))
        return Outcome(path, Predicted(None, tuple(rows)))


def _refuse_maps(config: PredictConfig) -> None:
    """Refuse what only pixels have, of a model that gives an image its class."""
    for option, value in {
        "--uncertainty": config.uncertainty,
        "--threshold": config.thresholds,
        "--smallest": config.smallest,
        "--fill-holes": config.fill_holes,
        "--instances": config.instances,
    }.items():
        if value:
            raise UsageError(
                f"{option} is for models that give each pixel a class, and this one gives an image "
                "its class; leave it out"
            )


def _path_of(plane: Prepared) -> Path:
    path = plane.micrograph.path
    if path is None:
        raise ContentError(f"{plane.micrograph.title} is of no file")
    return path


def _path_of_said(said: Band | Classification | Failed) -> Path:
    """Name the file of which something was said."""
    plane = said.plane
    return plane if isinstance(plane, Path) else _path_of(plane)
