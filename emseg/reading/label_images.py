"""Label images that emseg wrote, read back with their classes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.errors import EmsegError, PathMissingError, UnreadableFileError
from emseg.micrograph import LABEL_NAMESPACE, LabelClass, LabelImage, LabelKey, Region

_OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"


@dataclass(frozen=True, slots=True)
class LabelDescription:
    """What a file of label images says about them, without their pixels.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Stem of the micrograph.
    classes : tuple of LabelClass
        In card order.
    planes : tuple of int or None
        Index of each plane in the stack that was predicted.
    pixel_size : PixelSize or None
        That of the micrograph.
    specimen : Region or None
        The part of each plane that shows the specimen; None when all of it does.
    """

    path: Path
    name: str
    classes: tuple[LabelClass, ...]
    planes: tuple[int | None, ...]
    pixel_size: PixelSize | None
    specimen: Region | None = None

    def label_image(self, index: int, pixels: NDArray[Any]) -> LabelImage:
        """Give the pixels of a plane, shape (Y, X), their meaning.

        Raises
        ------
        UnreadableFileError
            When a pixel holds a value that is no class.
        """
        image = LabelImage(
            pixels, self.classes, self.name, self.planes[index], self.pixel_size, self.specimen
        )
        strange = pixels[(pixels >= len(self.classes)) & (pixels != image.unlabelled)]
        if strange.size:
            raise _damaged(
                self.path, f"the value {strange[0]} is none of its {len(self.classes)} classes"
            )
        return image


def describe_label_images(path: Path) -> LabelDescription | None:
    """Read what a file says about its label images.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    LabelDescription or None
        None when the file is no label image of emseg: another format, another program's TIFF,
        or probabilities.

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
        written = tiff.pages.first.description
        if LABEL_NAMESPACE not in written:
            return None
        with _undamaged(path):
            described = _description(path, _annotation(written))
            if len(described.planes) != len(tiff.pages):
                raise ValueError(f"{len(tiff.pages)} of {len(described.planes)} planes are there")
            return described


def read_label_images(path: Path) -> tuple[LabelImage, ...] | None:
    """Read all label images of a file that emseg wrote.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    tuple of LabelImage, or None
        One a plane, uint8 or uint16, shape (Y, X), with the classes, colours, mask values, name,
        plane and pixel size that were written. None as `describe_label_images` says.

    Raises
    ------
    PathMissingError, UnreadableFileError
        As `describe_label_images`, and when the pixels are damaged.
    """
    from tifffile import TiffFile

    described = describe_label_images(path)
    if described is None:
        return None
    with _undamaged(described.path), TiffFile(described.path) as tiff:
        return tuple(
            described.label_image(index, page.asarray()) for index, page in enumerate(tiff.pages)
        )


@contextmanager
def _undamaged(path: Path) -> Iterator[None]:
    """Turn whatever decoders and parsers raise on damaged bytes into one line."""
    try:
        yield
    except EmsegError:
        raise
    except Exception as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, reason: object) -> UnreadableFileError:
    return UnreadableFileError(
        f"{path} is a damaged label image of emseg ({reason}); predict it again"
    )


def _annotation(description: str) -> dict[str, Any]:
    """Find the values that emseg wrote into the OME-XML, by `LabelKey`."""
    root = ElementTree.fromstring(description.encode())
    found = root.find(f".//{_OME}MapAnnotation[@Namespace='{LABEL_NAMESPACE}']")
    pairs = {} if found is None else {each.get("K"): each.text for each in found.iter(f"{_OME}M")}
    pairs.setdefault(LabelKey.SPECIMEN, "null")  # emseg 0.1 did not write it
    return {key: json.loads(pairs[key] or "") for key in LabelKey}


def _description(path: Path, said: dict[str, Any]) -> LabelDescription:
    size, specimen = said[LabelKey.PIXEL_SIZE], said[LabelKey.SPECIMEN]
    return LabelDescription(
        path,
        said[LabelKey.NAME],
        tuple(
            LabelClass(each["name"], tuple(each["colour"]), tuple(each["values"]))
            for each in said[LabelKey.CLASSES]
        ),
        tuple(said[LabelKey.PLANES]),
        PixelSize(**size) if size else None,
        Region(**specimen) if specimen else None,
    )
