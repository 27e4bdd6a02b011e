"""Images are compared by the workers of a cluster, and what they saw is put together here."""

import logging
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from emseg.commands.evaluate_page import ReportWriter
from emseg.config import EvaluateConfig
from emseg.evaluation.comparison import Comparison
from emseg.evaluation.scoring import Scoring
from emseg.meters import tracked
from emseg.spreading import parse_cluster

if TYPE_CHECKING:
    from emseg.cluster.team import Team

_log = logging.getLogger(__name__)
_Saw = tuple[Scoring, ReportWriter]


def scored(comparison: Comparison, config: EvaluateConfig, writer: ReportWriter) -> Scoring:
    """Compare, here or on the workers of a cluster, an image by one of them.

    Parameters
    ----------
    comparison : Comparison
        What is compared; workers are given what reads an image, and the image.
    config : EvaluateConfig
        Says where the workers are.
    writer : ReportWriter
        Sees each pair.
    """
    if config.cluster is None:
        return comparison.score([writer.look])
    from emseg.cluster.opening import open_team
    from emseg.cluster.replies import in_folder

    spec = parse_cluster(config.cluster)
    scoring = Scoring(comparison.names, comparison.selection, comparison.advise)
    with open_team(spec, config.device if config.model else "cpu") as team:
        _log.info("%s, %d workers", spec.name, team.workers)
        if config.model is not None:  # all of them load it
            words = attrgetter("words")
            said = team.everywhere(in_folder, Path.cwd(), words, comparison.read)
            _log.info("each: %s", said[0])
        with closing(_seen(comparison, scoring, writer, team)) as seen:
            for _, (found, looked) in zip(
                tracked(comparison.doing)(comparison.matches), seen, strict=True
            ):
                scoring.join(found)
                writer.join(looked)
    return scoring


def for_worker(config: EvaluateConfig) -> tuple[EvaluateConfig, int]:
    """Say how one worker computes, and among how many its memory is shared."""
    from emseg.cluster.opening import share_of

    spec = parse_cluster(config.cluster or "local")
    share, among = share_of(spec, config.threads, config.max_ram)
    return config.model_copy(update=share), among


def _seen(
    comparison: Comparison, scoring: Scoring, writer: ReportWriter, team: "Team"
) -> Generator[_Saw]:
    """Ask for the first image alone: it settles the metrics of all others."""
    from emseg.cluster.replies import in_folder

    matches, fresh = comparison.matches, ReportWriter(writer.config, writer.command)
    for part in (matches[:1], matches[1:]):
        calls = (
            (
                Path.cwd(),
                look,
                replace(comparison, matches=(each,), advise=None, metrics=scoring.metrics),
                fresh,
                len(matches) == 1,
            )
            for each in part
        )
        yield from team.ordered(in_folder, calls)


def look(comparison: Comparison, writer: ReportWriter, is_only: bool) -> _Saw:
    """Compare one image, on a worker."""
    scoring = comparison.score([writer.look])
    if not is_only:
        scoring.forget()
    return scoring, writer
