"""A model and micrographs become label images, or classes."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

from emseg.bundle import StoredModel, open_model
from emseg.commands.computing import computed_by, opened, tell_choice, together
from emseg.commands.copies import Copies
from emseg.commands.watching import Arrivals
from emseg.config import PredictConfig
from emseg.inference import Batch, Predicted
from emseg.inference.files.file_batch import FileBatch
from emseg.inference.files.results import OutputPlace
from emseg.inference.files.run_folder import SETTINGS, TABLE
from emseg.meters import progress
from emseg.outcomes import Outcome, completed, gathered
from emseg.reading import NO_MICROGRAPHS

_log = logging.getLogger(__name__)


def predict(config: PredictConfig) -> list[Outcome[Predicted]]:
    """Predict all files of a configuration, and write what is seen.

    Parameters
    ----------
    config : PredictConfig
        Model, inputs, outputs and how.

    Returns
    -------
    list of Outcome
        Of each file in the order of the files.

    Raises
    ------
    EmsegError
        Whatever is wrong with the command, the model or the output folder; what is wrong with one
        file is its outcome.
    """
    arrivals = Arrivals(config, config.inputs, NO_MICROGRAPHS) if config.watch else None
    with _batch(config) as batch:
        copies = Copies(config.out, config)
        if arrivals is not None:
            return _watched(batch, arrivals, copies)
        with batch.opened():
            done = _attempted(batch, batch.paths, copies)
    _end(config, copies)
    return completed(done, batch.left, batch.paths, config.out)


def _watched(batch: FileBatch, arrivals: Arrivals, copies: Copies) -> list[Outcome[Predicted]]:
    """Predict files as they come, until nothing comes or a user has had enough."""
    latest = dict[Path, Outcome[Predicted]]()
    try:
        with batch.opened():
            for paths in arrivals:
                for each in _attempted(batch, paths, copies):
                    found = each.found and replace(each.found, text="[]")  # months of them
                    latest[each.path] = replace(each, found=found)
        _end(batch.config, copies)
    finally:
        failed = sum(each.error is not None for each in latest.values())
        _log.info("watched: %d files predicted, %d failed", len(latest) - failed, failed)
    return list(latest.values())


def _end(config: PredictConfig, copies: Copies) -> None:
    """Copy the tables, when all is done."""
    copies.copy(each for name in (TABLE, SETTINGS) if (each := config.out / name).is_file())
    copies.tell()


def _results(config: PredictConfig, found: Predicted) -> list[Path]:
    """Name all that was written for one file."""
    if found.written is None:
        return []
    place = OutputPlace(config.out, found.written, str(config.format))
    planes = [cast(int | None, row["plane"]) for row in found.rows]
    return [*(source for source, _ in place.beside(place, planes)), place.labels]


def _attempted(batch: FileBatch, paths: Sequence[Path], copies: Copies) -> list[Outcome[Predicted]]:
    done: list[Outcome[Predicted]] = []
    with progress("predicting", len(paths), unit="files") as meter:

        def tell(share: float, words: str) -> None:
            meter.note(words)
            meter.reach(len(done) + share)

        outcomes = copies.made(batch.attempt(paths, tell), partial(_results, batch.config))
        gathered(outcomes, done, len(paths), meter, "predicted")
    return done


@contextmanager
def _batch(config: PredictConfig) -> Iterator[FileBatch]:
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


def rows_of(outcomes: Sequence[Outcome[Predicted]]) -> Iterator[dict[str, object]]:
    """Give the rows of all planes that were predicted, of one file at a time."""
    return (row for each in outcomes if each.found for row in each.found.rows)
