"""What workers do with the model that they hold: whole files, or blocks of a large plane.

Of a plane that several predict by blocks, one takes the statistics and plans the tiles for all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from secrets import token_hex
from typing import Any, Self

import numpy as np

from emseg.bundle import ModelCard
from emseg.cluster.scratch import BlockFolder
from emseg.config import PredictConfig
from emseg.errors import EmsegError
from emseg.inference.answers.settling import Settling, uncertainty_of, wants_probabilities
from emseg.inference.backends.choosing import Choice
from emseg.inference.bands import Band
from emseg.inference.files.batch import Batch, configured
from emseg.inference.files.contents import ResultContents
from emseg.inference.files.results import OutputPlace
from emseg.inference.jobs import Failed
from emseg.inference.pipeline import ahead
from emseg.inference.preparing import Prepared, TileRows
from emseg.inference.segmenter import Segmenter
from emseg.intensity import Statistics
from emseg.micrograph import Micrograph, Region
from emseg.reading import open_stack
from emseg.writing.compression import deflated
from emseg.writing.zarr_blocks import BlockSink

Opener = Callable[[PredictConfig], tuple[ModelCard, Choice]]
"""Opens the model, or the models, of a configuration with what computes them."""


@dataclass(frozen=True, slots=True)
class WorkerOrder:
    """How all files of a run are predicted.

    Parameters
    ----------
    config : PredictConfig
        With absolute paths, and the threads of a worker.
    opener : callable
        Of its models; a function of a module, which workers import.
    among : int
        Workers of one machine, which share its memory.
    """

    config: PredictConfig
    opener: Opener
    among: int = 1


@dataclass(frozen=True, slots=True)
class WorkerDescription:
    """What computes on a worker.

    Parameters
    ----------
    card : ModelCard
        That all models follow.
    words : str
        Backend, device and precision, for the first line of a run.
    others : tuple of str
        Why others do not compute.
    name, device, precision : str
        Of the backend.
    maps : tuple of str
        That it tells beside probabilities.
    tile, halo : int
        Of large micrographs, in pixels.
    """

    card: ModelCard
    words: str
    others: tuple[str, ...]
    name: str
    device: str
    precision: str
    maps: tuple[str, ...]
    tile: int
    halo: int


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What all blocks of a plane share.

    Parameters
    ----------
    statistics : Statistics
        Of all of it.
    unlikeness : float or None
        How far it is from the training of the model.
    tile : tuple of int
        Rows and columns of a tile.
    batch : int
        How many tiles of one shape are asked at once.
    stops : tuple of int
        Where each row of tiles ends, in rows of the file.
    specimen : Region or None
        The part that shows the specimen.
    """

    statistics: Statistics
    unlikeness: float | None
    tile: tuple[int, int]
    batch: int
    stops: tuple[int, ...]
    specimen: Region | None

    def as_said(self) -> dict[str, Any]:
        """Give it as what JSON holds, which keeps numbers to the last bit."""
        numbers = {name: values.tolist() for name, values in asdict(self.statistics).items()}
        return asdict(self) | {"statistics": numbers}

    @classmethod
    def said(cls, said: dict[str, Any]) -> Self:
        """Make it of what `as_said` gave."""
        numbers = {name: np.array(values) for name, values in said["statistics"].items()}
        parts = {
            "statistics": Statistics(**numbers),
            "tile": tuple(said["tile"]),
            "stops": tuple(said["stops"]),
            "specimen": said["specimen"] and Region(**said["specimen"]),
        }
        return cls(**said | parts)


@dataclass(frozen=True, slots=True)
class ImageBlock:
    """Some rows of tiles of a plane.

    Parameters
    ----------
    path : Path
        The file.
    planes : tuple of int or None
        Numbers of all planes that are predicted of it.
    at : int
        Which of these it is of.
    surveyed : Surveyed
        Its plane.
    rows : tuple of int
        Its first row of tiles, and the one behind its last.
    top, bottom : int
        The same in rows of the file.
    folder : BlockFolder
        Where it is written.
    """

    path: Path
    planes: tuple[int | None, ...]
    at: int
    surveyed: Surveyed
    rows: tuple[int, int]
    top: int
    bottom: int
    folder: BlockFolder

    @property
    def is_done(self) -> bool:
        """Whether it is written."""
        return self.folder.is_done(self.at, self.top)


class _Held:
    """A model on a worker."""

    def __init__(self, order: WorkerOrder) -> None:
        self.config = order.config
        self.card, self.choice = order.opener(order.config)
        self.segmenter: Segmenter = configured(
            self.card, self.config, self.choice.backend, among=order.among
        )
        self.keeps = wants_probabilities(self.config)
        self._opened: dict[tuple[Path, int], Micrograph] = {}

    def plane(self, path: Path, plane: int) -> Micrograph:
        """Open a plane of which nothing is known yet; see `Stack.plane`."""
        stack = open_stack(path, self.card.read_options(self.config))
        return stack.plane(plane, self.segmenter.budget.held)

    def plane_of(self, block: ImageBlock) -> Micrograph:
        """Open the plane of a block, and keep it for the next one."""
        key = block.path, block.at
        if key not in self._opened:
            self._opened.clear()
            self._opened[key] = plane_of(block, self.card, self.config)
        return self._opened[key]

    def prepared(self, block: ImageBlock) -> Prepared:
        """Prepare the rows of a block; no pixel is read yet."""
        micrograph = self.plane_of(block)
        said = block.surveyed
        part = TileRows(said.tile, said.batch, *block.rows)
        return self.segmenter.preparing.part(micrograph, said.statistics, part)


