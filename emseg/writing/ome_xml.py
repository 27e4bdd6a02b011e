"""The OME-XML that makes a TIFF file say what it shows and how large it is.

Schema: Open Microscopy Environment data model 2016-06, https://docs.openmicroscopy.org/ome-model
"""

import math
import uuid
from typing import Any

from emseg.calibration import PixelSize
from emseg.writing.annotation import NOT_XML
from emseg.writing.content import Channel, Content

OME_DTYPES = frozenset(
    {"int8", "int16", "int32", "uint8", "uint16", "uint32", "float32", "float64"}
)
"""Types for which the OME data model has a name."""


def ome_xml(content: Content, count: int, fingerprint: str) -> bytes:
    """Compose the OME-XML of a file with one image, in UTF-8.

    Parameters
    ----------
    content : Content
        What the file holds; all of its planes were taken.
    count : int
        How many planes there were.
    fingerprint : str
        Stands for the pixels; the same image gets the same UUID, so the same file.

    Returns
    -------
    bytes
        A document with the map annotation linked to the image.
    """
    from tifffile import OmeXml

    from emseg import __version__

    shape, annotation = content.shape(count), dict(content.annotation())
    *leading, height, width = shape
    said = (content.name, content.axes, shape, content.dtype.name, content.pixel_size)
    identity = uuid.uuid5(
        uuid.NAMESPACE_OID, f"{said!r} {content.channels!r} {annotation!r} {fingerprint}"
    )
    document = OmeXml(UUID=str(identity), Creator=f"emseg {__version__}")
    document.addimage(
        content.dtype.name,
        shape,
        (math.prod(leading), 1, 1, height, width, 1),
        axes=content.axes,
        Name=_printable(content.name),
        MapAnnotation={"Namespace": content.namespace, "Value": annotation},
        **_channels(content.channels),
        **_physical_size(content.pixel_size),
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


def _channels(channels: tuple[Channel, ...]) -> dict[str, Any]:
    """Names and colours of the channels; OME packs RGBA into a signed 32-bit integer."""
    if not channels:
        return {}
    packed = [int.from_bytes(bytes((*each.colour, 255)), signed=True) for each in channels]
    names = [_printable(each.name) for each in channels]
    return {"Channel": {"Color": packed} | ({"Name": names} if any(names) else {})}


def _printable(text: str) -> str:
    """Replace what XML cannot carry in an attribute."""
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
