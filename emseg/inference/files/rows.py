"""Rows of ``predictions.csv``: where a plane is from, and what was found in it."""

import numpy as np
from numpy.typing import NDArray

from emseg.inference.classifier import Classification
from emseg.inference.preparing import Prepared
from emseg.micrograph import LabelClass

Row = dict[str, object]


def label_row(
    plane: Prepared,
    classes: tuple[LabelClass, ...],
    counts: NDArray[np.int64],
    written: str,
) -> Row:
    """Say how much of a plane each class has.

    Parameters
    ----------
    plane : Prepared
        What was predicted.
    classes : tuple of LabelClass
        K classes.
    counts : array of int64, shape (K,)
        Pixels of each.
    written : str
        Where its label image lies.
    """
    names = [each.name for each in classes]
    total = max(1, int(counts.sum()))
    row: Row = {**_where(plane), "labels": written}
    row |= {f"pixels.{n}": int(c) for n, c in zip(names, counts, strict=True)}
    return row | {f"fraction.{n}": int(c) / total for n, c in zip(names, counts, strict=True)}


def class_row(answer: Classification, top_k: int) -> Row:
    """Say which classes a plane may be of, so many of the most probable first."""
    row = _where(answer.plane)
    for rank, (name, probability) in enumerate(answer.ranked()[:top_k], start=1):
        row |= {f"class_{rank}": name, f"probability_{rank}": probability}
    named = zip(answer.names, answer.probabilities, strict=True)
    return row | {f"probability.{name}": float(value) for name, value in named}


def _where(plane: Prepared) -> Row:
    micrograph = plane.micrograph
    size = micrograph.pixel_size
    return {
        "file": str(micrograph.path),
        "plane": micrograph.plane,
        "height_px": micrograph.size[0],
        "width_px": micrograph.size[1],
        "pixel_height_nm": size.y_nm if size else None,
        "pixel_width_nm": size.x_nm if size else None,
        "pixel_size_source": size.source if size else "unknown",
        "specimen": str(micrograph.specimen) if micrograph.specimen else None,
        "unlikeness": None if plane.unlikeness is None else round(plane.unlikeness, 3),
    }
