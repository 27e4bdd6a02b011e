"""Where the blocks of one file lie until it is whole, and which of them are done.

::

    OUT/.blocks-1f0c2a9b-77ab03c2d1e4/    of this result, of this model, options and input
        survey/0.json                     what all blocks of a plane share
        done/0-3072                       a block that is written
        labels/, probabilities/, ...      images in the making

The folder has the same name whenever the same command is given, so that a client that was killed
goes on where it was.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emseg.inference.files.contents import ResultContents
from emseg.reading.finding.fingerprint import fingerprint
from emseg.writing.locks import alone
from emseg.writing.whole import explained, whole_file
from emseg.writing.zarr_blocks import BlockedImage

_KIND = ".blocks-"


@dataclass(frozen=True, slots=True)
class BlockFolder:
    """The folder of the blocks of one file.

    Parameters
    ----------
    path : Path
        Absolute, on a disk that all workers share.
    """

    path: Path

    @classmethod
    def of(cls, result: Path, source: Path, made_by: Iterable[str]) -> "BlockFolder":
        """Name the folder of a result.

        Parameters
        ----------
        result : Path
            The label image.
        source : Path
            The file that is predicted.
        made_by : iterable of str
            All that decides the result beside the file.
        """
        key = _hashed((*made_by, str(source.resolve()), str(fingerprint(source))))
        return cls(result.parent.absolute() / f"{_KIND}{_hashed([result.name])[:8]}-{key[:12]}")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other clients out, and sweep what was begun for this result with other options.

        When the block ends well, the folder goes; otherwise it stays for the same command.

        Raises
        ------
        UsageError
            When another client is at work on it.
        """
        with explained(self.path, self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        with alone(self.path / "client"):
            for other in self.path.parent.glob(f"{self.path.name.rpartition('-')[0]}-*"):
                if other != self.path:
                    shutil.rmtree(other, ignore_errors=True)
            yield
        shutil.rmtree(self.path, ignore_errors=True)

    def images(self, wanted: ResultContents) -> dict[str, BlockedImage]:
        """Give the images that blocks are written into, by what they show."""
        contents = {
            "labels": wanted.labels,
            "probabilities": wanted.probabilities,
            "uncertainty": wanted.uncertainty,
        }
        return {
            name: BlockedImage(self.path / name, content)
            for name, content in contents.items()
            if content is not None
        }

    def begin(self, images: Iterable[BlockedImage]) -> None:
        """Make images without chunks, unless those that a client before has made are there."""
        images, done = list(images), self.path / "done"
        if done.exists() and all(each.is_begun for each in images):
            return
        with explained(self.path, self.path):
            shutil.rmtree(done, ignore_errors=True)
            for each in images:
                each.begin()
            done.mkdir()

    def is_done(self, plane: int, top: int) -> bool:
        """Whether the block that begins at a row of a plane is written."""
        return (self.path / "done" / f"{plane}-{top}").exists()

    def note(self, plane: int, top: int) -> None:
        """Note that a block is written."""
        (self.path / "done" / f"{plane}-{top}").touch()

    def survey(self, plane: int) -> dict[str, Any] | None:
        """Read what all blocks of a plane share, as a client before has noted it."""
        with suppress(OSError, ValueError):
            said = json.loads(self._survey(plane).read_text(encoding="utf-8"))
            if isinstance(said, dict):
                return said
        return None

    def note_survey(self, plane: int, said: dict[str, Any]) -> None:
        """Note what all blocks of a plane share; numbers are kept to the last bit."""
        with whole_file(self._survey(plane)) as beside:
            beside.write_text(json.dumps(said), encoding="utf-8")

    def _survey(self, plane: int) -> Path:
        return self.path / "survey" / f"{plane}.json"


def _hashed(texts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
