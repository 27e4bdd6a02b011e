"""Which suffix is read by which reader: the one place that knows.

A new format is a line in ``FORMATS`` and, unless a reader for its kind exists, one module
beside this one with a function ``open_source(path, format)`` that returns a `Source`.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from emseg.errors import UnreadableFileError, did_you_mean
from emseg.reading.signal import Source


@dataclass(frozen=True, slots=True)
class Format:
    """One file format.

    Parameters
    ----------
    name : str
        What people call it.
    suffixes : tuple of str
        Lower case, without the leading dot; the first is the usual one.
    reader : str
        Module of this package that reads it.
    plugin : str
        The RosettaSciIO plugin, for what is read through it.
    calibration : str
        Where its pixel size comes from, as a phrase; empty when the reader knows better.
    is_folder : bool
        Whether one image may be a folder on the disk.
    """

    name: str
    suffixes: tuple[str, ...]
    reader: str
    plugin: str = ""
    calibration: str = ""
    is_folder: bool = False

    def open(self, path: Path) -> Source:
        """Open a file of this format; whatever the reader raises passes through."""
        module = importlib.import_module(f"emseg.reading.{self.reader}")
        opener = cast(Callable[[Path, Format], Source], module.open_source)
        return opener(path, self)


def _rosettasciio(name: str, suffixes: str, plugin: str, calibration: str) -> Format:
    return Format(name, tuple(suffixes.split()), "via_rosettasciio", plugin, calibration)


FORMATS = (
    Format("TIFF", ("tif", "tiff", "ome.tif", "ome.tiff", "btf", "tf8"), "via_tifffile"),
    Format("PNG", ("png",), "via_pillow", calibration="the PNG resolution"),
    Format("JPEG", ("jpg", "jpeg"), "via_pillow", calibration="the JPEG resolution"),
    Format("BMP", ("bmp",), "via_pillow", calibration="the BMP resolution"),
    Format("GIF", ("gif",), "via_pillow"),
    Format("NumPy", ("npy",), "via_numpy"),
    _rosettasciio("Gatan DigitalMicrograph", "dm3 dm4", "digitalmicrograph", "the Gatan tags"),
    _rosettasciio("EMD", "emd", "emd", "the EMD axes"),
    _rosettasciio("FEI TIA", "ser emi", "tia", "the TIA header"),
    _rosettasciio("MRC", "mrc mrcs map rec st ali", "mrc", "the MRC header"),
    _rosettasciio("Bruker composite", "bcf", "bruker", "the Bruker metadata"),
    _rosettasciio("HyperSpy", "hspy hdf5", "hspy", "the HyperSpy axes"),
    Format(
        "HyperSpy Zarr",
        ("zspy",),
        "via_rosettasciio",
        "zspy",
        "the HyperSpy axes",
        is_folder=True,
    ),
    _rosettasciio("Phenom ELID", "elid", "phenom", "the Phenom metadata"),
    _rosettasciio("NanoMegas block", "blo", "blockfile", "the block file header"),
    _rosettasciio("TVIPS", "tvips", "tvips", "the TVIPS header"),
    _rosettasciio("Merlin", "mib", "quantumdetector", "the Merlin header"),
    Format("gzip", ("gz",), "via_gzip"),
)
_BY_SUFFIX = {suffix: each for each in FORMATS for suffix in each.suffixes}
_MAGIC = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"BM": "BMP",
    b"GIF8": "GIF",
    b"\x89HDF": "HDF5 (.emd or .hspy)",
    b"%PDF": "PDF",
    b"\x1f\x8b": "gzip",
}
SNIFFED = frozenset({"TIFF", "PNG", "JPEG", "BMP", "GIF", "gzip"})
"""Formats whose files all begin with their magic bytes."""


def known_suffixes() -> tuple[str, ...]:
    """All suffixes that emseg reads, with the leading dot."""
    return tuple(f".{suffix}" for suffix in _BY_SUFFIX)


def is_known(path: Path) -> bool:
    """Whether the name of a file ends like that of a format which emseg reads."""
    return _suffix(path) is not None


def is_image_folder(path: Path) -> bool:
    """Whether a folder on the disk is one image, as a Zarr store is."""
    suffix = _suffix(path)
    return suffix is not None and _BY_SUFFIX[suffix].is_folder and path.is_dir()


def format_of(path: Path) -> Format:
    """Format of a file by its name.

    Raises
    ------
    UnreadableFileError
        When no reader takes that suffix.
    """
    suffix = _suffix(path)
    if suffix is None:
        meant = did_you_mean(path.suffix.lower(), known_suffixes(), most=60)
        shown = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise UnreadableFileError(f"{path} has {shown}, which emseg does not read; {meant}")
    return _BY_SUFFIX[suffix]


def stem(path: Path) -> str:
    """Name of a file without its suffix; double ones such as ``.ome.tif`` go whole."""
    suffix = _suffix(path)
    if suffix is None:
        return path.stem
    bare = path.name[: -len(suffix) - 1]
    return stem(Path(bare)) if suffix == "gz" else bare


def looks_like(head: bytes) -> str | None:
    """Name the format whose files begin with these bytes; None when no common one does."""
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def _suffix(path: Path) -> str | None:
    parts = path.name.lower().lstrip(".").split(".")
    for take in (2, 1):
        suffix = ".".join(parts[-take:])
        if len(parts) > take and suffix in _BY_SUFFIX:
            return suffix
    return None
