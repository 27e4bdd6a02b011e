"""Reads compressed files (``.map.gz``, ``.mrc.bz2``) by unpacking them to a temporary folder."""

import bz2
import gzip
import lzma
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import IO

from emseg.errors import UnreadableFileError
from emseg.memory import free_on_disk, in_words
from emseg.reading.formats import Format, format_of
from emseg.reading.signals.signal import OpenFile

_PIECE = 1 << 20  # bytes that are unpacked at a time
_SHARE = 0.9  # of what is free on the disk: other programs write there too
_FILES = {".gz": gzip.GzipFile, ".bz2": bz2.BZ2File, ".xz": lzma.LZMAFile}


def open_source(path: Path, fmt: Format) -> OpenFile:
    """Open what a compressed file contains; its own suffix is the one before ``.gz``."""
    packed = Path(path.stem)
    inner = replace(
        format_of(packed),
        with_spectra=fmt.with_spectra,
        with_alpha=fmt.with_alpha,
        allow_external=fmt.allow_external,
    )
    folder = tempfile.TemporaryDirectory(prefix="emseg-")
    unpacked = Path(folder.name) / packed
    try:
        with _FILES[path.suffix.lower()](path) as compressed, unpacked.open("wb") as plain:
            _unpack(path, compressed, plain)
        source = inner.open(unpacked)
    except UnreadableFileError as error:  # which names the unpacked file, that nobody knows
        folder.cleanup()
        raise UnreadableFileError(str(error).replace(str(unpacked), str(path))) from error
    except BaseException:
        folder.cleanup()
        raise

    def close() -> None:
        source.close()
        folder.cleanup()

    return OpenFile(source.signals, close, source.notices, source.ambiguity)


def _unpack(path: Path, compressed: IO[bytes], plain: IO[bytes]) -> None:
    """Write what a file contains, as long as a part of the disk stays free for others."""
    folder = Path(plain.name).parent
    most = int(free_on_disk(folder) * _SHARE)
    written = 0
    while piece := compressed.read(_PIECE):
        written += len(piece)
        if written > most:
            raise UnreadableFileError(
                f"{path} ({in_words(path.stat().st_size)}) unpacks to more than {in_words(most)}, "
                f"which is what may be taken in {folder.parent}; free some of it, or let TMPDIR "
                "name a larger folder"
            )
        plain.write(piece)
