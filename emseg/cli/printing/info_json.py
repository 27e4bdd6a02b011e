"""What ``emseg info --json`` prints about a file."""

import json
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emseg.outcomes import Outcome
    from emseg.reading import FileContents, SignalInfo, ValueRange


def entry(report: "Outcome[FileContents]") -> str:
    """Write one file as a JSON object, indented as a member of a list."""
    found = report.found
    described = {
        "file": str(report.path),
        "error": str(report.error) if report.error else None,
        "format": found.format if found else None,
        "read_whole": not found.is_lazy if found else None,
        "classes": [each.name for each in found.labels.classes] if found and found.labels else None,
        "notices": list(found.notices) if found else [],
        "signals": [
            _signal(signal, values)
            for signal, values in zip(found.signals, found.ranges, strict=True)
        ]
        if found
        else [],
    }
    return textwrap.indent(json.dumps(described, indent=2, ensure_ascii=False), "  ")


def _signal(signal: "SignalInfo", values: "ValueRange | None") -> dict[str, Any]:
    size, part = signal.pixel_size, signal.specimen
    return {
        "name": signal.name,
        "axes": [axis.name for axis in signal.axes],
        "shape": list(signal.shape),
        "dtype": signal.dtype,
        "range": [values.low, values.high] if values else None,
        "pixel_size_nm": [size.y_nm, size.x_nm] if size else None,
        "plane_distance_nm": size.z_nm if size else None,
        "pixel_size_source": size.source if size else None,
        "channels": list(signal.channels),
        "specimen": [part.top, part.bottom, part.left, part.right] if part else None,
        "is_taken": signal.is_taken,
        "usable": signal.usable,
        "reason": signal.reason,
    }
