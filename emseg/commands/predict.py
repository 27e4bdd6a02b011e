"""A model and micrographs become label images, or classes."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from emseg.bundle import StoredModel, open_model
from emseg.commands.computing import computed_by, opened, tell_choice, together
from emseg.config import PredictConfig
from emseg.inference import Batch, Predicted
from emseg.meters import progress
from emseg.outcomes import Outcome, counted

_log = logging.getLogger(__name__)


def predict(config: PredictConfig) -> list[Outcome[Predicted]]:
    """Predict all files of a configuration, and write what is seen.

    Parameters
    ----------
    config : PredictConfig
        StoredModel, inputs, outputs and how.

    Raises
    ------
    EmsegError
        Whatever is wrong with the command, the model or the output folder; what is wrong with one
        file is its outcome.
    """
    done: list[Outcome[Predicted]] = []
    with (
        _batch(config) as batch,
        progress("predicting", len(batch.paths), unit="files") as meter,
    ):

        def tell(share: float, words: str) -> None:
            meter.note(words)
            meter.reach(len(done) + share)

        for outcome in counted(batch.run(tell), len(batch.paths), meter):
            done.append(outcome)  # noqa: PERF402 - tell counts them
    return done


@contextmanager
def _batch(config: PredictConfig) -> Iterator[Batch]:
    """Open what predicts: this process, or the workers of a cluster for as long as it takes."""
    if config.cluster is None:
        yield open_batch(open_model(config.model), config)
        return
    from emseg.cluster.batch import cluster_batch

    with cluster_batch(config, opened) as batch:
        yield batch


def open_batch(model: StoredModel, config: PredictConfig) -> Batch:
    """Bring a model, its files and what computes it together; says which that is."""
    card, choice = together(model, computed_by(model, config), config)
    batch = Batch.of(card, config, choice.backend)
    tell_choice(choice, model, f"tile: {batch.tile} px, halo: {batch.halo} px")
    if card.global_context:
        _log.info(
            "%s looks at the whole tile: tiles of %d px overlap by half and are blended",
            card.spec,
            batch.tile,
        )
    return batch


def rows_of(outcomes: Sequence[Outcome[Predicted]]) -> list[dict[str, object]]:
    """List the rows of all planes that were predicted."""
    return [row for each in outcomes if each.found for row in each.found.rows]
