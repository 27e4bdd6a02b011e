"""Numbers by their keys, as the nested objects of ``metrics.json``."""

from collections.abc import Mapping
from typing import Any

from emseg.evaluation.confidence import Interval
from emseg.evaluation.metric import Key


def nested(values: Mapping[Key, Any]) -> dict[str, Any]:
    """Turn ``{("mean", "iou"): 0.9}`` into ``{"mean": {"iou": 0.9}}``."""
    tree: dict[str, Any] = {}
    for key, value in values.items():
        branch = tree
        for part in key[:-1]:
            branch = branch.setdefault(part, {})
        branch[key[-1]] = value
    return tree


def intervals_as_json(intervals: Mapping[Key, Interval | None]) -> dict[str, Any] | None:
    """Nest the ends of intervals, and say once how they were found; None when there is none."""
    known = {key: each for key, each in intervals.items() if each is not None}
    if not known:
        return None
    about = max(known.values(), key=lambda each: each.units)  # fewer bear on a rare class
    return {
        "level": about.level,
        "unit": about.unit,
        "units": about.units,
        "few_units": about.few_units,
        "method": about.method,
        **nested({key: [each.low, each.high] for key, each in known.items()}),
    }
