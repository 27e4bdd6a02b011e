"""Micrographs to label images: tiles are asked, and what they keep becomes bands of rows."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from emseg.bundle import ModelCard, StoredModel
from emseg.config import Rescale
from emseg.inference.backends import Backend
from emseg.inference.bands import Band, Finishing
from emseg.inference.engine import Engine
from emseg.inference.jobs import Failed, TileAnswer, TileJob, jobs_of
from emseg.inference.pipeline import ahead
from emseg.inference.plan import (
    Budget,
    Need,
    Network,
    TilePlan,
    plan_tiles,
    planned,
    require_allowed,
)
from emseg.inference.preparing import Prepared, Preparing, TileRows
from emseg.micrograph import LabelImage, Micrograph, label_dtype
from emseg.pixels import in_memory, is_read, rows_together
from emseg.tiling import Blend, Span, Stitch, Tile, covering_spans, padded_length, spans

if TYPE_CHECKING:
    import torch

Watch = Callable[[Prepared, int, int], None]
"""Told how many pieces of a micrograph are done, and of how many."""

_USUAL = 4096  # pixels of a side of a large micrograph
_AHEAD = 2  # tiles that wait for the network
_CURE = "allow less at once with --max-ram, or take a smaller --tile"


def no_files(_micrograph: Micrograph) -> int:
    """Write nothing."""
    return 0


def unwatched(_plane: Prepared, _done: int, _of: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What was predicted for one plane.

    Parameters
    ----------
    labels : LabelImage
        The most probable class of each pixel.
    probabilities : array of float32, shape (K, Y, X), or None
        One plane a class in card order, summing to 1; None unless they were asked for.
    unlikeness : float or None
        How far the micrograph is from the training of the model; up to 1 is as near as that may be.
    """

    labels: LabelImage
    probabilities: NDArray[np.float32] | None
    unlikeness: float | None = None


