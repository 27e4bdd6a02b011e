"""Finds the files among which an OME-TIFF set spreads its planes.

::

    B_z0.ome.tif   UUID a  --+      each file says the same: plane 0 lies in a, page 0;
    B_z1.ome.tif   UUID b    +-->   plane 1 in b, page 0. A file is known by its UUID, since
    X.ome.tif      UUID c  --+      people rename files; by its name where UUIDs do not tell.

Files of a set lie beside each other; folders in their names are not followed.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import tifffile

from emseg.errors import listed
from emseg.reading.quiet import mute
from emseg.reading.signals.signal import Shared
from emseg.reading.tiff.micro_manager import ndtiff_files
from emseg.reading.tiff.ome_xml import (
    Block,
    FileName,
    OmeDocument,
    OmeImage,
    is_ome,
    parse_ome,
    uuid_of,
)

COMPANION = ".companion.ome"
_TIFFS = (".tif", ".tiff", ".btf", ".tf2", ".tf8")
_CUT = (
    "has OME-XML that ends in the middle, as that of a stopped recording does: its pages are read "
    "in the order of the file, and what the rest of the XML said is unknown"
)
UNCLEAR = Shared(
    "has OME-XML that describes no image that can be understood: its pages are read in the order "
    "of the file, and no pixel size is taken from it; --pixel-size says what it is",
    "the OME-XML of {} more is not understood either",
)
_MOST = 256 << 20  # bytes of a companion; more is none


@dataclass(frozen=True, slots=True)
class OmeSet:
    """The images that a file has a part in, and the files that hold them.

    Parameters
    ----------
    images : tuple of OmeImage
        Those that share files with the one that was asked for.
    files : mapping of FileName to Path
        Where each file is that was found; the others are missing.
    strangers : tuple of str
        Names of files that are there but belong to another set, as their identifiers say.
    notices : tuple of str
        What the user should know about how the set was understood.
    is_cut : bool
        Whether the XML ends in the middle.
    """

    images: tuple[OmeImage, ...]
    files: Mapping[FileName, Path]
    strangers: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    is_cut: bool = False

    def why_lost(self, names: Iterable[str], damaged: Iterable[str] = ()) -> str:
        """Say why files of the set are not read: ``"a.tif and b.tif are missing"``."""
        lost, bad = list(dict.fromkeys(names)), list(dict.fromkeys(damaged))
        absent = [each for each in lost if each not in self.strangers]
        others = [each for each in lost if each in self.strangers]
        parts = [
            f"{listed(absent, most=3)} {_be(absent)} missing" if absent else "",
            f"{listed(bad, most=3)} {_be(bad)} cut short or damaged" if bad else "",
            f"{listed(others, most=3)} {_be(others)} of another recording, as the UUID says"
            if others
            else "",
        ]
        return " and ".join(filter(None, parts))

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that are there, in the order of the planes."""
        names = (block.file for image in self.images for block in _in_order(image))
        return tuple(dict.fromkeys(self.files[each] for each in names if each in self.files))


def _be(names: list[str]) -> str:
    return "are" if len(names) > 1 else "is"


def ome_set_of(path: Path, text: str) -> OmeSet | None:
    """Find the set that a file belongs to; of most files it is the file alone.

    Parameters
    ----------
    path : Path
        The file.
    text : str
        Description of its first page.

    Returns
    -------
    OmeSet or None
        None when the file has no OME-XML; no image where that cannot be understood.
    """
    document = parse_ome(text)
    if document is not None and document.elsewhere is not None and not document.images:
        companion = _companion(path, document.elsewhere)
        if companion is None:
            return OmeSet((), {}, notices=(_without_companion(document.elsewhere),))
        own = document.uuid
        document = parse_ome(companion)
        document = document and replace(document, uuid=own)
    if document is None or not document.images:
        return OmeSet((), {}, notices=(UNCLEAR,)) if is_ome(text) else None
    found = _located(path, document)
    if path not in found.values():
        return OmeSet((), {}, notices=(_orphan(document),))
    images = _connected(path, document.images, found)
    lost = [each for each in _names(document.images) if each not in found]
    strangers = tuple(each.name for each in lost if each.name and _beside(path, each.name))
    whole = OmeSet(images, found, strangers, is_cut=document.is_cut)
    return replace(whole, notices=_without(whole, document))


def _without(found: OmeSet, document: OmeDocument) -> tuple[str, ...]:
    """Say which images of the set are not here because their files are missing."""
    lost, names = [], []
    for image in document.images:
        files = {block.file for block in image.blocks}
        if image not in found.images and not files & found.files.keys():
            lost += [each.name or each.uuid for each in files]
            names.append(image.name or str(document.images.index(image)))
    if found.is_cut:
        return (_CUT,)
    if not names:
        return ()
    line = (
        f"belongs to an OME-TIFF set that is not whole: {found.why_lost(lost)}, so "
        f"the image{'s' * (len(names) > 1)} {listed(names, most=3)} {_be(names)} left out"
    )
    return (Shared(line, "{} more belong to OME-TIFF sets that are not whole"),)


def set_of(path: Path) -> tuple[Path, ...]:
    """Files of the set that a TIFF file or a companion belongs to, in the order of the planes.

    Returns
    -------
    tuple of Path
        The file alone when it belongs to no set, or cannot be read.
    """
    if path.name.lower().endswith(COMPANION):
        return _set_of_companion(path) or (path,)
    text = _description(path)
    found = ome_set_of(path, text) if is_ome(text) else None
    return (found.paths if found else ()) or ndtiff_files(path) or (path,)


