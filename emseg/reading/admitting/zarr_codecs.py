"""Which codecs a Zarr store may name: looked at before a chunk of it is decoded.

A store names a codec for each array, and zarr-python looks it up in a registry in which
``pickle`` stands too, whose decoding runs whatever a file says; the arrays in which a ``.zspy``
keeps its metadata are decoded as soon as it is opened. So all metadata of a store is looked
through first, and what is not in the list below is refused.
"""

import importlib.util
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from emseg.errors import UnreadableFileError
from emseg.remote import RemotePath

_METADATA = (".zarray", ".zgroup", ".zmetadata", "zarr.json")
_BYTES = ("blosc", "bz2", "gzip", "lz4", "lzma", "pcodec", "zfpy", "zlib", "zstd", "base64")
_NUMBERS = ("astype", "bitround", "categorize", "delta", "fixedscaleoffset", "packbits", "quantize")
_ORDER = ("bytes", "endian", "shuffle", "transpose", "sharding_indexed")
_SUMS = ("adler32", "crc32", "crc32c", "fletcher32", "jenkins_lookup3")
_TEXT = ("json", "json2", "msgpack2", "vlen-array", "vlen-bytes", "vlen-utf8")
_KNOWN = frozenset(_BYTES + _NUMBERS + _ORDER + _SUMS + _TEXT)
_PACKAGES = {"pcodec": "pcodec", "zfpy": "zfpy", "msgpack2": "msgpack"}


def refuse_codecs(file: Path, inside: str = "") -> list[str]:
    """Refuse a store that names a codec which emseg does not read.

    Parameters
    ----------
    file : Path
        A folder or a zip file.
    inside : str
        The path in it that is to be read; it may lie where no group says that something does.

    Returns
    -------
    list of str
        Where in the store its metadata lie.

    Raises
    ------
    UnreadableFileError
        Names the array, the codec, and what to do.
    """
    if isinstance(file, RemotePath):  # whose metadata are looked at as they are read
        return []
    metadata = _in_folder(file, inside) if file.is_dir() else _in_zip(file)
    places: list[str] = []
    for place, content in metadata:
        places.append(place)
        refuse_codecs_in(file, place, content)
    return places


def refuse_codecs_in(file: Path, place: str, content: bytes) -> None:
    """Refuse a document of a store that names a codec which emseg does not read.

    Raises
    ------
    UnreadableFileError
        As `refuse_codecs`.
    """
    try:
        said = json.loads(content)
    except ValueError:  # whoever reads it says so
        return
    for codec in _codecs(said):
        _judge(file, place, codec)


def _judge(file: Path, place: str, codec: str) -> None:
    name = codec.removeprefix("numcodecs.")
    if name not in _KNOWN:
        why = "runs what a file says" if "pickle" in codec else "emseg does not read"
        raise UnreadableFileError(
            f"{file} is stored with the codec {codec!r} ({place}), which {why}; nothing of it was "
            "read: write it again with zstd, or as JSON where it is text"
        )
    package = _PACKAGES.get(name)
    if package and importlib.util.find_spec(package) is None:
        raise UnreadableFileError(
            f"{file} is compressed with {name} ({place}), which needs the package {package}; "
            f"install it with: pip install {package}"
        )


def _in_folder(file: Path, inside: str) -> Iterator[tuple[str, bytes]]:
    """Metadata of a store on the disk; folders of chunks are not listed."""
    waiting = [file, *([file / inside.strip("/")] if inside.strip("/") else [])]
    seen: set[str] = set()
    while waiting:
        folder = waiting.pop()
        if (real := os.path.realpath(folder)) in seen:  # a link may lead back
            continue
        seen.add(real)
        found = {name: (folder / name).read_bytes() for name in _METADATA if _is_file(folder, name)}
        for name, content in found.items():
            yield str((folder / name).relative_to(file)), content
        if found.keys() == {".zarray"}:
            continue
        if found.keys() != {"zarr.json"} or not _is_array(found["zarr.json"]):
            waiting += _folders(folder)


def _is_file(folder: Path, name: str) -> bool:
    try:
        return (folder / name).is_file()
    except OSError:
        return False


def _folders(folder: Path) -> list[Path]:
    try:
        return [each for each in folder.iterdir() if each.is_dir()]
    except OSError:
        return []


def _is_array(content: bytes) -> bool:
    with suppress(ValueError, AttributeError):
        return bool(json.loads(content).get("node_type") == "array")
    return False


def _in_zip(file: Path) -> Iterator[tuple[str, bytes]]:
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if name.rpartition("/")[2] in _METADATA:
                yield name, archive.read(name)


def _codecs(said: Any) -> Iterator[str]:
    """Name the codecs of an array, and of the arrays that consolidated metadata describe."""
    if not isinstance(said, Mapping):
        return
    yield from _names([said.get("compressor")])
    for key in ("filters", "codecs"):
        yield from _names(said.get(key))
    consolidated = said.get("consolidated_metadata")
    for members in (said, consolidated):
        metadata = members.get("metadata") if isinstance(members, Mapping) else None
        for each in metadata.values() if isinstance(metadata, Mapping) else ():
            yield from _codecs(each)


def _names(codecs: Any) -> Iterator[str]:
    for codec in codecs if isinstance(codecs, list) else ():
        if isinstance(codec, str):
            yield codec
        if not isinstance(codec, Mapping):
            continue
        yield from (str(codec[key]) for key in ("id", "name") if key in codec)
        within = codec.get("configuration")
        if isinstance(within, Mapping):
            yield from _names(within.get("codecs"))
            yield from _names(within.get("index_codecs"))