class Segmenter:
    """A segmentation model on a backend.

    Parameters
    ----------
    card : ModelCard
        Says the intensity rule, stride, halo and whether tiles are blended.
    backend : Backend
        What computes its network.
    tile : int or tuple of int, optional
        Most pixels of a side of a tile, or its most rows and columns.
    halo : int, optional
        Margin that a tile reads and does not keep; by default the card's halo, and the tiles
        that fit into memory and compute the fewest pixels.
    rescale : Rescale
        Whether micrographs at another pixel size than the card's are brought to it.
    budget : Budget, optional
        Memory that it may take; by default a share of what is free.
    is_shifted : bool
        Whether tiles begin half a tile elsewhere than they would: to see whether that shows.
    files : callable
        Says how many bytes of memory the files of a micrograph take while they are written.
    """

    def __init__(
        self,
        card: ModelCard,
        backend: Backend,
        *,
        tile: int | tuple[int, int] | None = None,
        halo: int | None = None,
        rescale: Rescale = Rescale.AUTO,
        budget: Budget | None = None,
        is_shifted: bool = False,
        files: Callable[[Micrograph], int] = no_files,
    ) -> None:
        self.card, self.backend = card, backend
        self.preparing = Preparing(card, rescale)
        self._is_shifted, self._files = is_shifted, files
        self.halo = padded_length(card.halo if halo is None else halo, card.stride)
        self.budget = budget or Budget.of(backend)
        fixed = tile if tile is not None else card.tile
        if card.global_context and not isinstance(fixed, tuple):
            fixed = padded_length(fixed or card.crop, card.stride)
        self._fixed = (fixed, fixed) if isinstance(fixed, int) else fixed
        cuttable = None if card.global_context else self.halo
        self._engine = Engine(backend, cuttable, card.stride)

    @classmethod
    def of(cls, model: StoredModel, device: "torch.device", **settings: Any) -> Self:
        """Let PyTorch compute the network of a model on a device."""
        from emseg.inference.backends.with_torch import TorchBackend

        return cls(model.card, TorchBackend.of(model, device), **settings)

    @property
    def tile(self) -> int:
        """Longest side of the tiles of a large micrograph, in pixels; smaller ones have smaller."""
        if self._fixed is not None:
            return max(self._fixed)
        usual = Need((_USUAL, _USUAL), (_USUAL, _USUAL), held=2 * _USUAL**2)
        network = Network.of(self.card, self.halo)
        budget = replace(self.budget, is_asked=False, is_vram_asked=False)
        return max(plan_tiles(usual, network, budget).tile)

    def stream(
        self,
        planes: Iterable[Prepared | Failed],
        *,
        keep_probabilities: bool = False,
        watch: Watch = unwatched,
    ) -> Generator[Band | Failed]:
        """Predict planes one after the other; tiles of several may share a batch.

        Parameters
        ----------
        planes : iterable of Prepared or Failed
            Taken by a thread of its own; what failed passes through in its place.
        keep_probabilities : bool
            Whether bands carry the probabilities beside the classes.
        watch : callable
            Told after each tile of which micrograph it is, how many of it are done, and of how
            many; what it raises ends the work.

        Yields
        ------
        Band or Failed
            Of each plane the bands from top to bottom; or, after any number of them, why it failed.
        """
        current: _Current | None = None
        cut = partial(self._tiles_of, keep_probabilities=keep_probabilities)
        with closing(ahead(jobs_of(planes, cut, _CURE), _AHEAD)) as jobs:
            for said in self._engine.answers(jobs):
                if isinstance(said, Failed):
                    yield said
                    continue
                if current is None or current.plane is not said.job.plane:
                    current = self._begin(said.job, keep_probabilities=keep_probabilities)
                yield from current.put(said)
                watch(said.job.plane, *said.job.number)

    def drop(self, plane: Prepared) -> None:
        """Predict no more of a micrograph whose bands are coming."""
        self._engine.drop(plane)

    def plan(
        self, micrograph: Micrograph, seen: Micrograph, *, keep_probabilities: bool = False
    ) -> TilePlan:
        """Say how a micrograph will be cut; no pixel is looked at.

        Parameters
        ----------
        micrograph, seen : Micrograph
            As it was read, and as the network sees it; see `Prepared`.
        keep_probabilities : bool
            As for `stream`.

        Raises
        ------
        ContentError
            When the user allows less memory than it takes.
        UsageError
            When the tile that was asked for keeps nothing inside its halo.
        """
        need = self._need(micrograph, seen, keep_probabilities=keep_probabilities)
        network = Network.of(self.card, self.halo)
        if self._fixed is None:
            return plan_tiles(need, network, self.budget, self._engine.largest)
        self.grid(seen.size, self._fixed)  # refuses a tile that keeps nothing
        rows, columns = self._fixed
        if not self.card.global_context:  # a plane that is smaller than a tile is one of its size
            height, width = (padded_length(length, self.card.stride) for length in need.size)
            rows, columns = min(rows, height), min(columns, width)
        plan = planned(need, network, self.budget, (rows, columns))
        require_allowed(plan, self.budget, "tiles")
        return plan

    def segment(
        self,
        micrograph: Micrograph,
        *,
        keep_probabilities: bool = False,
        watch: Watch = unwatched,
    ) -> Segmentation:
        """Predict one plane that fits into memory.

        Parameters
        ----------
        micrograph : Micrograph
            Any dtype; channels as the card says (a colour picture is turned to grey for a
            model of one channel).
        keep_probabilities : bool
            Whether the probabilities of the whole plane are kept beside the labels.
        watch : callable
            As for `stream`.

        Returns
        -------
        Segmentation
            Of the height and width of the micrograph, whatever the network saw; what is no
            specimen is unlabelled.

        Raises
        ------
        MismatchError
            When the channels do not fit the model, or the pixel size is too far from its own.
        ModelError
            When the network does not take the size, or answers what is no number.
        """
        prepared = self.preparing.prepare(micrograph)
        bands = list[Band]()
        for said in self.stream([prepared], keep_probabilities=keep_probabilities, watch=watch):
            if isinstance(said, Failed):
                raise said.error
            bands.append(said)
        kept = [each.probabilities for each in bands if each.probabilities is not None]
        image = label_image(micrograph, np.concatenate([each.labels for each in bands]), self.card)
        probabilities = np.concatenate(kept, axis=1) if kept else None
        return Segmentation(image, probabilities, prepared.unlikeness)

    def _need(self, micrograph: Micrograph, seen: Micrograph, *, keep_probabilities: bool) -> Need:
        slices = [each.pixels for each in micrograph.slices]
        arrays = [array for each in (*slices, seen.pixels) for array in in_memory(each)]
        held = sum(each.nbytes for each in {id(each): each for each in arrays}.values())
        is_rescaled = seen.size != micrograph.without_bar.size
        row = sum(len(each) * each.shape[2] * each.dtype.itemsize for each in slices)
        return Need(
            seen.size,
            micrograph.size,
            row if is_read(slices[0]) or len(slices) > 1 else 0,
            rows_together(micrograph.pixels),
            keep_probabilities or is_rescaled or self.card.global_context,
            is_rescaled,
            held + self._files(micrograph),
        )

    def _tiles_of(self, plane: Prepared, *, keep_probabilities: bool) -> Iterator[TileJob]:
        wants_scores = keep_probabilities or plane.is_rescaled or self.card.global_context
        part = plane.part or self._whole(plane, keep_probabilities=keep_probabilities)
        rows, columns = self.grid(plane.size, part.tile)
        rows = rows[part.first : part.stop]
        stops = [row.keep_stop for row in rows]
        if self.card.global_context:  # a band is done where the next row of tiles begins
            stops = [*(row.read_start for row in rows[1:]), rows[-1].read_stop]
        number, of = 0, len(rows) * len(columns)
        for row, stop in zip(rows, stops, strict=True):
            if self._engine.is_dropped(plane):
                return
            strip = None  # is not held while the next one is read
            strip = plane.rows(row.read_start, row.read_stop)
            for column in columns:
                number += 1
                values = plane.normalised(
                    strip[:, :, column.read],
                    row.read_stop - row.read_start,
                    column.read_stop - column.read_start,
                )
                ends = stop if column is columns[-1] else None
                tile = Tile(row, column)
                yield TileJob(plane, tile, values, wants_scores, part.batch, ends, (number, of))

    def _whole(self, plane: Prepared, *, keep_probabilities: bool) -> TileRows:
        plan = self.plan(plane.micrograph, plane.seen, keep_probabilities=keep_probabilities)
        return TileRows(plan.tile, plan.batch)

    def grid(self, size: tuple[int, int], tile: tuple[int, int]) -> tuple[list[Span], list[Span]]:
        """Cut both axes of what the network sees, for tiles of so many rows and columns."""
        stride = self.card.stride
        if self.card.global_context:
            rows, columns = (
                covering_spans(
                    max(side, padded_length(length, stride)),
                    tile=side,
                    overlap=side // 2,
                    stride=stride,
                )
                for length, side in zip(size, tile, strict=True)
            )
            return rows, columns
        rows, columns = (
            spans(
                padded_length(length, stride),
                tile=side,
                halo=self.halo,
                stride=stride,
                shift=(side - 2 * self.halo) // 2 // stride * stride if self._is_shifted else 0,
            )
            for length, side in zip(size, tile, strict=True)
        )
        return rows, columns

    def _begin(self, job: TileJob, *, keep_probabilities: bool) -> "_Current":
        plane, classes, maps = job.plane, len(self.card.classes), len(self.backend.maps)
        start = job.tile.y.keep_start  # of a part that is not the first
        mosaic: Stitch
        if self.card.global_context:
            mosaic = Blend(classes + maps, plane.size)
        elif job.wants_scores:
            mosaic = Stitch(classes + maps, plane.size, start=start)
        else:
            mosaic = Stitch(1, plane.size, label_dtype(classes), start=start)
        finishing = Finishing(
            plane, classes, keep_probabilities=keep_probabilities, maps=maps, start=start
        )
        return _Current(plane, mosaic, finishing)


@dataclass(frozen=True, slots=True, eq=False)
class _Current:
    """The micrograph whose tiles are being answered."""

    plane: Prepared
    mosaic: Stitch
    finishing: Finishing

    def put(self, said: TileAnswer) -> Iterator[Band]:
        """Lay a tile where it belongs; hand over the band that it completes."""
        self.mosaic.put(said.job.tile, said.values)
        if said.job.stop is not None:
            yield from self.finishing.put(self.mosaic.take(said.job.stop))


def label_image(micrograph: Micrograph, pixels: NDArray[Any], card: ModelCard) -> LabelImage:
    """Say what class indices, shape (Y, X), mean and where they are from."""
    return LabelImage(
        pixels,
        card.label_classes,
        micrograph.name,
        micrograph.plane,
        micrograph.pixel_size,
        micrograph.specimen,
    )
