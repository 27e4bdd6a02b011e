"""Likeness: whether a micrograph looks like those that a model was trained on.

A network answers whatever it is given, and as firmly. What tells a stranger is its texture: at
several scales how strong, how lopsided and how spiky the details are, how much of a tile has
edges, and whether they run in one direction (after Portilla and Simoncelli, Int. J. Comput. Vision
40 (2000) 49), beside the quantiles of its grey values. A micrograph is as far from a training as
its mean is from that of the next micrograph of the training, beside how far that one is from its
own neighbours: classes, or specimens, that differ among each other leave no room between them
(local outliers, as in Breunig et al., SIGMOD 2000; in the metric of Mahalanobis, as in Lee et al.,
NeurIPS 2018).
"""

import logging
from collections.abc import Iterable, Iterator
from typing import cast

import numpy as np
from numpy.typing import NDArray

from emseg.bundle import Likeness, ModelCard
from emseg.bundle.card import MOST_TYPICAL
from emseg.intensity import IntensityRule, Statistics, normalise
from emseg.micrograph import Micrograph

_Floats = NDArray[np.float32]
_SIDE = 128  # pixels of a tile; five scales fit into it
_TILES = 4  # along each edge of a micrograph, at most
_SCALES = 5
_TAPS = (0.00443305, 0.05400558, 0.24203623, 0.39905028)  # of a Gaussian of 1 pixel, to the middle
_BLOCK = 4  # pixels over which directions are averaged
_SHARES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
_LEAST = 1e-5  # beside a variance; what is flat has none
_LOOKED_AT = MOST_TYPICAL  # micrographs of a training, spread evenly over it
_FEW = 8  # of fewer, halves stand for micrographs
_INDEPENDENT = 0.5  # share of the covariance in which traits do not depend on each other
_NEIGHBOURS = 8  # whose mean distance says how close together a training is at a place
_RANK = 0.96  # of the training's own micrographs that are as near as this are told from no other
_log = logging.getLogger(__name__)


def likeness_of(
    micrographs: Iterable[tuple[Micrograph, Statistics]], rule: IntensityRule
) -> Likeness:
    """Sum up what the micrographs of a training look like.

    How far a micrograph of the same kind may be is learnt from those of the training, each
    against all others; of a few from their halves, the upper and the lower.

    Parameters
    ----------
    micrographs : iterable of (Micrograph, Statistics)
        What is trained on.
    rule : IntensityRule
        How it is normalised.
    """
    given = list(micrographs)
    chosen = np.unique(np.linspace(0, len(given) - 1, min(len(given), _LOOKED_AT)).round())
    found = [_traits(*given[int(number)], rule).astype(np.float64) for number in chosen]
    owner = np.arange(len(found))
    if len(found) < _FEW:
        halves = [np.array_split(tiles, 2) if len(tiles) > 1 else [tiles] * 2 for tiles in found]
        found, owner = [half for both in halves for half in both], owner.repeat(2)
    whitening = _whitening(np.concatenate(found))
    typical = np.array([tiles.mean(axis=0) for tiles in found]) @ whitening.T
    apart = np.linalg.norm(typical[:, None] - typical[None], axis=2)
    is_other = owner[:, None] != owner[None] if len(chosen) > 1 else ~np.eye(2, dtype=bool)
    radii = _radii(apart, is_other) * _reach(apart, is_other, len(chosen))
    return Likeness(
        typical=tuple(_line(row) for row in typical),
        whitening=tuple(_line(row[: place + 1]) for place, row in enumerate(whitening)),
        radii=tuple(float(f"{radius:.4g}") for radius in radii),
    )


def unlikeness(micrograph: Micrograph, statistics: Statistics, card: ModelCard) -> float | None:
    """Say how far a micrograph is from the training of a model.

    Parameters
    ----------
    micrograph : Micrograph
        As the network sees it.
    statistics : Statistics
        Of all of it.
    card : ModelCard
        Of the model.

    Returns
    -------
    float or None
        Up to 1 for what the training itself may hold; None where the card does not tell.
    """
    if card.likeness is None:
        return None
    typical, whitening, radii = card.likeness.numbers
    tiles = _traits(micrograph, statistics, card.intensity).astype(np.float64) @ whitening.T
    if radii is None:  # of an older card: the middle of the tiles, to what is next
        away = np.linalg.norm(tiles[:, None] - typical[None], axis=2).min(axis=1)
        return float(np.median(away))
    away = np.linalg.norm(typical - tiles.mean(axis=0), axis=1)
    return float((away / radii).min())


def look_for_likeness(
    micrograph: Micrograph, statistics: Statistics, card: ModelCard
) -> float | None:
    """Measure as `unlikeness` does, and say when a micrograph is unlike those of the training."""
    away = unlikeness(micrograph, statistics, card)
    if away is not None and away > 1:
        _log.warning(
            "%s is unlike the micrographs that the model was trained on (%.1f times as far from "
            "them as they are from each other): look at its preview before you believe its numbers",
            micrograph.path or micrograph.title,
            away,
            extra={"more": "{} more are unlike the micrographs of the training"},
        )
    return away


