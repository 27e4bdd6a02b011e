"""What files hold, and what models are."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emseg.config import InfoConfig
from emseg.errors import ContentError
from emseg.outcomes import Outcome, attempts
from emseg.reading import FileContents, ReadOptions, find_files, look_into
from emseg.reading.finding.files import readable_files

if TYPE_CHECKING:
    from emseg.bundle import ModelCard

_WEIGHTS = "model.safetensors"
_CARD = "config.json"  # emseg.bundle, which knows more, is imported for models alone
_CURE = "close other programs"


class Info:
    """Files and models that are looked into, one after the other.

    Parameters
    ----------
    config : InfoConfig
        Which, and how files are read.

    Attributes
    ----------
    models : list of Path
        Models among them, and those of runs.
    files : list of Path
        The files.

    Raises
    ------
    EmsegError
        When there are no such files, or a picture would replace one of them.
    """

    def __init__(self, config: InfoConfig) -> None:
        self.config, self._options = config, ReadOptions.of(config)
        self.models, given = _models_among(config.files)
        self.files = find_files(given) if given else []

    def cards(self) -> "Iterator[Outcome[ModelCard]]":
        """Read one card after the other; weights are not read."""
        if not self.models:
            return iter(())
        from emseg.bundle import read_card

        return attempts(self.models, read_card, _CURE)

    def contents(self) -> Iterator[Outcome[FileContents]]:
        """Look into one file after the other, and draw it where pictures are wanted."""
        outcomes = attempts(self.files, self._look, _CURE)
        folder = self.config.thumbnails
        return outcomes if folder is None else self._drawn(outcomes, folder)

    def _look(self, path: Path) -> FileContents:
        return look_into(path, self._options, with_ranges=self.config.ranges)

    def _drawn(
        self, outcomes: Iterator[Outcome[FileContents]], folder: Path
    ) -> Iterator[Outcome[FileContents]]:
        """Draw each image before it is told; one that cannot be drawn counts as unreadable."""
        from emseg.commands.info_thumbnails import Thumbnails

        with Thumbnails(folder, self.files, self._options) as drawn:
            for outcome in outcomes:
                try:
                    if outcome.found and outcome.found.taken:
                        drawn.add(outcome.found)
                    yield outcome
                except ContentError as error:
                    yield replace(outcome, error=error)


def _models_among(given: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Tell models, and folders of runs, from files and folders of images."""
    models: list[Path] = []
    others: list[str] = []
    for each in given:
        found = list(_models(Path(each).expanduser()))
        models += found
        others += [] if found else [each]
    return models, others


def _models(path: Path) -> Iterator[Path]:
    if path.name in (_CARD, _WEIGHTS) and path.is_file():
        yield path
        return
    if not path.is_dir():
        return
    # a folder of images may hold somebody else's config.json, or a folder called model
    is_sure = os.path.lexists(path / _WEIGHTS) or (path / "train.toml").exists()
    if _is_model(path) and (is_sure or not readable_files(path)):
        yield path
    elif not readable_files(path) and any(_is_model(each) for each in path.iterdir()):
        from emseg.bundle import models_inside

        yield from models_inside(path)


def _is_model(path: Path) -> bool:
    return any(os.path.lexists(folder / _CARD) for folder in (path, path / "model"))
