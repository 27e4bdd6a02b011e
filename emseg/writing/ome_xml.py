"""The OME-XML that makes a TIFF file say what it shows and how large it is.

Schema: Open Microscopy Environment data model 2016-06, https://docs.openmicroscopy.org/ome-model
"""

import json
import math
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from emseg.calibration import PixelSize
from emseg.micrograph import LABEL_NAMESPACE, LabelClass, LabelKey, Region, unlabelled_value

# characters that XML 1.0 forbids or discourages; file names may hold them
_NOT_XML = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Described:
    """What the OME-XML of one file says.

    Parameters
    ----------
    name : str
        Name of the image.
    axes : str
        ``"YX"``, ``"ZYX"``, ``"CYX"`` or ``"ZCYX"``.
    shape : tuple of int
        Length of each axis.
    dtype : str
        ``"uint8"``, ``"uint16"`` or ``"float32"``.
    pixel_size : PixelSize or None
        None leaves the physical sizes out.
    annotation : mapping of str to str
        The key-value pairs that belong to the image.
    namespace : str
        What kind of key-value pairs they are.
    channels : sequence of LabelClass
        What the channels are called and look like; empty without a channel axis.
    """

    name: str
    axes: str
    shape: tuple[int, ...]
    dtype: str
    pixel_size: PixelSize | None
    annotation: Mapping[str, str]
    namespace: str = LABEL_NAMESPACE
    channels: Sequence[LabelClass] = ()


def label_annotation(
    name: str,
    planes: Sequence[int | None],
    classes: Sequence[LabelClass],
    pixel_size: PixelSize | None,
    specimen: Region | None = None,
) -> dict[str, str]:
    """Describe label images by the key-value pairs from which they can be read back exactly.

    Parameters
    ----------
    name : str
        Stem of the micrograph.
    planes : sequence of int or None
        Index of each plane in its stack.
    classes : sequence of LabelClass
        Classes in card order.
    pixel_size : PixelSize or None
        With its source.
    specimen : Region or None
        The part that shows the specimen.

    Returns
    -------
    dict
        One JSON text for each `LabelKey`.
    """
    values = {
        LabelKey.NAME: name,
        LabelKey.PLANES: list(planes),
        LabelKey.CLASSES: [asdict(each) for each in classes],
        LabelKey.UNLABELLED: unlabelled_value(len(classes)),
        LabelKey.PIXEL_SIZE: asdict(pixel_size) if pixel_size else None,
        LabelKey.SPECIMEN: asdict(specimen) if specimen else None,
    }
    return {key.value: _json(value) for key, value in values.items()}


def ome_xml(described: Described, fingerprint: str) -> bytes:
    """Compose the OME-XML of a file with one image, in UTF-8.

    Parameters
    ----------
    described : Described
        What the file holds.
    fingerprint : str
        Stands for the pixels; the same image gets the same UUID, so the same file.

    Returns
    -------
    bytes
        A document with the map annotation linked to the image.
    """
    from tifffile import OmeXml

    from emseg import __version__

    *leading, height, width = described.shape
    identity = uuid.uuid5(uuid.NAMESPACE_OID, f"{described!r} {fingerprint}")
    document = OmeXml(UUID=str(identity), Creator=f"emseg {__version__}")
    document.addimage(
        described.dtype,
        described.shape,
        (math.prod(leading), 1, 1, height, width, 1),
        axes=described.axes,
        Name=_printable(described.name),
        MapAnnotation={"Namespace": described.namespace, "Value": dict(described.annotation)},
        **_channels(described.channels),
        **_physical_size(described.pixel_size),
    )
    return document.tostring(declaration=True).encode("utf-8")


def _physical_size(pixel_size: PixelSize | None) -> dict[str, Any]:
    """Attributes of Pixels; every digit of the calibration is kept."""
    if pixel_size is None:
        return {}
    sizes = {"X": pixel_size.x_nm, "Y": pixel_size.y_nm, "Z": pixel_size.z_nm}
    attributes = {}
    for axis, size in sizes.items():
        if size is not None:
            attributes[f"PhysicalSize{axis}"] = repr(float(size))
            attributes[f"PhysicalSize{axis}Unit"] = "nm"
    return attributes


def _channels(channels: Sequence[LabelClass]) -> dict[str, Any]:
    """Names and colours of the channels; OME packs RGBA into a signed 32-bit integer."""
    if not channels:
        return {}
    packed = [int.from_bytes(bytes((*each.colour, 255)), signed=True) for each in channels]
    return {"Channel": {"Name": [_printable(each.name) for each in channels], "Color": packed}}


def _json(value: object) -> str:
    """JSON that a person can read and that XML can carry."""
    text = json.dumps(value, ensure_ascii=False)
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _printable(text: str) -> str:
    """Replace what XML cannot carry in an attribute."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