def _whitening(tiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the matrix, shape (F, F), that makes the spread of tiles, shape (T, F), 1 all round."""
    own = np.cov(tiles.T) if len(tiles) > 1 else np.zeros((tiles.shape[1],) * 2)
    variances = np.diag(own) + 1e-4
    spread = (1 - _INDEPENDENT) * own + np.diag(_INDEPENDENT * variances + 1e-4)
    whitening: NDArray[np.float64] = np.linalg.inv(np.linalg.cholesky(spread))
    return whitening


def _radii(apart: NDArray[np.float64], is_other: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Give the mean distance of each point to its neighbours of other micrographs."""
    nearest = np.sort(np.where(is_other, apart, np.inf), axis=1)
    count = min(_NEIGHBOURS, int(is_other.sum(axis=1).min()))
    radii: NDArray[np.float64] = np.maximum(nearest[:, :count].mean(axis=1), _LEAST)
    return radii


def _reach(apart: NDArray[np.float64], is_other: NDArray[np.bool_], micrographs: int) -> float:
    """Say how many radii the training's own micrographs are away, each from all others.

    It is the rank that one more of the same kind exceeds as seldom as is wanted, which of few is
    the furthest and some more.
    """
    away = []
    for row, others in zip(apart, is_other, strict=True):
        left = is_other[np.ix_(others, others)]
        if left.any(axis=1).all():  # without it, they still are neighbours
            radii = _radii(apart[np.ix_(others, others)], left)
        else:
            radii = _radii(apart, is_other)[others]
        away.append(float((row[others] / radii).min()))
    rank = min(len(away), int(np.ceil((len(away) + 1) * _RANK)))
    more = 3 / micrographs + 3 / micrographs**2
    return (1 + more) * max(sorted(away)[rank - 1], _LEAST)


def _traits(micrograph: Micrograph, statistics: Statistics, rule: IntensityRule) -> _Floats:
    """Describe tiles of a micrograph, shape (T, F)."""
    tiles = np.stack(list(_tiles(micrograph, statistics, rule)))
    quantiles = np.quantile(tiles, _SHARES, axis=(1, 2)).T
    columns, level = [quantiles.astype(np.float32)], tiles
    for _ in range(_SCALES):
        smooth = _smoothed(level)
        columns.append(_texture(level - smooth, smooth))
        level = smooth[:, ::2, ::2]
    return np.concatenate(columns, axis=1)


def _tiles(
    micrograph: Micrograph, statistics: Statistics, rule: IntensityRule
) -> Iterator[_Floats]:
    """Cut tiles on a grid, of the mean of the channels; a row of them is read at a time."""
    height, width = micrograph.size
    for top in _places(height):
        rows = micrograph.pixels[:, top : top + _SIDE]
        for left in _places(width):
            values = normalise(rows[:, :, left : left + _SIDE], statistics, rule).mean(axis=0)
            missing = [(0, _SIDE - length) for length in values.shape]
            yield np.pad(values, missing, mode="symmetric").astype(np.float32)


def _places(length: int) -> list[int]:
    """Where tiles begin: side by side as long as there is room for few, then spread evenly."""
    count = min(_TILES, max(1, length // _SIDE))
    return [int(place) for place in np.linspace(0, max(0, length - _SIDE), count)]


def _texture(details: _Floats, smooth: _Floats) -> _Floats:
    """Describe one scale of tiles: what was smoothed away, and the edges of what is left."""
    axes = (1, 2)
    variance = details.var(axis=axes) + _LEAST
    scaled = details / np.sqrt(variance)[:, None, None]
    cubes = np.clip((scaled**3).mean(axis=axes), -3, 3)
    spikes = np.log(np.clip((scaled**4).mean(axis=axes), 1e-2, 50))
    down, right = (np.gradient(smooth, axis=axis) for axis in axes)
    slopes = np.hypot(down, right)
    evenness = np.log((slopes.mean(axis=axes) + 1e-3) / (slopes.std(axis=axes) + 1e-3))
    yy, xx, yx = (_blocks(each) for each in (down * down, right * right, down * right))
    along = np.sqrt((xx - yy) ** 2 + 4 * yx**2) / (xx + yy + 1e-6)
    columns = [np.log(variance), cubes, spikes, evenness, along.mean(axis=axes)]
    return cast(_Floats, np.stack(columns, axis=1).astype(np.float32))


def _blocks(values: _Floats) -> _Floats:
    """Average over blocks, shape (T, Y, X)."""
    count, rows, columns = values.shape
    shape = (count, rows // _BLOCK, _BLOCK, columns // _BLOCK, _BLOCK)
    return cast(_Floats, values.reshape(shape).mean(axis=(2, 4)))


def _smoothed(values: _Floats) -> _Floats:
    """Blur by a Gaussian of one pixel, shape (T, Y, X)."""
    for axis in (1, 2):
        length, margin = values.shape[axis], len(_TAPS) - 1
        pads = [(0, 0), (0, 0), (0, 0)]
        pads[axis] = (margin, margin)
        framed = np.pad(values, pads, mode="symmetric")
        values = np.zeros_like(values)
        for place, tap in enumerate((*_TAPS, *_TAPS[-2::-1])):
            part = [slice(None)] * 3
            part[axis] = slice(place, place + length)
            values += np.float32(tap) * framed[tuple(part)]
    return values


def _line(numbers: NDArray[np.float64]) -> str:
    return " ".join(f"{number:.4g}" for number in numbers)
