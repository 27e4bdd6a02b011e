"""Reads compressed files (``.map.gz``, ``.mrc.bz2``) by unpacking them to a temporary folder."""

import bz2
import gzip
import lzma
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from emseg.reading.formats import Format, format_of
from emseg.reading.signal import Source

_FILES = {".gz": gzip.GzipFile, ".bz2": bz2.BZ2File, ".xz": lzma.LZMAFile}


def open_source(path: Path, fmt: Format) -> Source:
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
            shutil.copyfileobj(compressed, plain)
        source = inner.open(unpacked)
    except BaseException:
        folder.cleanup()
        raise

    def close() -> None:
        source.close()
        folder.cleanup()

    return Source(source.signals, close, source.notices, source.ambiguity)
