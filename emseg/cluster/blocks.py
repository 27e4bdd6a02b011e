"""One file by blocks: workers write level 0, and what needs all rows is made here as they come.

::

    survey of a plane, by a worker      statistics, tiles
    blocks of its rows of tiles         by workers, any first; level 0 and its edges
    strips, from the top                here: smaller copies, preview, counts, the row of the table
"""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path

from emseg import __version__
from emseg.bundle import ModelCard
from emseg.cluster.scratch import BlockFolder
from emseg.cluster.team import Team
from emseg.cluster.worker import (
    ImageBlock,
    Surveyed,
    WorkerDescription,
    WorkerOrder,
    open_file,
    plane_of,
    predict_blocks,
    survey,
)
from emseg.config import ImageFormat, PredictConfig
from emseg.inference.bands import Band
from emseg.inference.files.contents import ResultContents
from emseg.inference.files.predicted import Predicted, Progress
from emseg.inference.files.results import Announce, FileResults, OutputPlace
from emseg.inference.preparing import Prepared
from emseg.micrograph import Micrograph
from emseg.reading import Stack
from emseg.writing import Content, Sink
from emseg.writing.zarr_blocks import Rows

_SURVEYS = 2  # planes that are looked at ahead
_TOGETHER, _SHARES = 16, 2  # blocks of one call at most; calls that remain for each worker


def why_whole(
    card: ModelCard, config: PredictConfig, micrograph: Micrograph, seen: Micrograph
) -> str:
    """Say why a micrograph is not predicted by blocks; empty where it can be.

    Parameters
    ----------
    card, config
        Of the model, and what is wanted.
    micrograph, seen : Micrograph
        As it was read, and as the network sees it.
    """
    if config.format is not ImageFormat.OME_ZARR:
        return f"{config.format} is written by one process, and ome.zarr by several"
    if card.global_context:
        return f"{card.spec} looks at tiles that are blended"
    if config.smallest or config.fill_holes or config.instances:
        return "objects are looked for in all of it"
    if seen.size != micrograph.without_bar.size:
        return "it is rescaled for the network"
    return ""


def cut(stops: Sequence[int], least: int) -> list[tuple[Rows, Rows]]:
    """Cut the rows of tiles of a plane into blocks.

    Parameters
    ----------
    stops : sequence of int
        Where each row of tiles ends, in rows of the file.
    least : int
        Rows of the file that a block has, but for the last one.

    Returns
    -------
    list of pairs
        Of each block its rows of tiles and its rows of the file, as the first and the one behind
        the last.
    """
    blocks: list[tuple[Rows, Rows]] = []
    first = top = 0
    for number, stop in enumerate(stops, start=1):
        if stop - top >= least or number == len(stops):
            blocks.append(((first, number), (top, stop)))
            first, top = number, stop
    return blocks


@dataclass(frozen=True, slots=True)
class _Plane:
    """A plane whose blocks are coming."""

    prepared: Prepared
    blocks: tuple[ImageBlock, ...]


