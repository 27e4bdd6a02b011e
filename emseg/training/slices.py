"""Slices that a training sees: labelled ones and their neighbours, each kept once."""

import os
from collections.abc import Iterable, Sequence

from emseg.errors import UsageError
from emseg.inference.preparing.channels import with_common_channels
from emseg.intensity import Statistics, joined, measure
from emseg.micrograph import Micrograph, of_slices
from emseg.reading import Plane
from emseg.training.pixel_sizes import CommonScale
from emseg.training.spool import Spool

Place = tuple[str, int | None]
"""File and plane."""


def place_of(micrograph: Micrograph) -> Place:
    """Say where a micrograph comes from, however its file was named."""
    return os.path.realpath(micrograph.path or micrograph.name), micrograph.plane


def places_seen(micrograph: Micrograph) -> set[Place]:
    """Say of which slices a network that looks at a micrograph sees pixels."""
    return {place_of(each) for each in micrograph.slices}


def require_stack(planes: Sequence[Plane], neighbours: int) -> None:
    """Refuse a training with neighbours of micrographs that have none.

    Raises
    ------
    UsageError
        When no file has several planes.
    """
    if neighbours and all(len(plane.stack) == 1 for plane in planes):
        raise UsageError(
            f"--neighbours {neighbours} shows the slices before and after each, and no micrograph "
            f"is a stack (the first is {planes[0].stack.path}); slices in files of their own are "
            "no neighbours: save them as one stack, or leave the option out"
        )


class Keeping:
    """Keeps micrographs and their neighbours as they are read.

    Parameters
    ----------
    spool : Spool
        Where; a slice that is seen beside several others is the same pixels in all of them.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._done: dict[Place, Micrograph] = {}

    def keep(self, micrograph: Micrograph) -> Micrograph:
        """Keep a micrograph; raises StorageError when the disk is full."""
        return of_slices([self._slice(each) for each in micrograph.slices])

    def _slice(self, micrograph: Micrograph) -> Micrograph:
        place = place_of(micrograph)
        if place not in self._done:
            self._done[place] = self._spool.keep(micrograph)
        return self._done[place]


def alike(micrographs: Sequence[Micrograph], spool: Spool) -> list[Micrograph]:
    """Bring micrographs and their neighbours, as the spool keeps them, to the same channels.

    Raises
    ------
    MismatchError
        As `with_common_channels` does.
    """
    unique = {place_of(each): each for one in micrographs for each in one.slices}
    done = spool.changed(list(unique.values()), with_common_channels)
    fitted = dict(zip(unique, done, strict=True))
    return [of_slices([fitted[place_of(each)] for each in one.slices]) for one in micrographs]


class Fitting:
    """Brings micrographs and their neighbours to the pixel size of a training, and measures them.

    A slice that is seen beside several others is the same pixels in all of them.

    Parameters
    ----------
    scale : CommonScale
        Of the training.
    spool : Spool
        Keeps what is rescaled.
    """

    def __init__(self, scale: CommonScale, spool: Spool) -> None:
        self._scale, self._spool = scale, spool
        self._done: dict[Place, tuple[Micrograph, Statistics]] = {}

    def fit(self, micrograph: Micrograph) -> tuple[Micrograph, Statistics]:
        """Give a micrograph as it is learnt from, and the statistics of each slice of it.

        Raises
        ------
        MismatchError
            When its pixel size is too far from that of the training.
        """
        done = [self._slice(each) for each in micrograph.slices]
        return of_slices([each for each, _ in done]), joined([found for _, found in done])

    def _slice(self, micrograph: Micrograph) -> tuple[Micrograph, Statistics]:
        place = place_of(micrograph)
        if place not in self._done:
            fitted = self._scale.fit(micrograph)
            fitted = fitted if fitted is micrograph else self._spool.keep(fitted)
            self._done[place] = fitted, measure(fitted)
        return self._done[place]


def neighbours_only(micrographs: Iterable[Micrograph]) -> list[Micrograph]:
    """List the slices that are seen beside others and never in their middle."""
    micrographs = list(micrographs)
    middles = {place_of(each) for each in micrographs}
    beside = {place_of(each): each for one in micrographs for each in one.slices}
    return [each for place, each in beside.items() if place not in middles]
