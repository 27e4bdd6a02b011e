"""Pixel sizes that a series states plane by plane: TIA's .ser, and FEI's extended MRC headers.

RosettaSciIO takes the size of the first plane for all. A series whose magnification changed has
no pixel size in common.
"""

import dataclasses
import struct
from collections.abc import Sequence
from pathlib import Path

from emseg.calibration import PixelSize
from emseg.reading.microscopes.mrc_header import LENGTH, MrcHeader
from emseg.reading.signals.fit import several_sizes
from emseg.reading.signals.signal import Signal

_M_NM = 1e9
_SER_IMAGES = 0x4122
_SER_WIDE = 0x220  # from this version on offsets have 8 bytes
_OLD_FEI = (128 * 1024, 128, 44)  # bytes of the header and of a section, place of the pixel size
_FEI_TYPES = (b"FEI1", b"FEI2")
_FEI_PIXEL = 156

_Steps = Sequence[tuple[float, float]]


def of_one_size(signal: Signal, steps: _Steps) -> Signal:
    """Take the pixel size away from planes that have different ones, and say so.

    Parameters
    ----------
    signal : Signal
        A series.
    steps : sequence of tuple of float
        Height and width of a pixel in nm, plane by plane; 0 where a plane says none.
    """
    if signal.pixel_size is None:
        return signal
    sizes = [PixelSize(*each, "") for each in steps if min(each) > 0]
    notice = several_sizes(sizes)
    if notice is None:
        return signal
    return dataclasses.replace(signal, pixel_size=None, notices=(*signal.notices, notice))


def ser_steps(path: Path) -> _Steps:
    """Read the calibration of each image of a .ser file: in m, in front of its pixels."""
    with path.open("rb") as file:
        head = file.read(34)
        if len(head) < 34:
            return []
        version, kind = struct.unpack_from("<HI", head, 4)
        count, *_ = struct.unpack_from("<I", head, 18)
        letter, width = ("Q", 8) if version >= _SER_WIDE else ("I", 4)
        (start,) = struct.unpack_from(f"<{letter}", head, 22)
        if kind != _SER_IMAGES:
            return []
        file.seek(start)
        offsets = struct.unpack(f"<{count}{letter}", file.read(count * width))
        steps = []
        for offset in offsets:
            file.seek(offset)
            x, y = struct.unpack("<8xd12xd", file.read(36))
            steps.append((abs(y) * _M_NM, abs(x) * _M_NM))
    return steps


def mrc_steps(path: Path, header: MrcHeader) -> _Steps:
    """Read the pixel size of each section from FEI's extended headers, old and new, in m."""
    order, sections = header.order, header.shape[0]
    with path.open("rb") as file:
        kind = file.read(LENGTH)[104:108]
        said = file.read(header.offset - LENGTH)
    if kind in _FEI_TYPES and len(said) >= 4:
        (size,) = struct.unpack_from(f"{order}i", said, 0)
        starts = range(_FEI_PIXEL, len(said) - 15, size) if size > _FEI_PIXEL else range(0)
        read = [struct.unpack_from(f"{order}2d", said, at) for at in starts[:sections]]
        return [(y * _M_NM, x * _M_NM) for x, y in read]
    whole, size, place = _OLD_FEI
    if len(said) != whole or kind.strip(b"\0 "):
        return []
    read = [
        struct.unpack_from(f"{order}f", said, at) for at in range(place, whole, size)[:sections]
    ]
    return [(step * _M_NM, step * _M_NM) for (step,) in read]
