"""Reads HyperSpy's HDF5 through RosettaSciIO, and what emseg wrote into it."""

import dataclasses
from pathlib import Path

import h5py

from emseg.calibration import PixelSize
from emseg.reading.formats import Format
from emseg.reading.microscopes import via_rosettasciio
from emseg.reading.signals.annotation import Annotation, in_json, restored
from emseg.reading.signals.signal import OpenFile, Signal

_METADATA = "metadata/emseg"


def open_source(path: Path, fmt: Format) -> OpenFile:
    """Open a file; one of emseg gets its channels back, which HyperSpy takes for positions."""
    source = via_rosettasciio.open_source(path, fmt)
    names = axes_of_emseg(path)
    if len(source.signals) != 1 or len(names) != len(source.signals[0].axes):
        return source
    signal = _named(source.signals[0], names, fmt.calibration)
    return dataclasses.replace(source, signals=(restored(signal, lambda: annotation_of(path)),))


def annotation_of(path: Path) -> Annotation | None:
    """Find what emseg wrote into the metadata; None when another program wrote the file.

    Raises
    ------
    OSError
        When it is no HDF5 file.
    Exception
        KeyError, TypeError or ValueError when the metadata was damaged since.
    """
    with h5py.File(path, "r") as file:
        experiment = _experiment(file)
        if experiment is None:
            return None
        said = experiment[_METADATA]
        text = said["_list_annotation"].asstr()[0]
        return in_json(str(said.attrs["namespace"]), str(text))


def namespace_of(path: Path) -> str:
    """Say what kind of file emseg wrote; empty when another program wrote it."""
    with h5py.File(path, "r") as file:
        experiment = _experiment(file)
        return "" if experiment is None else str(experiment[_METADATA].attrs["namespace"])


def axes_of_emseg(path: Path) -> tuple[str, ...]:
    """Name the axes of a file that emseg wrote; empty for any other."""
    with h5py.File(path, "r") as file:
        experiment = _experiment(file)
        if experiment is None:
            return ()
        axes = (experiment.get(f"axis-{at}") for at in range(experiment["data"].ndim))
        return tuple(str(axis.attrs.get("name", "")) for axis in axes if axis is not None)


def _experiment(file: h5py.File) -> h5py.Group | None:
    experiments = list(file.get("Experiments", {}).values())
    return experiments[0] if len(experiments) == 1 and _METADATA in experiments[0] else None


def _named(signal: Signal, names: tuple[str, ...], source: str) -> Signal:
    axes = tuple(
        dataclasses.replace(axis, name=name) for axis, name in zip(signal.axes, names, strict=True)
    )
    named = {axis.name: axis for axis in axes}
    if "y" not in named or "x" not in named:
        return signal
    size = PixelSize.from_axes(named["y"], named["x"], source, named.get("z"))
    return dataclasses.replace(signal, axes=axes, pixel_size=size, refusal="")
