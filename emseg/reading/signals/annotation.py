"""What emseg wrote beside pixels, in OME-XML, HyperSpy metadata or Zarr attributes."""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from xml.etree import ElementTree

from emseg.calibration import PixelSize
from emseg.micrograph import (
    LABEL_NAMESPACE,
    MICROGRAPH_NAMESPACE,
    LabelClass,
    LabelKey,
    MicrographKey,
    Region,
)
from emseg.naming import fault_of, shown
from emseg.reading.signals.signal import Signal

_OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"
_DIGITS = 1e-9
_DAMAGED = (KeyError, TypeError, ValueError, AttributeError, ElementTree.ParseError)


@dataclass(frozen=True, slots=True)
class Annotation:
    """What an image of emseg says about itself.

    Parameters
    ----------
    name : str
        Stem of the micrograph.
    planes : tuple of int or None
        Index of each plane in the stack that it comes from.
    pixel_size : PixelSize or None
        With the source that it had when it was read from the microscope's own file.
    specimen : Region or None
        The part of each plane that shows the specimen; None when all of it does.
    channels : tuple of str
        Channel names of a micrograph; empty when it has none.
    classes : tuple of LabelClass
        Classes of a label image in card order; empty for a micrograph.
    """

    name: str
    planes: tuple[int | None, ...]
    pixel_size: PixelSize | None
    specimen: Region | None
    channels: tuple[str, ...] = ()
    classes: tuple[LabelClass, ...] = ()


def in_ome_xml(text: str) -> Annotation | None:
    """Find what emseg wrote into OME-XML; None when another program wrote it.

    Raises
    ------
    Exception
        KeyError, TypeError, ValueError or ElementTree.ParseError when it was damaged since.
    """
    if LABEL_NAMESPACE not in text and MICROGRAPH_NAMESPACE not in text:
        return None
    root = ElementTree.fromstring(text.encode())
    for namespace in (LABEL_NAMESPACE, MICROGRAPH_NAMESPACE):
        found = root.find(f".//{_OME}MapAnnotation[@Namespace='{namespace}']")
        if found is not None:
            pairs = {each.get("K"): json.loads(each.text or "") for each in found.iter(f"{_OME}M")}
            return _annotation(namespace, pairs)
    return None


def in_json(namespace: str, text: str) -> Annotation | None:
    """Understand what emseg wrote as one JSON text; as `in_ome_xml`."""
    return _annotation(namespace, json.loads(text))


def in_attributes(attributes: Mapping[str, Any]) -> Annotation | None:
    """Find what emseg wrote into the attributes of a Zarr group; as `in_ome_xml`."""
    said = attributes.get("emseg")
    if not isinstance(said, Mapping):
        return None
    return _annotation(str(said.get("namespace")), said)


def restored(signal: Signal, find: Callable[[], Annotation | None]) -> Signal:
    """Give a signal of emseg what its format has no place for.

    Parameters
    ----------
    signal : Signal
        As its format describes it.
    find : callable
        Looks for what emseg wrote; damaged metadata count as none.

    Returns
    -------
    Signal
        With channel names, specimen, and the source of its pixel size, unless another program
        changed the size since.
    """
    said = None
    with suppress(*_DAMAGED):
        said = find()
    if said is None:
        return signal
    size = signal.pixel_size
    count = math.prod(axis.size for axis in signal.axes if axis.name in ("c", "s"))
    channels = said.channels if len(said.channels) == count else signal.channels
    return dataclasses.replace(
        signal,
        pixel_size=said.pixel_size if _agree(size, said.pixel_size) else size,
        specimen=said.specimen or signal.specimen,
        channels=channels,
        refusal="",  # emseg wrote it as images, however narrow
    )


def _annotation(namespace: str, said: Mapping[Any, Any]) -> Annotation | None:
    if namespace not in (LABEL_NAMESPACE, MICROGRAPH_NAMESPACE):
        return None
    is_label = namespace == LABEL_NAMESPACE
    _require(LabelKey if is_label else MicrographKey, said)
    size = said[LabelKey.PIXEL_SIZE]
    specimen = said.get(LabelKey.SPECIMEN)  # emseg 0.1 did not write it
    return Annotation(
        said[LabelKey.NAME],
        tuple(said[LabelKey.PLANES]),
        PixelSize(**size) if size else None,
        Region(**specimen) if specimen else None,
        () if is_label else tuple(said[MicrographKey.CHANNELS]),
        tuple(map(_label_class, said[LabelKey.CLASSES])) if is_label else (),
    )


def _require(keys: type[StrEnum], said: Mapping[Any, Any]) -> None:
    missing = [key.value for key in keys if key not in said and key != LabelKey.SPECIMEN]
    if missing:
        raise KeyError(missing[0])


def _label_class(said: Mapping[str, Any]) -> LabelClass:
    fault = fault_of(said["name"])
    if fault is not None:
        raise ValueError(f"the class name {shown(said['name'])} {fault}")
    return LabelClass(said["name"], tuple(said["colour"]), tuple(said["values"]))


def _agree(found: PixelSize | None, said: PixelSize | None) -> bool:
    """Whether both are the same size; a format without an axis of planes has no distance."""
    if found is None or said is None:
        return found is said
    pairs = [(found.y_nm, said.y_nm), (found.x_nm, said.x_nm)]
    if found.z_nm is not None:
        pairs.append((found.z_nm, said.z_nm or 0.0))
    return all(math.isclose(*pair, rel_tol=_DIGITS) for pair in pairs)
