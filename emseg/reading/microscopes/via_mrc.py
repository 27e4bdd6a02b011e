"""Reads MRC through RosettaSciIO, and what its header means through `mrc_header`.

RosettaSciIO takes an unset pixel size for 1 nm, big-endian values for little-endian ones and
all bytes for unsigned; here they are what the header says.
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import Axis, PixelSize
from emseg.errors import UnreadableFileError
from emseg.reading.formats import FORMATS, Format
from emseg.reading.microscopes.mrc_header import MrcHeader
from emseg.reading.microscopes.plane_sizes import mrc_steps, of_one_size
from emseg.reading.microscopes.via_rosettasciio import open_source as open_with_rosettasciio
from emseg.reading.signals.fit import SizeNotice, shown_length
from emseg.reading.signals.layout import why_not
from emseg.reading.signals.narrow_planes import why_narrow
from emseg.reading.signals.signal import Index, OpenFile, Signal

_JEOL_MAGIC = (52).to_bytes(4, "little")  # JEOL's element maps have the suffix .map too
_FEI_EXTENDED = 128 * 1024


def open_source(path: Path, fmt: Format) -> OpenFile:
    """Open an MRC file.

    Raises
    ------
    UnreadableFileError
        When it has no MRC header, is cut short, or holds no image.
    """
    with path.open("rb") as file:
        if file.read(4) == _JEOL_MAGIC and path.suffix.lower() == ".map":
            return open_with_rosettasciio(path, _jeol())
    header = MrcHeader.read(path)
    if header is None:
        raise UnreadableFileError(
            f"{path} has no MRC header; check that it is an MRC file, and copy it again"
        )
    dtype = _check(path, header)
    if header.order == ">":
        signal = _doubted(_big_endian(path, header, dtype, fmt), header)
        return OpenFile((of_one_size(signal, mrc_steps(path, header)),))
    found = open_with_rosettasciio(path, fmt)
    understood = (_understood(each, header, dtype, fmt.calibration) for each in found.signals)
    steps = mrc_steps(path, header) if header.shape[0] > 1 else []
    signals = tuple(of_one_size(_doubted(each, header), steps) for each in understood)
    return dataclasses.replace(found, signals=signals, notices=_notices(header))


def _jeol() -> Format:
    return next(each for each in FORMATS if each.plugin == "jeol")


def _check(path: Path, header: MrcHeader) -> np.dtype[Any]:
    """Type of the values; refuse a file that does not hold all of them."""
    dtype = header.dtype
    if dtype is None:
        raise UnreadableFileError(
            f"{path} has the MRC mode {header.mode}, which emseg does not read; convert it to "
            "mode 1, 2 or 6, for example with IMOD's newstack"
        )
    needed = header.offset + header.count * dtype.itemsize
    present = path.stat().st_size
    if needed > present:
        raise UnreadableFileError(
            f"{path} is cut short: its pixels need {needed:,} bytes and it has {present:,}; "
            "copy it again from where it was recorded"
        )
    return dtype


def _understood(signal: Signal, header: MrcHeader, dtype: np.dtype[Any], source: str) -> Signal:
    """Correct the type of bytes, and what the header does not know of the voxel."""
    read = signal.read if signal.dtype == dtype else _viewed(signal.read, dtype)
    signal = dataclasses.replace(signal, dtype=dtype, read=read)
    if why_not(signal):
        return signal
    is_elsewhere = _is_calibrated_elsewhere(header) and signal.pixel_size is not None
    if header.is_unset and not is_elsewhere:
        axes = tuple(Axis(axis.name, axis.size) for axis in signal.axes)
        return dataclasses.replace(signal, axes=axes, pixel_size=None)
    depth, height, width = header.voxel
    steps = {} if is_elsewhere else {"y": height, "x": width}
    if header.is_volume and depth > 0:
        steps["z"] = depth
    axes = tuple(_calibrated(axis, steps) for axis in signal.axes)
    named = {axis.name: axis for axis in axes}
    size = PixelSize.from_axes(named["y"], named["x"], source, named.get("z"))
    return dataclasses.replace(signal, axes=axes, pixel_size=size)


def _calibrated(axis: Axis, steps: Mapping[str, float]) -> Axis:
    """Give an axis its step in angstrom, where one is known."""
    return (
        Axis(axis.name, axis.size, steps[axis.name] / 10, 0.0, "nm") if axis.name in steps else axis
    )


def _is_calibrated_elsewhere(header: MrcHeader) -> bool:
    """Whether FEI's extended header has the pixel size, which RosettaSciIO reads."""
    return header.offset == _FEI_EXTENDED + 1024


def _viewed(read: Callable[[Index], NDArray[Any]], dtype: np.dtype[Any]) -> Any:
    return lambda index: read(index).view(dtype)


def _big_endian(path: Path, header: MrcHeader, dtype: np.dtype[Any], fmt: Format) -> Signal:
    shape, voxel = header.shape, header.voxel
    known = (header.is_volume, True, True) if not header.is_unset else (False,) * 3
    axes = tuple(
        Axis(name, size, step / 10, 0.0, "nm") if is_known else Axis(name, size)
        for name, size, step, is_known in zip("zyx", shape, voxel, known, strict=True)
    )

    def read(index: Index) -> NDArray[Any]:
        return np.array(np.memmap(path, dtype, "r", header.offset, shape)[index])

    signal = Signal("", axes, dtype, read, refusal=why_narrow(axes, are_pages=True), is_named=True)
    return dataclasses.replace(
        signal, pixel_size=PixelSize.from_axes(axes[1], axes[2], fmt.calibration, axes[0])
    )


def _doubted(signal: Signal, header: MrcHeader) -> Signal:
    """Say that the cell is about a grid of other pixels than the file has.

    Programs that cut a picture out keep the cell and its grid, which is right; such that bin it
    should change them, and some do not.
    """
    rows, columns = header.grid
    high, wide = header.shape[1:]
    if signal.pixel_size is None or (rows, columns) == (high, wide):
        return signal
    notice = SizeNotice(
        f"has {high} x {wide} pixels and a header about {rows} x {columns}: its pixel size of "
        f"{shown_length(signal.pixel_size)} is right if it was cut out of that, and wrong if it "
        "was binned; --pixel-size says what it is"
    )
    return dataclasses.replace(signal, notices=(*signal.notices, notice))


def _notices(header: MrcHeader) -> tuple[str, ...]:
    if not header.is_unset or header.voxel[2] != 1.0:
        return ()
    return (
        "says that a voxel is exactly 1 Å, which programs write that do not know it; it counts "
        "as unknown, and --pixel-size says what it is",
    )