def companion_alone(path: Path) -> str:
    """Say that a companion stands without its files."""
    document = parse_ome(_read(path))
    names = (
        listed((each.name for each in _names(document.images) if each.name), most=3)
        if (document)
        else ""
    )
    lack = f"; put {names} beside it" if names else " that can be read"
    return f"{path} holds the metadata of an OME-TIFF set and no image{lack}"


def _set_of_companion(path: Path) -> tuple[Path, ...]:
    document = parse_ome(_read(path))
    names = _names(document.images) if document else []
    files = (_beside(path, each.name) for each in names if each.name)
    return next((set_of(each) for each in files if each is not None), ())


def _names(images: Iterable[OmeImage]) -> list[FileName]:
    """Files that the images lie in, in the order of the planes."""
    return list(dict.fromkeys(block.file for each in images for block in _in_order(each)))


def _in_order(image: OmeImage) -> list[Block]:
    return sorted(image.blocks, key=lambda block: block.first)


def _located(path: Path, document: OmeDocument) -> dict[FileName, Path]:
    """Where the files are that the XML names: by identifier, or else by name."""
    names = _names(document.images)
    if len(names) == 1:  # a file that speaks of one file speaks of itself, whatever its name
        return {names[0]: path}
    beside = {each: _beside(path, each.name) for each in names if each.name}
    present = {each: place for each, place in beside.items() if place is not None}
    known = {place: _uuid(place) for place in present.values()} | {path: document.uuid}
    stated = [each.uuid for each in names]
    own = [uuid for uuid in known.values() if uuid]
    if (
        all(stated)
        and len(set(stated)) == len(stated)
        and len(set(own)) == len(own)
        and (document.uuid in ("", *stated))
    ):
        return _by_uuid(path, names, present, known)
    itself = {each: path for each in names if each == FileName()}
    return present | itself


def _by_uuid(
    path: Path,
    names: list[FileName],
    present: Mapping[FileName, Path],
    known: Mapping[Path, str],
) -> dict[FileName, Path]:
    """Trust identifiers; a file without one is known by its name."""
    places = {uuid: place for place, uuid in known.items() if uuid}
    found = {}
    for each in names:
        if each.uuid in places:
            found[each] = places[each.uuid]
        elif each in present and not known[present[each]]:
            found[each] = present[each]
    if len(found) < len(names):
        renamed = {_uuid(place): place for place in _tiffs(path.parent) if place not in known}
        found |= {each: renamed[each.uuid] for each in names
                  if each not in found and each.uuid in renamed}  # fmt: skip
    return found


def _beside(path: Path, name: str) -> Path | None:
    if name.lower() == path.name.lower():
        return path
    place = path.with_name(name)
    if os.path.isfile(place):  # noqa: PTH113  # names may be too long
        return place
    return next((each for each in _tiffs(path.parent) if each.name.lower() == name.lower()), None)


def _tiffs(folder: Path) -> tuple[Path, ...]:
    return _tiffs_then(folder, folder.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _tiffs_then(folder: Path, _changed: int) -> tuple[Path, ...]:
    return tuple(sorted(each for each in folder.iterdir() if each.suffix.lower() in _TIFFS))


def _connected(
    path: Path, images: tuple[OmeImage, ...], files: Mapping[FileName, Path]
) -> tuple[OmeImage, ...]:
    """Images that lie in the file, or share a file with one that does."""
    parts = [{files[block.file] for block in each.blocks if block.file in files} for each in images]
    reached, size = {path}, 0
    while len(reached) > size:
        size = len(reached)
        for part in parts:
            reached |= part if part & reached else set()
    return tuple(each for each, part in zip(images, parts, strict=True) if part & reached)


def _companion(path: Path, elsewhere: FileName) -> str | None:
    """OME-XML of the file that has the metadata; None when it is not there."""
    named = _beside(path, elsewhere.name) if elsewhere.name else None
    if named == path:
        return None
    if named is None:
        others = path.parent.glob(f"*{COMPANION}")
        texts = [_read(each) for each in sorted(others)]
        return next(
            (each for each in texts if elsewhere.uuid and uuid_of(each) == elsewhere.uuid), None
        )
    return _description(named) if named.suffix.lower() in _TIFFS else _read(named)


def _read(path: Path) -> str:
    with suppress(OSError):
        if path.stat().st_size <= _MOST:
            return path.read_text(encoding="utf-8", errors="replace")
    return ""


def _uuid(path: Path) -> str:
    """Read the identifier that a TIFF file has in its OME-XML; empty when it has none."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return _uuid_then(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=10_000)
def _uuid_then(path: Path, _changed: int, _size: int) -> str:
    return uuid_of(_description(path))


def _description(path: Path) -> str:
    """Read the description of the first page of a TIFF file; empty when there is none.

    Whatever is wrong with the file is said by whoever opens it for its pixels.
    """
    mute("tifffile")
    try:
        with tifffile.TiffFile(path) as tiff:
            return str(tiff.pages.first.description) if len(tiff.pages) else ""
    except Exception:  # tifffile raises anything on damaged files
        return ""


def _without_companion(elsewhere: FileName) -> str:
    line = (
        f"has its metadata in {elsewhere.name or 'another file'}, which is not beside it: its own "
        "pages are read and their pixel size is unknown; put both into one folder, or say "
        "--pixel-size"
    )
    return Shared(line, "the metadata of {} more are not beside them either")


def _orphan(document: OmeDocument) -> str:
    names = [each.name or each.uuid for each in _names(document.images)]
    line = (
        f"has OME-XML about {len(names)} other files ({names[0]} is the first) and not about "
        "itself: its own pages are read and their pixel size is unknown; give it the name that it "
        "was written with, or say --pixel-size"
    )
    return Shared(line, "{} more have OME-XML about other files")
