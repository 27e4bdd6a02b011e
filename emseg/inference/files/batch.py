"""Many files through one model: while one is computed the next is read and the last is written."""

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
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
from emseg.inference.files.file_batch import CURE, FileBatch
from emseg.inference.files.predicted import Predicted
from emseg.inference.files.results import FileResults
from emseg.inference.files.rows import class_row
from emseg.inference.jobs import Failed
from emseg.inference.plan import Budget, TilePlan
from emseg.inference.preparing import Prepared, Preparing
from emseg.inference.segmenter import Segmenter
from emseg.inference.trials.seams import Seams, check_seams
from emseg.micrograph import Micrograph
from emseg.outcomes import Outcome, attempts, failed, worded
from emseg.reading import open_stack

_T = TypeVar("_T")


class Batch(FileBatch):
    """The files that one model is applied to in this process; see `FileBatch`.

    Parameters
    ----------
    card : ModelCard
        Of the model.
    config : PredictConfig
        Inputs, outputs and how.
    backend : Backend
        What computes the network.
    """

    preparing: Preparing
    _held: int | None = None
    """Bytes of a plane up to which it is read at once; None for any."""

    def __init__(self, card: ModelCard, config: PredictConfig, backend: Backend) -> None:
        super().__init__(card, config)
        self.backend = backend
        self._planes: dict[Path, Sequence[int | None]] = {}  # of each file in hand
        self._given_up: set[Path] = set()  # files of which a plane failed

    @staticmethod
    def of(card: ModelCard, config: PredictConfig, backend: Backend, *, among: int = 1) -> "Batch":
        """Choose what the task of a model asks for; see `Budget.of` for ``among``."""
        if card.task is Task.SEGMENTATION:
            return SegmentationBatch(card, config, backend, among=among)
        return ClassificationBatch(card, config, backend)

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

        return attempts(self.paths, seen, CURE)

    def _prepared(self, paths: Sequence[Path]) -> Iterator[Prepared | Failed]:
        """Read one plane after the other; what goes wrong is told in its place."""
        self._given_up.clear()  # a file that failed may come again
        for path in paths:
            try:
                if self._is_claimed(path):
                    yield from self._planes_of(path)
            except (EmsegError, MemoryError) as error:
                yield Failed(path, worded(error, path, CURE))

    def _planes_of(self, path: Path) -> Iterator[Prepared]:
        stack = open_stack(path, self._options)
        indices = self._indices(stack)
        self._planes[path] = [index if len(stack) > 1 else None for index in indices]
        for index in indices:
            if path in self._given_up:
                return
            yield self.preparing.prepare(stack.plane(index, self._held))

    def _watch(self, plane: Prepared, done: int, of: int) -> None:
        micrograph, path = plane.micrograph, _path_of(plane)
        planes = self._planes.get(path)
        if planes is None:  # it was given up while tiles of it were on their way
            return
        share = (planes.index(micrograph.plane) + done / of) / len(planes)
        title = micrograph.title
        self._report(share, f"{title}, tile {done} of {of}" if of > 1 else title)

    def _computed_by(self) -> str:
        return f"{self.backend.name}, {self.backend.device}, {self.backend.precision}"


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

    def _outcomes(self, paths: Sequence[Path]) -> Generator[Outcome[Predicted]]:
        stream = self.segmenter.stream(
            self._prepared(paths),
            keep_probabilities=wants_probabilities(self.config),
            watch=self._watch,
        )
        with closing(stream):
            for path, bands in groupby(stream, key=_path_of_said):
                outcome = self._written(path, bands)
                self._planes.pop(path, None)
                yield outcome

    def _written(self, path: Path, bands: Iterator[Band | Failed]) -> Outcome[Predicted]:
        """Write the results of a file as its bands come."""
        place = self._folder.place(path)
        first = next(bands)
        if isinstance(first, Failed):
            return failed(path, first.error, CURE)
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
            return failed(path, error, CURE)
        return Outcome(path, Predicted.of(place.labels, results.rows))

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

    def _outcomes(self, paths: Sequence[Path]) -> Generator[Outcome[Predicted]]:
        with closing(self.classifier.stream(self._prepared(paths), watch=self._watch)) as stream:
            for path, answers in groupby(stream, key=_path_of_said):
                outcome = self._told(path, list(answers))
                self._planes.pop(path, None)
                yield outcome

    def _told(self, path: Path, answers: Sequence[Classification | Failed]) -> Outcome[Predicted]:
        rows = []
        for answer in answers:
            if isinstance(answer, Failed):
                return failed(path, answer.error, CURE)
            rows.append(class_row(answer, self.config.top_k))
        return Outcome(path, Predicted.of(None, rows))


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
