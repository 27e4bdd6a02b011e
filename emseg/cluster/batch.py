"""The files that one model is applied to by the workers of a cluster."""

import logging
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import cast

from emseg.cluster.blocks import FileBlocks, why_whole
from emseg.cluster.opening import open_team, share_of
from emseg.cluster.team import SchedulerLostError, Team
from emseg.cluster.worker import (
    Moved,
    Opener,
    WorkerDescription,
    WorkerOrder,
    describe,
    predict_files,
)
from emseg.config import PredictConfig
from emseg.errors import ContentError, EmsegError
from emseg.inference.files.file_batch import CURE, FileBatch
from emseg.inference.files.predicted import Predicted
from emseg.inference.preparing import Preparing
from emseg.outcomes import Outcome, failed
from emseg.reading import open_stack
from emseg.spreading import parse_cluster
from emseg.writing.whole import hidden_folder, put_in_place

LARGE_FILE = 1 << 24
"""Bytes of a file from which on several workers may predict it."""
_TOGETHER, _TOGETHER_BYTES = 16, 1 << 24  # of files that one worker is given in one go
_log = logging.getLogger(__name__)


@contextmanager
def cluster_batch(config: PredictConfig, opener: Opener) -> Iterator["ClusterBatch"]:
    """Bring workers together that predict the files of a configuration.

    Parameters
    ----------
    config : PredictConfig
        It says where the workers are.
    opener : callable
        Opens models on them.

    Raises
    ------
    UsageError, ModelError
        When there are no workers, or they cannot open the model.
    """
    spec = parse_cluster(config.cluster or "local")
    with open_team(spec, config.device) as team:
        share, among = share_of(spec, config.threads, config.max_ram)
        order = WorkerOrder(_everywhere(config, share), opener, among)
        said: WorkerDescription = team.everywhere(describe, order)[0]  # all of them load the model
        _log.info(
            "%s, %d workers; each: %s, tile: %d px, halo: %d px",
            spec.name,
            team.workers,
            said.words,
            said.tile,
            said.halo,
        )
        for line in said.others:
            _log.info("%s", line)
        yield ClusterBatch(said, config, team, order)


def _everywhere(config: PredictConfig, share: Mapping[str, int | None]) -> PredictConfig:
    """Say the same to one worker, in another folder and within what it is given."""
    said = {
        "model": config.model.absolute(),
        "members": tuple(each.absolute() for each in config.members),
        "inputs": (),
        "out": config.out.absolute(),
        "cluster": None,
        "name": None,
        "recursive": False,
        "watch": False,
        "overwrite": True,
    }
    return config.model_copy(update={**said, **share})


class ClusterBatch(FileBatch):
    """Files that workers predict; see `FileBatch`.

    Parameters
    ----------
    said : WorkerDescription
        By a worker, of what computes there.
    config : PredictConfig
        Inputs, outputs and how.
    team : Team
        The workers.
    order : WorkerOrder
        What they are told of the configuration.
    """

    def __init__(
        self, said: WorkerDescription, config: PredictConfig, team: Team, order: WorkerOrder
    ) -> None:
        super().__init__(said.card, config)
        self.tile, self.halo = said.tile, said.halo
        self.preparing = Preparing(said.card, config.rescale)
        self._said, self._team, self._order = said, team, order
        self._refused: list[Outcome[Predicted]] = []

    def _outcomes(self, paths: Sequence[Path]) -> Generator[Outcome[Predicted]]:
        large: list[Path] = []
        yield from self._whole(self._groups(paths, large))
        for path in large:
            if not self._is_claimed(path):
                continue
            try:
                yield Outcome(path, self._by_blocks(path))
            except SchedulerLostError:
                raise
            except (EmsegError, MemoryError) as error:
                yield failed(path, error, CURE)
        yield from self._refused

    def _groups(self, paths: Sequence[Path], large: list[Path]) -> Iterator[tuple[Path, ...]]:
        """Put files together that one worker predicts in one go; set aside those of blocks."""
        group: list[Path] = []
        taken = 0
        for path in paths:
            weight = _weight(path)
            if weight >= LARGE_FILE and self._is_by_blocks(path):
                large.append(path)
                continue
            if not self._is_claimed(path):
                continue
            if group and (len(group) == _TOGETHER or taken + weight > _TOGETHER_BYTES):
                yield tuple(group)
                group, taken = [], 0
            group.append(path)
            taken += weight
        if group:
            yield tuple(group)

    def _whole(self, groups: Iterator[tuple[Path, ...]]) -> Iterator[Outcome[Predicted]]:
        """Let each group be predicted by one worker, and put the results in their places."""
        asked: deque[tuple[Path, ...]] = deque()

        def calls() -> Iterator[tuple[WorkerOrder, dict[Path, str], str | None, Path]]:
            for group in groups:
                asked.append(group)
                named = {each.absolute(): self._folder.stem(each) for each in group}
                yield self._order, named, self._slices, beside

        with (
            hidden_folder(self.config.out.absolute()) as beside,
            closing(self._team.replies(predict_files, calls())) as replies,
        ):
            for reply in replies:
                group = {each.absolute(): each for each in asked.popleft()}
                if reply.error is not None:
                    yield from (failed(each, reply.error, CURE) for each in group.values())
                    continue
                for done in reply.found:
                    yield self._placed(group[done.path], done)

    def _placed(self, path: Path, done: Moved) -> Outcome[Predicted]:
        if done.error is not None:
            return failed(path, done.error, CURE)
        place = None if done.place is None else self._folder.place(path)
        written = None if place is None else place.labels
        rows = tuple(
            row | {"file": str(path)} | ({"labels": str(written)} if written else {})
            for row in done.rows
        )
        if place is not None and done.place is not None:
            try:
                planes = [cast(int | None, row["plane"]) for row in rows]
                for source, target in done.place.beside(place, planes):
                    put_in_place(source, target)
                self._folder.manifest.announce(path, place.labels, rows)
                put_in_place(done.place.labels, place.labels)
            except EmsegError as error:
                return failed(path, error, CURE)
        return Outcome(path, Predicted.of(written, rows))

    def _is_by_blocks(self, path: Path) -> bool:
        """Whether several workers predict a file; what is wrong with it is told by one."""
        try:
            stack = open_stack(path, self._options)
            micrograph = stack.plane(self._indices(stack)[0], 0)
            seen = self.preparing.seen(micrograph)
        except (EmsegError, MemoryError):
            return False
        reason = why_whole(self.card, self.config, micrograph, seen)
        if reason:
            _log.info("%s is predicted by one worker, because %s", path, reason)
        return not reason

    def _by_blocks(self, path: Path) -> Predicted:
        stack = open_stack(path, self._options)
        place = self._folder.place(path)
        manifest = self._folder.manifest
        blocks = FileBlocks(
            self._team,
            self._order,
            self._said,
            stack,
            self._indices(stack),
            place,
            manifest.made.text,
        )
        announce = partial(manifest.announce, path)
        return blocks.predicted(announce, self._report)

    def _computed_by(self) -> str:
        return f"{self._said.name}, {self._said.device}, {self._said.precision}"

    def _is_claimed(self, path: Path) -> bool:
        try:
            return super()._is_claimed(path)
        except ContentError as error:  # another run gives the result of another file its name
            self._refused.append(failed(path, error, CURE))
        return False


def _weight(path: Path) -> int:
    """Bytes of a file; a folder that is an image counts as a large one."""
    try:
        return LARGE_FILE if path.is_dir() else path.stat().st_size
    except OSError:
        return 0