class FileBlocks:
    """One file that workers predict block by block.

    Parameters
    ----------
    team : Team
        The workers.
    order : WorkerOrder
        What they are told of the configuration.
    said : WorkerDescription
        By a worker, of what computes there.
    stack : Stack
        The file.
    indices : sequence of int
        Of the planes that are predicted.
    place : OutputPlace
        Where the results go.
    made : str
        How they are made, as the manifest says it: blocks of other options are none of these.
    """

    def __init__(
        self,
        team: Team,
        order: WorkerOrder,
        said: WorkerDescription,
        stack: Stack,
        indices: Sequence[int],
        place: OutputPlace,
        made: str,
    ) -> None:
        self._team, self._order, self._card, self._maps = team, order, said.card, said.maps
        self._stack, self._indices, self._place = stack, indices, place
        self._numbers = tuple(index if len(stack) > 1 else None for index in indices)
        made_by = made, said.name, said.precision, __version__, str(order.config.tile)
        self._folder = BlockFolder.of(place.labels, stack.path, made_by)
        title = place.labels.name.removesuffix(f".{place.format}")
        first = stack.plane(indices[0], 0)
        wanted = ResultContents.of(
            said.card, order.config, first, self._numbers, title=title, maps=self._maps
        )
        self._images = self._folder.images(wanted)
        self._paths = {
            "labels": place.labels,
            "probabilities": place.probabilities,
            "uncertainty": place.uncertainty,
        }
        self._least = wanted.labels.chunk
        self._rows: dict[int, list[Rows]] = {}  # of the blocks of each plane that was cut

    def predicted(self, announce: Announce, report: Progress) -> Predicted:
        """Let the blocks be predicted that are not done yet, and put the results in their places.

        Raises
        ------
        EmsegError, MemoryError
            Why it cannot be done; what is done stays for the same command where it can go on.
        """
        with self._folder.held():
            self._folder.begin(self._images.values())
            self._team.meanwhile(open_file, self._order, self._stack.path.absolute())
            results = FileResults(
                self._place,
                self._card,
                self._order.config,
                announce,
                self._numbers,
                self._maps,
                self._opened,
            )
            with results, closing(self._done()) as blocks:
                for plane, block in blocks:
                    micrograph = plane.prepared.micrograph
                    results.begin(micrograph)
                    self._gather(results, plane, block)
                    share = (block.at + block.bottom / micrograph.size[0]) / len(self._indices)
                    report(share, f"{micrograph.title}, row {block.bottom}")
        return Predicted.of(self._place.labels, results.rows)

    def _done(self) -> Generator[tuple[_Plane, ImageBlock]]:
        """Give the blocks of all planes in order, each once it is written."""
        planned: deque[tuple[_Plane, tuple[ImageBlock, ...], bool]] = deque()

        def calls() -> Iterator[tuple[WorkerOrder, tuple[ImageBlock, ...]]]:
            for plane in self._surveyed():
                for is_done, blocks in self._together(plane):
                    planned.append((plane, blocks, is_done))
                    if not is_done:
                        yield self._order, blocks

        with closing(self._team.ordered(predict_blocks, calls())) as results:
            for _ in chain(results, [None]):
                while planned:
                    plane, blocks, is_done = planned.popleft()
                    yield from ((plane, each) for each in blocks)
                    if not is_done:
                        break

    def _together(self, plane: _Plane) -> Iterator[tuple[bool, tuple[ImageBlock, ...]]]:
        """Put blocks together that one worker is asked for at once, the fewer the fewer remain."""
        for is_done, same in groupby(plane.blocks, attrgetter("is_done")):
            blocks = deque(same)
            while blocks:
                most = len(blocks) // (_SHARES * self._team.workers)
                count = min(max(1, most), _TOGETHER)
                yield is_done, tuple(blocks.popleft() for _ in range(count))

    def _surveyed(self) -> Iterator[_Plane]:
        """Have one plane after the other looked at, unless a client before has."""
        known = [self._folder.survey(at) for at in range(len(self._indices))]
        missing = (
            (self._order, self._stack.path.absolute(), index)
            for index, said in zip(self._indices, known, strict=True)
            if said is None
        )
        with closing(self._team.ordered(survey, missing, _SURVEYS)) as found:
            for at, said in enumerate(known):
                surveyed: Surveyed = Surveyed.said(said) if said else next(found)
                if said is None:
                    self._folder.note_survey(at, surveyed.as_said())
                yield self._plane(at, surveyed)

    def _plane(self, at: int, said: Surveyed) -> _Plane:
        blocks = tuple(
            ImageBlock(
                self._stack.path.absolute(),
                self._numbers,
                at,
                said,
                tiles,
                *rows,
                self._folder,
            )
            for tiles, rows in cut(said.stops, self._least)
        )
        there = plane_of(blocks[0], self._card, self._order.config)
        micrograph = replace(there, path=self._stack.path)  # as the user named it
        rule = self._card.intensity
        prepared = Prepared(micrograph, micrograph, said.statistics, rule, said.unlikeness)
        self._rows[at] = [(each.top, each.bottom) for each in blocks]
        return _Plane(prepared, blocks)

    def _gather(self, results: FileResults, plane: _Plane, block: ImageBlock) -> None:
        """Take what can be read back now that one more block of a plane is there."""
        for name, image in self._images.items():
            at = block.top - block.top % image.content.chunk
            for bottom, strip in image.strips(block.at, self._rows[block.at], (at, block.bottom)):
                if name == "labels":
                    results.put(Band(plane.prepared, at, strip[0]))
                else:
                    results.put_beside(self._paths[name], strip)
                at = bottom

    def _opened(self, path: Path, _content: Content) -> AbstractContextManager[Sink]:
        """Open what makes the rest of an image of what blocks have written."""
        name = next(name for name, each in self._paths.items() if each == path)
        return self._images[name].gathered(path, self._rows)
