"""Which suffix is read by which reader: the one place that knows.

A new format is a line in ``FORMATS`` and, unless a reader for its kind exists, one module
in a room beside this one with a function ``open_source(path, format)`` that returns a `OpenFile`.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from emseg.errors import UnreadableFileError, did_you_mean
from emseg.reading.admitting.admission import admit
from emseg.reading.admitting.weight import weighed
from emseg.reading.inside import file_of
from emseg.reading.signals.signal import OpenFile


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
        Module of `emseg.reading` that reads it: ``"tiff.via_tifffile"``.
    plugin : str
        The RosettaSciIO plugin, for what is read through it.
    calibration : str
        Where its pixel size comes from, as a phrase; empty when it has none.
    is_folder : bool
        Whether one image may be a folder on the disk.
    holds : str
        What its files give, for people: ``"image, stack"``.
    is_lazy : bool
        Whether a plane is read without reading the whole file.
    needs : str
        The optional dependency of emseg without which parts are not read.
    with_alpha : bool
        Whether the reader hands over alpha, which masks may have their labels in.
    with_spectra : bool
        Whether the reader hands over spectra that take it long: those of Velox.
    allow_external : bool
        Whether values may come from files outside the folder of the file that names them.
    """

    name: str
    suffixes: tuple[str, ...]
    reader: str
    plugin: str = ""
    calibration: str = ""
    is_folder: bool = False
    holds: str = "image"
    is_lazy: bool = True
    needs: str = ""
    with_spectra: bool = False
    with_alpha: bool = False
    allow_external: bool = False

    def open(self, path: Path) -> OpenFile:
        """Open a file of this format; whatever the reader raises passes through.

        Raises
        ------
        UnreadableFileError
            Before the reader sees the file: when reading it would run what it says, or when
            values lie in files that are missing or elsewhere.
        """
        notices = admit(path, self)
        module = importlib.import_module(f"emseg.reading.{self.reader}")
        opener = cast(Callable[[Path, Format], OpenFile], module.open_source)
        source = opener(path, self)
        signals = tuple(weighed(path, each) for each in source.signals)
        return replace(source, signals=signals, notices=(*source.notices, *notices))


def _rosettasciio(
    name: str, suffixes: str, plugin: str, calibration: str, holds: str, **more: Any
) -> Format:
    more = {"reader": "microscopes.via_rosettasciio"} | more
    return Format(
        name, tuple(suffixes.split()), plugin=plugin, calibration=calibration, holds=holds, **more
    )


def _picture(name: str, suffixes: str, holds: str, *, has_resolution: bool = False) -> Format:
    said = f"the {name} resolution" if has_resolution else ""
    kinds = tuple(suffixes.split())
    return Format(name, kinds, "pictures.via_pillow", calibration=said, holds=holds, is_lazy=False)


_TIFF = "tif tiff ome.tif ome.tiff btf tf8 tf2 ome.btf ome.tf8 ome.tf2 companion.ome"
_MRC = "mrc mrcs map rec st ali preali ccp4"
_SPECTRA = "image, spectra"

