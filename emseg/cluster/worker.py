"""What workers do with the model that they hold: whole files, or blocks of a large plane.

Of a plane that several predict by blocks, one takes the statistics and plans the tiles for all.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Self

import numpy as np

from emseg import __version__
from emseg.bundle import ModelCard
from emseg.cluster.scratch import BlockFolder
from emseg.config import PredictConfig
from emseg.errors import EmsegError, MismatchError
from emseg.inference.answers.settling import Settling, uncertainty_of, wants_probabilities
from emseg.inference.backends.choosing import Choice
from emseg.inference.bands import Band
from emseg.inference.files.batch import Batch, configured
from emseg.inference.files.contents import ResultContents
from emseg.inference.files.results import OutputPlace
from emseg.inference.jobs import Failed
from emseg.inference.preparing import Part, Prepared
from emseg.inference.segmenter import Segmenter
from emseg.intensity import Statistics
from emseg.micrograph import Micrograph
from emseg.reading import open_stack
from emseg.writing.zarr_blocks import BlockSink

Opener = Callable[[PredictConfig], tuple[ModelCard, Choice]]
"""Opens the model, or the models, of a configuration with what computes them."""


@dataclass(frozen=True, slots=True)
class Order:
    """How all files of a run are predicted.

    Parameters
    ----------
    config : PredictConfig
        With absolute paths, and the threads of a worker.
    opener : callable
        Of its models; a function of a module, which workers import.
    among : int
        Workers of one machine, which share its memory.
    version : str
        Of the emseg that asks.
    """

    config: PredictConfig
    opener: Opener
    among: int = 1
    version: str = __version__


@dataclass(frozen=True, slots=True)
class Described:
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
    """

    statistics: Statistics
    unlikeness: float | None
    tile: tuple[int, int]
    batch: int
    stops: tuple[int, ...]

    def as_said(self) -> dict[str, Any]:
        """Give it as what JSON holds, which keeps numbers to the last bit."""
        numbers = {name: values.tolist() for name, values in asdict(self.statistics).items()}
        return asdict(self) | {"statistics": numbers}

    @classmethod
    def said(cls, said: dict[str, Any]) -> Self:
        """Make it of what `as_said` gave."""
        numbers = {name: np.array(values) for name, values in said["statistics"].items()}
        tile, stops = tuple(said["tile"]), tuple(said["stops"])
        return cls(**said | {"statistics": Statistics(**numbers), "tile": tile, "stops": stops})


@dataclass(frozen=True, slots=True)
class Block:
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


class _Held:
    """A model on a worker."""

    def __init__(self, order: Order) -> None:
        if order.version != __version__:
            raise MismatchError(
                f"a worker has emseg {__version__}, and this is {order.version}; install the same "
                "everywhere"
            )
        self.config = order.config
        self.card, self.choice = order.opener(order.config)
        self.segmenter: Segmenter = configured(
            self.card, self.config, self.choice.backend, among=order.among
        )
        self.keeps = wants_probabilities(self.config)
        self._opened: dict[tuple[Path, int, int | None], Micrograph] = {}

    def plane(self, path: Path, plane: int, at_most: int | None) -> Micrograph:
        """Open a plane, and keep it for the next block; see `Stack.plane`."""
        key = path, plane, at_most
        if key not in self._opened:
            self._opened.clear()
            stack = open_stack(path, self.card.read_options(self.config))
            self._opened[key] = stack.plane(plane, at_most)
        return self._opened[key]

    def prepared(self, block: Block) -> Prepared:
        """Prepare the rows of a block; no pixel is read yet."""
        micrograph = self.plane(block.path, block.planes[block.at] or 0, 0)
        said = block.surveyed
        part = Part(said.tile, said.batch, *block.rows)
        return self.segmenter.preparing.part(micrograph, said.statistics, part)


_held: dict[str, _Held] = {}


def _hold(order: Order) -> _Held:
    """Open a model once a worker, and let the one before go."""
    key = f"{order.config.to_toml()}{order.among}{order.opener}{order.version}"
    if key not in _held:
        _held.clear()
        _held[key] = _Held(order)
    return _held[key]


def describe(order: Order) -> Described:
    """Say what computes here."""
    held = _hold(order)
    backend, segmenter = held.choice.backend, held.segmenter
    return Described(
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


def survey(order: Order, path: Path, plane: int) -> Surveyed:
    """Look at all of a plane once, and plan its tiles as one process would."""
    held = _hold(order)
    segmenter = held.segmenter
    micrograph = held.plane(path, plane, segmenter.budget.held)
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
    )


def predict_block(order: Order, block: Block) -> None:
    """Predict a block, and write what is wanted of it; nothing when that was done before."""
    if block.folder.is_done(block.at, block.top):
        return
    held = _hold(order)
    prepared = held.prepared(block)
    stream = held.segmenter.stream([prepared], keep_probabilities=held.keeps)
    with ExitStack() as stack:
        bands = stack.enter_context(closing(stream))
        sinks = _sinks(held, prepared, block, stack)
        settling = stack.enter_context(Settling(held.card, held.config))
        for band in _without_failure(bands):
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
    order: Order, names: Mapping[Path, str], slices: str | None, beside: Path
) -> list[Moved]:
    """Predict whole files into a folder of their own.

    Parameters
    ----------
    order : Order
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


def _sinks(held: _Held, prepared: Prepared, block: Block, stack: ExitStack) -> dict[str, BlockSink]:
    wanted = ResultContents.of(
        held.card,
        held.config,
        prepared.micrograph,
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