def plane_of(block: ImageBlock, card: ModelCard, config: PredictConfig) -> Micrograph:
    """Open the plane of a block, of which all is known; no pixel is looked at."""
    options = replace(card.read_options(config), crop=None, keep_bar=True)
    plane = open_stack(block.path, options).plane(block.planes[block.at] or 0, 0)
    return replace(plane, specimen=block.surveyed.specimen)


_held: dict[str, _Held] = {}


def _hold(order: WorkerOrder) -> _Held:
    """Open a model once a worker, and let the one before go."""
    key = f"{order.config.to_toml()}{order.among}{order.opener}"
    if key not in _held:
        _held.clear()
        _held[key] = _Held(order)
    return _held[key]


def describe(order: WorkerOrder) -> WorkerDescription:
    """Say what computes here."""
    held = _hold(order)
    backend, segmenter = held.choice.backend, held.segmenter
    return WorkerDescription(
        held.card,
        str(held.choice),
        held.choice.others,
        backend.name,
        backend.device,
        backend.precision,
        tuple(backend.maps),
        segmenter.tile,
        segmenter.halo,
    )


def open_file(order: WorkerOrder, path: Path) -> None:
    """Import what reads a file and what compresses results, before they are waited for."""
    open_stack(path, _hold(order).card.read_options(order.config))
    deflated(np.zeros(1, np.uint8), 1)


def survey(order: WorkerOrder, path: Path, plane: int) -> Surveyed:
    """Look at all of a plane once, and plan its tiles as one process would."""
    held = _hold(order)
    segmenter = held.segmenter
    micrograph = held.plane(path, plane)
    prepared = segmenter.preparing.prepare(micrograph)
    plan = segmenter.plan(micrograph, prepared.seen, keep_probabilities=held.keeps)
    rows, _ = segmenter.grid(prepared.size, plan.tile)
    above = micrograph.specimen.top if micrograph.specimen else 0
    stops = [above + row.keep_stop for row in rows[:-1]]
    return Surveyed(
        prepared.statistics,
        prepared.unlikeness,
        plan.tile,
        plan.batch,
        (*stops, micrograph.size[0]),
        micrograph.specimen,
    )


def predict_blocks(order: WorkerOrder, blocks: Sequence[ImageBlock]) -> None:
    """Predict blocks that follow each other, and write what is wanted of each as it is known.

    Those that are done already are passed over.
    """
    pending = [each for each in blocks if not each.is_done]
    if not pending:
        return
    held = _hold(order)
    stream = held.segmenter.stream(map(held.prepared, pending), keep_probabilities=held.keeps)
    with closing(ahead(stream, 1)) as bands:  # the next are computed while some are written
        said = groupby(_without_failure(bands), key=lambda band: id(band.plane))
        for block, (_, own) in zip(pending, said, strict=True):
            _write(held, block, own)


def _write(held: _Held, block: ImageBlock, bands: Iterator[Band]) -> None:
    with ExitStack() as stack:
        sinks = _sinks(held, block, stack)
        settling = stack.enter_context(Settling(held.card, held.config))
        for band in bands:
            for settled in settling.put(band):
                sinks["labels"].put(settled.labels[None])
            if "probabilities" in sinks and band.probabilities is not None:
                sinks["probabilities"].put(band.probabilities)
            if "uncertainty" in sinks:
                sinks["uncertainty"].put(uncertainty_of(band))
    block.folder.note(block.at, block.top)


@dataclass(frozen=True, slots=True)
class Moved:
    """A file that a worker has predicted, with results that still go to their places.

    Parameters
    ----------
    path : Path
        The file.
    rows : tuple of dict
        Of the table.
    place : OutputPlace or None
        Where the results are; None for a classifier, or when it failed.
    error : EmsegError or None
        Why it failed.
    """

    path: Path
    rows: tuple[dict[str, object], ...] = ()
    place: OutputPlace | None = None
    error: EmsegError | None = None


def predict_files(
    order: WorkerOrder, names: Mapping[Path, str], slices: str | None, beside: Path
) -> list[Moved]:
    """Predict whole files into a folder of their own.

    Parameters
    ----------
    order : WorkerOrder
        How.
    names : mapping of Path to str
        The files, absolute, and what their results are called.
    slices : str or None
        Which planes of a stack.
    beside : Path
        In which the folder is made, on the disk of the results.
    """
    held = _hold(order)
    out = beside / token_hex(8)  # not that of a worker which was killed
    options = {"inputs": tuple(names), "out": out, "slices": slices}
    config = held.config.model_copy(update=options)
    batch = Batch.of(held.card, config, held.choice.backend, among=order.among)
    batch.call(names)
    found = []
    for each in batch.run():
        error = each.error and type(each.error)(str(each.error))
        rows, written = (each.found.rows, each.found.written) if each.found else ((), None)
        place = None if written is None else OutputPlace(out, written, str(config.format))
        found.append(Moved(each.path, rows, place, error))
    return found


def _sinks(held: _Held, block: ImageBlock, stack: ExitStack) -> dict[str, BlockSink]:
    wanted = ResultContents.of(
        held.card,
        held.config,
        held.plane_of(block),
        block.planes,
        title=block.path.name,  # is told by who gathers the blocks
        maps=held.choice.backend.maps,
    )
    threads = held.config.threads
    return {
        name: stack.enter_context(image.block(block.at, block.top, threads))
        for name, image in block.folder.images(wanted).items()
    }


def _without_failure(bands: Iterator[Band | Failed]) -> Iterator[Band]:
    for band in bands:
        if isinstance(band, Failed):
            raise band.error
        yield band
