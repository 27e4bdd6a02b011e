"""Spectrum images: where their energies lie, and counts summed over windows of them.

A spectrum image stores a spectrum at each point of a map. A window of energies becomes whole
bins: the bin in which the window begins is counted and the one in which it ends is not, so that
windows that touch share no bin. A bin reaches half its width to both sides of its energy::

    bins       |  0  |  1  |  2  |  3  |  4  |
    window           [ . . . . . . )           counts the bins 1 and 2

HyperSpy slices an axis by values in the same way (``signal.isig[1.65:1.85]``).
"""

import functools
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import Axis
from emseg.errors import ContentError

_EV_PER_UNIT = {"ev": 1.0, "kev": 1e3}

Bins = tuple[int, int]
"""First bin of a window, and the first that is no longer in it."""

Sums = Callable[[int, Sequence[Bins]], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Spectra:
    """The spectra of a spectrum image.

    Parameters
    ----------
    energies : Axis
        With the offset of the first bin; its unit is eV or keV, or another one where the
        spectra are no energies (wavelengths, Raman shifts).
    size : tuple of int
        Height and width of the map in pixels.
    planes : int
        Number of maps: frames of an acquisition.
    dtype : dtype
        Of the sums: see `sum_dtype`.
    sums : callable
        Takes a plane and N pairs of bins; returns the sums, shape (N, Y, X).
    resolution_ev : float or None
        Width of the Mn Kα line in this detector at half its height; None when the file does
        not say.
    """

    energies: Axis
    size: tuple[int, int]
    planes: int
    dtype: np.dtype[Any]
    sums: Sums
    resolution_ev: float | None = None

    @property
    def unit(self) -> str:
        """``"keV"``, ``"eV"``, or the unit as the file spells it; empty without one."""
        units = self.energies.units or ""
        return {"ev": "eV", "kev": "keV"}.get(units.strip().lower(), units)

    @property
    def ev_per_unit(self) -> float | None:
        """Electronvolts in the unit of the axis; None when that is no energy."""
        return _EV_PER_UNIT.get(self.unit.lower())

    @property
    def range(self) -> str:
        """What the axis covers, as a window: ``"0-20.48keV"``."""
        return self.name((0, self.energies.size))

    def name(self, bins: Bins) -> str:
        """Call some bins by their energies: ``"0-2.56keV"``."""
        low, high = (self._value(at) for at in bins)
        return f"{low:.6g}-{high:.6g}{self.unit}"

    def _value(self, at: int) -> float:
        return self.energies.offset + at * (self.energies.scale or 1.0)

    @property
    def invitation(self) -> str:
        """Say how channels are made of these spectra."""
        if self.unit == "keV":
            return f"{self.range}; make channels of it with --channels Si_Ka,O_Ka or bins=8"
        quarter = self.name(self.equal_parts(min(4, self.energies.size))[0])
        return f"{self.range}; make channels of it with --channels {quarter} or bins=8"

    def bins(self, low: float, high: float, what: str) -> Bins:
        """Bins of a window.

        Parameters
        ----------
        low, high : float
            In the unit of the axis.
        what : str
            What the message calls the window.

        Raises
        ------
        ContentError
            When the window is not on the axis, or narrower than a bin.
        """
        first, stop = sorted(self._nearest(value) for value in (low, high))
        if first < 0 or stop > self.energies.size:
            raise ContentError(f"{what} is not within the axis, {self.range}; choose another")
        if first == stop:
            width = abs(self.energies.scale or 1.0)
            raise ContentError(
                f"{what} is narrower than a bin of {width:.4g} {self.unit}; make it wider"
            )
        return first, stop

    def _nearest(self, value: float) -> int:
        """Bin that holds a value; between two bins the lower one, whatever floats make of it."""
        at = (value - self.energies.offset) / (self.energies.scale or 1.0)
        return math.ceil(round(at, 6) - 0.5)

    def equal_parts(self, count: int) -> list[Bins]:
        """Cut the axis into windows that differ by one bin at most.

        Raises
        ------
        ContentError
            When there are fewer bins than windows.
        """
        size = self.energies.size
        if count > size:
            raise ContentError(f"bins={count} is more than the {size} bins of the axis; take fewer")
        edges = [round(at * size / count) for at in range(count + 1)]
        return list(itertools.pairwise(edges))


def spectra_of(data: Any, energies: Axis, at: int, metadata: Mapping[str, Any]) -> Spectra | None:
    """Describe the spectra of a map.

    Parameters
    ----------
    data : dask or NumPy array, 3 dimensions or more
        Of the axes that are no energies the last two are the rows and the columns.
    energies : Axis
        The axis of the energies.
    at : int
        Its position.
    metadata : mapping
        HyperSpy's; says which resolution the detector has.

    Returns
    -------
    Spectra or None
        None when the values are no real numbers.
    """
    if data.dtype.kind not in "buif":
        return None
    *frames, y, x = (each for each in range(data.ndim) if each != at)
    counts = [data.shape[each] for each in frames]

    def sums(plane: int, windows: Sequence[Bins]) -> NDArray[Any]:
        index: list[int | slice] = [slice(None)] * data.ndim
        for each, position in zip(frames, np.unravel_index(plane, counts), strict=True):
            index[each] = int(position)
        return sum_windows(data[tuple(index)], at - sum(each < at for each in frames), windows)

    return Spectra(
        energies,
        (data.shape[y], data.shape[x]),
        math.prod(counts),
        sum_dtype(data.dtype, data.shape[at]),
        sums,
        _resolution_ev(metadata),
    )


def _resolution_ev(metadata: Mapping[str, Any]) -> float | None:
    """Width of Mn Kα in the detector, where the metadata say it."""
    instrument = metadata.get("Acquisition_instrument", {})
    for microscope in ("TEM", "SEM"):
        detector = instrument.get(microscope, {}).get("Detector", {}).get("EDS", {})
        width = detector.get("energy_resolution_MnKa")
        if width and math.isfinite(float(width)) and float(width) > 0:
            return float(width)
    return None


def energy_axis(axes: Sequence[Mapping[str, Any]]) -> int | None:
    """Position of the axis along which the spectra of a map lie.

    Parameters
    ----------
    axes : sequence of mapping
        As RosettaSciIO describes them: ``name``, ``units``, ``navigate``.

    Returns
    -------
    int or None
        None for images, single spectra and spectra along a line.
    """
    if len(axes) < 3:
        return None
    in_ev = [at for at, axis in enumerate(axes) if str(axis.get("units")).lower() in _EV_PER_UNIT]
    if not in_ev:
        in_ev = [at for at, axis in enumerate(axes) if not axis.get("navigate")]
    return in_ev[0] if len(in_ev) == 1 else None


def sum_dtype(stored: np.dtype[Any], bins: int) -> np.dtype[Any]:
    """Type that holds the sum of so many bins, whatever they hold.

    Returns
    -------
    dtype
        uint32 where it is enough, else uint64; int64 for signed values, float64 for floats.
    """
    if stored.kind in "bu":
        largest = 1 if stored.kind == "b" else np.iinfo(stored).max
        return np.dtype(np.uint32 if largest * bins < 2**32 else np.uint64)
    return np.dtype(np.int64 if stored.kind == "i" else np.float64)


def sum_windows(data: Any, energy: int, windows: Sequence[Bins]) -> NDArray[Any]:
    """Sum a map over windows of bins.

    Parameters
    ----------
    data : dask or NumPy array, 3 dimensions
        The energies at any position, the rows before the columns.
    energy : int
        Position of the energies.
    windows : sequence of pair of int
        First bin, and the first that is not counted.

    Returns
    -------
    array, shape (N, Y, X)
        As `sum_dtype` says. Of a lazy map one block of its reader is in memory at a time, and
        is read once for all windows.
    """
    dtype = sum_dtype(data.dtype, data.shape[energy])
    last = data.transpose(*(at for at in range(3) if at != energy), energy)
    if isinstance(last, np.ndarray):
        return _sum_block(last, windows, dtype).transpose(2, 0, 1)
    sums = functools.reduce(operator.add, _block_sums(last, windows, dtype))
    return np.asarray(sums.compute(scheduler="synchronous")).transpose(2, 0, 1)


def _block_sums(last: Any, windows: Sequence[Bins], dtype: np.dtype[Any]) -> Iterator[Any]:
    """Sum each row of blocks along the energies: dask arrays of shape (Y, X, N)."""
    edges = itertools.accumulate(last.chunks[2], initial=0)
    for at, (start, stop) in enumerate(itertools.pairwise(edges)):
        here = [(max(a, start) - start, min(b, stop) - start) for a, b in windows]
        if at and all(a >= b for a, b in here):
            continue  # the first is always there, so that there is something to add to
        yield last.blocks[:, :, at].map_blocks(
            _sum_block,
            [(a, max(a, b)) for a, b in here],
            dtype,
            dtype=dtype,
            chunks=(*last.chunks[:2], (len(windows),)),
            meta=np.empty((0, 0, 0), dtype),
        )


def _sum_block(block: NDArray[Any], windows: Sequence[Bins], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Sum along the last axis, shape (Y, X, N)."""
    return np.stack([block[..., a:b].sum(-1, dtype=dtype) for a, b in windows], axis=-1)
