"""Reads gzip-compressed files (``.map.gz``) by unpacking them to a temporary folder."""

import gzip
import shutil
import tempfile
from pathlib import Path

from emseg.reading.formats import Format, format_of
from emseg.reading.signal import Source


def open_source(path: Path, _format: Format) -> Source:
    """Open what a compressed file contains; its own suffix is the one before ``.gz``."""
    packed = Path(path.name[: -len(".gz")])
    inner = format_of(packed)
    folder = tempfile.TemporaryDirectory(prefix="emseg-")
    unpacked = Path(folder.name) / packed
    try:
        with gzip.open(path) as compressed, unpacked.open("wb") as plain:
            shutil.copyfileobj(compressed, plain)
        source = inner.open(unpacked)
    except BaseException:
        folder.cleanup()
        raise

    def close() -> None:
        source.close()
        folder.cleanup()

    return Source(source.signals, close)
