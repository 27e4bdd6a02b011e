"""What OME-XML says about the planes of its images and the files in which they lie.

Schema and rules: https://ome-model.readthedocs.io/en/stable/ome-tiff/specification.html
"""

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from xml.etree import ElementTree as ET

_ROOT = re.compile(r"<(?:\w+:)?OME\b[^>]*>")
_UUID = re.compile(r"\bUUID\s*=\s*[\"']([^\"']+)[\"']")
_MOST_PLANES = 1 << 20  # beyond this a size is a slip of the pen


@dataclass(frozen=True, slots=True)
class FileName:
    """A file as OME-XML names it; both are empty for the file that holds the XML.

    Parameters
    ----------
    name : str
        Its name when it was written, without folders.
    uuid : str
        Its unique identifier.
    """

    name: str = ""
    uuid: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Planes that follow each other in a file.

    Parameters
    ----------
    file : FileName
        Where they lie.
    page : int
        Page of the first.
    first : int
        Number of the first plane in the image, counted along its grid.
    count : int or None
        How many; None for all pages of the file.
    """

    file: FileName
    page: int
    first: int
    count: int | None


@dataclass(frozen=True, slots=True)
class OmeImage:
    """One ``Image`` of OME-XML.

    Parameters
    ----------
    name : str
        What the XML calls it; may be empty.
    axes : str
        Letters of the axes that count planes, slowest first: ``"TCZ"``.
    grid : tuple of int
        Planes along each of them.
    samples : int
        Colours that a plane holds for each pixel.
    size : tuple of int
        Height and width of a plane in pixels.
    steps : mapping of str to (float, str)
        Distance between two samples and its unit, by axis: ``x``, ``y`` and ``z``.
    channels : tuple of str
        Names of the channels; empty unless all have one.
    blocks : tuple of Block
        Where the planes lie.
    """

    name: str
    axes: str
    grid: tuple[int, ...]
    samples: int
    size: tuple[int, int]
    steps: Mapping[str, tuple[float, str]]
    channels: tuple[str, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class OmeDocument:
    """What emseg looks at in OME-XML.

    Parameters
    ----------
    uuid : str
        Identifier of the file that holds the XML; empty when it says none.
    images : tuple of OmeImage
        In the order of the XML.
    elsewhere : FileName or None
        The file that has the metadata, where this one says that it has pixels only.
    is_cut : bool
        Whether the XML ends in the middle.
    """

    uuid: str = ""
    images: tuple[OmeImage, ...] = field(default=())
    elsewhere: FileName | None = None
    is_cut: bool = False


def is_ome(text: str) -> bool:
    """Whether a description begins as OME-XML does."""
    return _ROOT.search(text[:4096]) is not None


def uuid_of(text: str) -> str:
    """Read the identifier of the file that holds this OME-XML; empty when it says none."""
    root = _ROOT.search(text)
    found = _UUID.search(root[0]) if root else None
    return found[1] if found else ""


def parse_ome(text: str) -> OmeDocument | None:
    """Understand OME-XML, also such that ends in the middle.

    Returns
    -------
    OmeDocument or None
        None when the text is no OME-XML or contradicts itself.
    """
    if not is_ome(text):
        return None
    root, is_cut = _tree(text)
    if root is None:
        return None
    try:
        images = tuple(
            _image(image, pixels)
            for image in root.findall("{*}Image")
            for pixels in image.findall("{*}Pixels")
        )
    except (KeyError, ValueError):
        return None
    only = root.find("{*}BinaryOnly")
    elsewhere = None
    if only is not None:
        elsewhere = FileName(_bare(only.get("MetadataFile", "")), only.get("UUID", ""))
    return OmeDocument(root.get("UUID", ""), images, elsewhere, is_cut)


def _tree(text: str) -> tuple[ET.Element | None, bool]:
    """Parse as far as the text goes; and say whether it ends in the middle."""
    with suppress(ET.ParseError, ValueError):
        return ET.fromstring(text), False
    parser: Any = ET.XMLPullParser(["start"])  # which its types do not describe
    root: ET.Element | None = None
    with suppress(ET.ParseError):
        parser.feed(text)
        for _, element in parser.read_events():
            root = element if root is None else root
    return root, True


def _image(image: ET.Element, pixels: ET.Element) -> OmeImage:
    order = pixels.get("DimensionOrder", "XYZCT")
    if sorted(order) != sorted("XYZCT"):
        raise ValueError(f"the dimension order {order}")
    axes = order[:1:-1]
    channels = pixels.findall("{*}Channel")
    samples = max([1, *(int(each.get("SamplesPerPixel", 1)) for each in channels)])
    sizes = ((axis, int(pixels.get(f"Size{axis}", 1))) for axis in axes)
    grid = tuple(size // samples if axis == "C" else size for axis, size in sizes)
    if min(grid) < 1 or math.prod(grid) > _MOST_PLANES:
        raise ValueError(f"a grid of {grid} planes")
    names = tuple(each.get("Name") or "" for each in channels)
    placed = pixels.findall("{*}TiffData")
    blocks = tuple(filter(None, (_block(each, axes, grid) for each in placed)))
    return OmeImage(
        image.get("Name") or "",
        axes,
        grid,
        samples,
        (int(pixels.attrib["SizeY"]), int(pixels.attrib["SizeX"])),
        _steps(pixels),
        names if all(names) else (),
        blocks if placed else (Block(FileName(), 0, 0, None),),
    )


def _steps(pixels: ET.Element) -> dict[str, tuple[float, str]]:
    """Physical sizes; the unit is µm when none is given."""
    steps = {}
    for axis in "xyz":
        try:
            size = float(pixels.get(f"PhysicalSize{axis.upper()}", ""))
        except ValueError:
            continue
        steps[axis] = size, pixels.get(f"PhysicalSize{axis.upper()}Unit", "µm")
    return steps


def _block(data: ET.Element, axes: str, grid: tuple[int, ...]) -> Block | None:
    """Understand a TiffData element; None when it begins outside the image."""
    first = 0
    for axis, size in zip(axes, grid, strict=True):
        position = int(data.get(f"First{axis}", 0))
        if not 0 <= position < size:
            return None
        first = first * size + position
    page = int(data.get("IFD", 0))
    stated = data.get("PlaneCount", data.get("NumPlanes", "1" if "IFD" in data.attrib else "0"))
    count = int(stated)
    if page < 0 or count < 0:
        return None
    uuid = data.find("{*}UUID")
    file = FileName()
    if uuid is not None:
        file = FileName(_bare(uuid.get("FileName", "")), (uuid.text or "").strip())
    return Block(file, page, first, count or None)


def _bare(name: str) -> str:
    """Name of a file without folders: the files of a set lie beside each other."""
    return PurePosixPath(PureWindowsPath(name.strip()).name).name
