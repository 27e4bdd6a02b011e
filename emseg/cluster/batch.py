"""The files that one model is applied to by the workers of a cluster."""

import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emseg.cluster.blocks import FileBlocks, why_whole
from emseg.cluster.opening import open_team, threads_of
from emseg.cluster.team import Team
from emseg.cluster.worker import Described, Opener, Order, describe
from emseg.config import PredictConfig
from emseg.errors import ContentError, EmsegError
from emseg.inference.backends import Backend
from emseg.inference.files.batch import Batch
from emseg.inference.files.predicted import Predicted
from emseg.inference.plan import TilePlan
from emseg.inference.preparing import Preparing
from emseg.micrograph import Micrograph
from emseg.outcomes import Outcome, failed
from emseg.reading import open_stack
from emseg.spreading import parse_cluster

_CURE = "use a smaller --tile, or --crop"
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
        among = spec.workers if spec.kind == "local" else 1
        order = Order(_everywhere(config, threads_of(spec, config.threads)), opener, among)
        said: Described = team.call(describe, order)
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


def _everywhere(config: PredictConfig, threads: int | None) -> PredictConfig:
    """Say the same to a process in another folder."""
    named = {
        "model": config.model.absolute(),
        "members": tuple(each.absolute() for each in config.members),
        "inputs": (),
        "out": config.out.absolute(),
        "threads": threads,
        "cluster": None,
    }
    return config.model_copy(update=named)


class Elsewhere(Backend):
    """What computes on workers, as this process knows it."""

    def __init__(self, said: Described) -> None:
        self.name, self.device, self.precision = said.name, said.device, said.precision
        self.maps = said.maps

    def compute(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute nothing."""
        raise NotImplementedError("workers compute")


class ClusterBatch(Batch):
    """Files that workers predict; see `Batch`.

    Parameters
    ----------
    said : Described
        By a worker, of what computes there.
    config : PredictConfig
        Inputs, outputs and how.
    team : Team
        The workers.
    order : Order
        What they are told of the configuration.
    """

    def __init__(self, said: Described, config: PredictConfig, team: Team, order: Order) -> None:
        super().__init__(said.card, config, Elsewhere(said))
        self.tile, self.halo = said.tile, said.halo
        self.preparing = Preparing(said.card, config.rescale)
        self._said, self._team, self._order = said, team, order

    def plan(self, micrograph: Micrograph) -> TilePlan:
        """Say how a micrograph will be cut."""
        raise NotImplementedError("workers plan")

    def _outcomes(self) -> Generator[Outcome[Predicted]]:
        for path in self.paths:
            try:
                yield Outcome(path, self._predicted(path))
            except (EmsegError, MemoryError) as error:
                yield failed(path, error, _CURE)

    def _predicted(self, path: Path) -> Predicted:
        stack = open_stack(path, self._options)
        indices = self._indices(stack)
        micrograph = stack.plane(indices[0], 0)
        reason = why_whole(self.card, self.config, micrograph, self.preparing.seen(micrograph))
        if reason:
            raise ContentError(reason)
        place = self._folder.place(path)
        blocks = FileBlocks(self._team, self._order, self._said, stack, indices, place)
        return blocks.predicted(self._folder.table, self._report)
