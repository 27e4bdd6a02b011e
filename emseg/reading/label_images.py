"""Label images that emseg wrote, read back with their classes."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.errors import PathMissingError, UnreadableFileError
from emseg.micrograph import LABEL_NAMESPACE, LabelClass, LabelImage, LabelKey

_OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"


def read_label_images(path: Path) -> tuple[LabelImage, ...] | None:
    """Read the label images of a file that emseg wrote.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    tuple of LabelImage, or None
        One a plane, uint8 or uint16, shape (Y, X), with the classes, colours, mask values, name,
        plane and pixel size that were written. None when the file is no label image of emseg:
        another format, another program's TIFF, or probabilities.

    Raises
    ------
    PathMissingError
        When there is no such file.
    UnreadableFileError
        When emseg wrote the file but it was damaged since.
    """
    from tifffile import TiffFile, TiffFileError

    path = Path(path)
    if not path.is_file():
        raise PathMissingError(f"{path} is no file; check the path")
    try:
        tiff = TiffFile(path)
    except TiffFileError:
        return None
    with tiff:
        description = tiff.pages.first.description
        if LABEL_NAMESPACE not in description:
            return None
        try:
            pixels = [page.asarray() for page in tiff.pages]
            return _label_images(_annotation(description), pixels)
        except Exception as error:  # whatever decoders and parsers raise on damaged bytes
            raise UnreadableFileError(
                f"{path} is a damaged label image of emseg ({error}); predict it again"
            ) from error


def _annotation(description: str) -> dict[str, Any]:
    """Find the values that emseg wrote into the OME-XML, by `LabelKey`."""
    root = ElementTree.fromstring(description.encode())
    found = root.find(f".//{_OME}MapAnnotation[@Namespace='{LABEL_NAMESPACE}']")
    pairs = {} if found is None else {each.get("K"): each.text for each in found.iter(f"{_OME}M")}
    return {key: json.loads(pairs[key] or "") for key in LabelKey}


def _label_images(said: dict[str, Any], pixels: list[NDArray[Any]]) -> tuple[LabelImage, ...]:
    """Label images from the pixels of a file and what it says about them."""
    classes = tuple(
        LabelClass(each["name"], tuple(each["colour"]), tuple(each["values"]))
        for each in said[LabelKey.CLASSES]
    )
    size = said[LabelKey.PIXEL_SIZE]
    pixel_size = PixelSize(**size) if size else None
    images = tuple(
        LabelImage(page, classes, said[LabelKey.NAME], plane, pixel_size)
        for page, plane in zip(pixels, said[LabelKey.PLANES], strict=True)
    )
    for image in images:
        strange = image.pixels[(image.pixels >= len(classes)) & (image.pixels != image.unlabelled)]
        if strange.size:
            raise ValueError(f"the value {strange[0]} is none of its {len(classes)} classes")
    return images