FORMATS = (
    Format(
        "TIFF",
        tuple(_TIFF.split()),
        "tiff.via_tifffile",
        calibration="OME-XML, ImageJ, the makers' tags, a text file beside it",
        holds="image, stack, channels, colours",
    ),
    _picture("PNG", "png", "image, colours", has_resolution=True),
    _picture("JPEG", "jpg jpeg jpe", "image, colours", has_resolution=True),
    _picture("BMP", "bmp dib", "image, colours", has_resolution=True),
    _picture("GIF", "gif", "image, stack"),
    _picture("WebP", "webp", "image, colours"),
    Format("NumPy", ("npy",), "stores.via_numpy", holds="image, stack, channels, colours"),
    Format(
        "NumPy archive", ("npz",), "stores.via_numpy", holds="image, stack, channels", is_lazy=False
    ),
    Format(
        "HDF5",
        ("h5", "hdf5", "hdf", "he5", "ilastik.h5"),
        "stores.via_hdf5",
        calibration="the HDF5 attributes",
        holds="image, stack, channels",
    ),
    _rosettasciio(
        "Gatan DigitalMicrograph",
        "dm3 dm4",
        "digitalmicrograph",
        "the Gatan tags",
        "image, stack, spectra",
    ),
    _rosettasciio(
        "EMD",
        "emd de5",
        "emd",
        "the EMD axes",
        "image, stack, spectra",
        reader="stores.via_hdf5",
        needs="eds-stream",
    ),
    _rosettasciio("FEI TIA", "ser emi", "tia", "the TIA header", "image, stack, spectra"),
    _rosettasciio(
        "MRC", _MRC, "mrc", "the MRC header", "image, stack", reader="microscopes.via_mrc"
    ),
    _rosettasciio("Bruker composite", "bcf", "bruker", "the Bruker metadata", _SPECTRA),
    _rosettasciio("EDAX", "spd", "edax", "the EDAX header", "spectra"),
    _rosettasciio(
        "JEOL Analysis Station", "img asw pts", "jeol", "the JEOL header", _SPECTRA, is_lazy=False
    ),
    _rosettasciio(
        "HyperSpy",
        "hspy",
        "hspy",
        "the HyperSpy axes",
        "image, stack, channels, spectra",
        reader="stores.via_hspy",
    ),
    _rosettasciio(
        "HyperSpy Zarr",
        "zspy",
        "zspy",
        "the HyperSpy axes",
        "image, stack, spectra",
        is_folder=True,
    ),
    Format(
        "Zarr",
        ("zarr", "ome.zarr", "zarr.zip", "ome.zarr.zip"),
        "stores.via_zarr",
        calibration="OME-NGFF, or attributes",
        holds="image, stack, channels",
        is_folder=True,
    ),
    Format(
        "NeXus", ("nxs",), "stores.via_hdf5", "", "the NeXus axes", holds="image, stack, spectra"
    ),
    _rosettasciio(
        "PantaRhei",
        "prz",
        "pantarhei",
        "the PantaRhei axes",
        "image, stack, spectra",
        is_lazy=False,
    ),
    _rosettasciio("Ripple", "rpl", "ripple", "the Ripple header", "image, stack, spectra"),
    _rosettasciio("Semper", "unf", "semper", "the Semper header", "image, stack", is_lazy=False),
    _rosettasciio(
        "Digital Surf",
        "sur pro",
        "digitalsurf",
        "the Digital Surf header",
        _SPECTRA,
        is_lazy=False,
    ),
    _rosettasciio("Phenom ELID", "elid", "phenom", "the Phenom metadata", _SPECTRA, is_lazy=False),
    _rosettasciio(
        "NanoMegas block", "blo", "blockfile", "the block file header", "image, diffraction"
    ),
    _rosettasciio("TVIPS", "tvips", "tvips", "the TVIPS header", "stack, diffraction"),
    _rosettasciio("Merlin", "mib", "quantumdetector", "the Merlin header", "stack, diffraction"),
    Format(
        "compressed",
        ("gz", "bz2", "xz"),
        "stores.via_compressed",
        holds="what is inside",
        is_lazy=False,
    ),
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
    b"\x1f\x8b": "compressed (gzip)",
    b"BZh": "compressed (bzip2)",
    b"\xfd7zXZ": "compressed (xz)",
}
_OF_OTHERS = ".czi .lif .nd2 .oib .oif .vsi .ims .lsm .svs .ndpi .scn .mrxs .zvi .nii .nrrd .dcm"
_ELSEWHERE = dict.fromkeys(
    _OF_OTHERS.split(),
    "open it in Fiji (File > Import > Bio-Formats) and save it as OME-TIFF",
) | dict.fromkeys(
    (".csv", ".txt", ".xlsx", ".toml", ".json", ".html", ".pdf", ".md", ".zip"),
    "name images, or a folder of images",
)
SNIFFED = frozenset({"TIFF", "PNG", "JPEG", "BMP", "GIF", "compressed"})
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
        meant = _ELSEWHERE.get(path.suffix.lower()) or did_you_mean(
            path.suffix.lower(), known_suffixes(), most=60
        )
        shown = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise UnreadableFileError(f"{path} has {shown}, which emseg does not read; {meant}")
    named = _BY_SUFFIX[suffix]
    is_address = file_of(path) != path and named.reader != "stores.via_zarr"
    return _BY_SUFFIX["h5"] if is_address else named


def stem(path: Path) -> str:
    """Name of a file without its suffix; double ones such as ``.ome.tif`` go whole.

    What lies inside a file (``a.h5:/raw``) has the name of the file.
    """
    path, suffix = file_of(path), _suffix(path)
    if suffix is None:
        return path.stem
    bare = path.name[: -len(suffix) - 1]
    return stem(Path(bare)) if _BY_SUFFIX[suffix].reader == "stores.via_compressed" else bare


def looks_like(head: bytes) -> str | None:
    """Name the format whose files begin with these bytes; None when no common one does."""
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def _suffix(path: Path) -> str | None:
    parts = file_of(path).name.lower().lstrip(".").split(".")
    for take in (3, 2, 1):
        suffix = ".".join(parts[-take:])
        if len(parts) > take and suffix in _BY_SUFFIX:
            return suffix
    return None
