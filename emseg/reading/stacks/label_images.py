"""Label images that emseg wrote, read back with their classes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.errors import EmsegError, PathMissingError, UnreadableFileError
from emseg.micrograph import LabelClass, LabelImage, Region, unlabelled_value
from emseg.reading.formats import format_of, is_image_folder, is_known
from emseg.reading.inside import file_of
from emseg.reading.options import AS_STORED
from emseg.reading.signals.annotation import Annotation, in_ome_xml
from emseg.reading.signals.layout import Layout
from emseg.reading.signals.orientation import TAG, turn
from emseg.reading.stacks.stack import opened
from emseg.remote import as_path

_TIFF = "tiff.via_tifffile"


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
        self.require_classes(pixels)
        return LabelImage(
            pixels, self.classes, self.name, self.planes[index], self.pixel_size, self.specimen
        )

    def require_classes(self, pixels: NDArray[Any]) -> None:
        """Look at any part of the pixels.

        Raises
        ------
        UnreadableFileError
            When a pixel holds a value that is no class.
        """
        classes = len(self.classes)
        strange = pixels[(pixels >= classes) & (pixels != unlabelled_value(classes))]
        if strange.size:
            raise _damaged(self.path, f"the value {strange[0]} is none of its {classes} classes")


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
    path = as_path(path)
    if file_of(path) != path and file_of(path).exists():  # another program's arrays in a file
        return None
    if not path.is_file() and not is_image_folder(path):
        raise PathMissingError(f"{path} is no file; check the path")
    look = _LOOKS.get(_reader(path), _in_tiff)
    with _undamaged(path):
        said, count = look(path)
        if said is None or not said.classes:
            return None
        if len(said.planes) != count:
            raise ValueError(f"{count} of {len(said.planes)} planes are there")
        return LabelDescription(
            path, said.name, said.classes, said.planes, said.pixel_size, said.specimen
        )


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
    described = describe_label_images(path)
    if described is None:
        return None
    with _undamaged(described.path):
        planes = _tiff_planes if _reader(described.path) == _TIFF else _planes
        return tuple(
            described.label_image(index, pixels)
            for index, pixels in enumerate(planes(described.path))
        )


def _reader(path: Path) -> str:
    return format_of(path).reader if is_known(path) else _TIFF


def _tiff_planes(path: Path) -> Iterator[NDArray[Any]]:
    """Read page by page, which keeps axes of one pixel."""
    from tifffile import TiffFile

    with TiffFile(path) as tiff:
        kind = int(tiff.pages.first.tags.valueof(TAG, 1))
        for page in tiff.pages:
            yield turn(page.asarray(), kind)


def _planes(path: Path) -> Iterator[NDArray[Any]]:
    with opened(path, AS_STORED) as source:
        signal = source.signals[0]
        layout = Layout.of(signal.axes)
        for index in range(layout.count):
            yield layout.arrange(signal.read(layout.index(index)))[0]


def _count(path: Path) -> int:
    with opened(path, AS_STORED) as source:
        return Layout.of(source.signals[0].axes).count


def _in_tiff(path: Path) -> tuple[Annotation | None, int]:
    """Find what is said about the pages of a TIFF, and count them."""
    from tifffile import TiffFile, TiffFileError

    try:
        tiff = TiffFile(path)
    except TiffFileError:
        return None, 0
    with tiff:
        said = in_ome_xml(tiff.pages.first.description)
        return said, len(tiff.pages) if said else 0


def _in_hspy(path: Path) -> tuple[Annotation | None, int]:
    from emseg.reading.stores.via_hspy import annotation_of

    try:
        said = annotation_of(path)
    except OSError:
        return None, 0
    return said, _count(path) if said else 0


def _in_zarr(path: Path) -> tuple[Annotation | None, int]:
    from emseg.reading.stores.via_zarr import annotation_of

    said = annotation_of(path)
    return said, _count(path) if said else 0


_LOOKS: Mapping[str, Callable[[Path], tuple[Annotation | None, int]]] = {
    "stores.via_hspy": _in_hspy,
    "stores.via_zarr": _in_zarr,
}


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
