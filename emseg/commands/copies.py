"""Results that are copied to an object store as they are done: ``--copy-to s3://bucket/run``.

The folder of the results stays what it is, with its manifest and its tables, which want a disk.
"""

import json
import logging
import os
import platform
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from emseg.config.unattended import Unattended, parse_store
from emseg.errors import EmsegError, PathMissingError, UsageError
from emseg.outcomes import Outcome, failed
from emseg.remote import DOCUMENTS, RemotePath, asked, put

_MARK = "emseg.json"
_CURE = "leave --copy-to out"
_Found = TypeVar("_Found")
_log = logging.getLogger(__name__)


class Copies:
    """Copies of results in an object store; none where a user wants none.

    Parameters
    ----------
    folder : Path
        Of the results.
    config : Unattended
        Says where the copies go, and whether those of another folder may be replaced.

    Raises
    ------
    UsageError
        When other things lie there, or copies of another folder.
    EmsegError
        When it cannot be reached, or takes nothing.
    """

    def __init__(self, folder: Path, config: Unattended) -> None:
        self._folder, self._count = folder, 0
        self._target = None if config.copy_to is None else parse_store(config.copy_to)
        if self._target is not None:
            mark = {"copied from": f"{platform.node()}:{os.path.realpath(folder)}"}
            _take(self._target, mark, may_replace=config.overwrite)

    def made(
        self, outcomes: Iterable[Outcome[_Found]], results: Callable[[_Found], Iterable[Path]]
    ) -> Iterator[Outcome[_Found]]:
        """Copy what is made of each input, and hand the outcomes on.

        What earlier runs made is copied where it is not there. An input whose results cannot be
        copied has failed; the same command copies them later.

        Parameters
        ----------
        outcomes : iterable of Outcome
            As they come.
        results : callable
            Names the files and folders that were made of an input.
        """
        for outcome in outcomes:
            try:
                if self._target is not None and outcome.found is not None:
                    self.copy(results(outcome.found), only_new=outcome.is_earlier)
            except EmsegError as error:
                yield failed(outcome.path, error, _CURE)
            else:
                yield outcome

    def copy(self, results: Iterable[Path], *, only_new: bool = False) -> None:
        """Copy files, and folders that are one image, to the same places below the target.

        Parameters
        ----------
        results : iterable of Path
            Below the folder of the results.
        only_new : bool
            Leave alone what is there already.

        Raises
        ------
        EmsegError
            When one cannot be written there.
        """
        if self._target is None:
            return
        for path in results:
            place = self._target / path.relative_to(self._folder)
            if only_new and _is_there(path, place):
                continue
            if path.is_dir():
                _put_folder(path, place)
            else:
                put({place: path})
            self._count += 1

    def tell(self) -> None:
        """Say in the log how much was copied."""
        if self._target is not None:
            _log.info("results copied to %s: %d", self._target, self._count)


def _take(target: RemotePath, mark: dict[str, str], *, may_replace: bool) -> None:
    """Mark a folder as one of copies, unless it holds something else."""
    try:
        found = json.loads(asked(target / _MARK, "cat_file"))
    except (PathMissingError, ValueError):
        if _holds_any(target):
            raise UsageError(
                f"--copy-to {target} holds other things, which copies could replace; name a folder "
                "of its own"
            ) from None
    else:
        if found != mark and not may_replace:
            raise UsageError(
                f"--copy-to {target} holds copies of {found.get('copied from')}; name another "
                "folder, or add --overwrite"
            )
    asked(target / _MARK, "pipe_file", json.dumps(mark).encode())


def _holds_any(target: RemotePath) -> bool:
    try:
        return next(target.iterdir(), None) is not None
    except PathMissingError:
        return False


def _put_folder(folder: Path, place: RemotePath) -> None:
    """Copy a store; what says that it is one goes first and comes last: nobody reads half of it."""
    said = _documents(folder)
    for each in (*(place / each.name for each in said), place):
        each.remove()
    others = [each for each in folder.rglob("*") if each.is_file() and each not in said]
    for part in (others, said):
        put({place / each.relative_to(folder).as_posix(): each for each in part})


def _documents(folder: Path) -> list[Path]:
    """Name what says that a folder is a store."""
    return [each for name in DOCUMENTS if (each := folder / name).is_file()]


def _is_there(path: Path, place: RemotePath) -> bool:
    """Whether a copy is there, and complete: of a store what comes last is as long as here."""
    names = [each.name for each in _documents(path)] if path.is_dir() else [""]
    try:
        return all(
            asked(place / name, "info").get("size") == (path / name).stat().st_size
            for name in names
        )
    except PathMissingError:
        return False
