"""An input in the manifest: what became of it, and whether anything is to be done again."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from emseg.manifest.made import Made
from emseg.reading.finding.fingerprint import Fingerprint, content_hash, fingerprint
from emseg.reading.inside import join, split
from emseg.remote import RemotePath
from emseg.writing.texts import as_utf8, from_utf8

_FORMAT = re.compile(r"\.(ome\.tif|ome\.zarr|hspy)$")


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of an input.

    Parameters
    ----------
    path : Path
        The input.
    settings : str or None
        How its result was made, as `Made.text`; None where that was before there was a manifest.
    state : Fingerprint or None
        Of the input then.
    content : str or None
        Hash of what the input held then.
    is_done : bool
        Whether that went well; there may be a result of earlier where it did not.
    result : str or None
        Path of its result below the folder.
    """

    path: Path
    settings: str | None
    state: Fingerprint | None
    content: str | None
    is_done: bool
    result: str | None

    def is_current(self, made: Made, folder: Path) -> bool:
        """Whether nothing is to be done: the result is there, as it would be made again."""
        if not self.is_done or self.settings != made.text:
            return False
        return self.is_there(folder) and not self.has_changed

    def is_there(self, folder: Path) -> bool:
        """Whether the result still is where it was written."""
        return self.result is None or (folder / from_utf8(self.result)).exists()

    @property
    def has_changed(self) -> bool:
        """Whether the input holds something else than when it was read."""
        now = fingerprint(self.path)
        if now == self.state:
            return False
        return self.content is None or content_hash(self.path) != self.content

    @property
    def name(self) -> str | None:
        """Path of the result without its format: what no two inputs share."""
        return None if self.result is None else from_utf8(without_format(self.result))


def key_of(path: Path) -> str:
    """Name an input as the manifest does: by its place, through links, in UTF-8."""
    file, inside = split(path)
    real = file if isinstance(file, RemotePath) else Path(os.path.realpath(file))
    return as_utf8(str(join(real, inside)))


def without_format(result: str) -> str:
    """Path of a result without the format that label images have."""
    return _FORMAT.sub("", result)


def path_below(result: Path, folder: Path) -> str:
    """Path of a result below its folder, in UTF-8, wherever the folder was when it was made."""
    real, above = Path(os.path.realpath(result.parent)), Path(os.path.realpath(folder))
    if real.is_relative_to(above):
        return as_utf8((real.relative_to(above) / result.name).as_posix())
    parts, name = result.parts, above.name
    return as_utf8("/".join(parts[parts.index(name) + 1 :] if name in parts else parts))


def state_of(path: Path) -> list[int] | None:
    """Tell one version of a file, or of a folder that is one image, from the next."""
    try:
        said = path.stat()
    except OSError:
        return None
    return [said.st_ino, said.st_mtime_ns, said.st_size]
